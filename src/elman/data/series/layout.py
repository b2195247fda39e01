"""What the columns of tables of series are: names, times and targets, found where the user does not say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from elman.config import listed, shown
from elman.data.read.cells import values_of
from elman.data.read.reading import Reading
from elman.data.read.tables import (
    check_columns,
    check_filled,
    holds_numbers,
    objects_in,
    row_number,
    why_no_numbers,
)
from elman.data.read.totals import names_total, sum_or_mean
from elman.data.series.across import turned
from elman.data.series.clocks import is_marked
from elman.data.series.panel import Columns
from elman.data.series.time_columns import (
    TIME_NAMES,
    has_format,
    holds_dates,
    holds_no_years,
    is_whole,
    mostly_dates,
    parts_of_time,
    stands_for_dates,
    whole_numbers,
    without_totals_of_times,
)
from elman.data.series.time_parts import with_time
from elman.errors import InputError
from elman.notice import notice

_DEFAULT = Columns()
_ROW_NAMES = re.compile(
    r"(|column_1|unnamed: ?\d+|index|row|rownames|row_nr|row_number|no|nr)", re.IGNORECASE
)
_NUMBERED = re.compile(r"(.*?)\d+")
_MOST_SHOWN = 8  # columns named in a message


@dataclass(frozen=True)
class Source:
    """Rows of one or more series in a table.

    Attributes:
        table: the rows.
        path: where they were read, for messages.
        target: column to forecast.
        name: name of the only series; None if a column names the series of each row.
        time: what the times are called in messages: the columns that were joined to them; empty: their own
            column.
    """

    table: "pl.DataFrame"
    path: Path
    target: str
    name: str | None = None
    time: str = ""


def sources_of(
    tables: "Sequence[tuple[pl.DataFrame, Path]]",
    wanted: Columns,
    names: Sequence[str],
    reading: Reading,
    time_format: str | None = None,
) -> tuple[Columns, list[Source], str]:
    """Finds out what the columns of tables are.

    A table without a column of names is one series, called by its target, or by its file if there are
    several tables.

    Args:
        tables: the tables, each with its path.
        wanted: names of columns; default names need not be present.
        names: name of each table's series if it has no column of names.
        reading: how the tables were read.
        time_format: the form of times, if the user gave it.

    Returns:
        (columns, sources, line): the columns, rows of series, and what was assumed in one line; empty if
        nothing was.

    Raises:
        InputError: a column is absent, or several could be meant; the message says which flag chooses.
    """
    tables = [(wanted.with_names(table), path) for table, path in tables]
    alone = wanted.time == _DEFAULT.time and all(len(table.columns) == 1 for table, _ in tables)
    if alone:
        tables = [(_with_steps(table, wanted.time), path) for table, path in tables]
    _check_named(wanted, tables)
    tables, wanted = turned(
        [(without_totals_of_times(table, path), path) for table, path in tables], wanted, reading
    )
    table, path = tables[0]
    free = [c for c in table.columns if c not in (wanted.id, wanted.target)]
    parts = parts_of_time(table, free) if wanted.time == _DEFAULT.time and wanted.time not in free else ()
    if parts:
        kept = {*wanted.covariates, *wanted.static}
        for other, file in tables:
            check_columns(other, list(parts), file)
            for part in parts:
                check_filled(other, part, file)
        tables = [(with_time(other, parts, wanted.time, kept), file) for other, file in tables]
    table, path = tables[0]
    roles = _Roles(table, path, wanted, reading, time_format)
    if parts:
        roles.joined = ", ".join(parts)
        roles.assumed.append(f"{roles.joined} are the time")
    time = roles.time()
    layout = wanted.layout
    if layout == "wide" or (layout == "auto" and roles.is_wide(time)):
        columns = replace(wanted, time=time, layout="wide")
        return _wide(tables, columns, roles)
    name = roles.name(time) if layout in ("auto", "long") else None
    target = roles.target(time, name)
    several = len(tables) > 1 or name is not None or layout == "long"
    columns = replace(
        wanted, id=name or wanted.id, time=time, target=target, layout="long" if several else "one"
    )
    sources = []
    for (other, file), own in zip(tables, names, strict=True):
        present = columns.layout == "long" and columns.id in other.columns
        check_columns(other, [time, target, *columns.covariates, *columns.static], file)
        series = None if present else own if several else target
        sources.append(Source(other, file, target, series, roles.joined))
    return columns, sources, roles.line(columns, name) + ("; each row is a step" if alone else "")


def _with_steps(table: "pl.DataFrame", time: str) -> "pl.DataFrame":
    """Returns a table of one column with the numbers of its rows, from 1, as texts like those of a file."""
    return table.with_columns(pl.int_range(1, len(table) + 1, eager=True).cast(pl.String).alias(time))


def _check_named(wanted: Columns, tables: "Sequence[tuple[pl.DataFrame, Path]]") -> None:
    """Raises InputError if a column that the user named is absent, or has two purposes."""
    table, path = tables[0]
    roles = [wanted.id, wanted.time, wanted.target, *wanted.covariates, *wanted.static]
    for name in roles:
        if roles.count(name) > 1:
            raise InputError(f"column {name!r} is named for two purposes")
    wide = wanted.layout == "wide"
    strict = {"time": True, "target": not wide, "id": wanted.layout == "long"}
    own = [getattr(wanted, role) for role, is_strict in strict.items() if is_strict]
    default = {_DEFAULT.id, _DEFAULT.time, _DEFAULT.target}
    absent = [*wanted.covariates, *wanted.static, *(name for name in own if name not in default)]
    check_columns(table, [name for name in absent if name != wanted.id], path)
    if wanted.id in absent and not any(wanted.id in other.columns for other, _ in tables):
        check_columns(table, [wanted.id], path)


class _Roles:
    """Finds the roles of a table's columns."""

    def __init__(
        self, table: "pl.DataFrame", path: Path, wanted: Columns, reading: Reading, time_format: str | None
    ) -> None:
        self.table, self.path, self.wanted, self.reading = table, path, wanted, reading
        self.time_format = time_format
        taken = {*wanted.covariates, *wanted.static}
        self.free = [column for column in table.columns if column not in taken]
        self.assumed: list[str] = []
        self.joined = ""
        """The columns that were joined to the times, for messages."""

    def time(self) -> str:
        """Returns the column of times."""
        if self.wanted.time in self.table.columns:
            return self.wanted.time
        own = [column for column in self.free if column not in (self.wanted.id, self.wanted.target)]
        dated = [column for column in own if holds_dates(self.table[column])]
        for some in (
            [column for column in own if has_format(self.table[column], self.time_format)],
            dated,
            [column for column in own if TIME_NAMES.fullmatch(column) and is_whole(self.table[column])],
            [column for column in own if stands_for_dates(self.table[column])],
            [c for c in own if TIME_NAMES.fullmatch(c) and holds_dates(self.table[c].head(1))],
            [column for column in own if mostly_dates(self.table[column])],
        ):
            if len(some) == 1:
                self.assumed.append(f"{some[0]} is the time")
                return some[0]
            if some:
                raise InputError(
                    f"{self.path}: several columns may be the time: {listed(some)}. "
                    "Choose one by --time-column."
                )
        raise InputError(
            f"{self.path}: has no column {self.wanted.time!r}, and no other that holds dates; "
            f"name the column of times by --time-column. Columns: "
            f"{listed(self.table.columns)}{objects_in(self.table)}.{self._hint()}"
        )

    def _hint(self) -> str:
        """Returns what to do with times without years, or with numbered series; empty for other tables."""
        yearless = [column for column in self.free if holds_no_years(self.table[column])]
        if yearless:
            cells = self.table[yearless[0]].drop_nulls()
            years = " If they are months and years, say --time-format %m/%y." * has_format(cells, "%m/%y")
            return (
                f" {yearless[0]} holds times without their years, such as {shown(cells[0])}: write the year"
                f" beside each, here or in a column named year.{years}"
            )
        clocks = [column for column in self.free if is_marked(self.table[column])]
        if clocks:
            return f" {clocks[0]} holds times of day: write the date beside each, here or in its own column."
        stems = {match[1] if (match := _NUMBERED.fullmatch(name)) else None for name in self.free}
        if len(self.free) < 3 or len(stems) != 1 or None in stems or not self.holds_numbers(self.free[0]):
            return ""
        seconds = pl.Series(
            [self.table[name][min(1, len(self.table) - 1)] for name in self.free], strict=False
        )
        if is_whole(seconds) and bool(whole_numbers(seconds).is_between(1500, 2500).all()):
            return (
                " Each column looks like a series with its length and first year above its values: write a "
                "row for each series and time instead."
            )
        return " If each column is a series and each row a step, add a column that numbers or dates the rows."

    def is_wide(self, time: str) -> bool:
        """Whether each column of numbers is a series: their names are numbered, and nothing else is named."""
        wanted, numbers = self.wanted, [*self.numbers(time, None), *self.nearly(time, None)]
        if wanted.id in self.table.columns or wanted.target in self.table.columns:
            return False
        if wanted.covariates or wanted.static or len(numbers) < 3 or self.repeats(time):
            return False
        stems = {match[1] if (match := _NUMBERED.fullmatch(name)) else None for name in numbers}
        return len(stems) == 1 and None not in stems

    def name(self, time: str) -> str | None:
        """Returns the column that names the series of a row; None if the table is one series."""
        if self.wanted.id in self.table.columns:
            return self.wanted.id
        if not self.repeats(time):
            return None
        own = [c for c in self.free if c not in (time, self.wanted.target) and self.divides(c, time)]
        clocks = [column for column in own if is_marked(self.table[column])]
        own = [column for column in own if column not in clocks]
        texts = [column for column in own if not self.holds_numbers(column)]
        some = texts or own
        if len(some) == 1:
            self.assumed.append(f"{some[0]} names the series")
            return some[0]
        row = int((~self.table[time].is_first_distinct()).arg_true()[0])
        others = [column for column in self.table.columns if not (self.joined and column == time)]
        together = "" if some else self.names_together(time)
        which = f"{listed(some)} may name it" if some else together or f"columns: {listed(others)}"
        alone = (
            "" if some or together else "bring the rows to one for each time, such as their sum or mean, or "
        )
        blocks = [c for c in self.free if c != time and self.divides_filled(c, time)]
        if blocks and not some:
            raise InputError(
                f"{self.path}: column {blocks[0]!r} names a series only in the first of its rows, as merged "
                "cells do: write the name in every row"
            )
        if clocks:
            alone = f"write {self.joined or time} and the time of day ({listed(clocks)}) in one column, or "
        raise InputError(
            f"{self.path}: row {row_number(self.path, row)} has {self.joined or time} "
            f"{self.table[time][row]} again: "
            f"{alone}name the column that tells series apart by --id-column; {which}"
        )

    def holds_numbers(self, column: str) -> bool:
        """Whether all filled cells of a column are numbers, and one is."""
        own = self.table[column]
        empty = own.dtype == pl.Null or own.null_count() == len(own)
        return not empty and holds_numbers(self.table, column, self.reading)

    def repeats(self, time: str) -> bool:
        """Whether a time occurs twice."""
        return bool(self.table[time].n_unique() < len(self.table))

    def divides_filled(self, column: str, time: str) -> bool:
        """Whether a column divides the table into series once each empty cell is filled from above."""
        cells = self.table[column]
        if not cells.null_count() or cells[0] is None:
            return False
        filled = self.table.select(pl.col(column).forward_fill(), time)
        return filled.n_unique() == len(self.table)

    def divides(self, column: str, time: str) -> bool:
        """Whether a column of few values divides the table into series in which no time occurs twice."""
        if self.table[column].dtype.is_float() or self.table[column].null_count():
            return False
        few = 2 * self.table[column].n_unique() <= len(self.table)
        return few and self.table.select(column, time).n_unique() == len(self.table)

    def names_together(self, time: str) -> str:
        """Returns the option with two columns that divide the table together; empty if none do."""
        own = [c for c in self.free if c != time and not self.table[c].dtype.is_float()]
        series = {pair: self.table.select(pair).n_unique() for pair in combinations(own, 2)}
        few = [pair for pair in series if 2 * series[pair] <= len(self.table)]
        some = [pair for pair in few if self.table.select(*pair, time).n_unique() == len(self.table)]
        best = min(some, key=series.__getitem__, default=())
        return f"--id-column {','.join(best)} joins two" if best else ""

    def numbers(self, time: str, name: str | None) -> list[str]:
        """Returns the columns of numbers that could be targets."""
        own = [column for column in self.free if column not in (time, name)]
        return [c for c in own if self.holds_numbers(c) and not _counts_rows(self.table[c])]

    def nearly(self, time: str, name: str | None) -> dict[str, str]:
        """Returns the columns that would be numbers but for some cells, each with the reason in words."""
        own = [c for c in self.free if c not in (time, name, self.wanted.id) and not self.holds_numbers(c)]
        own = [column for column in own if not holds_dates(self.table[column])]
        reasons = {c: why_no_numbers(self.table, c, self.path, self.reading) for c in own}
        return {column: reason for column, reason in reasons.items() if reason}

    def target(self, time: str, name: str | None) -> str:
        """Returns the column to forecast."""
        if self.wanted.target in self.table.columns:
            return self.wanted.target
        some, nearly = self.numbers(time, name), self.nearly(time, name)
        why = "".join(f" {reason}." for reason in list(nearly.values())[:_MOST_SHOWN])
        if len(some) == 1 and not nearly:
            self.assumed.append(f"{some[0]} the target")
            return some[0]
        if not some:
            raise InputError(
                f"{self.path}: has no column {self.wanted.target!r}, and no other of numbers; name the "
                f"column to forecast by --target-column.{why} "
                f"Columns: {listed(self.table.columns)}"
            )
        some = [column for column in self.table.columns if column in some or column in nearly]
        wide = "" if name is not None or self.repeats(time) else ", or say --table wide if each is a series"
        raise InputError(
            f"{self.path}: several columns hold numbers: {listed(some)}. Name the one to forecast by "
            f"--target-column (the others can be read by --past, --known-future or --static){wide}.{why}"
        )

    def line(self, columns: Columns, name: str | None) -> str:
        """Returns what was assumed in one line; empty if nothing was."""
        if not self.assumed:
            return ""
        used = {columns.time, columns.target, name, *columns.covariates, *columns.static}
        rest = [column for column in self.table.columns if column not in used and column]
        unread = f"; not read: {listed(rest)}" if rest else ""
        one = (
            ""
            if name is not None
            else "; one series"
            if columns.layout == "one"
            else "; a series for each file"
        )
        return f"{self.path}: {', '.join(self.assumed)}{one}{unread}"


def _wide(
    tables: "Sequence[tuple[pl.DataFrame, Path]]", columns: Columns, roles: _Roles
) -> tuple[Columns, list[Source], str]:
    """Returns a source for each column of numbers."""
    numbers, nearly = roles.numbers(columns.time, None), roles.nearly(columns.time, None)
    if nearly:
        raise InputError(f"{roles.path}: {'. '.join(list(nearly.values())[:_MOST_SHOWN])}")
    if columns.covariates or columns.static:
        raise InputError("--table wide has no covariates: leave out --past, --known-future and --static")
    if not numbers:
        raise InputError(f"{roles.path}: has no columns of numbers for --table wide")
    numbers = _without_totals(numbers, tables, roles.reading)
    for table, path in tables:
        check_columns(table, [columns.time, *numbers], path)
    sources = [Source(table, path, name, name, roles.joined) for name in numbers for table, path in tables]
    said = f"{columns.time} is the time, each other column of numbers a series ({len(numbers)} series)"
    line = f"{roles.path}: {said}" if columns != roles.wanted else ""
    return columns, sources, line


def _without_totals(
    columns: list[str], tables: "Sequence[tuple[pl.DataFrame, Path]]", reading: Reading
) -> list[str]:
    """Leaves out columns such as Total that are the sum or mean of the others in every table; reports it."""
    kept, result = [column for column in columns if not names_total(column)], []
    for column in columns:
        kinds = {
            "" if column in kept else _kind_of_total(table, column, kept, reading) for table, _ in tables
        }
        if kept and "" not in kinds:
            notice(f"{tables[0][1]}: the column {column} is the {kinds.pop()} of the others and left out")
        else:
            result.append(column)
    return result


def _kind_of_total(table: "pl.DataFrame", column: str, others: Sequence[str], reading: Reading) -> str:
    total, *values = (values_of(table[own], reading) for own in (column, *others))
    return sum_or_mean(total, np.stack(values, axis=1)) if values else ""


def _counts_rows(column: "pl.Series") -> bool:
    """Whether a column has the name and the values of row numbers."""
    if not _ROW_NAMES.fullmatch(column.name) or not is_whole(column):
        return False
    return bool((np.diff(whole_numbers(column).to_numpy()) == 1).all())
