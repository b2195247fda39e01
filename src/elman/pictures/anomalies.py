"""A series with its anomalies: observed and expected values, and the errors below."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.anomalies.anomalies import Analysis, Anomaly
from elman.data.channels.calendar import UNKNOWN, Clock
from elman.errors import InputError
from elman.metrics.ranges import runs
from elman.pictures.base import BLUE, GREEN, GREY, ORANGE, PALE, PURPLE, new_figure, save_figure
from elman.pictures.dates import dates_below
from elman.pictures.lettering import written_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COLUMNS = 6
_TICKS = 6
_LONGEST = 20  # characters of a column's name beside its panel
_PAUSE = 10  # median distances of rows: a line is not drawn across a longer one
_FEW = 0.05  # share of the rows
_BAND = 0.06  # height of the labelled ranges' band, as a share of the panel


def plot_series(axes: "Axes", x: np.ndarray, seen: np.ndarray, expected: np.ndarray, name: str) -> None:
    """Plots one column: observed values [N], and expected ones [N] over them.

    Missing values are gaps, and so are long times without a row.
    """
    x, seen, expected = _broken(x, seen, expected)
    axes.plot(x, seen, color=PALE, linewidth=1.6, label="observed")
    axes.plot(x, expected, color=BLUE, linewidth=0.8, linestyle=(0, (4, 1)), label="expected")
    axes.set_ylabel(written_out(name, _LONGEST))
    axes.grid(alpha=0.25)


def plot_errors(axes: "Axes", x: np.ndarray, errors: np.ndarray, threshold: np.ndarray, name: str) -> None:
    """Plots smoothed errors or scores [N], and the threshold for each [N]."""
    x, errors, threshold = _broken(x, errors, threshold)
    axes.plot(x, errors, color=GREY, linewidth=0.8, label="score" if name.startswith("score") else "error")
    axes.plot(x, threshold, color=PURPLE, linewidth=1.2, linestyle="--", label="threshold")
    axes.set_ylabel(name)
    axes.grid(alpha=0.25)


def _broken(x: np.ndarray, *lines: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns places [N] and lines [N] with a missing value in each long time without a row.

    Where such times are many, rows between two of them would not be seen, so nothing is changed.
    """
    steps = np.diff(x)
    ends = np.flatnonzero(steps > _PAUSE * np.median(steps)) + 1 if len(steps) else steps
    if not 0 < len(ends) <= _FEW * len(x):
        return x, *lines
    return np.insert(x, ends, x[ends]), *(np.insert(line, ends, np.nan) for line in lines)


def shade(axes: "Axes", x: np.ndarray, anomalies: Sequence[Anomaly]) -> None:
    """Marks the anomalous ranges; a single row is widened to be visible."""
    for k, anomaly in enumerate(anomalies):
        label = None if k else "detected"
        span = _span(x, anomaly.first, anomaly.last)
        axes.axvspan(*span, color=ORANGE, alpha=0.25, linewidth=1, label=label)


def band(axes: "Axes", x: np.ndarray, labels: np.ndarray) -> None:
    """Marks the rows that are labelled as anomalies [N] by a hatched band at the top of the panel."""
    for k, (first, last) in enumerate(runs(labels)):
        axes.axvspan(
            *_span(x, first, last),
            ymin=1 - _BAND,
            facecolor="white",
            edgecolor=GREEN,
            hatch="////",
            linewidth=1,
            label=None if k else "labelled",
        )


def _span(x: np.ndarray, first: int, last: int) -> tuple[Any, Any]:
    """Returns the ends of a range of rows, half a step wider on either side."""
    half = (x[-1] - x[0]) / max(2 * (len(x) - 1), 1)
    return x[first] - half, x[last] + half


def places(times: Sequence[str], clock: Clock = UNKNOWN) -> np.ndarray:
    """Returns where rows are drawn: at their times if all are dates or numbers in order, else by number.

    Rows of the same time are spread until the next one.
    """
    try:
        # clock times are drawn as they are written, whatever their offset
        found = (clock.local(times, Path()) * 10**6).astype("datetime64[us]")
    except InputError:
        try:
            found = np.array([float(time) for time in times])
        except ValueError:
            return np.arange(len(times), dtype=np.float64)
    if found.dtype.kind == "M" or np.isfinite(found).all():
        first = np.flatnonzero(np.r_[True, found[1:] != found[:-1]][: len(found)])
        distinct = found[first]
        if np.all(distinct[1:] > distinct[:-1]) and len(distinct) >= min(2, len(found)) > 0:
            return _spread(found, first)
    return np.arange(float(len(times)))


def _spread(found: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Spreads rows of the same time until the next time; the last ones as long as those before.

    Args:
        found: [N] times in order.
        first: the first row of each time.
    """
    if len(first) == len(found):
        return found
    counts = np.diff([*first, len(found)])
    lengths = np.diff(found[first])
    lengths = np.append(lengths, lengths[-1:])
    number = np.arange(len(found)) - np.repeat(first, counts)  # among the rows of its time
    return found + np.repeat(lengths, counts) * number / np.repeat(counts, counts)


def draw_anomalies(
    analyses: Sequence[Analysis],
    method: str,
    path: Path,
    trained: Sequence[int] | None = None,
    clock: Clock = UNKNOWN,
) -> None:
    """Draws the series with the highest score to a file.

    There is a panel for each column, the most anomalous first, at most six. The panel below shows the
    smoothed errors of the first column and their threshold if the method is dynamic, otherwise the scores.

    Args:
        analyses: at least one.
        method: method that finds the ranges.
        path: the file.
        trained: number of rows at the beginning of each series that the model was trained on; None: none.
        clock: how times are read.
    """

    def score(number: int) -> float:
        return max((anomaly.score for anomaly in analyses[number].anomalies(method)), default=-np.inf)

    number = max(range(len(analyses)), key=score)
    analysis = analyses[number]
    anomalies, columns, series = analysis.anomalies(method), analysis.columns, analysis.series
    blamed = [reason.column for anomaly in anomalies for reason in anomaly.reasons]
    order = sorted(range(len(columns)), key=lambda k: -blamed.count(columns[k]))[:_MOST_COLUMNS]
    x = places(series.times, clock)
    figure = new_figure(9, 2 + 1.6 * (len(order) + 1))
    method = analysis.chosen(method)
    panels = figure.subplots(len(order) + 1, sharex=True, squeeze=False)[:, 0]
    for axes, k in zip(panels, order, strict=False):
        plot_series(axes, x, series.values[:, k], analysis.expected[:, k], columns[k])
    if method == "dynamic":
        first = analysis.thresholded[order[0]]
        # no threshold exists before the first value
        errors, threshold = (
            np.where(first.threshold > 0, line, np.nan) for line in (first.smoothed, first.threshold)
        )
        name = written_out(columns[order[0]], _LONGEST)
        plot_errors(panels[-1], x, errors, threshold, f"error of {name}\n(deviations)")
    elif method == "quantile":
        ratio = np.full(len(series), analysis.ratio)
        plot_errors(panels[-1], x, analysis.row_scores(method), ratio, "score\n(times usual)")
    else:
        threshold = np.full(len(series), analysis.threshold)
        plot_errors(panels[-1], x, analysis.scores, threshold, "score (decades)")
    for axes in panels:
        shade(axes, x, anomalies)
        if series.labels is not None:
            axes.margins(y=1.5 * _BAND)  # the lines end below the band
            band(axes, x, series.labels)
        if trained is not None and 0 < trained[number] < len(series):
            end = x[trained[number]]
            axes.axvline(end, color="black", linestyle=":", linewidth=1.2, label="end of training part")
    _legend(list(panels))
    _times_below(panels[-1], x, series.times)
    counted = f"{len(anomalies)} anomal{'y' if len(anomalies) == 1 else 'ies'} ({method} method)"
    name = written_out(series.name, 48)
    panels[0].set_title(f"{counted} in {name}" if name else counted)
    save_figure(figure, path)


def _legend(panels: Sequence["Axes"]) -> None:
    """Places one legend below all panels, where it covers no line."""
    shown = {
        label: handle
        for axes in (panels[0], panels[-1])
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    panels[0].figure.legend(
        shown.values(), shown.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=8
    )


def _times_below(axes: "Axes", x: np.ndarray, times: Sequence[str]) -> None:
    """Labels the horizontal axis with dates, numbers, or the times as they are written."""
    axes.set_xlabel("time")
    if x.dtype.kind == "M" and len(x) > 1:
        dates_below(axes)
        return
    if x.dtype.kind != "M" and [f"{place:g}" for place in x[:_TICKS]] == list(times[:_TICKS]):
        axes.set_xlabel("row" if x[0] == 0 else "time")
        return
    ticks = np.unique(np.linspace(0, len(x) - 1, _TICKS).astype(int))
    shown = [written_out(times[k], _LONGEST) for k in ticks]
    axes.set_xticks(x[ticks], shown, rotation=15, ha="right", fontsize=8)
