"""The hidden state over time, as a heat map, with what was read above it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from elman.config import require
from elman.pictures.base import legend_above, line_style

_MAP = "cividis"  # from dark blue to yellow: in order for any colour vision, and in grey
_SHOWN_IN_FULL = 0.99  # of the values; those beyond have the colour of the scale's end
_MOST_TICKS = 80  # letters under a picture; more would be a smear
_MOST_LINES = 4  # of inputs in one picture
_MOST_NAMES = 20  # beside a heat map


def plot_hidden(
    axes: Axes, states: np.ndarray, *, name: str = "h", unit: str = "steps", pieces: Sequence[str] = ()
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

    Raises:
        InputError: the states have other axes, or the pieces are not one for each step.
    """
    require("states", states.ndim == 2, "of one sequence, [T, H]", f"shape {list(states.shape)}")
    require("pieces", len(pieces) in (0, len(states)), f"{len(states)}, one for each step", len(pieces))
    _heat_map(axes, states, f"value of {name}", signed=True)
    axes.set(xlabel=unit, ylabel=f"unit of {name}")
    if pieces and len(pieces) <= _MOST_TICKS:
        shown = [piece.replace("\n", "⏎").replace(" ", "␣") for piece in pieces]
        axes.set_xticks(range(len(shown)), shown, fontsize=7, parse_math=False)
        axes.tick_params(axis="x", length=0, rotation=0 if max(map(len, shown)) < 2 else 90)


def plot_inputs(axes: Axes, inputs: np.ndarray, names: Sequence[str], unit: str = "steps") -> None:
    """What the layer read at each step: a line for each feature, of more than four features a heat map.

    Args:
        axes: to draw on.
        inputs: of one sequence.
        names: of the features.
        unit: what a step is, in the plural.

    Shapes:
        inputs [T, I]

    Raises:
        InputError: the inputs have other axes, or the names are not one for each feature.
    """
    require("inputs", inputs.ndim == 2, "of one sequence, [T, I]", f"shape {list(inputs.shape)}")
    features = inputs.shape[1]
    require("names", len(names) == features, f"{features}, one for each feature", len(names))
    if features > _MOST_LINES:
        _heat_map(axes, inputs, "input", signed=bool((inputs < 0).any()))
        axes.set(xlabel=unit)
        shown = range(0, features, -(-features // _MOST_NAMES))
        axes.set_yticks(shown, [names[k] for k in shown], fontsize=7, parse_math=False)
        return
    for k, (name, values) in enumerate(zip(names, inputs.T, strict=True)):
        axes.plot(values, linewidth=1, label=name, **line_style(k))
    axes.set(xlabel=unit, ylabel=names[0] if features == 1 else "input", xlim=(-0.5, len(inputs) - 0.5))
    axes.yaxis.label.set_parse_math(False)
    axes.grid(alpha=0.25)
    if features > 1:
        legend_above(axes)


def _heat_map(axes: Axes, values: np.ndarray, label: str, *, signed: bool) -> None:
    """Values [T, N], time to the right; the scale begins at 0, or reaches as far on both sides of it."""
    # a few values far out would leave the rest without contrast
    largest = float(np.nanquantile(abs(values), _SHOWN_IN_FULL)) or 1.0
    least = -largest if signed else 0.0
    image = axes.imshow(values.T, cmap=_MAP, vmin=least, vmax=largest, aspect="auto", interpolation="nearest")
    axes.figure.colorbar(image, ax=axes, label=label, pad=0.01, extend="both" if signed else "max")


def hidden_table(states: dict[str, np.ndarray]) -> dict[str, Any]:
    """What ``plot_hidden`` draws of states [T, H] by name: a row for each step, a column for each unit."""
    steps = len(next(iter(states.values())))
    columns = {f"{name} {k}": unit for name, values in states.items() for k, unit in enumerate(values.T)}
    return {"step": np.arange(steps), **columns}
