"""Piano rolls."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.data.music.keys import pitch_name
from elman.data.music.piece import Piece
from elman.pictures.base import line_style, new_figure, save_figure, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN = 2  # semitones below the lowest and above the highest note
_WIDTH_OF_BAR = 0.8  # inches
_MOST_BARS = 64
_SHOWN = 0.96  # of a note's length, so that the next of its pitch is seen to begin


def plot_roll(axes: "Axes", piece: Piece, bar: float, primed: float = 0) -> None:
    """Plots the notes of a piece over its bars.

    Args:
        axes: to draw on.
        piece: the piece.
        bar: ticks of a bar.
        primed: bars of the primer, which is shaded.
    """
    for voice, k in enumerate(np.unique(piece.voice)):
        own = piece.voice == k
        lengths = piece.duration[own] / bar * _SHOWN
        left, colour = piece.begin[own] / bar, line_style(voice)["color"]
        axes.barh(piece.pitch[own], lengths, left=left, height=0.8, color=colour)
    low, high = (piece.pitch.min(), piece.pitch.max()) if len(piece) else (60, 72)
    ticks = [pitch for pitch in range(low - _MARGIN, high + _MARGIN + 1) if pitch % 12 == 0]
    axes.set_yticks(ticks, [pitch_name(pitch) for pitch in ticks])
    for pitch in ticks:
        axes.axhline(pitch - 0.5, color="0.85", linewidth=0.6, zorder=0)
    length = max(1.0, piece.length / bar)
    for number in range(int(length) + 1):
        axes.axvline(number, color="0.85", linewidth=0.6, zorder=0)
    if primed:
        axes.axvspan(0, primed, color="0.95", zorder=-1)
    axes.set(xlabel="bars", xlim=(0, length), ylim=(low - _MARGIN, high + _MARGIN))
    whole_numbers(axes.xaxis)


def draw_roll(piece: Piece, bar: float, path: Path, title: str, primed: float = 0) -> None:
    """Draws the notes of a piece; see ``plot_roll``. Of more than 64 bars the picture has no room for each.

    Args:
        piece: the piece.
        bar: ticks of a bar.
        path: the file to write (.png, .svg or .pdf).
        title: of the picture.
        primed: bars of the primer.
    """
    bars = min(_MOST_BARS, piece.length / bar)
    figure = new_figure(max(5.0, 1.2 + _WIDTH_OF_BAR * bars), 4)
    axes = figure.subplots()
    plot_roll(axes, piece, bar, primed)
    axes.set_title(title, fontsize=9)
    save_figure(figure, path)
