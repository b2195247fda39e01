"""Inputs of a forecaster in addition to the target: covariates and calendar, scaled and encoded.

Scales and categories are learnt from the training part alone.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from elman.config import is_finite, shown
from elman.data.series.frequency import Frequency
from elman.data.series.panel import Columns, Panel
from elman.errors import InputError

_SMALLEST, _LARGEST = 1e-37, 3.4e38  # range of float32
_MOST_CATEGORIES = 10**5


@dataclass(frozen=True)
class Column:
    """A covariate: numbers with mean and standard deviation, or categories.

    Attributes:
        name: name of the column.
        mean: mean of a column of numbers.
        scale: its standard deviation, or 1 if it is constant.
        categories: sorted categories of a column of texts; None for a column of numbers.
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    categories: tuple[str, ...] | None = None

    @classmethod
    def measured(cls, name: str, values: np.ndarray) -> Self:
        """Measures a column on its training values; empty cells are ignored."""
        if values.dtype.kind != "f":
            return cls(name, categories=tuple(np.unique(values[values != ""]).tolist()))
        values = values[~np.isnan(values)]
        if not len(values):
            return cls(name)
        deviation = float(values.std())
        return cls(name, float(values.mean()), deviation if deviation > _SMALLEST else 1.0)

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Encodes values [R] → [R, 2]: the standardised value, 0 if missing, and 1 if present."""
        there = ~np.isnan(values)
        scaled = np.where(there, (np.where(there, values, 0) - self.mean) / self.scale, 0)
        return np.stack([scaled.clip(-1e6, 1e6), there], axis=1).astype(np.float32)

    def codes(self, values: np.ndarray) -> np.ndarray:
        """Encodes values [R] → [R] int64: from 1 in the order of the categories; 0 if missing or unknown."""
        assert self.categories is not None
        known = np.array(self.categories, dtype=str)
        if not len(known):
            return np.zeros(len(values), np.int64)
        at = np.searchsorted(known, values).clip(0, len(known) - 1)
        return np.where(known[at] == values, at + 1, 0)

    def with_categories_of(self, other: Self) -> Self:
        """Returns the column with the categories of both. Raises InputError if only one has any."""
        if (self.categories is None) != (other.categories is None):
            kind = "numbers" if other.categories is None else "texts"
            raise InputError(f"column {self.name!r} must hold {kind}, as in the run to start from")
        if self.categories is None or other.categories is None:
            return self
        return replace(self, categories=tuple(sorted({*self.categories, *other.categories})))

    def rows_in(self, other: Self) -> np.ndarray:
        """Returns the code in another column for each code of this one; −1 for a category that it lacks."""
        known = {name: code for code, name in enumerate(other.categories or (), 1)}
        return np.array([0, *(known.get(name, -1) for name in self.categories or ())])

    def to_json(self) -> dict[str, Any]:
        """Returns what ``column_from_json`` reads."""
        if self.categories is not None:
            return {"name": self.name, "categories": list(self.categories)}
        return {"name": self.name, "mean": self.mean, "scale": self.scale}


def column_from_json(obj: Any, source: str) -> Column:
    """Restores a column from ``Column.to_json``; raises InputError for anything else."""
    if not (isinstance(obj, dict) and isinstance(obj.get("name"), str)):
        raise InputError(f"{source}: a covariate must be an object with a name. Got {shown(obj)}.")
    name: str = obj["name"]
    categories: Any = obj.get("categories")
    mean, scale = (float(obj[key]) if is_finite(obj.get(key)) else math.nan for key in ("mean", "scale"))
    if obj.keys() == {"name", "categories"} and isinstance(categories, list):
        plain = len(categories) <= _MOST_CATEGORIES and all(isinstance(name, str) for name in categories)
        if plain and categories == sorted(set(categories)):
            return Column(name, categories=tuple(categories))
    if obj.keys() == {"name", "mean", "scale"} and abs(mean) <= _LARGEST and _SMALLEST <= scale <= _LARGEST:
        return Column(name, mean, scale)
    raise InputError(f"{source}: covariate {shown(name)} must have a mean and a scale, or categories")


@dataclass(frozen=True)
class Sizes:
    """Sizes of the covariate inputs of a model.

    Attributes:
        known: numbers known ahead, per step.
        past: numbers known up to the present, per step.
        known_codes: number of categories of each column known ahead, "unknown" included.
        past_codes: likewise of each column known up to the present.
    """

    known: int = 0
    past: int = 0
    known_codes: tuple[int, ...] = ()
    past_codes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Covariates:
    """All inputs in addition to the target.

    Attributes:
        known: columns known ahead.
        past: columns known up to the present.
        static: columns with one value per series.
        calendar: whether calendar features are added.
    """

    known: tuple[Column, ...] = ()
    past: tuple[Column, ...] = ()
    static: tuple[Column, ...] = ()
    calendar: bool = False

    @classmethod
    def measured(cls, panel: Panel, ends: np.ndarray, columns: Columns, calendar: bool) -> Self:
        """Measures every column on the steps of each series before its end [N]."""
        steps = np.arange(panel.begins[-1]) - np.repeat(panel.begins[:-1], np.diff(panel.begins))
        train = steps < np.repeat(ends, np.diff(panel.begins))

        def measure(names: tuple[str, ...]) -> tuple[Column, ...]:
            return tuple(Column.measured(name, panel.covariates[name][train]) for name in names)

        static = tuple(Column.measured(name, panel.static[name]) for name in columns.static)
        return cls(measure(columns.known), measure(columns.past), static, calendar and not panel.integers)

    def with_categories_of(self, other: Self) -> Self:
        """Returns the covariates with the categories of both, whose columns have the same names."""

        def joined(own: tuple[Column, ...], others: tuple[Column, ...]) -> tuple[Column, ...]:
            return tuple(a.with_categories_of(b) for a, b in zip(own, others, strict=True))

        return replace(
            self,
            known=joined(self.known, other.known),
            past=joined(self.past, other.past),
            static=joined(self.static, other.static),
        )

    def rows_in(self, other: Self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Returns ``Column.rows_in`` of the columns of categories: those known ahead, those of the past."""

        def rows(own: tuple[Column, ...], others: tuple[Column, ...]) -> list[np.ndarray]:
            pairs = zip(own, others, strict=True)
            return [a.rows_in(b) for a, b in pairs if a.categories is not None]

        return rows(self.known + self.static, other.known + other.static), rows(self.past, other.past)

    def sizes(self, frequency: Frequency) -> "Sizes":
        """Returns the widths of the arrays of ``encode``."""
        known = [column for column in self.known + self.static if column.categories is None]
        past = [column for column in self.past if column.categories is None]
        calendar = len(frequency.calendar_names) if self.calendar else 0
        return Sizes(
            2 * len(known) + calendar, 2 * len(past), _counts(self.known + self.static), _counts(self.past)
        )

    def features(self, frequency: Frequency, embedding_size: int) -> tuple[list[str], list[str]]:
        """Returns the names of a step's features: those known ahead, and those of the past."""
        known = self.known + self.static
        calendar = frequency.calendar_names if self.calendar else ()
        return (
            [*_numbers(known), *calendar, *_embedded(known, embedding_size)],
            [*_numbers(self.past), *_embedded(self.past, embedding_size)],
        )

    def to_json(self) -> dict[str, Any]:
        """Returns what ``covariates_from_json`` reads."""
        kinds = {"known": self.known, "past": self.past, "static": self.static}
        return {
            **{kind: [column.to_json() for column in columns] for kind, columns in kinds.items()},
            "calendar": self.calendar,
        }


def covariates_from_json(obj: Any, source: str) -> Covariates:
    """Restores covariates from ``Covariates.to_json``; raises InputError for anything else."""
    kinds = ("known", "past", "static")
    if not isinstance(obj, dict) or obj.keys() != {*kinds, "calendar"} or type(obj["calendar"]) is not bool:
        raise InputError(f"{source}: covariates must have known, past, static and calendar")
    for kind in kinds:
        if not isinstance(obj[kind], list):
            raise InputError(f"{source}: covariates: {kind} must be a list. Got {shown(obj[kind])}.")
    known, past, static = (tuple(column_from_json(item, source) for item in obj[kind]) for kind in kinds)
    return Covariates(known, past, static, obj["calendar"])


@dataclass(frozen=True)
class Encoded:
    """A panel encoded for the networks: numbers only, end to end in flat arrays as in ``Panel``.

    Attributes:
        begins: [N + 1] first row of each series.
        y: [R] float64, NaN for missing values.
        known: [R, K] float32: known covariates, static numbers and the calendar.
        past: [R, P] float32.
        known_codes: [R, C] int64: known and static categories.
        past_codes: [R, D] int64.
        series: [N] row of each series in tables of per-series parameters; 0 for series not in training.
    """

    begins: np.ndarray
    y: np.ndarray
    known: np.ndarray
    past: np.ndarray
    known_codes: np.ndarray
    past_codes: np.ndarray
    series: np.ndarray


def encode(panel: Panel, covariates: Covariates, series: np.ndarray) -> Encoded:
    """Encodes a panel.

    Args:
        panel: must extend as far as covariates will be read.
        covariates: measured on the training part.
        series: [N] row of each series in tables of per-series parameters.

    Raises:
        InputError: a column holds texts but held numbers in the training part.
    """
    spans = np.diff(panel.begins)
    steps = np.arange(panel.begins[-1]) - np.repeat(panel.begins[:-1], spans)
    along = {name: np.repeat(values, spans) for name, values in panel.static.items()}

    def numbers(columns: tuple[Column, ...], source: dict[str, np.ndarray]) -> list[np.ndarray]:
        plain = (column for column in columns if column.categories is None)
        return [column.numbers(_as(source, column)) for column in plain]

    def codes(columns: tuple[Column, ...], source: dict[str, np.ndarray]) -> list[np.ndarray]:
        named = (column for column in columns if column.categories is not None)
        return [column.codes(_as(source, column))[:, None] for column in named]

    known = numbers(covariates.known, panel.covariates) + numbers(covariates.static, along)
    if covariates.calendar:
        times = panel.times(np.repeat(np.arange(len(panel)), spans), steps)
        known.append(panel.frequency.calendar(times))
    nothing, none = np.zeros((len(steps), 0), np.float32), np.zeros((len(steps), 0), np.int64)
    return Encoded(
        panel.begins,
        panel.y,
        np.concatenate([nothing, *known], axis=1),
        np.concatenate([nothing, *numbers(covariates.past, panel.covariates)], axis=1),
        np.concatenate(
            [none, *codes(covariates.known, panel.covariates), *codes(covariates.static, along)], axis=1
        ),
        np.concatenate([none, *codes(covariates.past, panel.covariates)], axis=1),
        series,
    )


def check_known_ahead(panel: Panel, horizon: int, columns: Columns) -> None:
    """Raises InputError if a covariate known ahead is missing in the H steps after the last target."""
    longer = panel.extended(panel.lengths + horizon)
    for name in columns.known:
        values = longer.covariates[name]
        missing = np.isnan(values) if values.dtype.kind == "f" else values == ""
        for series, (begin, length) in enumerate(zip(longer.begins, longer.lengths, strict=False)):
            empty = np.flatnonzero(missing[begin + length : begin + length + horizon])
            if len(empty):
                raise InputError(
                    f"{longer.place(series, length + empty[0])}: "
                    f"column {name!r} is known ahead and must be given for every step forecast"
                )


def _as(source: dict[str, np.ndarray], column: Column) -> np.ndarray:
    """Returns a column's values in the type they had in the training part, numbers or texts."""
    values = source[column.name]
    if column.categories is None:
        if values.dtype.kind != "f":
            bad = next((value for value in values.tolist() if value and not _is_number(value)), values[0])
            raise InputError(
                f"column {column.name!r} must hold numbers, as in training. Got {shown(str(bad))}."
            )
        return values
    if values.dtype.kind == "f":  # all categories of this table look like numbers
        names = {float(name): name for name in column.categories if _is_number(name)}
        return np.array([names.get(value, "") for value in values.tolist()], dtype=str)
    return values


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _numbers(columns: tuple[Column, ...]) -> list[str]:
    """Returns the names of the features of ``Column.numbers``."""
    plain = (column.name for column in columns if column.categories is None)
    return [name for column in plain for name in (column, f"{column} is there")]


def _embedded(columns: tuple[Column, ...], size: int) -> list[str]:
    """Returns the names of the features of each column's embedding."""
    named = (column.name for column in columns if column.categories is not None)
    return [f"{column} {k + 1}" for column in named for k in range(size)]


def _counts(columns: tuple[Column, ...]) -> tuple[int, ...]:
    return tuple(len(column.categories) + 1 for column in columns if column.categories is not None)
