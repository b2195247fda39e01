"""Many time series in one long table: a row a step, named by ``unique_id`` and ``ds``."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.config import shown
from elman.data.read.tables import check_columns, check_filled, number_column, read_table, row_number
from elman.data.series.frequency import Frequency, infer_frequency, parse_frequency
from elman.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
_ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
_LONGEST = 10**7  # steps between a series' ends


@dataclass(frozen=True)
class Columns:
    """What the columns of a long table are called, and which others are read.

    Attributes:
        id: names a row's series.
        time: integers, dates or date-times.
        target: what is forecast; empty cells are missing values.
        known: covariates known ahead, as holidays or prices that have been set.
        past: covariates known only up to the present.
        static: properties of a series, the same in all of its rows.
    """

    id: str = "unique_id"
    time: str = "ds"
    target: str = "y"
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def covariates(self) -> tuple[str, ...]:
        """Those of which every step has a value of its own."""
        return self.known + self.past


@dataclass(frozen=True)
class Panel:
    """Series of unlike lengths, end to end in flat arrays; N series, R steps in all.

    A series runs without a gap from its first row to its last; a step that had no row, and a row whose cell
    was empty, are missing values: NaN, or "" among texts.

    Attributes:
        keys: [N] name of each series, of the type it came in.
        frequency: of all of them.
        starts: [N] time of each first step.
        begins: [N + 1] where each series' steps begin in the flat arrays; the last is R.
        lengths: [N] steps up to the last target. Steps after it only have covariates.
        y: [R] float64.
        covariates: [R] each, float64 or texts.
        static: [N] each, float64 or texts.
        integers: whether times are integers, not dates.
        time_type: the type they came in; texts where they were read from texts, or from several types.
    """

    keys: "pl.Series"
    frequency: Frequency
    starts: np.ndarray
    begins: np.ndarray
    lengths: np.ndarray
    y: np.ndarray
    covariates: dict[str, np.ndarray]
    static: dict[str, np.ndarray]
    integers: bool
    time_type: "pl.DataType"

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def ids(self) -> list[str]:
        """The name of each series as a text."""
        import polars as pl

        return self.keys.cast(pl.String).to_list()

    def history(self, series: int, cutoff: int) -> np.ndarray:
        """The targets of a series before a step."""
        begin = self.begins[series]
        return self.y[begin : begin + cutoff]

    def following(self, series: np.ndarray, cutoffs: np.ndarray, horizon: int) -> np.ndarray:
        """The targets of H steps from each cutoff [M] of a series [M] on: [M, H]."""
        return np.stack([self.history(s, c + horizon)[c:] for s, c in zip(series, cutoffs, strict=True)])

    def times(self, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """The time of each step, which may lie beyond the last row; both [N] → [N]."""
        return self.frequency.after(self.starts[series], steps)

    def extended(self, ends: np.ndarray) -> "Panel":
        """The same with at least ``ends`` [N] steps in each series; what is added is missing."""
        old = np.diff(self.begins)
        begins = np.concatenate([[0], np.cumsum(np.maximum(old, ends))])
        into = np.repeat(begins[:-1] - self.begins[:-1], old) + np.arange(self.begins[-1])

        def spread(values: np.ndarray) -> np.ndarray:
            longer = np.full(begins[-1], _missing(values), values.dtype)
            longer[into] = values
            return longer

        return replace(
            self,
            begins=begins,
            y=spread(self.y),
            covariates={name: spread(values) for name, values in self.covariates.items()},
        )

    def ds(self, times: np.ndarray) -> "pl.Series":
        """Times in the type they came in; of texts integers, or dates where no step has an hour.

        Raises:
            InputError: a time is one that the clocks of the time zone leave out.
        """
        import polars as pl

        kind = self.time_type
        if self.integers:
            found = pl.Series("ds", times)
            narrow = found.cast(kind, strict=False) if kind.is_integer() else found
            return found if narrow.has_nulls() else narrow
        found = pl.Series("ds", times.astype("datetime64[s]").astype("datetime64[us]"))
        if isinstance(kind, pl.Datetime):
            return _zoned(found, kind, wall=self.frequency.by_days)
        whole = self.frequency.by_days and (self.starts % 86400 == 0).all()
        return found.cast(pl.Date) if whole else found

    def place(self, series: int, step: int, columns: Columns) -> str:
        """A step's series and time, for a message."""
        time = self.ds(self.times(np.array([series]), np.array([step])))[0]
        return f"{columns.id} {self.ids[series]!r}, {columns.time} {time}"


def _zoned(moments: "pl.Series", kind: "pl.Datetime", *, wall: bool) -> "pl.Series":
    """Moments of a zone's clocks on the wall, or of UTC, in their type and zone."""
    if kind.time_zone is None:
        return moments.cast(kind)
    if not wall:
        return moments.dt.replace_time_zone("UTC").cast(kind)
    found = moments.dt.replace_time_zone(kind.time_zone, ambiguous="earliest", non_existent="null")
    if found.has_nulls():
        missing = moments.filter(found.is_null())[0]
        raise InputError(
            f"{missing} is no time in {kind.time_zone}, whose clocks are put forward then: give times "
            "without a time zone"
        )
    return found.cast(kind)


def _missing(values: np.ndarray) -> float | str:
    return float("nan") if values.dtype.kind == "f" else ""


def read_panel(paths: Sequence[Path], columns: Columns, freq: str | None = None) -> Panel:
    """The series of one or more files (see ``read_table``).

    Args:
        paths: tables with the same columns.
        columns: their names.
        freq: as a user writes it; inferred where it is None.

    Raises:
        InputError: names file, row, column and value.
    """
    if not paths:
        raise InputError("forecasting reads at least one table. Got none.")
    return make_panel([(read_table(path), path) for path in paths], columns, freq)


def make_panel(
    tables: "Sequence[tuple[pl.DataFrame, Path]]", columns: Columns, freq: str | None = None
) -> Panel:
    """As ``read_panel``, of tables that are read already, each with a name for messages.

    Rows may stand in any order. Rows of a series that do are sorted, and steps between two rows that have
    none are missing values; either is told in a warning that names the first.
    """
    rows = _Rows(tables, columns, freq)
    firsts, series = _numbered(rows.ids)
    keys = rows.keys.gather(firsts)
    order = _sorted(rows, series)
    series, times = series[order], rows.times[order]
    if freq is None:
        frequency = infer_frequency(times, series, integers=rows.integers)
    else:
        frequency = parse_frequency(freq, integers=rows.integers)
    if rows.zone and frequency.by_days and not rows.wall:
        raise InputError(
            f"{columns.time}: steps of {frequency} must keep their time of day in the time zone {rows.zone}: "
            "convert them to the zone in which they do, or give times without one"
        )
    first = np.flatnonzero(np.diff(series, prepend=-1))
    steps = _steps(rows, order, series, frequency, times[first])
    last = np.append(first[1:], len(steps)) - 1
    begins = np.concatenate([[0], np.cumsum(steps[last] + 1)])
    at = begins[series] + steps

    def spread(values: np.ndarray) -> np.ndarray:
        """Values of rows as values of steps."""
        flat = np.full(begins[-1], _missing(values), values.dtype)
        flat[at] = values[order]
        return flat

    y = spread(rows.values(columns.target, number=True))
    return Panel(
        keys,
        frequency,
        times[first],
        begins,
        _lengths(y, begins, [rows.ids[row] for row in firsts], columns),
        y,
        {column: spread(rows.values(column)) for column in columns.covariates},
        {column: _one_each(rows, column, series, order, first) for column in columns.static},
        rows.integers,
        rows.time_type,
    )


class _Rows:
    """The rows of all tables together, numbered from 0, each with its series' name and its time.

    Times with a zone are those of the clock on the wall where every step has the same time of day, as steps
    of days have, and otherwise of UTC.
    """

    def __init__(
        self, tables: "Sequence[tuple[pl.DataFrame, Path]]", columns: Columns, freq: str | None
    ) -> None:
        import polars as pl

        self.columns, self._tables = columns, tables
        self._begins = np.cumsum([0, *(len(table) for table, _ in tables)])
        wanted = [columns.id, columns.time, columns.target, *columns.covariates, *columns.static]
        for name in wanted:
            if wanted.count(name) > 1:
                raise InputError(f"column {name!r} is named for two purposes")
        for table, path in tables:
            check_columns(table, wanted, path)
            check_filled(table, columns.id, path)
            check_filled(table, columns.time, path)
        names = [table[columns.id] for table, _ in tables]
        alike = len({column.dtype for column in names}) == 1
        self.keys = pl.concat(names if alike else [column.cast(pl.String) for column in names])
        self.ids: list[str] = self.keys.cast(pl.String).to_list()
        moments = [table[columns.time] for table, _ in tables]
        self.time_type = moments[0].dtype if len({each.dtype for each in moments}) == 1 else pl.String()
        self.zone = getattr(self.time_type, "time_zone", None)
        self.wall = self.zone is not None and _on_the_wall(moments, freq)
        times, kinds = [], []
        for column, (_, path) in zip(moments, tables, strict=True):
            found, integers = _times(column.dt.replace_time_zone(None) if self.wall else column, path)
            times.append(found)
            kinds.append(integers)
            if integers != kinds[0]:
                raise InputError(f"{path}: {columns.time} must be integers or dates, as in {tables[0][1]}")
        self.times, self.integers = np.concatenate(times), kinds[0]

    def _find(self, row: int) -> tuple["pl.DataFrame", Path, int]:
        number = int(np.searchsorted(self._begins, row, "right")) - 1
        return *self._tables[number], int(row - self._begins[number])

    def named(self, row: int) -> str:
        """File, row and series, for a message."""
        _, path, index = self._find(row)
        return f"{path}: row {row_number(path, index)}: {self.columns.id} {self.ids[row]!r}"

    def cell(self, row: int, column: str) -> str:
        """A cell as it stands in its file."""
        table, _, index = self._find(row)
        return str(table[column][index])

    def values(self, column: str, *, number: bool = False) -> np.ndarray:
        """A column [rows], as float64 where all of its cells are numbers (or must be), or else as texts."""
        import polars as pl

        types = [table[column].dtype for table, _ in self._tables]
        if number or all(kind.is_numeric() or kind == pl.Null for kind in types):
            found = []
            for table, path in self._tables:
                number_column(table, column, path, missing=True)  # names what is no number
                found.append(table[column].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy())
            return np.concatenate(found)
        cells = (table[column].cast(str).fill_null("").to_list() for table, _ in self._tables)
        return np.array([cell for each in cells for cell in each])


def _on_the_wall(moments: "list[pl.Series]", freq: str | None) -> bool:
    """Whether times with a zone are counted by its clocks: all have one time of day, or steps are of days."""
    if freq is not None:
        return parse_frequency(freq, integers=False).by_days
    return len({time for column in moments for time in column.dt.time().unique()}) == 1


def _times(column: "pl.Series", path: Path) -> tuple[np.ndarray, bool]:
    """Times [rows], and whether they are integers."""
    import polars as pl

    if column.dtype.is_float() and bool((column == column.round()).all()) and column.is_finite().all():
        column = column.cast(pl.Int64, strict=False)  # as a frame makes of integers beside empty cells
    if column.dtype.is_integer():
        return column.cast(pl.Int64).to_numpy(), True
    if column.dtype == pl.String:
        whole = column.str.strip_chars().cast(pl.Int64, strict=False)
        if not whole.has_nulls():
            return whole.to_numpy(), True
        column = _parsed(column, path)
    if column.dtype != pl.Date and column.dtype != pl.Datetime:
        raise InputError(
            f"{path}: column {column.name!r}: must be integers, dates or date-times. Got {shown(column[0])}."
        )
    moments = column.cast(pl.Datetime("us")).to_numpy().astype(np.int64)
    odd = np.flatnonzero(moments % 10**6)
    if len(odd):
        row = int(odd[0])
        raise InputError(
            f"{path}: row {row_number(path, row)}, column {column.name!r}: must be a whole second. "
            f"Got {column[row]}."
        )
    return moments // 10**6, False


def _parsed(column: "pl.Series", path: Path) -> "pl.Series":
    """Texts as moments, by the one way of writing dates that fits most of them."""
    text = column.str.strip_chars()
    ways = [text.str.to_datetime(form, strict=False, time_unit="us") for form in _DATES]
    ways += [(text + "-01").str.to_datetime("%Y-%m-%d", strict=False, time_unit="us")]  # a month
    for form in _ZONED:
        zoned = text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
        ways.append(zoned.dt.replace_time_zone(None))
    best = min(ways, key=lambda found: found.null_count())
    if best.null_count():
        row = int(best.is_null().arg_true()[0])
        raise InputError(
            f"{path}: row {row_number(path, row)}, column {column.name!r}: must be an integer, a date as "
            f"2024-12-31 or a date-time as 2024-12-31 23:00:00. Got {shown(column[row])}."
        )
    return best


def _numbered(ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The rows where different names first occur, and each row's number among these names."""
    numbers: dict[str, int] = {}
    series = np.array([numbers.setdefault(name, len(numbers)) for name in ids], np.int64)
    return np.unique(series, return_index=True)[1], series


def _sorted(rows: _Rows, series: np.ndarray) -> np.ndarray:
    """The rows by series and time; no time twice. Warns where that was not their order."""
    as_given = np.argsort(series, kind="stable")
    back = np.flatnonzero((np.diff(series[as_given]) == 0) & (np.diff(rows.times[as_given]) < 0))
    if len(back):
        row = int(as_given[back[0] + 1])
        warnings.warn(
            f"{rows.named(row)} goes back in {rows.columns.time}; rows are sorted ({len(back)} such rows)",
            stacklevel=4,
        )
    order = np.lexsort((rows.times, series))
    twice = np.flatnonzero((np.diff(series[order]) == 0) & (np.diff(rows.times[order]) == 0))
    if len(twice):
        row, time = int(order[twice[0] + 1]), rows.columns.time
        raise InputError(f"{rows.named(row)} has {time} {rows.cell(row, time)} twice")
    return order


def _steps(
    rows: _Rows, order: np.ndarray, series: np.ndarray, frequency: Frequency, starts: np.ndarray
) -> np.ndarray:
    """Each sorted row's step within its series. Warns where steps have no row."""
    steps, fits = frequency.steps(rows.times[order], starts[series])
    wrong = np.flatnonzero(~fits | (steps > _LONGEST))
    if len(wrong):
        row, time = int(order[wrong[0]]), rows.columns.time
        raise InputError(
            f"{rows.named(row)}: {time} {rows.cell(row, time)} must be a whole number of steps, at most "
            f"{_LONGEST:,}, of frequency {frequency} after its series' first (--freq names another)"
        )
    wide = np.flatnonzero((np.diff(series) == 0) & (np.diff(steps) > 1))
    if len(wide):
        missing = int((np.diff(steps)[wide] - 1).sum())
        warnings.warn(
            f"{rows.named(int(order[wide[0] + 1]))} has no row for the step before; "
            f"{missing} steps without a row count as missing values",
            stacklevel=4,
        )
    return steps


def _one_each(
    rows: _Rows, column: str, series: np.ndarray, order: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """A static column's value of each series."""
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
    """Steps up to each series' last target."""
    steps = np.arange(len(y)) - np.repeat(begins[:-1], np.diff(begins)) + 1
    lengths = np.maximum.reduceat(np.where(np.isnan(y), 0, steps), begins[:-1])
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        raise InputError(f"{columns.id} {names[int(empty[0])]!r} has no {columns.target} at all")
    return lengths


def _written(kind: "pl.DataType") -> str:
    """A type of times as a text."""
    import polars as pl

    if isinstance(kind, pl.Datetime):
        return f"Datetime {kind.time_unit} {kind.time_zone or ''}".strip()
    return str(kind) if kind == pl.Date or kind.is_integer() else "String"


def _type_written(text: str) -> "pl.DataType | None":
    """The type of times that ``_written`` gave as a text; None where it gave none such."""
    import zoneinfo

    import polars as pl

    kind, _, rest = text.partition(" ")
    if kind == "Datetime":
        unit, _, zone = rest.partition(" ")
        fits = unit in ("ms", "us", "ns") and (not zone or zone in zoneinfo.available_timezones())
        return pl.Datetime(unit, zone or None) if fits else None  # type: ignore[arg-type]
    plain = ("String", "Date", *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)))
    return getattr(pl, text)() if text in plain else None


def panel_arrays(panel: Panel) -> dict[str, np.ndarray]:
    """What ``panel_from_arrays`` reads, for an ``.npz`` file."""
    return {
        "ids": panel.keys.to_numpy() if panel.keys.dtype.is_integer() else np.array(panel.ids),
        "times": np.array(_written(panel.time_type)),
        "frequency": np.array(str(panel.frequency)),
        "integers": np.array(panel.integers),
        "starts": panel.starts,
        "begins": panel.begins,
        "lengths": panel.lengths,
        "y": panel.y,
        **{f"covariate {name}": values for name, values in panel.covariates.items()},
        **{f"static {name}": values for name, values in panel.static.items()},
    }


def panel_from_arrays(found: dict[str, np.ndarray], source: str) -> Panel:
    """The panel of these arrays, which may come from anywhere.

    Raises:
        InputError: they are not exactly what ``panel_arrays`` gives.
    """
    import polars as pl

    found = {"times": np.array("String"), **found}  # runs of version 0.1 have none
    kinds = {
        "ids": "Uiu",
        "times": "U",
        "frequency": "U",
        "integers": "b",
        "starts": "i",
        "begins": "i",
        "lengths": "i",
        "y": "f",
    }
    for name, kind in kinds.items():
        if name not in found or found[name].dtype.kind not in kind:
            raise InputError(f"{source}: must have an array {name!r} of type {kind}")
    ids, begins, y = found["ids"], found["begins"], found["y"]
    covariates = {k.removeprefix("covariate "): v for k, v in found.items() if k.startswith("covariate ")}
    static = {k.removeprefix("static "): v for k, v in found.items() if k.startswith("static ")}
    fits = (
        ids.ndim == y.ndim == 1
        and found["frequency"].ndim == found["integers"].ndim == 0
        and len(ids) > 0
        and found["starts"].shape == found["lengths"].shape == ids.shape
        and begins.shape == (len(ids) + 1,)
        and begins[0] == 0
        and begins[-1] == len(y)
        and (np.diff(begins) >= found["lengths"]).all()
        and found["lengths"].min() > 0
        and all(v.shape == y.shape and v.dtype.kind in "fU" for v in covariates.values())
        and all(v.shape == ids.shape and v.dtype.kind in "fU" for v in static.values())
        and len(found) == len(kinds) + len(covariates) + len(static)
    )
    if not fits:
        raise InputError(f"{source}: its arrays do not fit together")
    integers, time_type = bool(found["integers"]), _type_written(str(found["times"]))
    if time_type is None:
        raise InputError(f"{source}: times must be a type of times. Got {shown(str(found['times']))}.")
    return Panel(
        pl.Series(ids),
        parse_frequency(str(found["frequency"]), integers=integers),
        found["starts"],
        begins,
        found["lengths"],
        y,
        covariates,
        static,
        integers,
        time_type,
    )
