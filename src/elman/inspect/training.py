"""What the gradients and updates were over the training, from the run's history."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.pictures.base import BLUE, GREEN, GREY, ORANGE, PURPLE, logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
_STYLES = ("-", "--", "-.", ":")
_USUAL = 1e-3


def training_lines(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The history's lines that tell the gradient's norm."""
    return [
        line for line in history if line["kind"] == "train" and isinstance(line.get("grad_norm"), int | float)
    ]


def plot_gradient_norm(axes: "Axes", history: Sequence[dict[str, Any]], clip_at: float | None = None) -> None:
    """The gradient's norm before clipping, and the share of steps that were clipped.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic, and a second one, for the share, is added.
        history: the run's lines.
        clip_at: the bound, where the norm was clipped.
    """
    lines = [line for line in training_lines(history) if 0 < line["grad_norm"] < math.inf]
    steps = [line["step"] for line in lines]
    axes.plot(steps, [line["grad_norm"] for line in lines], color=BLUE, linewidth=1, label="norm")
    logarithmic(axes)
    axes.set(xlabel="optimizer steps", ylabel="gradient norm before clipping")
    axes.grid(alpha=0.25)
    if clip_at is None:
        return
    axes.axhline(clip_at, color=GREY, linewidth=1, linestyle="--", label=f"clipped at {clip_at:g}")
    share = axes.twinx()
    share.plot(
        steps,
        [100 * line.get("clipped", 0.0) for line in lines],
        color=ORANGE,
        linewidth=1,
        linestyle=":",
        label="clipped",
    )
    share.set(ylabel="steps clipped (%)", ylim=(-3, 103))
    handles = [each for part in (axes, share) for each in part.get_legend_handles_labels()[0]]
    axes.legend(handles=handles, frameon=False, fontsize=8, loc="center right")


def plot_updates(axes: "Axes", history: Sequence[dict[str, Any]]) -> None:
    """By how much of its size each parameter moved in a step, where the run's history says so.

    About a thousandth is usual; far less is hardly learning, far more hardly stable.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic.
        history: the run's lines.
    """
    table = updates_table(history)
    for k, name in enumerate(name for name in table if name != "step"):
        style: dict[str, Any] = {
            "color": _COLOURS[k % len(_COLOURS)],
            "linestyle": _STYLES[k // len(_COLOURS) % 4],
        }
        ratios = np.where(table[name] > 0, table[name], np.nan)
        axes.plot(table["step"], ratios, linewidth=1, label=name, **style)
    axes.axhline(_USUAL, color=GREY, linewidth=1)
    logarithmic(axes)
    axes.set(xlabel="optimizer steps", ylabel="update / weight")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=6, ncols=2, loc="upper right")


def plot_half_lives(axes: "Axes", history: Sequence[dict[str, Any]], unit: str = "steps") -> None:
    """The gradient's half-life over the training, of each layer, where the run was watched.

    Args:
        axes: to draw on; its vertical axis becomes logarithmic.
        history: the run's lines.
        unit: what a step of a sequence is, in the plural.
    """
    table = half_lives_table(history)
    for k, name in enumerate(name for name in table if name != "step"):
        colour = _COLOURS[k % len(_COLOURS)]
        axes.plot(
            table["step"],
            table[name],
            color=colour,
            linestyle=_STYLES[k % 4],
            label=name,
            marker="o",
            markersize=3,
        )
    logarithmic(axes)
    axes.set(xlabel="optimizer steps", ylabel=f"gradient's half-life ({unit})")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def training_table(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What ``plot_gradient_norm`` draws: a row for each line of the history."""
    lines = training_lines(history)
    return {
        "step": [line["step"] for line in lines],
        "gradient norm": [line["grad_norm"] for line in lines],
        "clipped": [line.get("clipped", math.nan) for line in lines],
    }


def updates_table(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What ``plot_updates`` draws: a row for each line that tells them, a column for each parameter."""
    lines = [line for line in history if line["kind"] == "train" and line.get("updates")]
    names = list(dict.fromkeys(name for line in lines for name in line["updates"]))
    columns = {
        name: np.array([line["updates"].get(name, math.nan) for line in lines], dtype=np.float64)
        for name in names
    }
    return {"step": np.array([line["step"] for line in lines]), **columns}


def half_lives_table(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What ``plot_half_lives`` draws: a row for each measurement, a column for each layer."""
    lines = [line for line in history if line["kind"] == "gradients"]
    names = list(dict.fromkeys(each["layer"] for line in lines for each in line["layers"]))
    rows = [{each["layer"]: each["half_life"] for each in line["layers"]} for line in lines]
    columns = {
        name: np.array([row.get(name) or math.nan for row in rows], dtype=np.float64) for name in names
    }
    return {"step": np.array([line["step"] for line in lines]), **columns}
