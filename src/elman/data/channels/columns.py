"""Chooses the columns of a table that are read as channels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from elman.config import listed
from elman.errors import InputError

_LABELS = ("label", "anomal", "changepoint", "change_point", "outlier", "fault", "attack", "is_", "target")
_MOST = 20  # names in a line


def chosen_columns(
    table: Sequence[str],
    special: Sequence[str | None],
    path: Path,
    columns: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> list[str]:
    """Returns the names of the columns to read, without names, times and labels.

    Args:
        table: names of the table's columns.
        special: columns with another meaning.
        path: where the table was read, for messages.
        columns: those to read, in this order; if empty, all that are not ignored. An item that is no column
            may name several with commas between them.
        ignored: those to leave out.

    Raises:
        InputError: the table lacks a column, a column to read has another meaning, or no column is left.
    """
    columns, ignored = _listed(table, columns, path), _listed(table, ignored, path)
    for column in columns:
        if column in special:
            raise InputError(f"{path}: column {column!r} must not be a column of names, times or labels")
    chosen = [c for c in columns or table if c not in special and c not in ignored]
    if not chosen:
        raise InputError(f"{path}: has no column to read. Its columns: {listed(table, _MOST)}.")
    return chosen


def _listed(table: Sequence[str], given: Sequence[str], path: Path) -> list[str]:
    """Returns each column once; splits items at commas."""
    names = [name for item in given for name in ([item] if item in table else item.split(","))]
    for name in names:
        if name not in table:
            raise InputError(f"{path}: has no column {name!r}. Its columns: {listed(table, _MOST)}.")
    return list(dict.fromkeys(names))


def check_chosen(table: Sequence[str], path: Path, columns: Sequence[str], ignored: Sequence[str]) -> None:
    """Raises InputError if the table lacks a column that is to be read or left out."""
    _listed(table, [*columns, *ignored], path)


def constant_columns(columns: Sequence[str], values: np.ndarray) -> list[str]:
    """Returns the columns whose known values [N, D] are all the same."""
    return [
        name
        for name, column in zip(columns, values.T, strict=True)
        if len(known := column[~np.isnan(column)]) and known.min() == known.max()
    ]


def read_line(columns: Sequence[str], values: np.ndarray) -> str:
    """Returns which columns are read, and which of them have constant values [N, D], in one line."""
    constant = constant_columns(columns, values)
    ending = f"; constant in the training part: {listed(constant, _MOST)}" if constant else ""
    return f"reads {listed(columns, _MOST)}{ending}"


def label_columns(columns: Sequence[str], values: np.ndarray) -> list[str]:
    """Returns the columns that look like labels: their name says so and their values [N, D] are 0 or 1."""
    return [
        name
        for name, column in zip(columns, values.T, strict=True)
        if any(part in name.lower() for part in _LABELS) and np.isin(column[~np.isnan(column)], (0, 1)).all()
    ]
