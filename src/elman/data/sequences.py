"""Numeric sequences with a target each, from tables and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.config import shown
from elman.data.channels.columns import chosen_columns
from elman.data.read.arrays import array, check_finite, numbers, padded
from elman.data.read.cells import number_of
from elman.data.read.npz import read_arrays
from elman.data.read.opening import kind_of
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import (
    check_columns,
    check_filled,
    decimal_mark,
    number_columns,
    read_table,
    row_number,
    text_column,
    time_order,
)
from elman.data.read.totals import without_totals
from elman.data.read.ts import read_ts
from elman.data.sequence_rows import Rows, rows_of
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables


@dataclass(frozen=True)
class Sequences:
    """Numeric sequences, padded.

    Attributes:
        inputs: [N, T, I] float64, 0 past a sequence's end.
        lengths: [N] steps of each sequence.
        targets: [N, O] float64, or None if absent.
        ids: name of each sequence.
        features: name of each input column.
        outputs: name of each target.
        weights: [N] weight of each sequence in the loss, or None: all equal.
        decimal: decimal mark of a table's numbers; empty if they were no texts with marks.
    """

    inputs: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray | None
    ids: list[str]
    features: list[str]
    outputs: list[str]
    weights: np.ndarray | None = None
    decimal: str = ""

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def known_targets(self) -> np.ndarray:
        """The targets, which must be present."""
        assert self.targets is not None
        return self.targets

    @property
    def items(self) -> list[np.ndarray]:
        """The sequences [T, I] without padding."""
        return [x[:n] for x, n in zip(self.inputs, self.lengths, strict=True)]

    def rows(self, index: np.ndarray) -> Sequences:
        """Returns the sequences at these positions."""
        return Sequences(
            self.inputs[index],
            self.lengths[index],
            None if self.targets is None else self.targets[index],
            [self.ids[i] for i in index],
            self.features,
            self.outputs,
            None if self.weights is None else self.weights[index],
            self.decimal,
        )


def sequences_from_arrays(
    inputs: object, targets: object = None, lengths: object = None, source: str = "X"
) -> Sequences:
    """Returns sequences from arrays.

    Args:
        inputs: [N, T, I], or [N, T] for one feature; or a list of arrays [T, I] or [T], each with its T.
        targets: [N] or [N, O], or None.
        lengths: [N] ints in [1, T], or None: all T, or those of the arrays.
        source: name for messages.

    Raises:
        InputError: shapes do not match, or a value is not a finite number.
    """
    ragged = padded(inputs, source)
    if ragged is not None:
        if lengths is not None:
            raise InputError(f"{source}: lengths must be None for arrays that show their own")
        x, lengths = ragged
    else:
        x = numbers(inputs, source)
    if x.ndim == 2:
        x = x[:, :, None]
    if x.ndim != 3 or 0 in x.shape:
        raise InputError(
            f"{source}: must be [sequences, steps, features], no axis of size 0. Got {list(x.shape)}."
        )
    n, steps, width = x.shape
    span = np.full(n, steps) if lengths is None else array(lengths, f"{source}: lengths")
    if span.shape != (n,) or span.dtype.kind not in "iu" or span.min() < 1 or span.max() > steps:
        raise InputError(f"{source}: lengths must be {n} ints in [1, {steps}]. Got {shown(span.tolist())}.")
    beyond = np.arange(steps) >= span[:, None]
    x = np.where(beyond[:, :, None], 0.0, x)
    y = None
    if targets is not None:
        y = numbers(targets, "y")
        if y.ndim not in (1, 2) or len(y) != n or 0 in y.shape:
            raise InputError(f"y: must be [{n}] or [{n}, outputs]. Got {list(y.shape)}.")
        check_finite(y, "y")
        y = y.reshape(n, -1)
    check_finite(x, source)
    outputs = [] if y is None else ["y"] if y.shape[1] == 1 else [f"y{k}" for k in range(y.shape[1])]
    return Sequences(
        x, span.astype(np.int64), y, [str(k) for k in range(n)], [f"x{k}" for k in range(width)], outputs
    )


def read_sequences(
    path: Path,
    *,
    id_column: str,
    time_column: str,
    target_column: str,
    with_target: bool,
    reading: Reading = PLAIN,
    columns: Sequence[str] = (),
    ignored: Sequence[str] = (),
    required: Sequence[str] = (),
    steps: int = 0,
) -> Sequences:
    """Reads sequences from one file.

    Args:
        path: a table (see ``read_table``) with one row per step (id, optional time, features, target), or
            ``.npz`` with arrays ``x``, ``y`` and, optionally, ``lengths``.
        id_column: names the sequence of a row.
        time_column: orders the rows of a sequence; if absent, they keep the order of the table.
        target_column: the same in every row of a sequence.
        with_target: whether the target is required; otherwise it is ignored.
        reading: how the file is read.
        columns: the features of a table, see ``chosen_columns``; if empty, all other columns.
        ignored: columns of a table to leave out.
        required: further columns that a table must have.
        steps: values of each sequence in training, which show whether rows have targets; 0: unlike many.

    Raises:
        InputError: names file, row, column and value.
    """
    if path.suffix == ".npz":
        check_no_columns(path, columns, ignored)
        return _sequences_from_npz(path, with_target)
    rows = rows_of(path, reading) if target_column.startswith("column_") and not columns else None
    if rows is not None and not id_column.startswith("column_"):
        return _sequences_from_rows(rows, target_column, with_target, steps)
    if kind_of(path) == ".ts":
        check_no_columns(path, columns, ignored)
        return _sequences_from_cases(path, with_target, reading)
    table = read_table(path, reading, also=(".npz", ".ts"))
    return sequences_from_table(
        table,
        path,
        id_column=id_column,
        time_column=time_column,
        target_column=target_column,
        with_target=with_target,
        reading=reading,
        columns=columns,
        ignored=ignored,
        required=required,
    )


def _sequences_from_rows(rows: Rows, column: str, with_target: bool, steps: int) -> Sequences:
    """Reads a sequence from each row, with the number to predict at one end."""
    if not with_target and all(len(row) == steps for row in rows.cells):
        return sequences_from_arrays(rows.sequences(None), None, None, str(rows.path))
    if not with_target:
        notice(f"{rows.path}: {column} is the number to predict, which is not read")
    targets = None
    if with_target:
        targets = [
            _target(cell, f"{rows.path}: row {line}")
            for cell, line in zip(rows.end(column), rows.lines, strict=True)
        ]
    return sequences_from_arrays(rows.sequences(column), targets, None, str(rows.path))


def _target(cell: str, place: str) -> float:
    try:
        value = number_of(cell)
    except ValueError as error:
        raise InputError(f"{place}: the target {error}") from None
    if np.isnan(value):
        raise InputError(f"{place}: the target must be a number. Got {shown(cell)}.")
    return value


def _sequences_from_cases(path: Path, with_target: bool, reading: Reading) -> Sequences:
    """Reads the cases of a file of sktime."""
    cases = read_ts(path, reading)
    if not with_target:
        return sequences_from_arrays(cases.items, None, None, str(path))
    if cases.kind != "number":
        got = "class labels: elman train classification learns these" if cases.kind else "none (@targetLabel)"
        raise InputError(f"{path}: must have a number for each sequence. Got {got}.")
    placed = zip(cases.targets, cases.lines, strict=True)
    targets = [_target(target, f"{path}: line {line}") for target, line in placed]
    return sequences_from_arrays(cases.items, targets, None, str(path))


def check_no_columns(path: Path, columns: Sequence[str], ignored: Sequence[str]) -> None:
    """Raises InputError if columns are chosen of what has none."""
    if columns or ignored:
        raise InputError(f"{path}: --columns and --ignore-columns are for tables of numbers")


def sequences_from_table(
    table: pl.DataFrame,
    path: Path,
    *,
    id_column: str,
    time_column: str,
    target_column: str,
    with_target: bool,
    reading: Reading = PLAIN,
    columns: Sequence[str] = (),
    ignored: Sequence[str] = (),
    required: Sequence[str] = (),
) -> Sequences:
    """Returns sequences from a table that was read from ``path``; see ``read_sequences``."""
    check_columns(table, [id_column, *([target_column] if with_target else []), *required], path)
    table = without_total(table, path, id_column)
    special = (id_column, time_column, target_column)
    features = chosen_columns(table.columns, special, path, columns, ignored)
    try:
        values = number_columns(table, features, path, reading=reading)
    except InputError as error:
        hint = "" if columns else " --ignore-columns leaves a column out."
        raise InputError(f"{error}{hint}") from None
    if with_target:
        targets = number_columns(table, [target_column], path, reading=reading)
        values = np.concatenate([values, targets], axis=1)
    read = _grouped(table, values, features, path, id_column, time_column, target_column, with_target)
    numbers = [*features, *([target_column] if with_target else [])]
    return replace(read, decimal=decimal_mark([(table, path)], numbers, reading))


def without_total(table: pl.DataFrame, path: Path, id_column: str) -> pl.DataFrame:
    """Returns a table of sequences without totals below: a row alone that is named so, such as "Total"."""
    names = table[id_column]
    return without_totals(table, path, lambda row, own: id_column in own and (names == names[row]).sum() == 1)


def _grouped(
    table: pl.DataFrame,
    values: np.ndarray,
    features: list[str],
    path: Path,
    id_column: str,
    time_column: str,
    target_column: str,
    with_target: bool,
) -> Sequences:
    """Gathers rows into sequences, in order of first occurrence."""
    for column in (id_column, time_column):
        if column in table.columns:
            check_filled(table, column, path)
    names = text_column(table, id_column)
    numbers: dict[str, int] = {}
    sequence = np.array([numbers.setdefault(name, len(numbers)) for name in names])
    times = time_order(table, time_column, path) if time_column in table.columns else np.arange(len(table))
    order = np.lexsort((times, sequence))
    same = (np.diff(sequence[order]) == 0) & (np.diff(times[order]) == 0)
    if same.any():
        row = int(order[1:][same][0])
        raise InputError(
            f"{path}: row {row_number(path, row)}: {id_column} {names[row]!r} has {time_column} "
            f"{table[time_column][row]!s} twice"
        )
    lengths = np.bincount(sequence)
    begins = np.cumsum(lengths) - lengths
    step = np.arange(len(order)) - np.repeat(begins, lengths)
    inputs = np.zeros((len(numbers), int(lengths.max()), len(features)))
    inputs[sequence[order], step] = values[order, : len(features)]
    targets = None
    if with_target:
        targets = values[order][begins, -1:]
        wrong = np.flatnonzero(values[:, -1] != targets[sequence, 0])
        if len(wrong):
            row = int(wrong[0])
            raise InputError(
                f"{path}: row {row_number(path, row)}: {target_column} must be the same in every row of "
                f"{id_column} {names[row]!r}. Got {values[row, -1]:.15g} and "
                f"{targets[sequence[row], 0]:.15g}."
            )
    return Sequences(
        inputs,
        lengths.astype(np.int64),
        targets,
        list(numbers),
        features,
        [target_column] if with_target else [],
    )


def _sequences_from_npz(path: Path, with_target: bool) -> Sequences:
    arrays = read_arrays(path)
    for key in ["x", *(["y"] if with_target else [])]:
        if key not in arrays:
            raise InputError(f"{path}: has no array {key!r}; arrays: {', '.join(arrays) or 'none'}")
    return sequences_from_arrays(
        arrays["x"], arrays["y"] if with_target else None, arrays.get("lengths"), f"{path}: x"
    )
