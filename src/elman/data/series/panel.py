"""Many time series in one long table: a row a step, named by ``unique_id`` and ``ds``."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from elman.data.series.frequency import Frequency
from elman.data.series.times import in_zone


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
            longer = np.full(begins[-1], missing_value(values), values.dtype)
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
        kind = self.time_type
        if self.integers:
            found = pl.Series("ds", times)
            narrow = found.cast(kind, strict=False) if kind.is_integer() else found
            return found if narrow.has_nulls() else narrow
        found = pl.Series("ds", times.astype("datetime64[s]").astype("datetime64[us]"))
        if isinstance(kind, pl.Datetime):
            return in_zone(found, kind, wall=self.frequency.by_days)
        whole = self.frequency.by_days and (self.starts % 86400 == 0).all()
        return found.cast(pl.Date) if whole else found

    def place(self, series: int, step: int, columns: Columns) -> str:
        """A step's series and time, for a message."""
        time = self.ds(self.times(np.array([series]), np.array([step])))[0]
        return f"{columns.id} {self.ids[series]!r}, {columns.time} {time}"


def missing_value(values: np.ndarray) -> float | str:
    """What stands for a missing value among these: NaN, or an empty text."""
    return float("nan") if values.dtype.kind == "f" else ""
