"""A series with its anomalies: observed and expected values, and the errors below."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.anomalies.anomalies import Analysis, Anomaly
from elman.pictures.base import BLUE, GREY, ORANGE, PALE, PURPLE, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COLUMNS = 6
_TICKS = 6


def plot_series(axes: "Axes", seen: np.ndarray, expected: np.ndarray, name: str) -> None:
    """Plots one column: observed values [N] and expected ones [N], missing values as gaps."""
    axes.plot(expected, color=PALE, linewidth=1, label="expected")
    axes.plot(seen, color=BLUE, linewidth=0.8, label="observed")
    axes.set_ylabel(name)
    axes.grid(alpha=0.25)


def plot_errors(axes: "Axes", errors: np.ndarray, threshold: np.ndarray, name: str) -> None:
    """Plots smoothed errors or scores [N], and the threshold for each [N]."""
    axes.plot(errors, color=GREY, linewidth=0.8, label="error")
    axes.plot(threshold, color=PURPLE, linewidth=1, label="threshold")
    axes.set_ylabel(name)
    axes.grid(alpha=0.25)


def shade(axes: "Axes", anomalies: Sequence[Anomaly]) -> None:
    """Marks the anomalous ranges; a single row is widened to be visible."""
    for anomaly in anomalies:
        axes.axvspan(anomaly.first - 0.5, anomaly.last + 0.5, color=ORANGE, alpha=0.25, linewidth=1)


def draw_anomalies(analyses: Sequence[Analysis], method: str, path: Path) -> None:
    """Draws the series with the highest score to a file.

    There is a panel for each column, the most anomalous first, at most six. The panel below shows the
    smoothed errors of the first column and their threshold if the method is dynamic, otherwise the scores.
    """

    def score(analysis: Analysis) -> float:
        return max((anomaly.score for anomaly in analysis.anomalies(method)), default=-np.inf)

    analysis = max(analyses, key=score)
    anomalies, columns, series = analysis.anomalies(method), analysis.columns, analysis.series
    blamed = [reason.column for anomaly in anomalies for reason in anomaly.reasons]
    order = sorted(range(len(columns)), key=lambda k: -blamed.count(columns[k]))[:_MOST_COLUMNS]
    figure = new_figure(9, 2 + 1.6 * (len(order) + 1))
    panels = figure.subplots(len(order) + 1, sharex=True, squeeze=False)[:, 0]
    for axes, k in zip(panels, order, strict=False):
        plot_series(axes, series.values[:, k], analysis.expected[:, k], columns[k])
    if method == "dynamic":
        first = analysis.thresholded[order[0]]
        # no threshold exists before the first value
        threshold = np.where(first.threshold > 0, first.threshold, np.nan)
        plot_errors(panels[-1], first.smoothed, threshold, f"error of {columns[order[0]]}")
    else:
        plot_errors(panels[-1], analysis.scores, np.full(len(series), analysis.threshold), "score")
    for axes in panels:
        shade(axes, anomalies)
    for axes in (panels[0], panels[-1]):
        axes.legend(frameon=False, loc="upper left", ncols=2)
    ticks = np.unique(np.linspace(0, len(series) - 1, _TICKS).astype(int))
    panels[-1].set_xticks(ticks, [series.times[k] for k in ticks], rotation=15, ha="right", fontsize=8)
    counted = f"{len(anomalies)} anomal{'y' if len(anomalies) == 1 else 'ies'}"
    panels[0].set_title(f"{counted} in {series.name}" if series.name else counted)
    save_figure(figure, path)
