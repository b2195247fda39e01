"""Panels: many time series in one long table, one row per step with its ``unique_id`` and ``ds``."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl

from elman.data.series.frequency import Frequency
from elman.data.series.time_forms import TimeForm

Layout = Literal["auto", "long", "one", "wide"]


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a table, covariates included, and what its rows and columns are.

    Attributes:
        id: names a row's series; also the column of names in forecasts of files without one. Several columns
            with commas between them are joined to one.
        time: integers, dates or date-times.
        target: values to forecast; empty cells are missing values.
        known: covariates known ahead, such as holidays or fixed prices.
        past: covariates known only up to the present.
        static: properties of a series, the same in all of its rows.
        layout: long: a row for each series and time; one: a single series without a name; wide: a column for
            each series; auto: whatever the table shows.
    """

    id: str = "unique_id"
    time: str = "ds"
    target: str = "y"
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    layout: Layout = "auto"

    @property
    def covariates(self) -> tuple[str, ...]:
        """The covariates with a value per step."""
        return self.known + self.past

    def with_names(self, table: "pl.DataFrame") -> "pl.DataFrame":
        """Returns a table with the several columns that name its series, if these do, joined to one."""
        parts = [part.strip() for part in self.id.split(",")]
        if len(parts) < 2 or self.id in table.columns or not set(parts) <= set(table.columns):
            return table
        names = pl.concat_str([pl.col(part).cast(pl.String) for part in parts], separator=" ")
        kept = {*self.covariates, *self.static, self.time, self.target}
        return table.with_columns(names.alias(self.id)).drop(part for part in parts if part not in kept)

    def named(self, name: str) -> str:
        """Returns a series' name for messages."""
        return f"{self.id if self.layout in ('auto', 'long') else 'series'} {name!r}"


@dataclass(frozen=True)
class Panel:
    """Series of different lengths, end to end in flat arrays; N series, R steps in all.

    A series has every step from its first row to its last. Steps without a row, and empty cells, are missing
    values: NaN, or "" among texts.

    Attributes:
        keys: [N] name of each series, in its original type.
        frequency: shared by all series.
        starts: [N] time of each first step.
        begins: [N + 1] first position of each series in the flat arrays; the last is R.
        lengths: [N] steps up to the last target. Later steps have only covariates.
        y: [R] float64 targets.
        covariates: [R] each, float64 or texts.
        static: [N] each, float64 or texts.
        integers: whether times are integers, not dates.
        form: how the times were written.
        columns: names of the columns that were read.
        decimal: decimal mark of its numbers; empty if they were no texts with marks.
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
    form: TimeForm
    columns: Columns = field(default_factory=Columns)
    decimal: str = ""

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def ids(self) -> list[str]:
        """Name of each series as a text."""
        return self.keys.cast(pl.String).to_list()

    @cached_property
    def spacing(self) -> int:
        """The most common number of steps between two targets; 1 if no series has three."""
        return int(np.median(some)) if len(some := self.spacings[self.spacings > 0]) else 1

    @cached_property
    def spacings(self) -> np.ndarray:
        """The median number of steps between two targets of each series [N]; 0 if it has fewer than three."""
        result = np.zeros(len(self), np.int64)
        at = np.flatnonzero(~np.isnan(self.y))
        for series, own in enumerate(np.split(at, np.searchsorted(at, self.begins[1:-1]))):
            if len(own) > 2:
                result[series] = int(np.median(np.diff(own)))
        return result

    def history(self, series: int, cutoff: int) -> np.ndarray:
        """Returns the targets of a series before a step."""
        begin = self.begins[series]
        return self.y[begin : begin + cutoff]

    def following(self, series: np.ndarray, cutoffs: np.ndarray, horizon: int) -> np.ndarray:
        """Returns the targets of the H steps from each cutoff [M] of a series [M] on: [M, H]."""
        return np.stack([self.history(s, c + horizon)[c:] for s, c in zip(series, cutoffs, strict=True)])

    def times(self, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Returns the time of each step, which may be after the last row; both [N] → [N]."""
        return self.frequency.after(self.starts[series], steps)

    def extended(self, ends: np.ndarray) -> "Panel":
        """Returns the panel with at least ``ends`` [N] steps in each series; added values are missing."""
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
        """Returns times as they were written.

        Raises:
            InputError: a time does not exist in the time zone.
        """
        if self.integers:
            column = pl.Series("ds", times)
            kind = self.form.kind
            narrow = column.cast(kind, strict=False) if kind.is_integer() else column
            return column if narrow.has_nulls() else narrow
        by_days = self.frequency.by_days
        whole_days = by_days and bool((self.starts % 86400 == 0).all())
        return self.form.written(times, wall=by_days, whole_days=whole_days)

    def place(self, series: int, step: int) -> str:
        """Returns a step's series and time, for messages."""
        time = self.ds(self.times(np.array([series]), np.array([step])))[0]
        return f"{self.columns.named(self.ids[series])}, {self.columns.time} {time}"


def missing_value(values: np.ndarray) -> float | str:
    """Returns the missing value for an array of this type: NaN, or an empty text."""
    return float("nan") if values.dtype.kind == "f" else ""
