"""Forecasts as a long table."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from elman.data.series.panel import Columns, Panel


def forecast_frame(
    panel: Panel,
    series: np.ndarray,
    cutoffs: np.ndarray,
    quantiles: np.ndarray,
    levels: Sequence[int],
    *,
    with_actual: bool = False,
) -> pl.DataFrame:
    """Returns forecasts in the layout of the series' table.

    A long table has the format of Nixtla's libraries, one row per series and step; that of a single series
    has no column of names. A wide table has a row per step, and for each series a column of medians and
    columns of the ends of intervals.

    Args:
        panel: the series.
        series: [M] series of each forecast.
        cutoffs: [M] first step of each forecast.
        quantiles: [M, H, 1 + 2 L] the median, then both ends of each interval.
        levels: the L intervals in per cent.
        with_actual: whether to add the columns ``cutoff`` (time of the last step read) and target; the result
            is then long.
    """
    horizon, columns = quantiles.shape[1], panel.columns
    wide = columns.layout == "wide" and not with_actual
    steps = (cutoffs[:, None] + np.arange(horizon)).ravel()
    rows = np.repeat(series, horizon)
    result = {
        columns.id: panel.keys.gather(rows),
        columns.time: panel.ds(panel.times(rows, steps)),
    }
    if with_actual:
        result["cutoff"] = panel.ds(panel.times(rows, np.repeat(cutoffs - 1, horizon)))
        result[columns.target] = pl.Series(panel.y[panel.begins[rows] + steps])
    result["elman"] = pl.Series(quantiles[..., 0].ravel())
    for k, level in enumerate(levels):
        for side, name in enumerate(("lo", "hi"), 1):
            result[f"elman-{name}-{level}"] = pl.Series(quantiles[..., 2 * k + side].ravel())
    table = pl.DataFrame(result)
    if columns.layout == "one":
        return table.drop(columns.id)
    return _side_by_side(table, columns) if wide else table


def _side_by_side(table: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Returns a long table of forecasts with the columns of one series after those of another."""
    times = table[columns.time].unique(maintain_order=True)
    result = pl.DataFrame([times])
    for (name,), own in table.group_by(columns.id, maintain_order=True):
        names = {c: c.replace("elman", str(name), 1) for c in own.columns if c.startswith("elman")}
        result = result.join(own.drop(columns.id).rename(names), on=columns.time, how="left")
    return result
