"""Conversion between polars and pandas frames, so that results have the kind of frame the user gave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from elman.errors import InputError
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables


def to_polars(frame: Any, name: str = "df") -> pl.DataFrame:
    """Converts a polars or pandas frame to polars.

    Args:
        frame: the user's frame.
        name: name of the argument, for messages.

    Raises:
        InputError: it is not a polars or pandas frame, or it has no rows.
    """
    if not isinstance(frame, pl.DataFrame):
        if not (hasattr(frame, "iloc") and hasattr(frame, "columns")):
            raise InputError(f"{name} must be a DataFrame of polars or pandas. Got {type(frame).__name__}.")
        columns = [str(column) for column in frame.columns]
        for column in columns:
            if columns.count(column) > 1:
                raise InputError(f"{name}: has the column {column!r} twice")
        frame = pl.DataFrame([_column(column, frame.iloc[:, k]) for k, column in enumerate(columns)])
    if len(frame) == 0:
        raise InputError(f"{name}: has no rows")
    return frame


def _column(name: str, column: Any) -> pl.Series:
    if column.dtype.kind == "M":
        return _moments(name, column)
    if _is_period(column):
        begins = _each(column, lambda period: period.start_time.to_pydatetime())
        return pl.Series(name, begins, pl.Datetime("us"))
    if column.dtype.kind in "biuf" and not column.isna().any():
        return pl.Series(name, column.to_numpy())
    filled = zip(column, column.isna(), strict=True)
    if _is_category(column):  # categories are names, even if they look like numbers
        return pl.Series(name, [None if missing else str(value) for value, missing in filled], pl.String)
    return pl.Series(name, [None if missing else value for value, missing in filled], strict=False)


def _each(column: Any, convert: Callable[[Any], object]) -> list[Any]:
    """Converts the cells that are not missing."""
    filled = zip(column, column.isna(), strict=True)
    return [None if missing else convert(value) for value, missing in filled]


def _is_period(column: Any) -> bool:
    """Whether a column holds periods of pandas: they are read as their beginnings."""
    return len(column) > 0 and hasattr(column.iloc[0], "start_time") and hasattr(column.iloc[0], "freqstr")


def _is_category(column: Any) -> bool:
    return str(column.dtype) == "category"


def _moments(name: str, column: Any) -> pl.Series:
    """Converts pandas date-times, keeping the time zone and, if polars has it, the unit."""
    zone = getattr(column.dtype, "tz", None)
    plain = column if zone is None else column.dt.tz_convert("UTC").dt.tz_localize(None)
    values = plain.to_numpy()
    if str(values.dtype) not in ("datetime64[ms]", "datetime64[us]", "datetime64[ns]"):
        values = values.astype("datetime64[us]")
    moments = pl.Series(name, values)
    if zone is None:
        return moments
    utc = moments.dt.replace_time_zone("UTC")
    try:
        return utc.dt.convert_time_zone(str(zone))
    except pl.exceptions.PolarsError:  # polars has no zones without a name, so an offset becomes text
        return pl.Series(name, _each(column, lambda moment: moment.isoformat()), pl.String)


def like(frame: pl.DataFrame, given: Any) -> Any:
    """Converts a frame to pandas, with the column types of ``given``, if ``given`` is a pandas frame."""
    if given is None or isinstance(given, pl.DataFrame):
        return frame
    import pandas as pd  # here, because pandas is optional; a caller with a pandas frame has it

    return pd.DataFrame({name: _as_pandas(frame[name], given, pd) for name in frame.columns})


def _as_pandas(column: pl.Series, given: Any, pd: Any) -> Any:
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone:
        utc = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pd.Series(utc.to_numpy()).dt.tz_localize("UTC").dt.tz_convert(column.dtype.time_zone)
    if column.dtype == pl.Date and any(type(value) is date for value in given.iloc[0]):
        return pd.Series(column.to_list(), dtype=object)  # pandas has no date type of its own
    own = given[column.name] if column.name in given.columns else None
    if own is not None and _is_period(own):
        return pd.PeriodIndex(column.to_numpy(), freq=own.iloc[0].freq)
    if own is not None and own.dtype.kind == "M" and column.dtype == pl.String:
        return pd.to_datetime(column.to_list(), utc=True).tz_convert(own.dt.tz).as_unit(own.dt.unit)
    if own is not None and _is_category(own):
        kind = own.dtype
        categories = {str(category): category for category in kind.categories}
        return pd.Series([categories[name] for name in column]).astype(kind)
    return column.to_numpy()
