"""Reads panels from tables: sorts, numbers and checks their rows."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import (
    check_columns,
    check_filled,
    holds_numbers,
    number_column,
    read_table,
    row_number,
    text_column,
)
from elman.data.series.frequency import Frequency, infer_frequency, parse_frequency
from elman.data.series.panel import Columns, Panel, missing_value
from elman.data.series.times import on_the_wall, read_times
from elman.errors import InputError

_LONGEST = 10**7  # maximum number of steps of a series


def read_panel(
    paths: Sequence[Path], columns: Columns, freq: str | None = None, reading: Reading = PLAIN
) -> Panel:
    """Reads the series of one or more files (see ``read_table``).

    Args:
        paths: tables with the same columns.
        columns: their names.
        freq: see ``parse_frequency``; None: inferred.
        reading: how the files are read.

    Raises:
        InputError: the data are invalid; the message names file, row, column and value.
    """
    if not paths:
        raise InputError("forecasting reads at least one table. Got none.")
    return make_panel([(read_table(path, reading), path) for path in paths], columns, freq, reading)


def make_panel(
    tables: "Sequence[tuple[pl.DataFrame, Path]]",
    columns: Columns,
    freq: str | None = None,
    reading: Reading = PLAIN,
) -> Panel:
    """Returns a panel of tables, each with a name for messages; see ``read_panel``.

    Rows that are out of order within their series are sorted, and steps without a row become missing values.
    Each of these causes a warning that names the first such row.
    """
    rows = _Rows(tables, columns, freq, reading)
    firsts, series = _numbered(rows.ids)
    keys = rows.keys.gather(firsts)
    order = _sorted(rows, series)
    series, times = series[order], rows.times[order]
    if freq is None:
        frequency = infer_frequency(times, series, integers=rows.integers)
    else:
        frequency = parse_frequency(freq, integers=rows.integers)
    if rows.zone and frequency.by_days and not rows.wall:
        raise InputError(
            f"{columns.time}: steps of {frequency} must have a constant time of day in the time zone "
            f"{rows.zone}: convert them to a zone in which they do, or give times without a zone"
        )
    first = np.flatnonzero(np.diff(series, prepend=-1))
    steps = _steps(rows, order, series, frequency, times[first])
    last = np.append(first[1:], len(steps)) - 1
    begins = np.concatenate([[0], np.cumsum(steps[last] + 1)])
    at = begins[series] + steps

    def spread(values: np.ndarray) -> np.ndarray:
        """Moves values from rows to steps."""
        flat = np.full(begins[-1], missing_value(values), values.dtype)
        flat[at] = values[order]
        return flat

    y = spread(rows.values(columns.target, number=True))
    return Panel(
        keys,
        frequency,
        times[first],
        begins,
        _lengths(y, begins, [rows.ids[row] for row in firsts], columns),
        y,
        {column: spread(rows.values(column)) for column in columns.covariates},
        {column: _one_each(rows, column, series, order, first) for column in columns.static},
        rows.integers,
        rows.time_type,
    )


class _Rows:
    """The rows of all tables, numbered from 0, each with its series' name and its time.

    Times with a zone are converted to local time if all have the same time of day, as daily steps do, and
    otherwise to UTC.
    """

    def __init__(
        self,
        tables: "Sequence[tuple[pl.DataFrame, Path]]",
        columns: Columns,
        freq: str | None,
        reading: Reading,
    ) -> None:
        self.columns, self._tables, self._reading = columns, tables, reading
        self._begins = np.cumsum([0, *(len(table) for table, _ in tables)])
        names = [columns.id, columns.time, columns.target, *columns.covariates, *columns.static]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"column {name!r} is named for two purposes")
        for table, path in tables:
            check_columns(table, names, path)
            check_filled(table, columns.id, path)
            check_filled(table, columns.time, path)
        keys = [table[columns.id] for table, _ in tables]
        alike = len({column.dtype for column in keys}) == 1
        self.keys = pl.concat(keys if alike else [column.cast(pl.String) for column in keys])
        self.ids: list[str] = self.keys.cast(pl.String).to_list()
        moments = [table[columns.time] for table, _ in tables]
        moments = [_as_integers(column) for column in moments]
        self.time_type = moments[0].dtype if len({column.dtype for column in moments}) == 1 else pl.String()
        self.zone = getattr(self.time_type, "time_zone", None)
        self.wall = self.zone is not None and on_the_wall(moments, freq)
        times, kinds = [], []
        for column, (_, path) in zip(moments, tables, strict=True):
            seconds, integers = read_times(column.dt.replace_time_zone(None) if self.wall else column, path)
            times.append(seconds)
            kinds.append(integers)
            if integers != kinds[0]:
                raise InputError(f"{path}: {columns.time} must be integers or dates, as in {tables[0][1]}")
        self.times, self.integers = np.concatenate(times), kinds[0]

    def _find(self, row: int) -> tuple["pl.DataFrame", Path, int]:
        number = int(np.searchsorted(self._begins, row, "right")) - 1
        return *self._tables[number], int(row - self._begins[number])

    def named(self, row: int) -> str:
        """Returns file, row and series, for messages."""
        _, path, index = self._find(row)
        return f"{path}: row {row_number(path, index)}: {self.columns.id} {self.ids[row]!r}"

    def cell(self, row: int, column: str) -> str:
        """Returns a cell as written in its file."""
        table, _, index = self._find(row)
        return str(table[column][index])

    def values(self, column: str, *, number: bool = False) -> np.ndarray:
        """Returns a column [rows], float64 if ``number`` is set or all cells are numbers, else texts."""
        if number or all(holds_numbers(table, column, self._reading) for table, _ in self._tables):
            numbers = (
                number_column(table, column, path, missing=True, reading=self._reading)
                for table, path in self._tables
            )
            return np.concatenate(list(numbers))
        texts = (text_column(table, column) for table, _ in self._tables)
        return np.array([cell for cells in texts for cell in cells])


def _as_integers(moments: pl.Series) -> pl.Series:
    """Returns times as integers if they are texts of integers."""
    if moments.dtype != pl.String:
        return moments
    whole = moments.str.strip_chars().cast(pl.Int64, strict=False)
    return moments if whole.has_nulls() else whole


def _numbered(ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the row of each name's first occurrence, and the number of each row's name."""
    numbers: dict[str, int] = {}
    series = np.array([numbers.setdefault(name, len(numbers)) for name in ids], np.int64)
    return np.unique(series, return_index=True)[1], series


def _sorted(rows: _Rows, series: np.ndarray) -> np.ndarray:
    """Sorts rows by series and time; warns of unsorted rows, refuses repeated times."""
    as_given = np.argsort(series, kind="stable")
    back = np.flatnonzero((np.diff(series[as_given]) == 0) & (np.diff(rows.times[as_given]) < 0))
    if len(back):
        row = int(as_given[back[0] + 1])
        warnings.warn(
            f"{rows.named(row)} has an earlier {rows.columns.time} than the row before; rows are sorted "
            f"({len(back)} such rows)",
            stacklevel=4,
        )
    order = np.lexsort((rows.times, series))
    twice = np.flatnonzero((np.diff(series[order]) == 0) & (np.diff(rows.times[order]) == 0))
    if len(twice):
        row, time = int(order[twice[0] + 1]), rows.columns.time
        raise InputError(f"{rows.named(row)} has {time} {rows.cell(row, time)} twice")
    return order


def _steps(
    rows: _Rows, order: np.ndarray, series: np.ndarray, frequency: Frequency, starts: np.ndarray
) -> np.ndarray:
    """Returns each sorted row's step within its series; warns of steps without a row."""
    steps, fits = frequency.steps(rows.times[order], starts[series])
    wrong = np.flatnonzero(~fits | (steps > _LONGEST))
    if len(wrong):
        row, time = int(order[wrong[0]]), rows.columns.time
        raise InputError(
            f"{rows.named(row)}: {time} must be a whole number of steps of frequency {frequency}, at most "
            f"{_LONGEST:,}, after the first of its series. Got {rows.cell(row, time)}. "
            "Set another frequency by --freq."
        )
    wide = np.flatnonzero((np.diff(series) == 0) & (np.diff(steps) > 1))
    if len(wide):
        missing = int((np.diff(steps)[wide] - 1).sum())
        warnings.warn(
            f"{rows.named(int(order[wide[0] + 1]))} has no row for the step before; "
            f"{missing} steps without a row become missing values",
            stacklevel=4,
        )
    return steps


def _one_each(
    rows: _Rows, column: str, series: np.ndarray, order: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """Returns the value of a static column for each series."""
    values = rows.values(column)[order]
    own = values[first]
    if values.dtype.kind == "f":
        differs = ~np.isclose(values, own[series], rtol=0, atol=0, equal_nan=True)
    else:
        differs = values != own[series]
    if differs.any():
        row = int(order[np.flatnonzero(differs)[0]])
        raise InputError(
            f"{rows.named(row)}: {column} must be the same in all of its rows. Got {rows.cell(row, column)}."
        )
    return own


def _lengths(y: np.ndarray, begins: np.ndarray, names: list[str], columns: Columns) -> np.ndarray:
    """Returns the number of steps up to each series' last target."""
    steps = np.arange(len(y)) - np.repeat(begins[:-1], np.diff(begins)) + 1
    lengths = np.maximum.reduceat(np.where(np.isnan(y), 0, steps), begins[:-1])
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        raise InputError(f"{columns.id} {names[int(empty[0])]!r} has no {columns.target}")
    return lengths
