"""Tags of numbers over time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.pictures.base import BLUE, GREY, legend_above, line_style, new_figure, save_figure, whole_numbers
from elman.pictures.lettering import written_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LINES, _MOST_STEPS, _LONGEST_NAME = 6, 2_000, 24


def plot_tags(axes: "Axes", truth: Sequence[str], predicted: Sequence[str], names: Sequence[str]) -> None:
    """Plots the true tag of each step and the predicted one, a row for each tag.

    Args:
        axes: to draw on.
        truth: T tags; "" where they are unknown.
        predicted: T tags.
        names: the tags, from top to bottom.
    """
    row = {name: k for k, name in enumerate(names)}
    known, found = (np.array([row.get(tag, np.nan) for tag in tags]) for tags in (truth, predicted))
    axes.plot(known, color=GREY, linewidth=5, alpha=0.5, drawstyle="steps-mid", label="true")
    axes.plot(found, color=BLUE, linewidth=1.2, drawstyle="steps-mid", label="predicted")
    axes.set_yticks(range(len(names)), [written_out(name, _LONGEST_NAME) for name in names], fontsize=7)
    axes.set(xlabel="steps", ylim=(len(names) - 0.5, -0.5), xlim=(-0.5, len(found) - 0.5))
    whole_numbers(axes.xaxis)
    axes.grid(axis="y", alpha=0.25)
    legend_above(axes)


def draw_tags(
    values: np.ndarray,
    features: Sequence[str],
    truth: Sequence[str],
    predicted: Sequence[str],
    names: Sequence[str],
    path: Path,
    title: str,
) -> None:
    """Draws some numbers of a sequence and, below them, its tags; of a long one the beginning.

    Args:
        values: [T, I].
        features: names of the I numbers.
        truth: as for ``plot_tags``.
        predicted: as for ``plot_tags``.
        names: as for ``plot_tags``.
        path: the file.
        title: above the picture.
    """
    shown = values[:_MOST_STEPS]
    figure = new_figure(9, 3.5 + 0.2 * len(names))
    above, below = figure.subplots(2, sharex=True)
    for k, (name, column) in enumerate(zip(features[:_MOST_LINES], shown.T, strict=False)):
        above.plot(column, linewidth=0.8, label=name, **line_style(k))
    legend_above(above)
    plot_tags(below, truth[: len(shown)], predicted[: len(shown)], names)
    figure.suptitle(title)
    save_figure(figure, path)
