"""A clip as a strip of frames, and the probability of its labels beneath, as it plays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from elman.pictures.base import legend_above, line_style, new_figure, save_figure, whole_numbers

_FRAMES, _LABELS = 8, 5  # that are shown at most


def draw_watched(clip: np.ndarray, p: np.ndarray, names: Sequence[str], path: Path, title: str) -> None:
    """Draws frames of a clip, and under them the probability of each label after each frame.

    Args:
        clip: uint8 [T, C, H, W], of one plane or three.
        p: [T, V] after each frame; the five labels that were ever most probable are drawn.
        names: of the V labels.
        path: the file to write (.png, .svg or .pdf).
        title: of the picture.
    """
    steps = len(clip)
    figure = new_figure(width=9, height=3.6)
    strip, below = figure.subplots(2, 1, height_ratios=(2, 3))
    shown = np.linspace(0, steps - 1, min(_FRAMES, steps)).round().astype(int)
    pictures = np.concatenate([np.moveaxis(clip[t], 0, -1) for t in shown], 1)
    strip.imshow(pictures.squeeze(-1) if pictures.shape[-1] == 1 else pictures, cmap="gray", vmin=0, vmax=255)
    width = clip.shape[-1]
    strip.set_xticks([(k + 0.5) * width - 0.5 for k in range(len(shown))], [str(t) for t in shown])
    strip.set_yticks([])
    strip.set_title(title, fontsize=9)
    for number, label in enumerate(np.argsort(-p.max(0), kind="stable")[:_LABELS]):
        below.plot(p[:, label], label=names[label], **line_style(number))
    below.set(xlabel="frame", ylabel="probability", ylim=(-0.02, 1.02), xlim=(0, max(1, steps - 1)))
    whole_numbers(below.xaxis)
    legend_above(below)
    save_figure(figure, path)
