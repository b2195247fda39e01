"""The confusion matrix of a classifier."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.pictures.base import new_figure, save_figure
from elman.pictures.lettering import written_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ZEROS, _LONGEST_NAME = 25, 24
_LEAST_SIZE, _USUAL_SIZE = 5.0, 9.0  # of letters, in points
_LETTER = 0.65  # height and width of a letter, as a share of its size, with room around it


def plot_confusion(axes: "Axes", matrix: np.ndarray, names: list[str]) -> None:
    """Plots true classes as rows and predicted ones as columns; colours are shares of a row, numbers counts.

    Of more than 25 classes, zeros are left out. If the rows are too narrow for letters of five points, there
    are no numbers, and only every second, third, … class has its name.

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
    room = 72 * min(axes.bbox.width, axes.bbox.height) / axes.figure.dpi / len(names)  # points of a row
    size = min(max(_LETTER * room, _LEAST_SIZE), _USUAL_SIZE)
    every = max(1, math.ceil(_LEAST_SIZE / (_LETTER * room)))
    shown = range(0, len(names), every)
    labels = labels[::every]
    axes.set_xticks(shown, labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(shown, labels, fontsize=size)
    axes.set(xlabel="predicted", ylabel="true")
    if every == 1:
        _write_counts(axes, counts, shares, min(size, room / (_LETTER * len(f"{counts.max():,}"))))


def _write_counts(axes: "Axes", counts: np.ndarray, shares: np.ndarray, size: float) -> None:
    """Writes each count in its square; zeros only if there are few classes."""
    for (row, column), count in np.ndenumerate(counts):
        if count or len(counts) <= _MOST_ZEROS:
            axes.text(
                column,
                row,
                f"{count:,}",
                ha="center",
                va="center",
                fontsize=size,
                color="white" if shares[row, column] > 0.5 else "black",
            )


def draw_confusion(matrix: np.ndarray, names: list[str], path: Path, title: str) -> None:
    """Draws ``plot_confusion`` with a title to a file."""
    side = min(5 + 0.25 * len(names), 14)
    figure = new_figure(side + 1, side)
    axes = figure.subplots()
    plot_confusion(axes, matrix, names)
    axes.set_title(title)
    save_figure(figure, path)
