"""Draws a recurrent network unrolled over a sentence of yours, and how the gradient flows back through it.

    python examples/unrolled.py "the cat sat on the mat"
    python examples/unrolled.py "hello hello" --level characters --cell lstm --out hello.png

A small network first learns to predict each next word (or character) of the sentence. Then each step is a
column: the word read, the state after it (a square for each unit: red above zero, blue below), the word that
the network expects next. Blue arrows lead forward; the same letter means the same weights, at every step.
Orange arrows carry the gradient of the last step's loss back: the thicker, the more arrives. The number below
is what arrives, as a share of what the last step gets.
"""

import argparse
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

import elman

CELLS = {"elman": elman.cells.Elman, "gru": elman.cells.GRU, "lstm": elman.cells.LSTM}
END = "(end)"
UNITS = 8
MOST = 48  # steps that a picture has room for
A_ROW = 12  # steps beside each other
Point = tuple[float, float]
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#7f7f7f"


@dataclass(frozen=True)
class Step:
    """One step of the unrolled network: what it reads, expects, holds and gets back."""

    token: str
    expected: str
    probability: float
    state: list[float]
    gradient: float


def unroll(tokens: list[str], cell: str) -> list[Step]:
    """Trains a network on one sentence and follows it forward and back."""
    torch.manual_seed(0)
    known = sorted({*tokens, END})
    ids = torch.tensor([known.index(token) for token in [*tokens, END]])
    x, target = F.one_hot(ids[:-1], len(known)).float()[:, None], ids[1:]  # [T, 1, V] and [T]

    layer = elman.Recurrent(CELLS[cell](len(known), UNITS))
    head = nn.Linear(UNITS, len(known))
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.02)
    for _ in range(1000):
        loss = F.cross_entropy(head(layer(x)[0][:, 0]), target)
        if loss < 0.05:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    # the same again, step by step: each state is kept, so that its gradient can be asked for
    states, state = [], None
    for x_t in x:
        _, state = layer.step(x_t, state)
        states.append(state)
    logits = head(torch.stack([state[0][0, 0] for state in states]))  # state[0] is h: [1, 1, UNITS]
    last = F.cross_entropy(logits[-1], target[-1])
    gradients = torch.autograd.grad(last, [part for state in states for part in state], allow_unused=True)
    parts = len(states[0])
    norms = [
        sum(g.square().sum().item() for g in gradients[t * parts : (t + 1) * parts] if g is not None) ** 0.5
        for t in range(len(tokens))
    ]
    probability, best = logits.softmax(-1).max(-1)
    return [
        Step(token, known[best[t]], probability[t].item(), states[t][0][0, 0].tolist(), norms[t] / norms[-1])
        for t, token in enumerate(tokens)
    ]


def draw(steps: list[Step], path: Path) -> None:
    """Writes the picture; its ending says how (.png, .svg, .pdf)."""
    rows = [steps[start : start + A_ROW] for start in range(0, len(steps), A_ROW)]
    columns = min(len(steps), A_ROW)
    figure = Figure(figsize=(1.4 + 1.05 * columns, 2.9 * len(rows)), dpi=100, layout="constrained")
    for number, row in enumerate(rows):
        axes = figure.add_subplot(len(rows), 1, number + 1)
        axes.set(xlim=(-1.15, columns - 0.35), ylim=(-0.75, 3.3), aspect="auto")
        axes.axis("off")
        for column, step in enumerate(row):
            draw_step(axes, column, step, steps[number * A_ROW + column - 1] if number + column else None)
        for height, label in ((3.0, "expects"), (1.4, "state"), (-0.1, "reads"), (-0.55, "gradient")):
            axes.text(-1.1, height, label, fontsize=8, color=GREY, va="center")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(path)
    if any("missing from font" in str(warning.message) for warning in caught):
        print("unrolled: the font lacks some of these characters; they are drawn as boxes", file=sys.stderr)


def draw_step(axes: Axes, x: int, step: Step, before: Step | None) -> None:
    """One column: the token, the state's squares, the prediction, the arrows."""
    side, bottom = 0.25, 0.9
    for unit, value in enumerate(step.state):
        left, low = x + side * (unit % 2 - 1), bottom + side * (unit // 2)
        shade = 1 - abs(value)
        colour = (1, shade, shade) if value > 0 else (shade, shade, 1)
        axes.add_patch(Rectangle((left, low), side, side, facecolor=colour, edgecolor=GREY, linewidth=0.5))
    written = {"ha": "center", "va": "center", "parse_math": False}
    axes.text(x, -0.1, shown(step.token), fontsize=10, **written)
    axes.text(x, 3.0, f"{shown(step.expected)}\n{step.probability:.0%}", fontsize=8, **written)
    axes.text(x, -0.55, f"{step.gradient:.2g}", fontsize=8, color=ORANGE, **written)
    arrow(axes, (x, 0.1), (x, 0.85), BLUE, "W")
    arrow(axes, (x, 1.95), (x, 2.65), BLUE, "head")
    if before:
        arrow(axes, (x - 0.72, 1.6), (x - 0.28, 1.6), BLUE, "U")
        arrow(axes, (x - 0.28, 1.2), (x - 0.72, 1.2), ORANGE, width=0.4 + 4 * min(before.gradient, 1.5))


def arrow(axes: Axes, start: Point, end: Point, colour: str, weights: str = "", width: float = 1) -> None:
    """An arrow, and beside it the letter of the weights that it stands for."""
    axes.text((start[0] + end[0]) / 2 + 0.06, (start[1] + end[1]) / 2 + 0.08, weights, fontsize=7, color=GREY)
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)


def shown(token: str) -> str:
    """A token as the picture writes it: a space is visible, a long word is cut."""
    token = token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")
    return token if len(token) <= 10 else token[:9] + "…"


def main() -> None:
    """Reads the sentence, prints a line for each step and writes the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sentence")
    parser.add_argument("--level", choices=("words", "characters"), default="words")
    parser.add_argument("--cell", choices=CELLS, default="elman")
    parser.add_argument("--out", type=Path, default=Path("unrolled.png"))
    arguments = parser.parse_args()
    tokens = arguments.sentence.split() if arguments.level == "words" else list(arguments.sentence)
    if not 2 <= len(tokens) <= MOST:
        parser.error(f"the sentence must have 2 to {MOST} {arguments.level}. Got {len(tokens)}.")
    if arguments.out.suffix not in (".png", ".svg", ".pdf") or not arguments.out.parent.is_dir():
        parser.error(f"--out must be a .png, .svg or .pdf in a folder that exists. Got {arguments.out}.")
    steps = unroll(tokens, arguments.cell)
    for step in steps:
        print(
            f"reads {shown(step.token):10}  expects {shown(step.expected):10} ({step.probability:.0%})  "
            f"gradient {step.gradient:.2g}"
        )
    draw(steps, arguments.out)
    print(f"picture  {arguments.out}")


if __name__ == "__main__":
    main()
