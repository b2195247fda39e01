"""The hidden state over time, as a heat map, with what was read above it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.pictures.base import BLUE, GREEN, ORANGE, PURPLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAP = "cividis"  # from dark blue to yellow: in order for any colour vision, and in grey
_SHOWN_IN_FULL = 0.99  # of the values; those beyond have the colour of the scale's end
_MOST_TICKS = 80  # letters under a picture; more would be a smear


def plot_hidden(
    axes: "Axes", states: np.ndarray, *, name: str = "h", unit: str = "steps", pieces: Sequence[str] = ()
) -> None:
    """Units × steps, the brighter the higher the value; the scale reaches as far on both sides of 0.

    Args:
        axes: to draw on.
        states: of one sequence.
        name: of the state.
        unit: what a step is, in the plural.
        pieces: the text of each step, written under it where there are not too many.

    Shapes:
        states [T, H]
    """
    # a few values far out would leave the rest without contrast
    largest = float(np.nanquantile(abs(states), _SHOWN_IN_FULL)) or 1.0
    image = axes.imshow(
        states.T, cmap=_MAP, vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest"
    )
    axes.figure.colorbar(image, ax=axes, label=f"value of {name}", pad=0.01, extend="both")
    axes.set(xlabel=unit, ylabel=f"unit of {name}")
    if pieces and len(pieces) <= _MOST_TICKS:
        shown = [piece.replace("\n", "⏎").replace(" ", "␣") for piece in pieces]
        axes.set_xticks(range(len(shown)), shown, fontsize=7, parse_math=False)
        axes.tick_params(axis="x", length=0, rotation=0 if max(map(len, shown)) < 2 else 90)


def plot_inputs(axes: "Axes", inputs: np.ndarray, names: Sequence[str], unit: str = "steps") -> None:
    """What the layer read at each step, a line for each feature.

    Args:
        axes: to draw on.
        inputs: of one sequence.
        names: of the features.
        unit: what a step is, in the plural.

    Shapes:
        inputs [T, I]
    """
    styles = ("-", "--", "-.", ":")
    for k, (name, values) in enumerate(zip(names, inputs.T, strict=True)):
        colour = (BLUE, ORANGE, GREEN, PURPLE)[k % 4]
        axes.plot(values, color=colour, linestyle=styles[k // 4 % 4], linewidth=1, label=name)
    axes.set(xlabel=unit, ylabel="input", xlim=(-0.5, len(inputs) - 0.5))
    axes.grid(alpha=0.25)
    if len(names) > 1:
        above = axes.legend(frameon=False, fontsize=7, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
        for text in above.get_texts():
            text.set_parse_math(False)


def hidden_table(states: dict[str, np.ndarray]) -> dict[str, Any]:
    """What ``plot_hidden`` draws of states [T, H] by name: a row for each step, a column for each unit."""
    steps = len(next(iter(states.values())))
    columns = {f"{name} {k}": unit for name, values in states.items() for k, unit in enumerate(values.T)}
    return {"step": np.arange(steps), **columns}
