"""Reads tables from files, and checks cells; messages name file, row and column."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.config import is_finite, listed, shown
from elman.data.read.cells import Stray, holds_names, is_iso_date, numbers_of, stray_of
from elman.data.read.delimited import DELIMITED, read_delimited, separator_of
from elman.data.read.excel import read_excel
from elman.data.read.objects import read_objects
from elman.data.read.opening import kind_of
from elman.data.read.reading import PLAIN, Reading
from elman.data.scale import LARGEST
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables

TABLES = (".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".parquet", ".xlsx")
"""File endings of tables, also followed by that of a compression, such as .csv.gz."""

NAMED_TABLES = (*TABLES, ".json")
"""File endings of tables that the user names; in a folder and among texts, a .json file may be anything."""

_POINTED = r"\$$|[£¥₹₩]|^(?:USD|GBP|JPY|CNY|INR|CAD|AUD|NZD|SGD|HKD)$"  # currencies that have decimal points
_ENOUGH = 3  # numbers with marks, and without, that show what the marks are
_OBJECTS = (".jsonl", ".ndjson", ".json")


def read_table(path: Path, reading: Reading = PLAIN, also: tuple[str, ...] = ()) -> pl.DataFrame:
    """Reads a table of at least one row.

    Every column of a table of text (see ``read_delimited``) holds texts, exactly as they are written: 007,
    1.10 and True may be names. ``number_column`` reads numbers, ``text_column`` texts from any kind of file.

    Args:
        path: text with a separator between cells, JSON objects (one per line, or an array of them), Parquet,
            or an Excel sheet.
            Text may be compressed.
        reading: how to read it.
        also: further endings that the caller supports, for messages.

    Raises:
        InputError: the file is missing, damaged, has another ending, or has no rows.
    """
    kind = kind_of(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file")
    if not path.exists():
        raise InputError(f"{path}: no such file")
    try:
        if kind in DELIMITED:
            table = read_delimited(path, reading)
        elif kind in _OBJECTS:
            table = read_objects(path, reading)
        elif kind == ".parquet":
            table = pl.read_parquet(path)
        elif kind == ".xlsx":
            table = read_excel(path)
        else:
            endings = ", ".join(dict.fromkeys(NAMED_TABLES + also))
            raise InputError(f"{path}: must end in {endings}. Got {path.suffix!r}.")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    if len(table) == 0:
        raise InputError(f"{path}: has no rows")
    return table


def row_number(path: Path, index: int) -> int:
    """Returns the row number for messages: counted from the header in tables of text, otherwise from 1."""
    return index + (2 if kind_of(path) in DELIMITED and path.suffix else 1)


def check_columns(table: pl.DataFrame, columns: list[str], path: Path) -> None:
    """Raises InputError unless the table has all these columns."""
    for column in columns:
        if column not in table.columns:
            raise InputError(
                f"{path}: has no column {column!r}; columns: {', '.join(table.columns)}{objects_in(table)}"
            )


def objects_in(table: pl.DataFrame) -> str:
    """Returns which columns hold objects of JSON, to end a message about columns; empty if none do."""
    nested = [name for name, kind in table.schema.items() if isinstance(kind, pl.Struct)]
    if not nested:
        return ""
    fields = listed([field.name for field in table.schema[nested[0]].fields])  # type: ignore[attr-defined]
    return f"; {nested[0]!r} holds objects of {fields}: write these as columns of their own"


def check_filled(table: pl.DataFrame, column: str, path: Path) -> None:
    """Raises InputError if a cell of the column is empty, only white space, or NaN."""
    cells = table[column]
    empty = cells.is_null()
    if cells.dtype.is_float():
        empty |= cells.is_nan().fill_null(False)
    if cells.dtype == pl.String:
        empty |= (cells.str.strip_chars() == "").fill_null(False)
    if empty.any():
        row = row_number(path, int(empty.arg_true()[0]))
        raise InputError(f"{path}: row {row}, column {column!r}: must not be empty")


def text_column(table: pl.DataFrame, column: str) -> list[str]:
    """Returns a column as texts, as they are written in the file; empty cells become ""."""
    return table[column].cast(pl.String).fill_null("").to_list()


def holds_numbers(table: pl.DataFrame, column: str, reading: Reading = PLAIN) -> bool:
    """Whether a column holds numbers, not names.

    In a table with types, the type says it. In one of texts alone, such as a .csv file, a column holds
    numbers if each cell is one or is missing. It holds names if a cell has a leading zero, such as the ZIP
    code 01234, or is true or false.
    """
    cells = table[column]
    if any(kind != pl.String for kind in table.dtypes):
        return cells.dtype.is_numeric() or cells.dtype == pl.Null
    found = numbers_of(cells, reading)
    named = holds_names(cells) & ~found.missing
    return bool((found.values.is_null() == found.missing).all() and not named.any())


def why_no_numbers(table: pl.DataFrame, column: str, path: Path, reading: Reading = PLAIN) -> str:
    """Returns why a column of numbers, but for some cells or their decimal mark, is not read as numbers.

    Empty for any other column.
    """
    stray = stray_of(table[column], reading)
    if stray is None:
        other = {".": ",", ",": "."}.get(reading.decimal or "")
        fits = other is not None and holds_numbers(table, column, replace(reading, decimal=other))
        return f"{column} would be numbers with --decimal {other}" * fits
    way = _way_out(stray)
    return (
        f"{column} would be numbers but for {shown(stray.cell)} in row {row_number(path, stray.row)} ({way})"
    )


def _way_out(stray: Stray) -> str:
    if not stray.units:
        cell = pl.Series([stray.cell])
        other = [mark for mark in ".," if numbers_of(cell, Reading(decimal=mark)).values[0] is not None]
        if other:
            return f"it has the decimal mark {other[0]!r}, unlike the others: write all numbers with one mark"
        correct = "correct it; " if re.search(r"\d", stray.cell) else ""
        return f"{correct}--missing {shlex.quote(stray.cell)} counts it as missing"
    if len(stray.units) == 1:
        return f"write numbers without the unit {stray.units[0]}"
    return f"write numbers of one unit, without it, in place of {' and '.join(stray.units)}"


def time_order(table: pl.DataFrame, column: str, path: Path) -> np.ndarray:
    """Returns the rank of each row's time: of numbers and dates by value, of other texts by their characters.

    Raises:
        InputError: the days and months of dates may be read in two ways.
    """
    from elman.data.series.times import AmbiguousTimes, read_times  # they read the cells of tables

    cells = table[column]
    if cells.dtype == pl.String and not (numbers := numbers_of(cells).values).has_nulls():
        cells = numbers
    if cells.dtype != pl.String:
        return cells.rank("dense").to_numpy()
    try:
        cells = pl.Series(read_times([(cells, path)], fractions=True).values)
    except AmbiguousTimes as error:
        readings = re.sub(r" \(--time-format [^)]*\)", "", error.args[0]).removesuffix("Choose one.")
        raise InputError(f"{readings}Write dates as 2024-12-31.") from None
    except InputError:
        pass  # names of steps
    return cells.rank("dense").to_numpy()


def number_column(
    table: pl.DataFrame, column: str, path: Path, *, missing: bool = False, reading: Reading = PLAIN
) -> np.ndarray:
    """Returns a column as float64 [rows]; see ``number_columns``."""
    return number_columns(table, [column], path, missing=missing, reading=reading)[:, 0]


def number_columns(
    table: pl.DataFrame,
    columns: Sequence[str],
    path: Path,
    *,
    missing: bool = False,
    reading: Reading = PLAIN,
) -> np.ndarray:
    """Returns columns as float64 [rows, columns]; ``numbers_of`` has the rules for a cell.

    Args:
        table: the table.
        columns: their names.
        path: where it was read, for messages.
        missing: whether cells may be missing; they become NaN. Those that are missing by a marker, such as
            NA, are counted in one warning.
        reading: the decimal mark, and further markers of missing cells.

    Raises:
        InputError: a cell is not a finite number in the range of float32, or is missing although it must
            not be.
    """
    result, marked = np.empty((len(table), len(columns))), list[str]()
    money: dict[str, list[str]] = {}  # columns by their currency
    for k, column in enumerate(columns):
        found = numbers_of(table[column], reading)
        if found.two_ways:
            mark = _decimal_of(table, column, path, reading, tell=True)
            found = numbers_of(table[column], replace(reading, decimal=mark))
        fits = (found.values.is_finite() & (found.values.abs() <= LARGEST)).fill_null(False)
        bad = (~(fits | found.missing) if missing else ~fits).arg_true()
        if len(bad):
            _refuse_cell(table[column], int(bad[0]), found.values, path, missing, reading)
        if told := _likely_missing(found.values):
            notice(f"{path}: {column} has {told}")
        if found.currency:
            money.setdefault(found.currency, []).append(column)
        result[:, k] = found.values.fill_null(float("nan")).to_numpy()
        marked += found.named
    for currency, own in money.items():
        one = f"{own[0]} is read without its currency"
        several = f"{', '.join(own[:3])}{', …' if len(own) > 3 else ''} are read without their currency"
        notice(f"{path}: {one if len(own) == 1 else several}, {currency}")
    if marked:
        names = ", ".join(dict.fromkeys(marked))
        cells = (
            "1 cell counts as a missing value"
            if len(marked) == 1
            else (f"{len(marked):,} cells count as missing values")
        )
        warnings.warn(f"{path}: {cells}: {names}", stacklevel=2)
    return result


def _likely_missing(numbers: pl.Series) -> str:
    """Returns what tells that numbers such as -999 may stand for missing ones; empty if none do.

    They consist of nines, repeat, and lie farther from all others than these from each other.
    """
    filled = numbers.filter(numbers.is_finite().fill_null(False)).unique().sort()
    if len(filled) < _ENOUGH:
        return ""
    for mark, rest in ((filled[0], filled[1:]), (filled[-1], filled[:-1])):
        count = int((numbers == mark).sum())
        gap = min(abs(mark - rest[0]), abs(mark - rest[-1]))
        if count > 1 and re.fullmatch(r"-?9{2,}(\.9+|\.0)?", str(float(mark))) and gap > rest[-1] - rest[0]:
            return (
                f"{mark:g} in {count:,} cells, far from all others: --missing {mark:g} counts it as missing"
            )
    return ""


def _refuse_cell(
    cells: pl.Series, row: int, numbers: pl.Series, path: Path, missing: bool, reading: Reading
) -> None:
    value, number = cells[row], numbers[row]
    rule, hint = "a finite number", ""
    if is_finite(number):
        rule = f"in [-{LARGEST}, {LARGEST}]"
    elif is_iso_date(value):
        hint = " Name a column of times by --time-column."
    elif (stray := stray_of(cells, reading)) and stray.row == row and (missing or stray.units):
        way = _way_out(stray)
        hint = f" {way[0].upper()}{way[1:]}."
    elif reading.decimal and numbers_of(cells.slice(row, 1)).values[0] is not None:
        hint = f" The decimal mark is {reading.decimal!r}, by --decimal or as in training."
    place = f"{path}: row {row_number(path, row)}, column {cells.name!r}"
    raise InputError(f"{place}: must be {rule}. Got {shown(value)}.{hint}")


def decimal_mark(
    tables: Sequence[tuple[pl.DataFrame, Path]], columns: Sequence[str], reading: Reading = PLAIN
) -> str:
    """Returns the decimal mark of these columns of numbers; empty if they show none, or differ."""
    marks = set()
    for table, path in tables:
        for column in columns:
            if column not in table.columns or not holds_numbers(table, column, reading):
                continue
            found = numbers_of(table[column], reading)
            marks.add(_decimal_of(table, column, path, reading) if found.two_ways else found.decimal)
    marks.discard(None)
    return str(marks.pop()) if len(marks) == 1 else ""


def _are_thousands(cells: pl.Series, mark: str) -> bool:
    """Whether numbers from 1000 on have a mark before their last three digits, and lower ones are large.

    Decimals would be three, or none beside numbers of three digits.
    """
    digits = cells.str.strip_chars().drop_nulls()
    marked = digits.str.contains(mark, literal=True)
    low = digits.filter(~marked)
    plain = low.str.contains(r"^[+-]?[0-9]{1,3}$").fill_null(False)
    large = low.str.contains(r"^[+-]?[1-9][0-9]{2}$").fill_null(False)
    enough = min(len(low), int(marked.sum())) >= _ENOUGH
    return enough and bool(plain.all()) and 2 * int(large.sum()) >= len(low)


def _decimal_of(table: pl.DataFrame, column: str, path: Path, reading: Reading, *, tell: bool = False) -> str:
    """Returns the decimal mark of a column that can be read in two ways, as the rest of the file shows it.

    Amounts of money have no three decimals, but prices of one digit before the mark may, as those of fuel.
    Commas within the cells of a file that has commas between them stand between thousands, which is told.

    Raises:
        InputError: nothing in the file shows it.
    """
    mark = "," if table[column].str.contains(",", literal=True).any() else "."
    other = {",": ".", ".": ","}[mark]
    currency = numbers_of(table[column], reading).currency
    english = mark == "," and re.search(_POINTED, currency)
    like_fuel = table[column].str.contains(rf"^\D*\d[{mark}]\d{{3}}\D*$").fill_null(True).all()
    if (currency and (english or not like_fuel)) or _are_thousands(table[column], mark):
        return other
    marks = set()
    for name in table.columns:
        found = numbers_of(table[name], reading) if table[name].dtype == pl.String else None
        if (
            found
            and found.decimal
            and not found.two_ways
            and found.values.null_count() == found.missing.sum()
        ):
            marks.add(found.decimal)
    if len(marks) == 1:
        return str(marks.pop())
    # who writes semicolons between cells needs the comma for decimals; who writes commas, the point
    usual = {",": ";", ".": ","}[mark]
    separator = separator_of(path, reading) if not marks and table.width > 1 else None
    if separator == usual:
        return mark
    if separator == mark == "," and not like_fuel:
        if tell:
            notice(
                f"{path}: the commas of {column} stand between thousands; with --decimal , they are decimals"
            )
        return other
    row = int(table[column].str.contains(mark, literal=True).arg_true()[0])
    value = table[column][row].strip()
    readings = {mark: value.replace(mark, "."), other: value.replace(mark, "")}
    raise InputError(
        f"{path}: row {row_number(path, row)}, column {column!r}: {value} is {readings['.']} "
        f"with --decimal . and {readings[',']} with --decimal ,"
    )
