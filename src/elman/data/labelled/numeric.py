"""Labelled numeric sequences from files without names of columns: arrays, cases of sktime, rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled, check_label, numeric, read_array
from elman.data.labelled.lines import labels_of_cell
from elman.data.read.npz import read_arrays
from elman.data.read.ts import read_ts
from elman.data.sequence_rows import Rows, holds
from elman.data.sequences import check_no_columns, sequences_from_arrays
from elman.errors import InputError


def from_array(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads sequences x [N, T, I] without labels."""
    check_no_columns(path, columns.features, columns.ignored)
    if with_labels:
        raise InputError(f"{path}: has no labels; give an .npz file with arrays x and y")
    return _from_named({"x": read_array(path)}, path, with_labels)


def from_arrays(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads sequences x [N, T, I], labels y [N] and, optionally, lengths [N]."""
    check_no_columns(path, columns.features, columns.ignored)
    return _from_named(read_arrays(path), path, with_labels)


def _from_named(arrays: dict[str, np.ndarray], path: Path, with_labels: bool) -> Labelled:
    for name in ["x", *(["y"] if with_labels else [])]:
        if name not in arrays:
            raise InputError(f"{path}: has no array {name!r}; arrays: {', '.join(arrays) or 'none'}")
    sequences = sequences_from_arrays(arrays["x"], None, arrays.get("lengths"), f"{path}: x")
    labels: list[tuple[str, ...]] = []
    if with_labels:
        y = arrays["y"]
        if y.shape != (len(sequences),):
            raise InputError(f"{path}: y must be [{len(sequences)}]. Got {list(y.shape)}.")
        labels = [(str(check_label(value, f"{path}: y[{k}]")),) for k, value in enumerate(y)]
    return numeric(sequences, labels, [f"{path}: x[{k}]" for k in range(len(sequences))], False)


def from_rows(rows: Rows, columns: Columns, with_labels: bool) -> Labelled:
    """Reads a sequence from each row."""
    column = columns.label if with_labels or holds(rows, columns.label, columns.known) else None
    sequences = sequences_from_arrays(rows.sequences(column), None, None, str(rows.path))
    cells = rows.end(columns.label) if with_labels else []
    places = [f"{rows.path}: row {line}" for line in rows.lines]
    for cell, place in zip(cells, places, strict=False):
        if not cell and columns.separator is None:
            raise InputError(f"{place}, column {columns.label!r}: must not be empty")
    labels = [labels_of_cell(cell, columns.separator) for cell in cells]
    return numeric(sequences, labels, places, columns.separator is not None)


def from_cases(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads the cases of a file of sktime."""
    check_no_columns(path, columns.features, columns.ignored)
    cases = read_ts(path, columns.reading)
    if with_labels and cases.kind != "label":
        got = "numbers: elman train regression predicts these" if cases.kind else "none (@classLabel)"
        raise InputError(f"{path}: must have class labels. Got {got}.")
    sequences = sequences_from_arrays(cases.items, None, None, str(path))
    labels: list[tuple[str, ...]] = [(label,) for label in cases.targets] if with_labels else []
    return numeric(sequences, labels, [f"{path}: line {line}" for line in cases.lines], False)


def one_array(path: Path) -> np.ndarray:
    """Reads a sequence [T, I]."""
    return sequences_from_arrays(read_array(path)[None], None, None, str(path)).inputs[0]
