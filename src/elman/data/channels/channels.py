"""Columns of numbers over time, with missing values: one or more series from tables and arrays."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.config import check_regular, counted
from elman.data.channels.calendar import UNKNOWN, Clock
from elman.data.channels.columns import chosen_columns
from elman.data.channels.label_column import labels_of, way_out
from elman.data.read.arrays import check_finite, is_array, is_frame, numbers
from elman.data.read.frames import to_polars
from elman.data.read.npz import read_arrays
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
from elman.data.series.time_columns import (
    has_format,
    holds_dates,
    mostly_dates,
    parts_of_time,
    without_totals_of_times,
)
from elman.data.series.time_forms import TimeForm
from elman.data.series.time_parts import with_time
from elman.data.series.times import AmbiguousTimes
from elman.errors import InputError
from elman.notice import notice


@dataclass(frozen=True)
class Channels:
    """One series.

    Attributes:
        name: name of the series; empty if the table has no id column.
        times: [N] time of each row, as text; row numbers from 0 if there is no time column.
        values: [N, D] float64, NaN for missing values.
        labels: [N] bool, true for labelled anomalies; or None.
        given: [N] place of each row in the table that was given, if rows were sorted by time; or None.
    """

    name: str
    times: list[str]
    values: np.ndarray
    labels: np.ndarray | None = None
    given: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class ChannelTable:
    """All series of a table, in order of first occurrence.

    Attributes:
        series: at least one.
        columns: names of the D columns; empty for an array.
        has_names: whether an id column names the series.
        has_times: whether there is a time column.
        time_column: its name; empty if there is none.
        time_parts: the columns that it was joined from; empty if it is a column of the table.
        form: how times are written; None if they cannot be read, or there are none.
        decimal: decimal mark of its numbers; empty if they were no texts with marks.
    """

    series: list[Channels]
    columns: list[str]
    has_names: bool
    has_times: bool
    time_column: str = ""
    time_parts: tuple[str, ...] = ()
    form: TimeForm | None = None
    decimal: str = ""


@dataclass(frozen=True)
class Roles:
    """What the columns of a table stand for.

    Attributes:
        id_column: names the series of a row; optional in the table. None: no column does.
        time_column: time of a row. If the table has no such column, it is the only one that holds dates, or
            is joined from several (see ``time_parts``), if there are such. None: no column has it.
        label_column: see ``labels_of``; optional in the table.
        columns: the columns of numbers to read, see ``chosen_columns``; if empty, all others.
        ignored: columns to leave out.
        clock: how times are read.
        time_parts: the columns that are joined to the time.
        find_time: whether to look for the time in other columns if its own is absent.
        required: columns that a table must have.
    """

    id_column: str | None
    time_column: str | None
    label_column: str
    columns: Sequence[str] = ()
    ignored: Sequence[str] = ()
    clock: Clock = UNKNOWN
    time_parts: tuple[str, ...] = ()
    find_time: bool = True
    required: tuple[str, ...] = ()


def read_channels(path: Path, roles: Roles, reading: Reading = PLAIN) -> ChannelTable:
    """Reads series from a file; see ``read_table`` and ``channels_from_table``."""
    return channels_from_table(read_table(path, reading), path, roles, reading)


def channels_from_table(
    table: pl.DataFrame, path: Path, roles: Roles, reading: Reading = PLAIN
) -> ChannelTable:
    """Returns the series of a table with one row per step.

    Rows are sorted by time within their series, if no time repeats; otherwise they keep the table's order, as
    they do where times have two readings or are names of steps. Either causes a warning.

    Args:
        table: the table.
        path: where it was read, for messages.
        roles: what its columns stand for.
        reading: how numbers are written.

    Raises:
        InputError: a cell is not a number (empty cells are missing values), a label is neither 0 nor 1, an
            id or a time is missing, or a column of numbers is missing. The message names file, row, column
            and value.
    """
    check_columns(table, list(roles.required), path)
    table, roles = _with_time(without_totals_of_times(table, path), path, roles)
    id_column, time_column, label_column = roles.id_column, roles.time_column, roles.label_column
    special = (id_column, time_column, label_column)
    columns = chosen_columns(table.columns, special, path, roles.columns, roles.ignored)
    has_times, has_names = time_column in table.columns, id_column in table.columns
    for column in (id_column, time_column):
        if column in table.columns:
            check_filled(table, str(column), path)
    try:
        values = number_columns(table, columns, path, missing=True, reading=reading)
    except InputError as error:
        hint = "" if roles.columns else way_out(table, columns, named=has_names)
        raise InputError(f"{error}{hint}") from None
    labels = None
    if label_column in table.columns:
        labels = labels_of(table, label_column, path, reading)
    names = text_column(table, str(id_column)) if has_names else [""] * len(table)
    times = order = form = None
    if has_times:
        times = _time_texts(table[str(time_column)])
        order, form = _order(table, str(time_column), path, roles)
    series = []
    for name, rows in _rows_by_name(names).items():
        given = None
        if order is not None:
            named = ", ".join(roles.time_parts) or str(time_column)
            given = _sorted(rows, order[rows], named, path, may_sort=form is not None)
            rows = rows if given is None else rows[given]
        series.append(
            Channels(
                str(name),
                [str(k) for k in range(len(rows))] if times is None else [str(times[k]) for k in rows],
                values[rows],
                None if labels is None else labels[rows],
                given,
            )
        )
    decimal = decimal_mark([(table, path)], columns, reading)
    time = str(time_column or "")
    return ChannelTable(series, columns, has_names, has_times, time, roles.time_parts, form, decimal)


def _sorted(
    rows: np.ndarray, times: np.ndarray, name: str, path: Path, *, may_sort: bool
) -> np.ndarray | None:
    """Returns the places of a series' rows [N] by time; None if they keep their order. Warns of odd times."""
    steps = np.diff(times)
    order = np.argsort(times, kind="stable") if may_sort and len(np.unique(times)) == len(times) else None
    what = "keep their order" if order is None else "are sorted by time"
    for problem, is_odd in (
        ("is earlier than in the row before", steps < 0),
        ("is the same as in the row before", steps == 0),
    ):
        if is_odd.any():
            first = row_number(path, int(rows[1:][is_odd][0]))
            warnings.warn(
                f"{path}: row {first}: {name} {problem}; rows {what} "
                f"({counted(int(is_odd.sum()), 'such row')})",
                stacklevel=3,
            )
    return order if (steps < 0).any() else None


def _with_time(table: "pl.DataFrame", path: Path, roles: Roles) -> "tuple[pl.DataFrame, Roles]":
    """Finds the column of times, or joins it from several; reports what was assumed in one line."""
    name = roles.time_column
    if name is None or name in table.columns:
        return table, replace(roles, time_parts=())
    if roles.time_parts:
        check_columns(table, list(roles.time_parts), path)
        for part in roles.time_parts:
            check_filled(table, part, path)
        return with_time(table, roles.time_parts, name, roles.columns), roles
    if not roles.find_time:
        return table, roles
    other = {roles.id_column, roles.label_column, *roles.columns, *roles.ignored}
    free = [column for column in table.columns if column not in other]
    parts = parts_of_time(table, free)
    for part in parts:
        check_filled(table, part, path)
    if parts:
        notice(f"{path}: {', '.join(parts)} are the time")
        return with_time(table, parts, name), replace(roles, time_parts=parts)
    dated = [column for column in free if has_format(table[column], roles.clock.time_format)] or [
        c for c in free if table[c].n_unique() > 1 and (holds_dates(table[c]) or mostly_dates(table[c]))
    ]
    if len(dated) != 1:
        return table, roles
    notice(f"{path}: {dated[0]} is the time")
    return table, replace(roles, time_column=dated[0])


def _time_texts(column: "pl.Series") -> list[str]:
    """Returns times as they are written; those of a column with a zone with their offset."""
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        return column.dt.to_string("%Y-%m-%d %H:%M:%S%.f%:z").to_list()
    return column.cast(pl.String).to_list()


def _order(
    table: "pl.DataFrame", column: str, path: Path, roles: Roles
) -> "tuple[np.ndarray, TimeForm | None]":
    """Returns numbers in the order of the times, and their form; the order of texts if they are no times.

    Dates that may be read in two ways are taken to be in order.

    Raises:
        InputError: a time is not of the format that the user gave, or is no time although most are.
    """
    clock, name = roles.clock, ", ".join(roles.time_parts) or column
    try:
        times = clock.read(table[column].rename(name), path)
    except AmbiguousTimes:
        return np.arange(len(table)), None  # the rows keep their order
    except InputError:
        if clock.time_format is not None or mostly_dates(table[column]):
            raise
        return time_order(table, column, path).astype(np.int64), None
    if times.assumed:
        notice(f"{path}: {name} is read {times.assumed}")
    return times.values, times.form


def _rows_by_name(names: Sequence[object]) -> dict[object, np.ndarray]:
    rows: dict[object, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return {name: np.array(numbers) for name, numbers in rows.items()}


def channels_from_memory(X: Any, roles: Roles, *, source: str = "X") -> ChannelTable:
    """Returns series from arrays or frames, without labels.

    In a list of arrays, columns, tensors or frames, each element is a series; a list of numbers, or of
    lists, is the rows of one series.

    Args:
        X: [N, D], or [N] for one column, NaN for missing values; or a polars or pandas frame, which is read
            like a file with the same columns; or a list of these.
        roles: what the columns of a frame stand for. The columns of an array have no names: those of
            ``roles`` or, if there are none, of the first frame, or x0, x1, …; their number must be the same.
        source: name for messages.

    Raises:
        InputError: values are not numbers or are infinite, there are no rows, or the columns differ.
    """
    several = isinstance(X, list | tuple) and any(map(is_array, X))
    series: list[Channels] = []
    has_names, has_times, first = False, True, ChannelTable([], [], False, False)
    for number, item in enumerate(X if several else [X]):
        name = f"{source}[{number}]" if several else source
        if several and not is_array(item):
            raise InputError(
                f"{name}: must be an array, like the rest of the list. Got {type(item).__name__}."
            )
        if is_frame(item):
            table = channels_from_table(to_polars(item, name), Path(name), roles)
        else:
            table = _channels_from_array(item, name)
            if roles.ignored:
                raise InputError(f"{name}: columns to ignore need names. Got an array.")
        width = table.series[0].values.shape[1]
        if not roles.columns:
            roles = replace(roles, columns=table.columns or [f"x{k}" for k in range(width)])
        if width != len(roles.columns):
            raise InputError(f"{name} must have {len(roles.columns)} columns. Got {width}.")
        first = first if first.time_column else table
        has_names |= table.has_names
        has_times &= table.has_times
        series += [
            replace(one, name=one.name or (str(number) if several else ""), labels=None)
            for one in table.series
        ]
    return replace(
        first,
        series=series,
        columns=list(roles.columns),
        has_names=has_names or len(series) > 1,
        has_times=has_times,
    )


def _channels_from_array(X: Any, source: str) -> ChannelTable:
    values = numbers(X, source)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"{source}: must be [rows, columns]. Got {list(values.shape)}.")
    check_finite(values, source, missing=True)
    return ChannelTable([Channels("", [str(k) for k in range(len(values))], values)], [], False, False)


def save_channels(path: Path, series: Sequence[Channels], cuts: np.ndarray) -> None:
    """Writes series, and the cuts between their parts [series, 2], to an ``.npz`` file."""
    arrays: dict[str, Any] = {
        "values": np.concatenate([one.values for one in series]),
        "lengths": np.array([len(one) for one in series]),
        "names": np.array([one.name for one in series]),
        "times": np.array([time for one in series for time in one.times]),
        "cuts": cuts,
    }
    labels = [one.labels for one in series if one.labels is not None]
    if labels:
        arrays["labels"] = np.concatenate(labels)
    np.savez(path, **arrays)


def load_channels(path: Path, columns: int) -> tuple[list[Channels], np.ndarray]:
    """Reads what ``save_channels`` wrote; raises InputError unless it has ``columns`` columns."""
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
        raise InputError(f"{path}: must hold series of {columns} columns, as written by training")
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
    """Replaces each missing value by the last known value before it in its column, or by 0.

    Shapes:
        values [N, D] → [N, D]
    """
    known = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    latest = np.take_along_axis(values, last.clip(min=0), axis=0)
    return np.where(last < 0, np.float32(0), latest)
