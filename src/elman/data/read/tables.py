"""Reads tables from files, and checks cells; messages name file, row and column."""

import csv
import io
import json
import warnings
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from elman.config import is_finite, shown
from elman.data.read.cells import numbers_of
from elman.data.read.reading import PLAIN, Reading
from elman.data.scale import LARGEST
from elman.errors import InputError

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons"}

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
"""File endings that ``read_table`` supports."""


def read_table(path: Path, reading: Reading = PLAIN, also: tuple[str, ...] = ()) -> pl.DataFrame:
    """Reads a table of at least one row.

    Every column of comma- or tab-separated text holds texts, exactly as they are written: 007, 1.10 and True
    may be names. ``number_column`` reads numbers, ``text_column`` texts from any kind of file.

    Args:
        path: comma- or tab-separated text with a header, JSON objects one per line, or Parquet.
        reading: how to read it.
        also: further endings that the caller supports, for messages.

    Raises:
        InputError: the file is missing, damaged, has another ending, or has no rows.
    """
    own = reading.delimiter or _SEPARATORS.get(path.suffix, ",")
    readers = {
        ".csv": partial(pl.read_csv, infer_schema=False, separator=own),
        ".tsv": partial(pl.read_csv, infer_schema=False, separator=own),
        # a column's type depends on all of its cells
        ".jsonl": partial(pl.read_ndjson, infer_schema_length=None),
        ".parquet": pl.read_parquet,
    }
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix not in readers:
        raise InputError(f"{path}: must end in {', '.join(TABLES + also)}. Got {path.suffix!r}.")
    try:
        table: pl.DataFrame = readers[path.suffix](path)  # type: ignore[operator]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(_fault(path) or f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    if len(table.columns) == 1:
        _check_separator(path, table.columns[0])
    if len(table) == 0:
        raise InputError(f"{path}: has no rows")
    return table


def _fault(path: Path) -> str:
    """Returns the fault of a text file that could not be read, with its line; empty if none is recognised."""
    if path.suffix not in _SEPARATORS and path.suffix != ".jsonl":
        return ""
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    for number, line in enumerate(content.split(b"\n"), 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            at = error.start
            return f"{path}: line {number}: must be UTF-8. Byte {at + 1} is 0x{line[at]:02X}."
    text = content.decode("utf-8-sig")
    return _fault_of_objects(path, text) if path.suffix == ".jsonl" else _fault_of_cells(path, text)


def _fault_of_objects(path: Path, text: str) -> str:
    """Returns the fault of the first line that is not a JSON object; empty if there is none."""
    for number, line in enumerate(text.split("\n"), 1):
        try:
            parsed = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            return f"{path}: line {number}: must be a JSON object. Got {shown(line)}."
    return ""


def _fault_of_cells(path: Path, text: str) -> str:
    """Returns the fault of the first row with too many cells or an unclosed quote; empty if there is none."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_SEPARATORS[path.suffix], strict=True)
    header, begin = None, 1
    try:
        for cells in rows:
            if header is None:
                header = cells
                if len(header) == 1:
                    _check_separator(path, header[0])
            if len(cells) > len(header):
                return f"{path}: line {begin}: must have at most {len(header)} cells. Got {len(cells)}."
            begin = rows.line_num + 1
    except csv.Error:  # a quoted cell without an end, or with text after its end
        return f"{path}: line {begin}: has a quote that is not closed, or not doubled within a cell"
    return ""


def _check_separator(path: Path, name: str) -> None:
    """Raises InputError if the name of the only column contains another separator."""
    own = _SEPARATORS.get(path.suffix)
    others = [other for other in ";\t" if own and own != other and other in name]
    if others:
        raise InputError(
            f"{path}: columns must be separated by {_NAMES[own or '']}. "
            f"Got {_NAMES[others[0]]} in the first line."
        )


def row_number(path: Path, index: int) -> int:
    """Returns the row number for messages: the line in .csv and .tsv files, otherwise counted from 1."""
    return index + (2 if path.suffix in (".csv", ".tsv") else 1)


def check_columns(table: pl.DataFrame, columns: list[str], path: Path) -> None:
    """Raises InputError unless the table has all these columns."""
    for column in columns:
        if column not in table.columns:
            raise InputError(f"{path}: has no column {column!r}; columns: {', '.join(table.columns)}")


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
    named = cells.str.strip_chars().str.contains("^(?i:[+-]?0[0-9]|true$|false$)").fill_null(False)
    return bool((found.values.is_null() == found.missing).all() and not (named & ~found.missing).any())


def time_order(table: pl.DataFrame, column: str) -> np.ndarray:
    """Returns the rank of each row's time: of numbers by value, of anything else as polars orders it."""
    cells = table[column]
    if cells.dtype == pl.String and not (numbers := numbers_of(cells).values).has_nulls():
        cells = numbers
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
    for k, column in enumerate(columns):
        found = numbers_of(table[column], reading)
        if found.two_ways:
            _refuse_two_ways(table[column], path)
        fits = (found.values.is_finite() & (found.values.abs() <= LARGEST)).fill_null(False)
        bad = (~(fits | found.missing) if missing else ~fits).arg_true()
        if len(bad):
            _refuse_cell(table[column], int(bad[0]), found.values, path)
        result[:, k] = found.values.fill_null(float("nan")).to_numpy()
        marked += found.named
    if marked:
        names = ", ".join(dict.fromkeys(marked))
        warnings.warn(f"{path}: {len(marked):,} cells count as missing values: {names}", stacklevel=2)
    return result


def _refuse_cell(cells: pl.Series, row: int, numbers: pl.Series, path: Path) -> None:
    value, number = cells[row], numbers[row]
    rule, hint = "a finite number", ""
    if is_finite(number):
        rule = f"in [-{LARGEST}, {LARGEST}]"
    elif _is_date(value):
        hint = " Name a column of times by --time-column."
    place = f"{path}: row {row_number(path, row)}, column {cells.name!r}"
    raise InputError(f"{place}: must be {rule}. Got {shown(value)}.{hint}")


def _refuse_two_ways(cells: pl.Series, path: Path) -> None:
    row = int(cells.str.contains(",", literal=True).arg_true()[0])
    value = cells[row].strip()
    ways = value.replace(",", ""), value.replace(",", ".")
    raise InputError(
        f"{path}: row {row_number(path, row)}, column {cells.name!r}: {value} is {ways[0]} with --decimal . "
        f"and {ways[1]} with --decimal ,"
    )


def _is_date(value: object) -> bool:
    """Whether a cell is a date or a date-time of ISO 8601."""
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True
