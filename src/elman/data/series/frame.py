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
    columns: Columns,
    *,
    with_actual: bool = False,
) -> pl.DataFrame:
    """Returns forecasts in the format of Nixtla's libraries, one row per step.

    Args:
        panel: the series.
        series: [M] series of each forecast.
        cutoffs: [M] first step of each forecast.
        quantiles: [M, H, 1 + 2 L] the median, then both ends of each interval.
        levels: the L intervals in per cent.
        columns: names of the columns of series, time and target.
        with_actual: whether to add the columns ``cutoff`` (time of the last step read) and target.
    """
    horizon = quantiles.shape[1]
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
    return pl.DataFrame(result)
