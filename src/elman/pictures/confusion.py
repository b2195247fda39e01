"""The confusion matrix of a classifier."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.pictures.base import new_figure, save_figure
from elman.pictures.lettering import written_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NUMBERS, _LONGEST_NAME = 25, 24


def plot_confusion(axes: "Axes", matrix: np.ndarray, names: list[str]) -> None:
    """Plots true classes as rows and predicted ones as columns; colours are shares of a row, numbers counts.

    Args:
        axes: to draw on.
        matrix: [V, V] counts.
        names: the V class names.
    """
    counts = np.asarray(matrix)
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    labels = [written_out(name, _LONGEST_NAME) for name in names]
    size = 9 if len(names) <= _MOST_NUMBERS else 5
    axes.set_xticks(range(len(names)), labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(len(names)), labels, fontsize=size)
    axes.set(xlabel="predicted", ylabel="true")
    if len(names) <= _MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            dark = shares[row, column] > 0.5
            axes.text(
                column,
                row,
                f"{count:,}",
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else "black",
            )


def draw_confusion(matrix: np.ndarray, names: list[str], path: Path, title: str) -> None:
    """Draws ``plot_confusion`` with a title to a file."""
    side = min(5 + 0.25 * len(names), 14)
    figure = new_figure(side + 1, side)
    axes = figure.subplots()
    plot_confusion(axes, matrix, names)
    axes.set_title(title)
    save_figure(figure, path)
