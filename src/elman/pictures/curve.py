"""The loss curve of a training run."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.pictures.base import GREY, ORANGE, PALE, new_figure, save_figure, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_curve(
    axes: "Axes", lines: list[dict[str, Any]], unit: str, loss_unit: Callable[[float], float]
) -> None:
    """Plots the training loss by step and the validation loss by epoch.

    Args:
        axes: to draw on.
        lines: the lines of the history.
        unit: unit of the loss, for the axis.
        loss_unit: converts a loss of the history to that unit.
    """
    finite = [line for line in lines if math.isfinite(line.get("loss", math.nan))]
    train = [(line["step"], loss_unit(line["loss"])) for line in finite if line["kind"] == "train"]
    validated = [line for line in finite if line["kind"] == "validation"]
    valid = [(line["step"], loss_unit(line["loss"])) for line in validated]
    if train:
        axes.plot(*zip(*train, strict=True), color=PALE, linewidth=1, label="training")
    if valid:
        axes.plot(*zip(*valid, strict=True), color=ORANGE, marker="o", markersize=3, label="validation")
        kept = min(validated, key=lambda line: line.get("judged", line["loss"]))
        axes.axvline(kept["step"], color=GREY, linestyle=":", linewidth=1, zorder=0)
        axes.plot(
            [kept["step"]],
            [loss_unit(kept["loss"])],
            color="none",
            marker="o",
            markersize=9,
            markeredgecolor=GREY,
            linestyle="none",
            label=f"kept: epoch {kept.get('epoch')}",
        )
    if len(train) > 2:
        # the first losses are far above the rest and would flatten the curve
        later = [y for _, y in train[len(train) // 50 + 1 :]] + [y for _, y in valid]
        low, high = min(later), max(later)
        axes.set_ylim(low - 0.05 * (high - low) - 1e-9, high + 0.05 * (high - low) + 1e-9)
    axes.set(xlabel="optimizer steps", ylabel=f"loss ({unit})")
    whole_numbers(axes.xaxis)
    axes.grid(alpha=0.25)
    if train or valid:
        axes.legend(frameon=False)


def draw_curve(
    lines: list[dict[str, Any]], path: Path, unit: str, loss_unit: Callable[[float], float], title: str
) -> None:
    """Draws ``plot_curve`` with a title to a file."""
    figure = new_figure()
    axes = figure.subplots()
    plot_curve(axes, lines, unit, loss_unit)
    axes.set_title(title)
    save_figure(figure, path)
