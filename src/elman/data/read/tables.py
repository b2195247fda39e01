"""Reads tables from files, and checks cells; messages name file, row and column."""

import csv
import io
import json
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from elman.config import is_finite, shown
from elman.data.scale import LARGEST
from elman.errors import InputError

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons"}

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
"""File endings that ``read_table`` supports."""


def read_table(path: Path, also: tuple[str, ...] = ()) -> pl.DataFrame:
    """Reads a table of at least one row.

    Args:
        path: comma- or tab-separated text with a header, JSON objects one per line, or Parquet.
        also: further endings that the caller supports, for messages.

    Raises:
        InputError: the file is missing, damaged, has another ending, or has no rows.
    """
    # a column's type depends on all of its cells
    readers = {
        ".csv": partial(pl.read_csv, infer_schema_length=None),
        ".tsv": partial(pl.read_csv, infer_schema_length=None, separator=_SEPARATORS[".tsv"]),
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
    """Raises InputError if a cell of the column is empty or NaN."""
    empty = table[column].is_null()
    if table[column].dtype.is_float():
        empty |= table[column].is_nan().fill_null(False)
    if empty.any():
        row = row_number(path, int(empty.arg_true()[0]))
        raise InputError(f"{path}: row {row}, column {column!r}: must not be empty")


def number_column(table: pl.DataFrame, column: str, path: Path, *, missing: bool = False) -> np.ndarray:
    """Returns a column as float64 [rows].

    Args:
        table: the table.
        column: its name.
        path: where it was read, for messages.
        missing: whether empty cells and NaN are allowed; both become NaN.

    Raises:
        InputError: a cell is not a finite number in the range of float32.
    """
    kind = table[column].dtype
    # polars would cast dates and categories to their internal numbers
    readable = kind.is_numeric() or kind in (pl.Boolean, pl.String, pl.Null)
    cells = table[column] if readable else pl.Series([None] * len(table))
    numbers = cells.cast(pl.Float64, strict=False)
    bad = numbers.is_null() | ~numbers.is_finite() | (numbers.abs() > LARGEST)
    if missing:
        bad &= ~(table[column].is_null() | numbers.is_nan().fill_null(False))
    rows = bad.fill_null(True).arg_true()
    if len(rows):
        row = int(rows[0])
        value = table[column][row]
        rule, hint = "a finite number", ""
        if is_finite(numbers[row]):
            rule = f"in [-{LARGEST}, {LARGEST}]"
        elif _is_date(value):
            hint = " Name a column of times by --time-column."
        raise InputError(
            f"{path}: row {row_number(path, row)}, column {column!r}: must be {rule}. "
            f"Got {shown(value)}.{hint}"
        )
    return numbers.fill_null(float("nan")).to_numpy()


def _is_date(value: object) -> bool:
    """Whether a cell is a date or a date-time of ISO 8601."""
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True
