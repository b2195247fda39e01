"""Times that are spread over several columns, such as year, month, day and hour."""

import re
from collections.abc import Collection, Sequence

import polars as pl

from elman.data.read import months
from elman.data.read.cells import numbers_of
from elman.data.series.clocks import chosen_clock, is_clock, is_named, times_of_day
from elman.data.series.time_forms import parsed, pattern_of_integers
from elman.data.series.time_patterns import patterns_of

_NAMES = (  # in order of size, with the range of values
    (re.compile(r"year|yr|yyyy|jahr|année|annee|año|ano|anno|jaar", re.IGNORECASE), (1500, 2500)),
    (re.compile(r"month|mon|mnth|mm|monat|mois|mes|mês|mese|maand", re.IGNORECASE), (1, 12)),
    (re.compile(r"day|day of month|day_of_month|dd|tag", re.IGNORECASE), (1, 31)),
    (re.compile(r"hour|hr|stunde", re.IGNORECASE), (0, 24)),
    (re.compile(r"minute|minutes", re.IGNORECASE), (0, 59)),
    (re.compile(r"second|seconds", re.IGNORECASE), (0, 59)),
)
_QUARTER = re.compile(r"quarter|qtr|quartal", re.IGNORECASE)
_MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?$"  # behind dates that some programs write
_FILLED = 0.8  # least share of filled cells of a part
_SIZES = ("-", "-", " ", ":", ":")  # what stands before each part but the first


def time_parts(table: "pl.DataFrame", free: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns that together are the time, the largest unit first; empty if there are none.

    These are year and month (a number or a name), with day, hour, minute and second as far as they are there;
    year and quarter; or a date that repeats, or year, month and day, and a time of day (see ``clocks``).

    Args:
        table: the table.
        free: columns that may be parts.
    """
    parts: list[str] = []
    for names, (low, high) in _NAMES:
        own = [column for column in free if names.fullmatch(column) and _within(table[column], low, high)]
        if len(own) != 1:
            break
        parts += own
    if len(parts) == 1:
        quarters = [c for c in free if _QUARTER.fullmatch(c) and _within(table[c], 1, 4)]
        parts += quarters[:1] if len(quarters) == 1 else []
    clocks = [column for column in free if column not in parts and is_clock(table[column])]
    if len(parts) == 3 and (clock := chosen_clock([table[column] for column in clocks])):
        parts.append(clock)
    if len(parts) > 1 and not _joined(table.drop_nulls(parts), parts).has_nulls():
        return tuple(parts)
    dates = [column for column in free if _is_date(table[column])]
    if len(dates) == 1 and table[dates[0]].n_unique() < len(table):
        other = [column for column in free if column not in (*dates, *clocks)]
        clock = chosen_clock(
            [table[own] for own in clocks if own not in dates and _fits(table, dates[0], own, other)]
        )
        return (dates[0], clock) if clock else ()
    return ()


def _fits(table: "pl.DataFrame", date: str, clock: str, other: Sequence[str]) -> bool:
    """Whether times of day belong to dates, and no column of names beside the dates tells all rows apart.

    Where the name of their column does not say so, they must tell all rows apart, with or without names.
    """
    few = [column for column in other if 2 * table[column].n_unique() <= len(table)]
    names = [[column] for column in few if numbers_of(table[column]).values.has_nulls()]
    if any(table.select(date, *some).n_unique() == len(table) for some in names):
        return False
    with_it = (table.select(date, clock, *some).n_unique() == len(table) for some in ([], *names))
    return is_named(clock) or any(with_it)


def with_time(
    table: "pl.DataFrame", parts: Sequence[str], name: str, kept: Collection[str] = ()
) -> "pl.DataFrame":
    """Returns the table with its parts of the time as one column of texts, which replaces all not ``kept``.

    The texts are 2010, 2010-01, 2010-01-31 23:00 and so on, 2010Q1, or the date as written and the time.
    Rows that are no time keep the parts as they are, with spaces between them, to be named in a message.
    """
    plain = pl.concat_str([pl.col(part).cast(pl.String).fill_null("") for part in parts], separator=" ")
    times = _joined(table, parts).fill_null(table.select(plain).to_series()).alias(name)
    return table.drop(part for part in parts if part not in kept).insert_column(0, times)


def _joined(table: "pl.DataFrame", parts: Sequence[str]) -> "pl.Series":
    """Returns the joined texts; null if a part is no number in its place."""
    first, second = table[parts[0]], table[parts[1]]
    if _NAMES[0][0].fullmatch(parts[0]) and not _is_date(first):
        if _QUARTER.fullmatch(parts[1]):
            return _digits(first, 4) + "Q" + _digits(second, 1)
        times = _digits(first, 4)
        for mark, part in zip(_SIZES, parts[1:3], strict=False):
            times = times + mark + _digits(table[part], 2)
        if len(parts) == 4:
            return times + " " + times_of_day(table[parts[3]])
        for mark, part in zip(_SIZES[2:], parts[3:], strict=False):
            times = times + mark + _digits(table[part], 2)
        return times
    date = first.cast(pl.Date) if isinstance(first.dtype, pl.Datetime) else first
    return date.cast(pl.String).str.strip_chars().str.replace(_MIDNIGHT, "") + " " + times_of_day(second)


def _digits(column: "pl.Series", width: int) -> "pl.Series":
    """Returns whole numbers as texts with leading zeros; null for others."""
    return _whole(column).cast(pl.String).str.zfill(width)


def _whole(column: "pl.Series") -> "pl.Series":
    """Returns whole numbers, also of the names of months; null for other cells."""
    if column.dtype == pl.String:
        cells = column.str.strip_chars()
        named = {cell: months.number(cell) for cell in cells.unique().drop_nulls()}
        if any(named.values()):
            return cells.replace_strict(named, default=None, return_dtype=pl.Int64)
        return cells.cast(pl.Int64, strict=False)
    if column.dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        return whole.zip_with((whole == column).fill_null(False), pl.Series([None], dtype=pl.Int64))
    return (
        column.cast(pl.Int64)
        if column.dtype.is_integer()
        else pl.Series([None] * len(column), dtype=pl.Int64)
    )


def _within(column: "pl.Series", low: int, high: int) -> bool:
    """Whether a column holds whole numbers in a range; few cells may be empty, which the reader refuses."""
    filled = column.drop_nulls()
    if not len(filled) or len(filled) < _FILLED * len(column):
        return False
    whole = _whole(filled)
    return not whole.has_nulls() and bool(whole.is_between(low, high).all())


def _is_date(column: "pl.Series") -> bool:
    """Whether the first cell of a column is a date without a time of day."""
    if isinstance(column.dtype, pl.Datetime):
        return bool((column == column.dt.truncate("1d")).all())
    if column.dtype == pl.Date:
        return True
    if column.dtype.is_integer():
        return pattern_of_integers(column) == "%Y%m%d"
    filled = column.drop_nulls()
    if column.dtype != pl.String or not len(filled):
        return False
    first = filled[0].strip()
    if filled.str.contains(_MIDNIGHT).all():
        first = re.sub(_MIDNIGHT, "", first)
    shapes = [pattern for pattern in patterns_of(first) if not re.search("%-?[HI]", pattern)]
    return any(not parsed(pl.Series([first]), pattern)[0].has_nulls() for pattern in shapes)
