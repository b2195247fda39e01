"""Tables from files, and the checks that name a bad cell by file, row and column."""

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.config import shown
from elman.errors import InputError

if TYPE_CHECKING:
    import polars as pl

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
"""Endings of the files that ``read_table`` reads."""


def read_table(path: Path, also: tuple[str, ...] = ()) -> "pl.DataFrame":
    """A table of at least one row; its first row is row 2 of a file that names its columns in row 1.

    Args:
        path: comma- or tab-separated text with a header, JSON objects one a line, or Parquet.
        also: endings that the caller reads by itself, for the message.

    Raises:
        InputError: no such file, another ending, a damaged file, or no rows.
    """
    import polars as pl

    # a column's type is known only when all of it has been read
    readers = {
        ".csv": partial(pl.read_csv, infer_schema_length=None),
        ".tsv": partial(pl.read_csv, infer_schema_length=None, separator="\t"),
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
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    if len(table) == 0:
        raise InputError(f"{path}: has no rows")
    return table


def row_number(path: Path, index: int) -> int:
    """The number by which people find a row: its line in a file of text, from 1 in others."""
    return index + (2 if path.suffix in (".csv", ".tsv") else 1)


def check_columns(table: "pl.DataFrame", columns: list[str], path: Path) -> None:
    """Raises InputError unless the table has all these columns."""
    for column in columns:
        if column not in table.columns:
            raise InputError(f"{path}: has no column {column!r}; columns: {', '.join(table.columns)}")


def check_filled(table: "pl.DataFrame", column: str, path: Path) -> None:
    """Raises InputError where a cell of the column is empty."""
    if table[column].has_nulls():
        row = row_number(path, int(table[column].is_null().arg_true()[0]))
        raise InputError(f"{path}: row {row}, column {column!r}: must not be empty")


def number_column(table: "pl.DataFrame", column: str, path: Path, *, missing: bool = False) -> np.ndarray:
    """A column as float32 [rows].

    Args:
        table: what was read.
        column: its name.
        path: where it was read, for messages.
        missing: whether empty cells and NaN are allowed; they become NaN.

    Raises:
        InputError: a cell holds no finite number.
    """
    import polars as pl

    numbers = table[column].cast(pl.Float64, strict=False).cast(pl.Float32)
    bad = numbers.is_null() | ~numbers.is_finite()
    if missing:
        bad &= ~(table[column].is_null() | numbers.is_nan().fill_null(False))
    rows = bad.fill_null(True).arg_true()
    if len(rows):
        row = int(rows[0])
        raise InputError(
            f"{path}: row {row_number(path, row)}, column {column!r}: must be a finite number. "
            f"Got {shown(table[column][row])}."
        )
    return numbers.fill_null(float("nan")).to_numpy()


def csv_line(cells: Sequence[object]) -> str:
    """A line of comma-separated cells, quoted where they must be; None is an empty one."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
