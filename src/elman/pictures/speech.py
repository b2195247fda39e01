"""A recording's spectrum, with what was understood under it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.pictures.base import BLUE, new_figure, save_figure

_SECONDS = 30.0  # that are drawn
_ROWS = 2  # in which words stand, so that short neighbours do not cover each other


def draw_understood(
    frames: np.ndarray, words: Sequence[Mapping[str, Any]], seconds: float, path: Path, title: str
) -> None:
    """Draws the frames of a recording, and its words under their times.

    Args:
        frames: [T, I]; of a longer recording the first 30 s are drawn.
        words: with ``word``, and ``begin`` and ``end`` in seconds.
        seconds: from one frame to the next.
        path: the file to write (.png, .svg or .pdf).
        title: of the picture.
    """
    shown = frames[: round(_SECONDS / seconds)]
    length = len(shown) * seconds
    figure = new_figure(width=min(16.0, max(5.0, 2.0 + 1.6 * length)), height=3.6)
    spectrum, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    low, high = np.percentile(shown, (2, 99.5))
    spectrum.imshow(
        shown.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0, length, 0, shown.shape[1]),
        vmin=low,
        vmax=max(high, low + 1e-6),
        interpolation="nearest",
    )
    spectrum.set_ylabel("band")
    spectrum.set_title(title, fontsize=9)
    for number, word in enumerate(word for word in words if word["begin"] < length):
        row = number % _ROWS
        below.hlines(row + 0.1, word["begin"], min(word["end"], length), color=BLUE, linewidth=2)
        middle = (word["begin"] + min(word["end"], length)) / 2
        below.text(middle, row + 0.2, word["word"], ha="center", va="bottom", fontsize=8)
        for time in (word["begin"], word["end"]):
            spectrum.axvline(min(time, length), color="white", linewidth=0.4, alpha=0.6)
    below.set_ylim(0, _ROWS + 0.1)
    below.set_xlim(0, length)
    below.set_yticks([])
    below.set_xlabel("seconds")
    save_figure(figure, path)
