"""Plots of the hidden state over time as a heat map, and of the input."""

from collections.abc import Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.axes import Axes

from elman.config import require
from elman.pictures.base import legend_above, line_style, whole_numbers

_MAP = "cividis"  # dark blue to yellow: ordered for any colour vision, and in grey
_SHOWN_IN_FULL = 0.99  # share of the values within the colour scale; the others get the colour of its end
_USUAL_SIZE, _LEAST_SIZE = 7.0, 4.5  # of the letters under a picture, in points
_LETTER = 0.8  # width of a letter, as a share of its size; those of East Asia and turned words need 1
_MOST_LINES = 4  # inputs drawn as lines
_MOST_NAMES = 20  # labels at a heat map


def plot_hidden(
    axes: Axes, states: np.ndarray, *, name: str = "h", unit: str = "steps", pieces: Sequence[str] = ()
) -> None:
    """Plots units × steps, brighter for higher values; the colour scale is symmetric around 0.

    Args:
        axes: to draw on.
        states: the states of one sequence.
        name: name of the state.
        unit: unit of a step, in the plural.
        pieces: the text of each step, written under the steps if there is room.

    Shapes:
        states [T, H]

    Raises:
        InputError: the states do not have two axes, or there is not one piece for each step.
    """
    require("states", states.ndim == 2, "of one sequence, [T, H]", f"shape {list(states.shape)}")
    require("pieces", len(pieces) in (0, len(states)), f"{len(states)}, one for each step", len(pieces))
    _heat_map(axes, states, f"value of {name}", signed=True)
    axes.set(xlabel=unit, ylabel=f"unit of {name}")
    whole_numbers(axes.xaxis)
    whole_numbers(axes.yaxis)
    if pieces:
        _write_pieces(axes, [piece.replace("\n", "⏎").replace(" ", "␣") for piece in pieces])


def _write_pieces(axes: Axes, pieces: Sequence[str]) -> None:
    """Writes the pieces under the steps; numbers stay if letters large enough to read would overlap."""
    turned = max(map(len, pieces)) > 1
    wide = turned or any(east_asian_width(piece[:1] or " ") in "WF" for piece in pieces)
    room = 72 * axes.bbox.width / axes.figure.dpi / len(pieces)  # points of a step
    size = min(_USUAL_SIZE, room / (1.0 if wide else _LETTER))
    if size >= _LEAST_SIZE:
        axes.set_xticks(range(len(pieces)), pieces, fontsize=size, parse_math=False)
        axes.tick_params(axis="x", length=0, rotation=90 if turned else 0)


def plot_inputs(axes: Axes, inputs: np.ndarray, names: Sequence[str], unit: str = "steps") -> None:
    """Plots the layer's input at each step: a line for each feature, or a heat map of more than four.

    Args:
        axes: to draw on.
        inputs: the input of one sequence.
        names: the features' names.
        unit: unit of a step, in the plural.

    Shapes:
        inputs [T, I]

    Raises:
        InputError: the inputs do not have two axes, or there is not one name for each feature.
    """
    require("inputs", inputs.ndim == 2, "of one sequence, [T, I]", f"shape {list(inputs.shape)}")
    features = inputs.shape[1]
    require("names", len(names) == features, f"{features}, one for each feature", len(names))
    if features > _MOST_LINES:
        _heat_map(axes, inputs, "input", signed=bool((inputs < 0).any()))
        axes.set(xlabel=unit)
        whole_numbers(axes.xaxis)
        shown = range(0, features, -(-features // _MOST_NAMES))
        axes.set_yticks(shown, [names[k] for k in shown], fontsize=7, parse_math=False)
        return
    for k, (name, values) in enumerate(zip(names, inputs.T, strict=True)):
        axes.plot(values, linewidth=1, label=name, **line_style(k))
    axes.set(xlabel=unit, ylabel=names[0] if features == 1 else "input", xlim=(-0.5, len(inputs) - 0.5))
    axes.yaxis.label.set_parse_math(False)
    whole_numbers(axes.xaxis)
    axes.grid(alpha=0.25)
    if features > 1:
        legend_above(axes)


def _heat_map(axes: Axes, values: np.ndarray, label: str, *, signed: bool) -> None:
    """Plots values [T, N], time to the right; the scale begins at 0, or is symmetric around it if signed."""
    # a quantile, because a few outliers would leave the rest without contrast
    largest = float(np.nanquantile(abs(values), _SHOWN_IN_FULL)) or 1.0
    least = -largest if signed else 0.0
    image = axes.imshow(values.T, cmap=_MAP, vmin=least, vmax=largest, aspect="auto", interpolation="nearest")
    axes.figure.colorbar(image, ax=axes, label=label, pad=0.01, extend="both" if signed else "max")


def hidden_table(states: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns the numbers of ``plot_hidden`` for states [T, H] by name: rows are steps, columns units."""
    steps = len(next(iter(states.values())))
    columns = {f"{name} {k}": unit for name, values in states.items() for k, unit in enumerate(values.T)}
    return {"step": np.arange(steps), **columns}
