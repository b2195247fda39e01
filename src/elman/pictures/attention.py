"""A translator's attention over the source."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.pictures.base import new_figure, save_figure
from elman.pictures.lettering import written_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_attention(axes: "Axes", weights: np.ndarray, source: list[str], target: list[str]) -> None:
    """Plots a grey square for each target piece (rows) and source piece (columns), darker for larger weights.

    Args:
        axes: to draw on.
        weights: each row sums to 1.
        source: the S source pieces.
        target: the T target pieces.

    Shapes:
        weights [T, S]
    """
    image = axes.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.figure.colorbar(image, ax=axes, label="attention", pad=0.02)
    axes.set_xticks(range(len(source)), list(map(written_out, source)), rotation=90)
    axes.set_yticks(range(len(target)), list(map(written_out, target)))
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set(xlabel="source", ylabel="translation")
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(source) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(target) + 1) - 0.5, minor=True)
    axes.grid(which="minor", alpha=0.25)
    axes.tick_params(which="minor", length=0)


def draw_attention(weights: np.ndarray, source: list[str], target: list[str], path: Path) -> None:
    """Draws ``plot_attention`` to a file, scaled to the length of the sentences."""
    figure = new_figure(3 + 0.3 * len(source), 1.5 + 0.25 * len(target))
    plot_attention(figure.subplots(), weights, source, target)
    save_figure(figure, path)
