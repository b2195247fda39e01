"""Reads panels from tables: sorts, numbers and checks their rows."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from elman.config import counted
from elman.data.read.folders import files_below
from elman.data.read.opening import kind_of
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import (
    TABLES,
    check_filled,
    decimal_mark,
    holds_numbers,
    number_columns,
    read_table,
    row_number,
    text_column,
    why_no_numbers,
)
from elman.data.series.frequency import Frequency, check_anchor, infer_frequency, parse_frequency
from elman.data.series.layout import Source, sources_of
from elman.data.series.panel import Columns, Panel, missing_value
from elman.data.series.time_columns import days_of_excel
from elman.data.series.times import Trained, read_times
from elman.errors import InputError
from elman.notice import notice

_LONGEST = 10**7  # maximum number of steps of a series
_REGULAR = 0.5  # least share of rows a step after the row before, or of steps with a row


def read_panel(
    paths: Sequence[Path],
    columns: Columns,
    freq: str | Trained | None = None,
    reading: Reading = PLAIN,
    time_format: str | None = None,
) -> Panel:
    """Reads the series of one or more files, or of a folder's files (see ``read_table``).

    Args:
        paths: tables with the same columns; a file without a column of names is a series called by the file.
        columns: their names.
        freq: see ``parse_frequency``; or what a model was trained on; None: inferred.
        reading: how the files are read.
        time_format: see ``read_times``; None: found from the times.

    Raises:
        InputError: the data are invalid; the message names file, row, column and value.
    """
    if not paths:
        raise InputError("forecasting reads at least one table. Got none.")
    files = [file for path in paths for file in _files(path)]
    tables = [(read_table(path, reading), path) for path, _ in files]
    return make_panel(tables, columns, freq, reading, time_format, [name for _, name in files])


def _files(path: Path) -> list[tuple[Path, str]]:
    """Returns a file, or the tables of a folder and its folders, each with the name of its series."""
    if not path.is_dir():
        return [(path, _series_name(path.name))]
    tables = [file for file in files_below(path) if kind_of(file) in TABLES]
    if not tables:
        raise InputError(f"{path}: the folder has no tables; their names end in {', '.join(TABLES)}")
    return [(file, _series_name(file.relative_to(path).as_posix())) for file in tables]


def _series_name(name: str) -> str:
    """Returns a file's name without the endings of a table and of a compression: shop/a.csv.gz → shop/a."""
    at = name.lower().rfind(kind_of(Path(name)))
    return name[:at] if at > 0 and kind_of(Path(name)) in TABLES else name


def make_panel(
    tables: "Sequence[tuple[pl.DataFrame, Path]]",
    columns: Columns,
    freq: str | Trained | None = None,
    reading: Reading = PLAIN,
    time_format: str | None = None,
    names: Sequence[str] = (),
) -> Panel:
    """Returns a panel of tables, each with a name for messages; see ``read_panel``.

    Rows that are out of order within their series are sorted, and steps without a row become missing values.
    Each of these causes a warning that names the first such row.
    """
    columns, sources, line = sources_of(
        tables, columns, names or [str(path) for _, path in tables], reading, time_format
    )
    rows = _Rows(sources, columns, freq, reading, time_format)
    whole = rows.moments.integers and columns.time in tables[0][0].columns
    excel = days_of_excel(tables[0][0][columns.time]) if whole else ""
    assumed = rows.moments.assumed and f"{rows.time} is read {rows.moments.assumed}"
    for said in (line, assumed, excel and f"{tables[0][1]}: {excel}"):
        if said:
            notice(said)
    keys, firsts, series = _numbered(rows.keys)
    order = _sorted(rows, series)
    series, times = series[order], rows.times[order]
    if isinstance(freq, Trained) and rows.moments.integers != freq.integers:
        raise InputError(f"{rows.time} must be dates or integers, as in training")
    frequency = _frequency(freq, times, series, integers=rows.moments.integers)
    if rows.moments.zone and frequency.by_days and not rows.moments.wall:
        raise InputError(
            f"{rows.time}: steps of {frequency} must have a constant time of day in the time zone "
            f"{rows.moments.zone}: convert them to a zone in which they do, or give times without a zone"
        )
    first = np.flatnonzero(np.diff(series, prepend=-1))
    if isinstance(freq, str):
        check_anchor(freq, frequency, times[first])
    hint = "Set another frequency by --freq."
    if isinstance(freq, Trained):
        hint = f"The model was trained on steps of {freq.frequency}."
    hint += f" Here, rows are mostly {_seen(times, series)} apart."
    if freq is None:
        _check_even(rows, order, series, frequency, times)
    steps = _steps(rows, order, series, frequency, times[first], hint)
    last = np.append(first[1:], len(steps)) - 1
    if freq is None:
        notice(f"{tables[0][1]}: {_counted_steps(frequency, steps[last] + 1)}")
    begins = np.concatenate([[0], np.cumsum(steps[last] + 1)])
    at = begins[series] + steps

    def spread(values: np.ndarray) -> np.ndarray:
        """Moves values from rows to steps."""
        flat = np.full(begins[-1], missing_value(values), values.dtype)
        flat[at] = values[order]
        return flat

    y = spread(rows.targets())
    return Panel(
        keys,
        frequency,
        times[first],
        begins,
        _lengths(y, begins, [rows.named(row) for row in firsts], columns),
        y,
        {column: spread(rows.values(column)) for column in columns.covariates},
        {column: _one_each(rows, column, series, order, first) for column in columns.static},
        rows.moments.integers,
        rows.moments.form,
        columns,
        decimal_mark(
            tables, [*{one.target for one in sources}, *columns.covariates, *columns.static], reading
        ),
    )


def _frequency(
    freq: str | Trained | None, times: np.ndarray, series: np.ndarray, *, integers: bool
) -> Frequency:
    """Returns the frequency of sorted times: as given, as trained, or as the times show."""
    if freq is None:
        return infer_frequency(times, series, integers=integers)
    if isinstance(freq, str):
        return parse_frequency(freq, integers=integers)
    own = parse_frequency(freq.frequency, integers=integers)
    if not (np.diff(series) == 0).any():
        return own
    seen = infer_frequency(times, series, integers=integers)
    # a monthly model also reads months on other days
    return seen if (seen.unit, seen.every) == (own.unit, own.every) else own


def _counted_steps(frequency: Frequency, lengths: np.ndarray) -> str:
    """Returns the steps, and how many the series [N] have, in words."""
    low, high = int(lengths.min()), int(lengths.max())
    number = counted(high, "step") if low == high else f"{low:,} to {high:,} steps"
    return f"{frequency.words}, {number}" + (
        f" in each of {len(lengths):,} series" if len(lengths) > 1 else ""
    )


def _seen(times: np.ndarray, series: np.ndarray) -> str:
    """Returns the most common intervals between rows in words."""
    gaps, counts = np.unique(np.diff(times)[np.diff(series) == 0], return_counts=True)
    most = gaps[np.argsort(-counts, kind="stable")[:3]].tolist()
    return (
        " or ".join(
            f"{gap / 86400:g} {'day' if gap == 86400 else 'days'}" if gap > 10**4 else f"{gap:g}"
            for gap in most
        )
        or "unknown"
    )


class _Rows:
    """The rows of all sources, numbered from 0, each with its series' name and its time."""

    def __init__(
        self,
        sources: Sequence[Source],
        columns: Columns,
        freq: str | Trained | None,
        reading: Reading,
        time_format: str | None,
    ) -> None:
        self.columns, self._sources, self._reading = columns, sources, reading
        self.time = sources[0].time or columns.time
        """What the times are called in messages."""
        self._begins = np.cumsum([0, *(len(source.table) for source in sources)])
        tables = {id(source.table): (source.table, source.path) for source in sources}
        for table, path in tables.values():
            if columns.layout == "long" and columns.id in table.columns:
                check_filled(table, columns.id, path)
            check_filled(table, columns.time, path)
        keys = [_keys(source, columns) for source in sources]
        alike = len({column.dtype for column in keys}) == 1
        self.keys = pl.concat(keys if alike else [column.cast(pl.String) for column in keys])
        times = [(table[columns.time].rename(self.time), path) for table, path in tables.values()]
        self.moments = read_times(times, time_format, freq)
        # the columns of a wide table share its times
        ends = np.cumsum([len(column) for column, _ in times])[:-1]
        of_table = dict(zip(tables, np.split(self.moments.values, ends), strict=True))
        self.times = np.concatenate([of_table[id(source.table)] for source in sources])

    def _find(self, row: int) -> tuple[Source, int]:
        number = int(np.searchsorted(self._begins, row, "right")) - 1
        return self._sources[number], int(row - self._begins[number])

    def named(self, row: int) -> str:
        """Returns file, row and series, for messages."""
        source, index = self._find(row)
        name = self.columns.named(str(self.keys[int(row)]))
        return f"{source.path}: row {row_number(source.path, index)}: {name}"

    def when(self, row: int) -> str:
        """Returns the time of a row as written in its file."""
        return self.cell(row, self.columns.time)

    def cell(self, row: int, column: str) -> str:
        """Returns a cell as written in its file."""
        source, index = self._find(row)
        return str(source.table[column][index])

    def targets(self) -> np.ndarray:
        """Returns the targets [rows], NaN where missing."""
        return self._numbers([one.target for one in self._sources])

    def values(self, column: str) -> np.ndarray:
        """Returns a column [rows], float64 if all cells are numbers, else texts.

        Warns of a column that holds texts because of a few cells.
        """
        tables = [source.table for source in self._sources]
        if all(holds_numbers(table, column, self._reading) for table in tables):
            return self._numbers([column] * len(tables))
        for source in self._sources:
            reason = why_no_numbers(source.table, column, source.path, self._reading)
            if reason:
                warnings.warn(f"{source.path}: {reason}, so it is read as categories", stacklevel=4)
                break
        return np.array([cell for table in tables for cell in text_column(table, column)])

    def _numbers(self, columns: Sequence[str]) -> np.ndarray:
        """Returns one column of numbers of each source, end to end."""
        pairs = list(zip(self._sources, columns, strict=True))
        read: dict[int, Iterator[np.ndarray]] = {}
        for one in self._sources:
            if id(one.table) not in read:  # all at once, so that a table's missing values cause one warning
                own = [column for other, column in pairs if other.table is one.table]
                values = number_columns(one.table, own, one.path, missing=True, reading=self._reading)
                read[id(one.table)] = iter(values.T)
        return np.concatenate([next(read[id(one.table)]) for one in self._sources])


def _keys(source: Source, columns: Columns) -> "pl.Series":
    """Returns the name of each row's series."""
    if source.name is None:
        return source.table[columns.id]
    return pl.repeat(source.name, len(source.table), dtype=pl.String, eager=True)


def _numbered(keys: "pl.Series") -> "tuple[pl.Series, np.ndarray, np.ndarray]":
    """Returns the names in order, the row of each one's first occurrence, and the number of each row's."""
    names = keys.unique(maintain_order=True)
    firsts = keys.is_first_distinct().arg_true().to_numpy().astype(np.int64)
    numbers = keys.replace_strict(names, pl.int_range(len(names), eager=True), return_dtype=pl.Int64)
    return names, firsts, numbers.to_numpy()


def _sorted(rows: _Rows, series: np.ndarray) -> np.ndarray:
    """Sorts rows by series and time; warns of unsorted rows, refuses repeated times."""
    as_given = np.argsort(series, kind="stable")
    back = np.flatnonzero((np.diff(series[as_given]) == 0) & (np.diff(rows.times[as_given]) < 0))
    if len(back):
        row = int(as_given[back[0] + 1])
        warnings.warn(
            f"{rows.named(row)} has an earlier {rows.time} than the row before; rows are sorted "
            f"({counted(len(back), 'such row')})",
            stacklevel=4,
        )
    order = np.lexsort((rows.times, series))
    twice = np.flatnonzero((np.diff(series[order]) == 0) & (np.diff(rows.times[order]) == 0))
    if len(twice):
        row, time = int(order[twice[0] + 1]), rows.time
        raise InputError(f"{rows.named(row)} has {time} {rows.when(row)} twice")
    return order


def _check_even(
    rows: _Rows, order: np.ndarray, series: np.ndarray, frequency: Frequency, times: np.ndarray
) -> None:
    """Raises InputError if few rows are one step after the row before, and most steps would have no row."""
    within = np.flatnonzero(np.diff(series) == 0) + 1
    ahead, fits = frequency.steps(times[within], times[within - 1])
    next_to = fits & (ahead == 1)
    if next_to.mean() >= _REGULAR or (fits.all() and len(within) >= _REGULAR * ahead.sum()):
        return
    row, time = int(order[within[np.flatnonzero(~next_to)[0]]]), rows.time
    raise InputError(
        f"{rows.named(row)}: {time} must be in equal steps. Got {rows.when(row)}, which is not one "
        f"step ({frequency}) after the row before, like {1 - next_to.mean():.0%} of the rows. Bring the rows "
        "to equal steps first, such as their sum or mean of each hour, or set a frequency by --freq."
    )


def _steps(
    rows: _Rows,
    order: np.ndarray,
    series: np.ndarray,
    frequency: Frequency,
    starts: np.ndarray,
    hint: str,
) -> np.ndarray:
    """Returns each sorted row's step within its series; warns of steps without a row."""
    steps, fits = frequency.steps(rows.times[order], starts[series])
    wrong = np.flatnonzero(~fits | (steps > _LONGEST))
    if len(wrong):
        row, time = int(order[wrong[0]]), rows.time
        raise InputError(
            f"{rows.named(row)}: {time} must be a whole number of steps of frequency {frequency}, at most "
            f"{_LONGEST:,}, after the first of its series. Got {rows.when(row)}. {hint}"
        )
    same = np.flatnonzero((np.diff(series) == 0) & (np.diff(steps) == 0))
    if len(same):
        row, time = int(order[same[0] + 1]), rows.time
        raise InputError(
            f"{rows.named(row)}: {time} {rows.when(row)} is in the same step of frequency {frequency} "
            "as the row before"
        )
    wide = np.flatnonzero((np.diff(series) == 0) & (np.diff(steps) > 1))
    if len(wide):
        missing = int((np.diff(steps)[wide] - 1).sum())
        warnings.warn(
            f"{rows.named(int(order[wide[0] + 1]))} has no row for the step before; steps without a row "
            f"become missing values ({counted(missing, 'such step')})",
            stacklevel=4,
        )
    return steps


def _one_each(
    rows: _Rows, column: str, series: np.ndarray, order: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """Returns the value of a static column for each series."""
    values = rows.values(column)[order]
    own = values[first]
    if values.dtype.kind == "f":
        differs = ~np.isclose(values, own[series], rtol=0, atol=0, equal_nan=True)
    else:
        differs = values != own[series]
    if differs.any():
        row = int(order[np.flatnonzero(differs)[0]])
        raise InputError(
            f"{rows.named(row)}: {column} must be the same in all of its rows. Got {rows.cell(row, column)}."
        )
    return own


def _lengths(y: np.ndarray, begins: np.ndarray, names: list[str], columns: Columns) -> np.ndarray:
    """Returns the number of steps up to each series' last target."""
    steps = np.arange(len(y)) - np.repeat(begins[:-1], np.diff(begins)) + 1
    lengths = np.maximum.reduceat(np.where(np.isnan(y), 0, steps), begins[:-1])
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        what = "numbers" if columns.layout == "wide" else columns.target
        raise InputError(f"{names[int(empty[0])]} has no {what}")
    return lengths
