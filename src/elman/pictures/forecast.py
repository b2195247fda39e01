"""A series' history, its forecast and the forecast's intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.pictures.base import BLUE, GREY, ORANGE, new_figure, save_figure
from elman.pictures.dates import dates_below
from elman.pictures.lettering import written_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elman.data.series.panel import Panel

_LONGEST = 24  # characters of the values' name
_HORIZONS = 4  # length of the history drawn before a forecast, in horizons


@dataclass(frozen=True)
class Forecast:
    """The forecast of one series, as it is drawn.

    Attributes:
        name: name of the series.
        column: name of the values.
        times: [T + H] numbers or datetime64.
        history: [T] targets before the cutoff.
        actual: [H] targets after the cutoff, or None if unknown.
        median: [H] median forecast.
        intervals: (low, high), each [H], by level in per cent.
    """

    name: str
    column: str
    times: np.ndarray
    history: np.ndarray
    actual: np.ndarray | None
    median: np.ndarray
    intervals: dict[int, tuple[np.ndarray, np.ndarray]]


def as_drawn(
    panel: "Panel", series: int, cutoff: int, quantiles: np.ndarray, levels: Sequence[int]
) -> Forecast:
    """Returns a forecast with the history before it, and with the actual values if all are known.

    Args:
        panel: the series.
        series: index of the series.
        cutoff: first step of the forecast.
        quantiles: [H, 1 + 2 L] the median, then both ends of each interval.
        levels: the levels of the L intervals, in per cent.
    """
    horizon = len(quantiles)
    first = max(0, cutoff - _HORIZONS * horizon)
    steps = np.arange(first, cutoff + horizon)
    times = panel.times(np.full(len(steps), series), steps)
    actual = panel.history(series, min(cutoff + horizon, panel.lengths[series]))[cutoff:]
    return Forecast(
        panel.ids[series],
        "value" if panel.columns.layout == "wide" else panel.columns.target,
        times if panel.integers else times.astype("datetime64[s]"),
        panel.history(series, cutoff)[first:],
        actual if len(actual) == horizon else None,
        quantiles[:, 0],
        {level: (quantiles[:, 2 * k + 1], quantiles[:, 2 * k + 2]) for k, level in enumerate(levels)},
    )


def plot_forecast(axes: "Axes", forecast: Forecast) -> None:
    """Plots history, actual values, median, and a fan of intervals, paler for wider ones."""
    # here, as in pictures.base
    from matplotlib import colors

    past, future = np.split(forecast.times, [len(forecast.history)])
    axes.plot(past, forecast.history, color=GREY, linewidth=1, label="history")
    for rank, level in enumerate(sorted(forecast.intervals, reverse=True), 1):
        low, high = forecast.intervals[level]
        white = 0.82**rank
        shade = white + (1 - white) * np.array(colors.to_rgb(BLUE))
        axes.fill_between(future, low, high, color=shade, linewidth=0, label=f"{level} % interval")
    if forecast.actual is not None:
        axes.plot(future, forecast.actual, color=ORANGE, linewidth=1.2, linestyle="--", label="actual")
    axes.plot(future, forecast.median, color=BLUE, linewidth=1.5, label="median")
    axes.set_title(written_out(forecast.name, 48), fontsize="medium")
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize="small")
    axes.set_xlabel("time", fontsize="small")
    axes.set_ylabel(written_out(forecast.column, _LONGEST), fontsize="small")
    if np.issubdtype(forecast.times.dtype, np.datetime64):
        dates_below(axes)


def draw_forecasts(forecasts: Sequence[Forecast], path: Path) -> None:
    """Draws ``plot_forecast`` for several series to a file, two per row."""
    rows = -(-len(forecasts) // 2)
    columns = min(2, len(forecasts))
    figure = new_figure(5 * columns + 1, 2.4 * rows + 0.8)
    grid = figure.subplots(rows, columns, squeeze=False)
    for k, (axes, forecast) in enumerate(zip(grid.flat, forecasts, strict=False)):
        plot_forecast(axes, forecast)
        if k + columns < len(forecasts):  # another one is below
            axes.set_xlabel("")
        if k % columns and forecast.column == forecasts[k - 1].column:
            axes.set_ylabel("")
    for axes in grid.flat[len(forecasts) :]:
        axes.set_axis_off()
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize="small"
    )
    save_figure(figure, path)
