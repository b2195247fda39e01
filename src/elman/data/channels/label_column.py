"""Labels of anomalies in a column of a table: 0 and 1, or words that can mean nothing else."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.read.cells import numbers_of
from elman.data.read.reading import Reading
from elman.data.read.tables import number_column, row_number
from elman.errors import InputError
from elman.notice import notice

_NORMAL = frozenset({"normal", "nominal", "benign", "ok"})
_ANOMALY = frozenset({"anomaly", "anomalous", "abnormal", "outlier", "attack", "fault", "failure"})


def labels_of(table: pl.DataFrame, column: str, path: Path, reading: Reading) -> np.ndarray:
    """Returns the labels of a table's rows [rows], true for anomalies.

    Words count if each is a usual one of normal rows or of anomalies; a notice tells how they are read.

    Raises:
        InputError: a label is neither 0 nor 1, nor such a word.
    """
    words = _lower(table[column])
    known = words.is_in([*_NORMAL, *_ANOMALY]).fill_null(False)
    if known.any():
        if not known.all():
            row = int((~known).arg_true()[0])
            raise InputError(
                f"{path}: row {row_number(path, row)}, column {column!r}: a label must be normal or anomaly "
                f"in all rows, or 0 or 1. Got {shown(table[column][row])}."
            )
        _tell(words, column, path)
        return words.is_in([*_ANOMALY]).to_numpy()
    values = number_column(table, column, path, reading=reading)
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(f"{path}: row {row_number(path, row)}: a label must be 0 or 1. Got {values[row]:g}.")
    return values == 1


def _lower(cells: pl.Series) -> pl.Series:
    """Returns texts in lower case, without spaces around; of other cells as they would be written."""
    return cells.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()


def _tell(words: pl.Series, column: str, path: Path) -> None:
    """Reports which words are read as which label."""
    found = words.unique().sort().to_list()
    meant = {1: [word for word in found if word in _ANOMALY], 0: [word for word in found if word in _NORMAL]}
    said = [f"{' and '.join(own)} as {label}" for label, own in meant.items() if own]
    notice(f"{path}: column {column!r} is read as labels: {', '.join(said)}")


def way_out(table: pl.DataFrame, columns: Collection[str], *, named: bool) -> str:
    """Returns what to do with columns of which one holds no numbers: the option that reads words, if it may.

    Args:
        table: the table.
        columns: its columns that are read as numbers.
        named: whether another column names the series.
    """
    for column in columns:
        cells = table[column]
        if cells.dtype != pl.String or numbers_of(cells).values.count():
            continue
        count = cells.n_unique()
        instead = f"or leave it out by --ignore-columns {column}."
        if _lower(cells).is_in([*_NORMAL, *_ANOMALY]).fill_null(False).all():
            return f" Read {column} as labels by --label-column {column}, {instead}"
        if not named and 2 <= count <= len(cells) / 2:
            return f" Read a series for each of its {count:,} values by --id-column {column}, {instead}"
    return " --ignore-columns leaves a column out."
