"""Columns of numbers over time, some of them missing: one or many series from tables and arrays."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.config import check_regular
from elman.data.read.arrays import check_finite, is_array, is_frame, numbers
from elman.data.read.frames import to_polars
from elman.data.read.npz import read_arrays
from elman.data.read.tables import check_filled, number_column, read_table, row_number
from elman.errors import InputError


@dataclass(frozen=True)
class Channels:
    """One series.

    Attributes:
        name: of the series; empty where a table holds only one.
        times: [N] of each row, as text; row numbers from 0 where there is no time column.
        values: [N, D] float64, NaN where missing.
        labels: [N] bool, true where an anomaly is labelled; or None.
    """

    name: str
    times: list[str]
    values: np.ndarray
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class ChannelTable:
    """All series of a table, in the order in which they first occur.

    Attributes:
        series: at least one.
        columns: names of the D columns; none where they are an array's.
        has_names: whether an id column named the series.
        has_times: whether there was a time column.
    """

    series: list[Channels]
    columns: list[str]
    has_names: bool
    has_times: bool

    def ordered(self, columns: Sequence[str], source: str) -> list[Channels]:
        """The series with their columns in this order; InputError where these are others."""
        if not self.columns:
            width = self.series[0].values.shape[1]
            if width != len(columns):
                raise InputError(f"{source} must have {len(columns)} columns. Got {width}.")
            return self.series
        if sorted(self.columns) != sorted(columns):
            raise InputError(
                f"{source}: columns must be {', '.join(columns)}. Got {', '.join(self.columns)}."
            )
        order = [self.columns.index(column) for column in columns]
        return [replace(each, values=each.values[:, order]) for each in self.series]


def read_channels(path: Path, *, id_column: str, time_column: str, label_column: str) -> ChannelTable:
    """Series from a file: see ``read_table`` and ``channels_from_table``."""
    return channels_from_table(
        read_table(path), path, id_column=id_column, time_column=time_column, label_column=label_column
    )


def channels_from_table(
    table: pl.DataFrame, path: Path, *, id_column: str, time_column: str, label_column: str
) -> ChannelTable:
    """All numeric columns of a table with one row a step.

    Rows keep the table's order; a time that goes back, or is there twice, is warned of.

    Args:
        table: what was read.
        path: where it was read, for messages.
        id_column: names the series of a row, where there is such a column.
        time_column: its time, likewise.
        label_column: 0 or 1 (true, false), likewise.

    Raises:
        InputError: names file, row, column and value: a cell holds no number (empty ones are missing), a
            label is neither 0 nor 1, an id or a time is missing; or there is no column of numbers.
    """
    columns = [c for c in table.columns if c not in (id_column, time_column, label_column)]
    if not columns:
        raise InputError(f"{path}: has no column beside {', '.join(table.columns)}")
    for column in (id_column, time_column):
        if column in table.columns:
            check_filled(table, column, path)
    values = np.stack([number_column(table, column, path, missing=True) for column in columns], axis=1)
    labels = (
        _labels(number_column(table, label_column, path), path) if label_column in table.columns else None
    )
    has_times, has_names = time_column in table.columns, id_column in table.columns
    names = table[id_column].cast(str).to_list() if has_names else [""] * len(table)
    times = table[time_column].cast(str).to_list() if has_times else None
    order = table[time_column].rank("dense").to_numpy() if has_times else None
    series = []
    for name, rows in _rows_by_name(names).items():
        steps = np.ones(0) if order is None else np.diff(order[rows].astype(np.int64))
        for what, found in (("goes back", steps < 0), ("is that of the row before", steps == 0)):
            if found.any():
                first = row_number(path, int(rows[1:][found][0]))
                warnings.warn(
                    f"{path}: row {first}: {time_column} {what}; rows stay as they are "
                    f"({int(found.sum())} such rows)",
                    stacklevel=2,
                )
        series.append(
            Channels(
                str(name),
                [str(k) for k in range(len(rows))] if times is None else [str(times[k]) for k in rows],
                values[rows],
                None if labels is None else labels[rows],
            )
        )
    return ChannelTable(series, columns, has_names, has_times)


def _labels(values: np.ndarray, path: Path) -> np.ndarray:
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(f"{path}: row {row_number(path, row)}: a label must be 0 or 1. Got {values[row]:g}.")
    return values == 1


def _rows_by_name(names: Sequence[object]) -> dict[object, np.ndarray]:
    rows: dict[object, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return {name: np.array(each) for name, each in rows.items()}


def channels_from_memory(
    X: Any,
    columns: Sequence[str] | None = None,
    *,
    id_column: str,
    time_column: str,
    label_column: str,
    source: str = "X",
) -> ChannelTable:
    """Series from arrays or frames, without labels.

    A list of arrays, columns, tensors or frames holds a series in each; a list of numbers, or of lists, is
    one series of rows.

    Args:
        X: [N, D], or [N] of one column, NaN where missing; or a frame of polars or pandas, which is read as
            a file of the same columns is; or a list of such.
        columns: names wanted, in this order; None: those of the first frame, or x0, x1, … of an array. An
            array, which has no names, must have as many.
        id_column: see ``channels_from_table``.
        time_column: likewise.
        label_column: likewise.
        source: name for messages.

    Raises:
        InputError: no numbers, infinite ones, no rows, or other columns.
    """
    several = isinstance(X, list | tuple) and any(map(is_array, X))
    series: list[Channels] = []
    has_names, has_times = False, True
    for number, each in enumerate(X if several else [X]):
        name = f"{source}[{number}]" if several else source
        if several and not is_array(each):
            raise InputError(f"{name}: must be an array, as others of the list. Got {type(each).__name__}.")
        if is_frame(each):
            table = channels_from_table(
                to_polars(each, name),
                Path(name),
                id_column=id_column,
                time_column=time_column,
                label_column=label_column,
            )
        else:
            table = _channels_from_array(each, name)
        if columns is None:
            columns = table.columns or [f"x{k}" for k in range(table.series[0].values.shape[1])]
        has_names |= table.has_names
        has_times &= table.has_times
        series += [
            replace(found, name=found.name or (str(number) if several else ""), labels=None)
            for found in table.ordered(columns, name)
        ]
    assert columns is not None
    return ChannelTable(series, list(columns), has_names or len(series) > 1, has_times)


def _channels_from_array(X: Any, source: str) -> ChannelTable:
    values = numbers(X, source)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"{source}: must be [rows, columns]. Got {list(values.shape)}.")
    check_finite(values, source, missing=True)
    return ChannelTable([Channels("", [str(k) for k in range(len(values))], values)], [], False, False)


def save_channels(path: Path, series: Sequence[Channels], cuts: np.ndarray) -> None:
    """Writes series, and where each is cut into its parts [series, 2], to an ``.npz`` file."""
    arrays: dict[str, Any] = {
        "values": np.concatenate([each.values for each in series]),
        "lengths": np.array([len(each) for each in series]),
        "names": np.array([each.name for each in series]),
        "times": np.array([time for each in series for time in each.times]),
        "cuts": cuts,
    }
    labels = [each.labels for each in series if each.labels is not None]
    if labels:
        arrays["labels"] = np.concatenate(labels)
    np.savez(path, **arrays)


def load_channels(path: Path, columns: int) -> tuple[list[Channels], np.ndarray]:
    """Reads what ``save_channels`` wrote; InputError where that does not hold ``columns`` columns."""
    check_regular(path)
    arrays = read_arrays(path)
    missing = {"values", "lengths", "names", "times", "cuts"} - arrays.keys()
    if missing:
        raise InputError(f"{path}: has no array {min(missing)!r}")
    values, lengths, parts = arrays["values"], arrays["lengths"], arrays["cuts"]
    labels = arrays.get("labels")
    fits = (
        values.ndim == 2
        and values.dtype in (np.float64, np.float32)  # float32 in older runs
        and values.shape[1] == columns
        and lengths.dtype.kind == "i"
        and lengths.ndim == 1
        and len(lengths) > 0
        and bool((lengths > 0).all())
        and int(lengths.sum()) == len(values)
        and arrays["names"].shape == lengths.shape
        and arrays["times"].shape == (len(values),)
        and (labels is None or (labels.shape == (len(values),) and labels.dtype == bool))
        and not np.isinf(values).any()
        and parts.shape == (len(lengths), 2)
        and parts.dtype.kind == "i"
        and bool(((parts[:, 0] > 0) & (parts[:, 0] <= parts[:, 1]) & (parts[:, 1] <= lengths)).all())
    )
    if not fits:
        raise InputError(f"{path}: must hold series of {columns} columns, as a training leaves them")
    ends = np.cumsum(lengths)[:-1]
    pieces = zip(
        arrays["names"],
        np.split(arrays["times"], ends),
        np.split(values, ends),
        [None] * len(lengths) if labels is None else np.split(labels, ends),
        strict=True,
    )
    return [Channels(str(name), list(map(str, times)), v, flags) for name, times, v, flags in pieces], parts


def filled(values: np.ndarray) -> np.ndarray:
    """Each missing value replaced by the last one before it in its column, or by 0.

    Shapes:
        values [N, D] → [N, D]
    """
    known = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    found = np.take_along_axis(values, last.clip(min=0), axis=0)
    return np.where(last < 0, np.float32(0), found)
