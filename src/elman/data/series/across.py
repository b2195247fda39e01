"""Tables with a row for each series and a column for each time, turned into long tables."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from elman.config import counted, listed
from elman.data.read.cells import values_of
from elman.data.read.months import is_month, languages_of, month_in
from elman.data.read.reading import Reading
from elman.data.read.tables import holds_numbers, number_columns, row_number
from elman.data.read.totals import names_total, sum_or_mean
from elman.data.series.panel import Columns
from elman.data.series.time_columns import TIME_NAMES, holds_dates, is_whole, whole_numbers
from elman.data.series.times import AmbiguousTimes, read_times
from elman.errors import InputError
from elman.notice import notice

_LEAST = 3  # columns that make times of their names
_YEAR = re.compile(r"(?:X|F|YR)?(?P<year>(?:1[5-9]|2[01])\d\d)(?: \[YR(?P=year)\])?")
_DATE_OF_R = re.compile(r"X(?=\d{4}[.-]\d)")  # R puts a letter before names that begin with a digit
_YEAR_NAMES = re.compile(r"year|yr|jahr|année|annee|año|ano|anno|jaar", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?)(\d+)")
_MONTHS = 12


class _Times(NamedTuple):
    """Columns whose names are times.

    Attributes:
        columns: their names.
        times: the time that each stands for, as a text; or its number.
        year: the column that holds the year of each row; None if the names hold it.
    """

    columns: list[str]
    times: list[str] | list[int]
    year: str | None = None


def turned(
    tables: "Sequence[tuple[pl.DataFrame, Path]]", wanted: Columns, reading: Reading
) -> "tuple[Sequence[tuple[pl.DataFrame, Path]], Columns]":
    """Turns tables with a row for each series into tables with a row for each series and time.

    Their columns are times (Jan 2020, 2020-01-31, 2020Q1 or 2020), the twelve months beside a column of the
    year, or numbered steps (V2, V3, …) behind one column of names. Reports what was assumed in one line.

    Args:
        tables: the tables, each with its path; all are turned, or none.
        wanted: names of columns.
        reading: how the tables were read.

    Returns:
        (tables, columns): with the column of names; other tables as they are.

    Raises:
        InputError: a cell is no number, or it is unclear which column names the series.
    """
    found = [_times_of(table, wanted, reading) for table, _ in tables]
    if None in found:
        return tables, wanted
    result, columns = [], wanted
    for (table, path), times in zip(tables, found, strict=True):
        assert times is not None
        table = _without_totals(table, path, times, reading)
        name = _name_of(table, path, times, columns)
        columns = replace(columns, id=columns.id if name is None else name)
        result.append((_long(table, path, times, columns, name, reading), path))
        rest = [c for c in table.columns if c not in (*times.columns, times.year, name, *columns.static)]
        unread = f"; not read: {listed(rest)}" if rest else ""
        notice(f"{path}: {_said(times, name)}{unread}")
    return result, columns


def _without_totals(table: "pl.DataFrame", path: Path, times: _Times, reading: Reading) -> "pl.DataFrame":
    """Leaves out rows that have a word such as Total and are the sum or mean of the others; reports it."""
    texts = [
        c for c in table.columns if c not in (*times.columns, times.year) and table[c].dtype == pl.String
    ]
    words = [next((cell for cell in row if names_total(cell)), "") for row in table.select(texts).iter_rows()]
    if not any(words):
        return table
    values = np.stack([values_of(table[column], reading) for column in times.columns], axis=1)
    years = np.zeros(len(table)) if times.year is None else whole_numbers(table[times.year]).to_numpy()
    plain = np.array([not word for word in words])
    kinds: dict[int, str] = {}
    for row in np.flatnonzero(~plain).tolist():
        others = values[plain & (years == years[row])].T
        kinds[row] = sum_or_mean(values[row], others) if others.shape[1] else ""
    left = {row for row, kind in kinds.items() if all(kinds[k] for k in kinds if words[k] == words[row])}
    for word in dict.fromkeys(words[row] for row in sorted(left)):
        own = [row for row in left if words[row] == word]
        rows = f"row {word} is" if len(own) == 1 else f"{counted(len(own), 'row')} {word} are"
        notice(f"{path}: the {rows} the {kinds[own[0]]} of the others and left out")
    return table.filter(pl.Series([row not in left for row in range(len(table))]))


def _times_of(table: "pl.DataFrame", wanted: Columns, reading: Reading) -> _Times | None:
    """Returns the columns of a table whose names are times; None if another column holds the times."""
    known = {wanted.id, *wanted.static}
    free = [column for column in table.columns if column not in known]
    if wanted.time in table.columns or wanted.target in table.columns or len(free) < _LEAST:
        return None
    numbers = [c for c in free if table[c].null_count() == len(table) or holds_numbers(table, c, reading)]
    times = _named_by_time(table, free, numbers) or _named_by_month(table, free)
    if times is not None:
        other = [c for c in table.columns if c not in (*times.columns, times.year)]
        fits = (times.year is not None or _in_order(times.times)) and not any(
            holds_dates(table[column]) for column in other
        )
        return times if fits else None
    return _numbered(table, wanted, numbers)


def _named_by_time(table: "pl.DataFrame", free: Sequence[str], numbers: Sequence[str]) -> _Times | None:
    texts = {column: match["year"] for column in free if (match := _YEAR.fullmatch(column.strip()))}
    if len(texts) < _LEAST:
        plain = {column: _DATE_OF_R.sub("", column.strip()) for column in free}
        texts = {column: text for column, text in plain.items() if holds_dates(pl.Series([text]))}
    if len(texts) < _LEAST or 2 * sum(column in numbers for column in texts) <= len(texts):
        return None
    return _Times(list(texts), list(texts.values()))


def _in_order(times: Sequence[object]) -> bool:
    """Whether times go forward, or back; those with two readings are taken to be in order."""
    try:
        values = read_times([(pl.Series(times), Path("header"))]).values
    except AmbiguousTimes:
        return True
    except InputError:
        return False
    return bool((np.diff(values) > 0).all() or (np.diff(values) < 0).all())


def _named_by_month(table: "pl.DataFrame", free: Sequence[str]) -> _Times | None:
    """Returns the twelve columns of months beside a column of the year."""
    own = [column for column in free if is_month(column.strip())]
    years = [c for c in free if _YEAR_NAMES.fullmatch(c) and is_whole(table[c])]
    if (
        len(own) != _MONTHS
        or len(years) != 1
        or not whole_numbers(table[years[0]]).is_between(1500, 2500).all()
    ):
        return None
    for language in {"en", *(language for column in own for language in languages_of(column))}:
        months = [month_in(column.strip(), language) for column in own]
        if set(months) == set(range(1, _MONTHS + 1)):
            return _Times(own, [f"{month:02}" for month in months], years[0])
    return None


def _numbered(table: "pl.DataFrame", wanted: Columns, numbers: Sequence[str]) -> _Times | None:
    """Returns columns that are numbered without a gap, behind one column that names each row."""
    names = [c for c in table.columns if c not in (*numbers, *wanted.static)]
    matches = [_NUMBERED.fullmatch(column) for column in numbers]
    if len(names) != 1 or table.columns[0] != names[0] or len(numbers) < _LEAST or None in matches:
        return None
    stems = {match[1] for match in matches if match}
    steps = np.array([int(match[2][:9]) for match in matches if match])
    if len(stems) != 1 or (np.diff(steps) != 1).any() or not _tells_apart(table, names):
        return None
    if TIME_NAMES.fullmatch(names[0]) or not table[names[0]].cast(pl.String).str.contains(r"^\s*\p{L}").all():
        return None
    if any(holds_dates(table[names[0]].slice(row, 1)) for row in (0, len(table) - 1)):
        return None
    return _Times(list(numbers), (steps - steps[0] + 1).tolist())


def _name_of(table: "pl.DataFrame", path: Path, times: _Times, wanted: Columns) -> str | None:
    """Returns the column that names the series; None if there is one series."""
    year = [] if times.year is None else [times.year]
    if wanted.id in table.columns:
        own = [wanted.id]
    else:
        rest = [c for c in table.columns if c not in (*times.columns, *year, *wanted.static)]
        own = [column for column in rest if _tells_apart(table, [column, *year])]
        if _tells_apart(table, year) if year else len(table) == 1:
            return None
        texts = [column for column in own if not is_whole(table[column])]
        own = texts or own
        if not own:
            two = next((some for some in combinations(rest, 2) if _tells_apart(table, [*some, *year])), ())
            how = "name the column that tells series apart by --id-column; columns: "
            how += ", ".join(rest) or "none"
            if two:
                how = f"{' and '.join(two)} together tell them apart: keep rows of one of them, or join both"
            raise InputError(
                f"{path}: columns such as {times.columns[0]} are times, so each row is a series: {how}"
            )
    again = ~table.select(pl.struct(own[0], *year).is_first_distinct()).to_series()
    for bad, rule in ((table[own[0]].is_null(), "must not be empty"), (again, "must name one row")):
        if bad.any():
            row = int(bad.arg_true()[0])
            raise InputError(
                f"{path}: row {row_number(path, row)}, column {own[0]!r}: {rule}. Got {table[own[0]][row]}."
            )
    return own[0]


def _tells_apart(table: "pl.DataFrame", columns: Sequence[str]) -> bool:
    """Whether no two rows are alike in these columns."""
    own = table.select(columns)
    return own.n_unique() == len(table) and not any(column.has_nulls() for column in own)


def _long(
    table: "pl.DataFrame", path: Path, times: _Times, columns: Columns, name: str | None, reading: Reading
) -> "pl.DataFrame":
    """Returns a row for each step from a series' first number to its last."""
    values = number_columns(table, times.columns, path, missing=True, reading=reading)
    known = ~np.isnan(values)
    if times.year is None:
        before = np.logical_or.accumulate(known, axis=1)
        after = np.logical_or.accumulate(known[:, ::-1], axis=1)[:, ::-1]
        known = before & after
    rows, at = np.nonzero(known)
    empty = len(table) - len(np.unique(rows))
    if empty:
        notice(f"{path}: {counted(empty, 'row')} without numbers {'is' if empty == 1 else 'are'} left out")
    if not len(rows):
        raise InputError(f"{path}: has no numbers in the columns {times.columns[0]} to {times.columns[-1]}")
    own = pl.Series(columns.time, times.times).gather(at)
    if times.year is not None:
        own = whole_numbers(table[times.year]).gather(rows).cast(pl.String).alias(columns.time) + "-" + own
    kept = [column for column in (name, *columns.static) if column is not None]
    return pl.DataFrame(
        [*(table[column].gather(rows) for column in kept), own, pl.Series(columns.target, values[rows, at])]
    )


def _said(times: _Times, name: str | None) -> str:
    first, last = times.columns[0], times.columns[-1]
    if times.year is not None:
        rows = f"each row is a year of a series that {name} names" if name else "each row is a year"
        return f"{rows}; {first} to {last} are its months"
    rows = "its row is a series" if name is None else f"each row is a series that {name} names"
    numbered = "its steps, without times" if isinstance(times.times[0], int) else "its times"
    return f"{rows}; {first} to {last} are {numbered}"
