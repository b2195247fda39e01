"""What a column shows of times: whether it holds dates, and the rows of totals below them."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from elman.data.read.months import is_month
from elman.data.read.totals import without_totals
from elman.data.series.time_forms import in_languages, parsed, pattern_of_integers
from elman.data.series.time_parts import time_parts
from elman.data.series.time_patterns import patterns_of

TIME_NAMES = re.compile(
    r"(ds|t|time|times|timestamp|date|dates|datetime|datum|day|week|month|quarter|year|period|hour|minute|"
    r"step|unix)([ _-]?(time|date|stamp|utc|local|index|no|nr|s|ms|us|ns))?",
    re.IGNORECASE,
)
"""Names that columns of times usually have."""

_NO_YEAR = re.compile(
    r"(?:W|KW|week) ?\d{1,2}|Q[1-4]|[0-3]?\d[/-][0-3]?\d|[0-3]?\d\.[0-3]?\d\.", re.IGNORECASE
)
_DATE_NAMES = re.compile("ds|date|dates|datum|fecha|data|day|tag|week|month|monat|mois|mes", re.IGNORECASE)
_DAYS_OF_EXCEL = (25569, 58000)  # from 1970 to 2058
_PROBED = 20  # cells of a column that show whether it holds times
_MOSTLY = 0.8  # share of dates in a column of dates with faults


def is_whole(column: "pl.Series") -> bool:
    """Whether a column holds integers."""
    if column.dtype == pl.String:
        return not column.str.strip_chars().cast(pl.Int64, strict=False).has_nulls()
    return column.dtype.is_integer() or (
        column.dtype.is_float() and bool((column.is_finite() & (column == column.round())).all())
    )


def whole_numbers(column: "pl.Series") -> "pl.Series":
    """Returns a column of integers as integers."""
    return (column.str.strip_chars() if column.dtype == pl.String else column).cast(pl.Int64)


def holds_dates(column: "pl.Series") -> bool:
    """Whether a column holds dates, or texts of them."""
    if column.dtype in (pl.Date, pl.Datetime):
        return True
    if column.dtype != pl.String or is_whole(column):
        return False
    filled = column.drop_nulls().head(_PROBED).str.strip_chars()
    return len(filled) > 0 and all(
        any(not parsed(pl.Series([cell]), pattern)[0].has_nulls() for pattern in patterns_of(cell))
        for cell in filled
    )


def has_format(column: "pl.Series", pattern: str | None) -> bool:
    """Whether a column holds texts of the format that the user gave."""
    filled = column.drop_nulls().head(_PROBED)
    if pattern is None or "%" not in pattern or column.dtype != pl.String or not len(filled):
        return False
    texts = filled.str.strip_chars()
    return any(not parsed(texts, one)[0].has_nulls() for one in in_languages(pattern, texts))


def holds_no_years(column: "pl.Series") -> bool:
    """Whether a column holds months, weeks, or days of months, that have no years."""
    filled = column.drop_nulls().head(_PROBED).str.strip_chars() if column.dtype == pl.String else ()
    return len(filled) > 0 and all(is_month(cell) or _NO_YEAR.fullmatch(cell) for cell in filled)


def mostly_dates(column: "pl.Series") -> bool:
    """Whether most cells of a column of texts are dates, so that the others are faults."""
    if column.dtype != pl.String or is_whole(column):
        return False
    some = column.gather(np.unique(np.linspace(0, len(column) - 1, 2 * _PROBED).astype(int)))
    dates = sum(holds_dates(some.slice(row, 1)) for row in range(len(some)))
    return dates >= _MOSTLY * len(some)


def parts_of_time(table: "pl.DataFrame", free: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns that together are the time; empty if one column holds whole times."""
    parts = time_parts(table, free)
    whole = [column for column in free if column not in parts and holds_dates(table[column])]
    return () if whole else parts


def stands_for_dates(column: "pl.Series") -> bool:
    """Whether integers stand for dates."""
    return is_whole(column) and bool(pattern_of_integers(whole_numbers(column)))


def without_totals_of_times(table: "pl.DataFrame", path: Path) -> "pl.DataFrame":
    """Returns a table of times without the totals below it, which have a word in a column of times."""
    return without_totals(
        table, path, lambda row, own: any(_holds_times(table[column].head(row)) for column in own)
    )


def _holds_times(column: "pl.Series") -> bool:
    """Whether the filled cells of a column are dates or whole numbers."""
    filled = column.drop_nulls()
    return len(filled) > 0 and (is_whole(filled) or holds_dates(filled))


def days_of_excel(column: "pl.Series") -> str:
    """Returns what integers in a column of times are if they are days of Excel; empty for others."""
    if not _DATE_NAMES.fullmatch(column.name) or not is_whole(column) or column.null_count():
        return ""
    days = whole_numbers(column)
    if not days.is_between(*_DAYS_OF_EXCEL).all() or days.n_unique() < 2:
        return ""
    date = np.datetime64("1899-12-30") + int(days[0])
    return (
        f"{column.name} holds plain numbers such as {days[0]}, which is {date} in Excel: write dates for "
        "steps of the calendar"
    )
