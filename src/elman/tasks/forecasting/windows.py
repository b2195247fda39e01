"""Windows: how options and facts cut series into the input of a forecaster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.batch import WindowBatches
from elman.config import counted
from elman.data.batches.cutoffs import CutoffWindows, Division, RandomWindows
from elman.data.series.covariates import Encoded, Sizes, encode
from elman.data.series.frequency import Frequency, parse_frequency
from elman.data.series.panel import Panel
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.forecasting.facts import SeriesFacts, context_of, division_of
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.forecasting.query import Query

_MOST_PATHS = 20_000  # sample paths in a batch of recursive models
_MOST_WINDOWS = 256  # forecasts in a batch of the other models


@dataclass(frozen=True)
class Windows:
    """The input of a network at each step and before a cutoff.

    Attributes:
        config: the options, of one kind of network.
        facts: the facts of the series.
    """

    config: ForecastingConfig
    facts: SeriesFacts

    @property
    def lags(self) -> tuple[int, ...]:
        """How many steps back are the targets that each step of a recursive model reads."""
        return self.config.lags or _default_lags(self.facts.seasons)

    @property
    def inputs(self) -> int:
        """W, steps of the input window of es-rnn."""
        return self.config.inputs or max(self.facts.seasons[0], self.facts.horizon)

    @property
    def context(self) -> int:
        """Steps of a window before its cutoff; a recursive model adds the steps that only its lags read."""
        lead = max(self.lags) if self.config.model == "recursive" else 0
        return self.facts.context + lead

    @property
    def frequency(self) -> Frequency:
        """The time between two steps."""
        return parse_frequency(self.facts.frequency, integers=self.facts.integers)

    @property
    def sizes(self) -> Sizes:
        """Numbers of covariates and categories that the model reads."""
        return self.facts.covariates.sizes(self.frequency)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the first layer's features, in the order in which the model joins them."""
        target, model = self.config.target_column, self.config.model
        own = [f"{target} (scaled)", f"{target} is there"]
        if model == "recursive":
            lagged = [f"{target}, {lag} before" for lag in self.lags]
            own = [*lagged, *(f"{name}, is there" for name in lagged)]
        elif model == "es-rnn":
            window = [f"{target} without season, {back} before" for back in reversed(range(self.inputs))]
            own = [*window, f"{target} is there"]
        known, past = self.facts.covariates.features(self.frequency, self.config.embedding_size)
        return (*own, *known, *past)

    def training(self, panel: Panel) -> RandomWindows:
        """Returns windows of the training part at random cutoffs."""
        config = self.config
        return RandomWindows(
            self._encoded(panel),
            self.training_ends(panel),
            context=self.context,
            horizon=self.facts.horizon,
            batch_size=config.batch_size,
            windows=self.per_epoch(panel),
            seed=config.seed,
            relative=self._relative,
            positive=self._positive,
        )

    def per_epoch(self, panel: Panel) -> int:
        """Returns the number of windows that an epoch draws."""
        ends = self.training_ends(panel)
        enough = max(int((ends > 1).sum()), int(ends.sum()) // self.facts.horizon)
        return self.config.windows_per_epoch or enough

    def training_ends(self, panel: Panel) -> np.ndarray:
        """Returns the number of steps of each series in the training part [N]."""
        return self._division.training_ends(panel.lengths)

    def validation(self, panel: Panel) -> Query:
        """Returns the forecasts of the validation part; there may be none."""
        return Query(panel, *self._division.validation(panel.lengths), self.facts.horizon)

    def test(self, panel: Panel) -> Query:
        """Returns the forecasts of the test part; there may be none."""
        return Query(panel, *self._division.test(panel.lengths), self.facts.horizon)

    def last(self, panel: Panel, number: int) -> Query:
        """Returns the last forecasts of each series: ``number``, or fewer if the series is short.

        Raises:
            InputError: no series is long enough for one forecast.
        """
        division = replace(self._division, test_windows=number)
        query = Query(panel, *division.test(panel.lengths), self.facts.horizon)
        if not query:
            most = counted(division.shortest - 1, "step")
            raise InputError(f"at least one series must be longer than {most}: history and horizon")
        return query

    def of(self, query: Query) -> CutoffWindows:
        """Returns one window for each forecast of a query."""
        panel, series, cutoffs = query.panel, query.series, query.cutoffs
        ends = np.zeros(len(panel), np.int64)
        np.maximum.at(ends, series, cutoffs + query.horizon)
        recursive = self.config.model == "recursive"
        return CutoffWindows(
            self._encoded(panel.extended(ends)),
            series,
            cutoffs,
            context=self.context,
            horizon=query.horizon,
            batch_size=max(1, _MOST_PATHS // self.config.paths) if recursive else _MOST_WINDOWS,
            relative=self._relative,
            bounded=self._bounded,
            positive=self._positive,
        )

    @property
    def _relative(self) -> bool:
        """Whether the model reads targets by their distance from a value of the window."""
        return self.config.window_scaling in ("standard", "relative") and self.config.model != "es-rnn"

    @property
    def _positive(self) -> bool:
        """Whether targets are shifted where they have no logarithm."""
        return self.config.model == "es-rnn" and self.facts.shifted

    @property
    def _bounded(self) -> int | None:
        """Steps from which on a series that was never negative is bounded by 0; None: none is."""
        return {"none": None, "long": 2 * self.context, "all": 0}[self.facts.bounded]

    @property
    def _division(self) -> Division:
        return division_of(self.config, self.facts)

    def _encoded(self, panel: Panel) -> Encoded:
        rows = {name: k + 1 for k, name in enumerate(self.facts.series)}
        return encode(panel, self.facts.covariates, np.array([rows.get(name, 0) for name in panel.ids]))


def windows_of(config: ForecastingConfig, facts: SeriesFacts) -> dict[str, Windows]:
    """Returns the windows of each kind of network."""
    contexts = {kind: context_of(config, kind, facts.seasons, facts.horizon) for kind in config.kinds[1:]}
    first = {config.kinds[0]: Windows(config.of(config.kinds[0]), facts)}
    others = {k: Windows(config.of(k), replace(facts, context=steps)) for k, steps in contexts.items()}
    return first | others


class Together:
    """Batches of several kinds of windows of the same forecasts; of one kind, as they are."""

    def __init__(self, kinds: Sequence[CutoffWindows | RandomWindows]) -> None:
        self._kinds = kinds
        self.steps = kinds[0].steps

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Any]:
        """Yields batches, starting at batch ``start``."""
        epochs = [windows.epoch(number, start) for windows in self._kinds]
        return map(WindowBatches, zip(*epochs, strict=True)) if len(epochs) > 1 else epochs[0]


def name_short(panel: Panel, lengths: np.ndarray, steps: int, outcome: str) -> None:
    """Reports how many series have fewer than ``steps`` steps, the first one, and what happens to them."""
    short = np.flatnonzero(lengths < steps)
    if len(short):
        first = f"{panel.columns.named(panel.ids[short[0]])} with {lengths[short[0]]}"
        notice(
            f"{len(short)} of {len(panel)} series have fewer than the {counted(steps, 'step')} that the "
            f"model reads, and {outcome}; the first: {first}"
        )


def _default_lags(seasons: Sequence[int]) -> tuple[int, ...]:
    """Returns the last three steps, and the steps about one and two seasons back."""
    around = (m * k + d for m in seasons if m > 1 for k in (1, 2) for d in (-1, 0, 1))
    return tuple(sorted({1, 2, 3} | {lag for lag in around if lag > 0}))
