"""Rows of frames: true ones above predicted ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from elman.pictures.base import new_figure, save_figure

_MOST = 20  # frames of a row
_SIDE = 0.6  # inches of a frame


def draw_frames(rows: Mapping[str, np.ndarray], heads: Sequence[str], path: Path, title: str) -> None:
    """Draws rows of frames.

    Args:
        rows: by name, each [T, H, W] or [T, H, W, 3] in [0, 1]; what is not finite is left white.
        heads: of the T columns.
        path: the file to write (.png, .svg or .pdf).
        title: of the picture.
    """
    count = len(heads)
    shown = np.linspace(0, count - 1, min(_MOST, count)).round().astype(int)
    figure = new_figure(1.4 + _SIDE * len(shown), 0.6 + _SIDE * len(rows))
    grid = figure.subplots(len(rows), len(shown), squeeze=False)
    for axes_of_row, (name, frames) in zip(grid, rows.items(), strict=True):
        for column, k in enumerate(shown):
            axes = axes_of_row[column]
            axes.imshow(np.ma.masked_invalid(frames[k]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            if axes_of_row is grid[0]:
                axes.set_title(heads[k], fontsize=7)
        label = axes_of_row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        label.set_in_layout(True)
    figure.suptitle(title, fontsize=9)
    save_figure(figure, path)
