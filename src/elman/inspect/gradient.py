"""Plots of the gradient by time lag: how far back the loss reaches."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from elman.diagnose import GradientFlow
from elman.pictures.base import BLUE, GREEN, GREY, ORANGE, PURPLE, legend_above, logarithmic, whole_numbers

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
_MARKS = ("o", "s", "^", "D")


def plot_gradient_flow(
    axes: Axes, flow: GradientFlow, layer: int = 0, unit: str = "steps", needed: int | None = None
) -> None:
    """Plots median and quartiles of the gradient's norm over the lags, one line for each part of the state.

    The dashed line is the decay fitted to all parts together.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic.
        flow: the measured gradients.
        layer: index of layer and direction.
        unit: unit of a step, in the plural.
        needed: lag of the task's answer, or None.
    """
    drawn = [_plot_part(axes, flow, layer, part) for part in range(len(flow.parts))]
    _plot_decay(axes, flow, layer)
    if needed is not None:
        axes.axvline(needed, color=GREY, linestyle=":", linewidth=1.5, label=f"needed: {needed}")
    if any(drawn):
        logarithmic(axes)
        legend_above(axes)
    else:
        axes.text(0.5, 0.5, "no gradient", transform=axes.transAxes, ha="center", color=GREY)
    where = "ahead" if is_reverse(flow.layers[layer]) else "back"
    axes.set(xlabel=f"lag ({unit} {where})", ylabel="gradient norm (loss / state)")
    whole_numbers(axes.xaxis)
    axes.grid(alpha=0.25)


def is_reverse(layer: str) -> bool:
    """Whether a layer reads from the end to the beginning, so that its gradient reaches later steps."""
    return layer.endswith(" reverse")


def _plot_part(axes: Axes, flow: GradientFlow, layer: int, part: int) -> bool:
    """Plots median and quartiles of one part of the state; returns whether there was anything to draw."""
    median, lower, upper = (norms[layer, part] for norms in (flow.median, flow.lower, flow.upper))
    there = np.isfinite(median) & (median > 0)
    if not there.any():
        return False
    colour, name = _COLOURS[part % len(_COLOURS)], flow.parts[part]
    every = max(1, int(there.sum()) // 8)  # marks distinguish the lines in grey too
    axes.plot(
        flow.lags[there],
        median[there],
        color=colour,
        label="all states" if name == "all" else f"state {name}",
        marker=_MARKS[part % len(_MARKS)],
        markersize=4,
        markevery=(part * every // max(1, len(flow.parts)), every),
        linewidth=1.5,
    )
    axes.fill_between(
        flow.lags[there],
        np.maximum(lower[there], median[there] * 1e-3),
        upper[there],
        facecolor=(colour, 0.12),
        edgecolor=(colour, 0.6),  # so that overlapping bands can be told apart
        linewidth=0.5,
        label="quartiles" if part == 0 else None,
    )
    return True


def _plot_decay(axes: Axes, flow: GradientFlow, layer: int) -> None:
    """Plots the decay fitted to all parts together, if there is one."""
    decay, whole = flow.decay[layer, -1], flow.median[layer, -1]
    there = np.isfinite(whole) & (whole > 0)
    if not (np.isfinite(decay) and decay > 0 and there.any()):
        return
    lags, sizes = flow.lags[there], whole[there]
    # the line passes through the mean of the logarithms, weighted by size as in the fit
    level = np.average(np.log(sizes) - lags * np.log(decay), weights=sizes * (lags > 0) + 1e-300)
    line = np.exp(level + lags * np.log(decay))
    inside = line >= sizes.min() / 10
    axes.plot(
        lags[inside],
        line[inside],
        color=GREY,
        linestyle="--",
        linewidth=1,
        label=f"fit: × {decay:.4g} per step",
    )


def gradient_table(flow: GradientFlow, layer: int = 0) -> dict[str, Any]:
    """Returns the numbers of ``plot_gradient_flow``: a row for each part and lag."""
    lags = len(flow.lags)
    return {
        "part": np.repeat(list(flow.parts), lags),
        "lag": np.tile(flow.lags, len(flow.parts)),
        **{name: getattr(flow, name)[layer].ravel() for name in ("median", "lower", "upper")},
    }
