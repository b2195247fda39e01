"""Plots of gradients and updates over training, from the run's history."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from elman.pictures.base import BLUE, GREY, ORANGE, legend_above, line_style, logarithmic, whole_numbers

_USUAL = 1e-3  # relative change of a parameter in one update
_MOST_LINES = 8  # of parameters; of more, those farthest from _USUAL are drawn


def training_lines(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the history's lines that have the gradient's norm."""
    return [
        line for line in history if line["kind"] == "train" and isinstance(line.get("grad_norm"), int | float)
    ]


def plot_gradient_norm(axes: Axes, history: Sequence[dict[str, Any]], clip_at: float | None = None) -> None:
    """Plots the gradient's norm before clipping, and the share of steps that were clipped.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic, and a second one, for the share, is added.
        history: the run's lines.
        clip_at: the bound, if the norm was clipped.
    """
    lines = [line for line in training_lines(history) if 0 < line["grad_norm"] < math.inf]
    steps = [line["step"] for line in lines]
    axes.plot(
        steps,
        [line["grad_norm"] for line in lines],
        color=BLUE,
        linewidth=1,
        label="norm (left axis)" if clip_at is not None else "norm",
    )
    logarithmic(axes)
    axes.set(xlabel="optimizer steps", ylabel="norm before clipping")
    whole_numbers(axes.xaxis)
    axes.grid(alpha=0.25)
    if clip_at is None:
        return
    axes.axhline(clip_at, color=GREY, linewidth=1, linestyle="--", label=f"bound: {clip_at:g}")
    share = axes.twinx()
    share.plot(
        steps,
        [100 * line.get("clipped", 0.0) for line in lines],
        color=ORANGE,
        linewidth=1,
        linestyle=":",
        label="steps clipped (right axis)",
    )
    share.set(ylabel="steps clipped (%)", ylim=(-3, 103))
    legend_above(axes, [line for part in (axes, share) for line in part.get_legend_handles_labels()[0]])


def plot_updates(axes: Axes, history: Sequence[dict[str, Any]]) -> None:
    """Plots the relative change of each parameter in a step, from a history with ``updates``.

    About a thousandth is usual; with far less the parameter hardly learns, with far more it is hardly stable.
    Of more than eight parameters, the seven farthest from a thousandth have lines and the others a grey band.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic.
        history: the run's lines.
    """
    table = updates_table(history)
    steps = table.pop("step")
    ratios = {name: np.where(values > 0, values, np.nan) for name, values in table.items()}
    named = sorted(ratios, key=lambda name: -_unusual(table[name]))
    if len(named) > _MOST_LINES:
        named = named[: _MOST_LINES - 1]
        rest = np.ma.masked_invalid([ratios[name] for name in ratios if name not in named])
        label = f"range of the other {len(rest)}"
        low, high = (values.filled(np.nan) for values in (rest.min(0), rest.max(0)))
        axes.fill_between(steps, low, high, color=GREY, alpha=0.3, linewidth=0, label=label)
    for k, name in enumerate(name for name in ratios if name in named):
        still = "" if np.isfinite(ratios[name]).any() else " (does not change)"
        axes.plot(steps, ratios[name], linewidth=1, label=f"{name}{still}", **line_style(k))
    axes.axhline(_USUAL, color=GREY, linewidth=1, linestyle=(0, (1, 1)), label=f"usual: {_USUAL:g}")
    logarithmic(axes)
    axes.set(xlabel="optimizer steps", ylabel="update / weight")
    whole_numbers(axes.xaxis)
    axes.grid(alpha=0.25)
    legend_above(axes)


def _unusual(ratios: np.ndarray) -> float:
    """Returns the distance of a parameter's updates from the usual size, in logarithms."""
    with np.errstate(divide="ignore"):
        return abs(float(np.log(np.nanmedian(ratios) / _USUAL)))


def plot_half_lives(axes: Axes, history: Sequence[dict[str, Any]], unit: str = "steps") -> None:
    """Plots the gradient's half-life over training for each layer, from a history with ``gradients`` lines.

    Triangles at the upper edge mark measurements in which the gradient does not decay, at the lower edge
    those in which it is gone after one step.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic.
        history: the run's lines.
        unit: unit of a step of a sequence, in the plural.
    """
    table = half_lives_table(history)
    steps = table.pop("step")
    for k, (name, lives) in enumerate(table.items()):
        style = line_style(k)
        measured = np.where(np.isfinite(lives) & (lives > 0), lives, np.nan)
        axes.plot(steps, measured, label=name, marker="o", markersize=3, linewidth=1, **style)
        for mark, hit, edge, inwards in (("^", lives == np.inf, 1.0, -1), ("v", lives == 0, 0.0, 1)):
            axes.plot(
                steps[hit],
                np.full(hit.sum(), edge + 0.04 * k * inwards),  # so that no layer hides another
                color=style["color"],
                marker=mark,
                markersize=4,
                linestyle="none",
                transform=axes.get_xaxis_transform(),
                clip_on=False,
            )
    values = np.concatenate([np.zeros(0), *table.values()])
    logarithmic(axes)
    axes.margins(y=0.15)
    if not (np.isfinite(values) & (values > 0)).any():
        axes.yaxis.set_ticks([], minor=False)
        axes.yaxis.set_ticks([], minor=True)
    for label, hit, edge in (("does not\ndecay", values == np.inf, 1), ("gone", values == 0, 0)):
        if hit.any():
            axes.text(1.01, edge, label, transform=axes.transAxes, va="center", fontsize=8)
    axes.set(xlabel="optimizer steps", ylabel=f"gradient's half-life ({unit})")
    whole_numbers(axes.xaxis)
    axes.grid(alpha=0.25)
    legend_above(axes)


def training_table(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the numbers of ``plot_gradient_norm``: a row for each line of the history."""
    lines = training_lines(history)
    return {
        "step": [line["step"] for line in lines],
        "gradient norm": [line["grad_norm"] for line in lines],
        "clipped": [line.get("clipped", math.nan) for line in lines],
    }


def updates_table(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the numbers of ``plot_updates``: a row for each line with updates, a column per parameter."""
    lines = [line for line in history if line["kind"] == "train" and line.get("updates")]
    names = list(dict.fromkeys(name for line in lines for name in line["updates"]))
    columns = {
        name: np.array([line["updates"].get(name, math.nan) for line in lines], dtype=np.float64)
        for name in names
    }
    return {"step": np.array([line["step"] for line in lines]), **columns}


def half_lives_table(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the numbers of ``plot_half_lives``: a row for each measurement, a column for each layer.

    0: the gradient is gone after one step; infinity: it does not decay; NaN: not measured.
    """
    lines = [line for line in history if line["kind"] == "gradients"]
    names = list(dict.fromkeys(layer["layer"] for line in lines for layer in line["layers"]))
    rows = [{layer["layer"]: _half_life(layer) for layer in line["layers"]} for line in lines]
    columns = {name: np.array([row.get(name, math.nan) for row in rows], dtype=np.float64) for name in names}
    return {"step": np.array([line["step"] for line in lines]), **columns}


def _half_life(layer: dict[str, Any]) -> float:
    """Returns a layer's half-life from a line of the history, where infinity and NaN are None."""
    if layer["half_life"] is not None:
        return float(layer["half_life"])
    return math.nan if layer["decay"] is None and layer["verdict"] != "exploding" else math.inf
