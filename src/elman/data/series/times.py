"""Times of rows: integers or date-times, in local time or UTC, and their original types."""

import zoneinfo
from pathlib import Path

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.read.tables import row_number
from elman.data.series.frequency import parse_frequency
from elman.errors import InputError

_DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
_ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")


def on_the_wall(moments: "list[pl.Series]", freq: str | None) -> bool:
    """Whether to use local time: if all times have the same time of day, or ``freq`` is in days or longer."""
    if freq is not None:
        return parse_frequency(freq, integers=False).by_days
    return len({time for column in moments for time in column.dt.time().unique()}) == 1


def read_times(column: "pl.Series", path: Path) -> tuple[np.ndarray, bool]:
    """Returns times [rows], and whether they are integers."""
    if column.dtype.is_float() and bool((column == column.round()).all()) and column.is_finite().all():
        column = column.cast(pl.Int64, strict=False)  # pandas turns integers with empty cells into floats
    if column.dtype.is_integer():
        return column.cast(pl.Int64).to_numpy(), True
    if column.dtype == pl.String:
        whole = column.str.strip_chars().cast(pl.Int64, strict=False)
        if not whole.has_nulls():
            return whole.to_numpy(), True
        column = _parsed(column, path)
    if column.dtype != pl.Date and column.dtype != pl.Datetime:
        raise InputError(
            f"{path}: column {column.name!r}: must be integers, dates or date-times. Got {shown(column[0])}."
        )
    moments = column.cast(pl.Datetime("us")).to_numpy().astype(np.int64)
    odd = np.flatnonzero(moments % 10**6)
    if len(odd):
        row = int(odd[0])
        raise InputError(
            f"{path}: row {row_number(path, row)}, column {column.name!r}: must be a whole second. "
            f"Got {column[row]}."
        )
    return moments // 10**6, False


def _parsed(column: "pl.Series", path: Path) -> "pl.Series":
    """Parses texts as date-times, in the format that matches most of them."""
    text = column.str.strip_chars()
    candidates = [text.str.to_datetime(form, strict=False, time_unit="us") for form in _DATES]
    candidates += [(text + "-01").str.to_datetime("%Y-%m-%d", strict=False, time_unit="us")]  # a month
    for form in _ZONED:
        zoned = text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
        candidates.append(zoned.dt.replace_time_zone(None))
    best = min(candidates, key=lambda parsed: parsed.null_count())
    if best.null_count():
        row = int(best.is_null().arg_true()[0])
        raise InputError(
            f"{path}: row {row_number(path, row)}, column {column.name!r}: must be an integer, a date such "
            f"as 2024-12-31 or a date-time such as 2024-12-31 23:00:00. Got {shown(column[row])}."
        )
    return best


def in_zone(moments: "pl.Series", kind: "pl.Datetime", *, wall: bool) -> "pl.Series":
    """Converts date-times in local time (``wall``) or UTC to a type and its zone."""
    if kind.time_zone is None:
        return moments.cast(kind)
    if not wall:
        return moments.dt.replace_time_zone("UTC").cast(kind)
    zoned_moments = moments.dt.replace_time_zone(kind.time_zone, ambiguous="earliest", non_existent="null")
    if zoned_moments.has_nulls():
        missing = moments.filter(zoned_moments.is_null())[0]
        raise InputError(
            f"{missing} does not exist in {kind.time_zone}, because clocks are put forward then: "
            "give times without a time zone"
        )
    return zoned_moments.cast(kind)


def type_text(kind: "pl.DataType") -> str:
    """Returns a type of times as a text."""
    if isinstance(kind, pl.Datetime):
        return f"Datetime {kind.time_unit} {kind.time_zone or ''}".strip()
    return str(kind) if kind == pl.Date or kind.is_integer() else "String"


def type_of_text(text: str) -> "pl.DataType | None":
    """Returns the type that ``type_text`` wrote as this text; None for any other text."""
    kind, _, rest = text.partition(" ")
    if kind == "Datetime":
        unit, _, zone = rest.partition(" ")
        fits = unit in ("ms", "us", "ns") and (not zone or zone in zoneinfo.available_timezones())
        return pl.Datetime(unit, zone or None) if fits else None  # type: ignore[arg-type]
    plain = ("String", "Date", *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)))
    return getattr(pl, text)() if text in plain else None
