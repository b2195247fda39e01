"""Data frames of polars and of pandas, whichever came in goes out; and forecasts as a long table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from elman.data.series import Columns, Panel


def to_polars(frame: Any, name: str = "df") -> "pl.DataFrame":
    """A frame of polars or pandas as one of polars.

    Args:
        frame: what the user gave.
        name: of the argument, for messages.

    Raises:
        InputError: it is no such frame, or it has no rows.
    """
    import polars as pl

    if not isinstance(frame, pl.DataFrame):
        if not (hasattr(frame, "iloc") and hasattr(frame, "columns")):
            raise InputError(f"{name} must be a DataFrame of polars or pandas. Got {type(frame).__name__}.")
        frame = pl.DataFrame([_column(str(column), frame[column]) for column in frame.columns])
    if len(frame) == 0:
        raise InputError(f"{name}: has no rows")
    return frame


def _column(name: str, column: Any) -> "pl.Series":
    import polars as pl

    if column.dtype.kind == "M":
        plain = (
            column.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(column.dtype, "tz", None) else column
        )
        return pl.Series(name, plain.to_numpy().astype("datetime64[us]"))
    if column.dtype.kind in "biuf" and not column.isna().any():
        return pl.Series(name, column.to_numpy())
    values = [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]
    return pl.Series(name, values, strict=False)


def like(frame: "pl.DataFrame", given: Any) -> Any:
    """The frame in the kind of ``given``: pandas where that is of pandas."""
    import polars as pl

    if given is None or isinstance(given, pl.DataFrame):
        return frame
    import pandas as pd

    return pd.DataFrame({column: frame[column].to_numpy() for column in frame.columns})


def forecast_frame(
    panel: "Panel",
    series: np.ndarray,
    cutoffs: np.ndarray,
    quantiles: np.ndarray,
    levels: Sequence[int],
    columns: "Columns",
    *,
    with_actual: bool = False,
) -> "pl.DataFrame":
    """Forecasts as Nixtla's libraries write them: a row a step.

    Args:
        panel: the series.
        series: [M] whose forecast it is.
        cutoffs: [M] its first step.
        quantiles: [M, H, 1 + 2 L] the median, then both ends of each interval.
        levels: the L intervals in per cent.
        columns: names of those of series, time and target.
        with_actual: whether columns ``cutoff`` (the last step read) and of the target are there too.
    """
    import polars as pl

    horizon = quantiles.shape[1]
    steps = (cutoffs[:, None] + np.arange(horizon)).ravel()
    rows = np.repeat(series, horizon)
    found = {
        columns.id: pl.Series(np.array(panel.ids)[rows]),
        columns.time: panel.ds(panel.times(rows, steps)),
    }
    if with_actual:
        found["cutoff"] = panel.ds(panel.times(rows, np.repeat(cutoffs - 1, horizon)))
        found[columns.target] = pl.Series(panel.y[panel.begins[rows] + steps])
    found["elman"] = pl.Series(quantiles[..., 0].ravel())
    for k, level in enumerate(levels):
        for side, name in enumerate(("lo", "hi"), 1):
            found[f"elman-{name}-{level}"] = pl.Series(quantiles[..., 2 * k + side].ravel())
    return pl.DataFrame(found)
