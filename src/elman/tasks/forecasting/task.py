"""Forecasting: what comes next in many time series, and how sure that is."""

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from elman.config import require, typed
from elman.data.read.frames import like
from elman.errors import InputError
from elman.heads.base import Distribution
from elman.models.forecast.direct import Direct
from elman.models.forecast.ensemble import Ensemble
from elman.models.forecast.es_rnn import EsRnn
from elman.models.forecast.forecaster import Forecaster as Member
from elman.models.forecast.recursive import Recursive
from elman.pictures.base import check_picture
from elman.registry import find
from elman.tasks.forecasting.answers import SeriesAnswers
from elman.tasks.forecasting.data import SeriesData, panel_of
from elman.tasks.forecasting.facts import SeriesFacts, columns_of
from elman.tasks.forecasting.options import ForecastingConfig, interval_levels
from elman.tasks.forecasting.query import Query, quantile_levels
from elman.tasks.forecasting.windows import Windows
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.train.loop import Reading


class Forecaster(Task):
    """Forecasts of many series, in the manner of Nixtla's libraries: ``fit(df)``, ``predict()``.

    A frame has one row for each step. The future of covariates known ahead is given in further rows of the
    same frame, whose target is empty. Names of series and times come back in the types, and times in the time
    zone, in which they came.

    Args:
        **options: fields of ``ForecastingConfig`` (``elman train forecasting --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = ForecastingConfig
    Facts = SeriesFacts
    Data = SeriesData
    Answers = SeriesAnswers

    data: SeriesData
    model: Ensemble

    def fit(
        self,
        df: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all of a long table; there is no test part, whatever ``test_windows`` says.

        Args:
            df: a polars or pandas frame with the columns ``unique_id``, ``ds``, ``y`` and covariates.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Raises:
            InputError: a row or an option is refused.
        """
        panel = panel_of(self.config, df, self.config.freq)
        return self._fit(
            lambda _: SeriesData.of(self.config, panel, 0, df.head(1)), out, overwrite, show_progress
        )

    def predict(self, df: Any = None, h: int | None = None, levels: Sequence[int] = (80, 95)) -> Any:
        """Forecasts of the steps after each series' last target.

        Recursive models draw all series' sample paths with the same random numbers, so that a series'
        forecast does not depend on the others.

        Args:
            df: series up to now, and the future of covariates known ahead; None: those trained on.
            h: steps; as trained where None.
            levels: intervals in whole per cent.

        Returns:
            a frame of df's kind, or of that which was fitted: ``unique_id``, ``ds``, ``elman`` (the median),
            ``elman-lo-80``, ….

        Raises:
            InputError: not fitted, or a row, h or a level is refused.
        """
        answers: SeriesAnswers = self.answers
        steps, levels = self._steps_ahead(h, "h"), interval_levels(levels, "levels")
        panel = self.data.panel if df is None else answers.panel_of(df)
        return like(answers.ahead(panel, steps, levels, None), self.data.frame if df is None else df)

    def forecast(
        self,
        data: Paths | None = None,
        *,
        horizon: int | None = None,
        levels: Sequence[int] = (80, 95),
        plot: Path | None = None,
    ) -> pl.DataFrame:
        """The same of files, and a picture.

        Args:
            data: a table or several; None: those trained on.
            horizon: steps; as trained where None.
            levels: intervals in whole per cent.
            plot: file of a picture of the first six series (.png, .svg, .pdf).

        Raises:
            InputError: not fitted, or a row, the horizon, a level or the file is refused.
        """
        answers: SeriesAnswers = self.answers
        check_picture(plot)
        panel = self.data.panel if data is None else answers.read(as_paths(data))
        steps, levels = self._steps_ahead(horizon, "--horizon"), interval_levels(levels, "--levels")
        return answers.ahead(panel, steps, levels, plot)

    def cross_validation(
        self,
        df: Any,
        n_windows: int = 1,
        step_size: int | None = None,
        h: int | None = None,
        levels: Sequence[int] = (80, 95),
    ) -> Any:
        """Trains on what is before the first cutoff, then forecasts from each cutoff.

        That is done on a copy: the task's own options and model stay as they are. A series too short for all
        cutoffs has fewer, or none and is trained on to its end; a warning names the first.

        Args:
            df: a polars or pandas frame, as for ``fit``.
            n_windows: cutoffs of a series; the last leaves h steps.
            step_size: steps between two; the option ``step`` where None, or else h.
            h: steps of a forecast; the option ``horizon`` where None.
            levels: intervals in whole per cent.

        Returns:
            a frame of df's kind: ``unique_id``, ``ds``, ``cutoff`` (the last step read), ``y``, ``elman``,
            ``elman-lo-80``, ….

        Raises:
            InputError: a row, an option or an argument is refused, or no series is long enough.
        """
        levels, number = interval_levels(levels, "levels"), _whole(n_windows, "n_windows")
        changes: dict[str, Any] = {"test_windows": number}
        if h is not None:
            changes["horizon"] = _whole(h, "h")
        if step_size is not None:
            changes["step"] = _whole(step_size, "step_size")
        run = type(self)(dataclasses.replace(self.config, **changes))
        panel = panel_of(run.config, df, run.config.freq)

        def read(_: Path | None) -> SeriesData:
            data = SeriesData.of(run.config, panel, number, tested=False)
            _warn_of_short_series(data)
            return data

        run._fit(read, None, overwrite=False, show_progress=False)
        answer = run.answers.answer(run.data.windows.test(panel), quantile_levels(levels))
        return like(answer.frame(columns_of(run.config), levels, with_actual=True), df)

    def evaluate(self, data: Paths = (), *, df: Any = None) -> dict[str, Any]:
        """Figures on the last horizons of other series, as many as the option ``test_windows``, at least one.

        Args:
            data: a table or several, or
            df: a polars or pandas frame, as for ``fit``.

        Raises:
            InputError: not fitted, both or neither are given, a row is refused, or no series is long enough.
        """
        answers: SeriesAnswers = self.answers
        paths = as_paths(data)
        check_one_source(bool(paths), df is not None, "df")
        return answers.evaluate(paths) if paths else answers.figures(answers.panel_of(df))

    @property
    def horizon(self) -> int:
        """H, steps of a forecast."""
        horizon: int = self.facts.horizon
        return horizon

    def _steps_ahead(self, given: Any, name: str) -> int:
        """The steps of a forecast, as trained where None is given; InputError names the argument."""
        if given is None:
            return self.horizon
        steps = _whole(given, name)
        if steps > self.horizon and self.config.model != "recursive":
            raise InputError(f"{name} must be at most the {self.horizon} steps trained. Got {steps}.")
        return steps

    def build(self) -> Ensemble:
        """As many networks as the ensemble has."""
        config = self.config
        lowest = 0.0 if config.model == "es-rnn" or config.head == "negative-binomial" else None
        return Ensemble((self._member() for _ in range(config.ensemble)), lowest)

    def _member(self) -> Member:
        config, facts, embedding = self.config, self.facts, self.config.embedding_size
        windows = Windows(config, facts)
        sizes = windows.sizes
        head: Any = find("heads", config.head, Distribution)
        if config.model == "recursive":
            layer = self.layer(Recursive.input_size(sizes, windows.lags, embedding))
            return Recursive(
                layer,
                head(layer.output_size),
                sizes,
                lags=windows.lags,
                embedding_size=embedding,
                scaling=config.scaling,
                dropout=config.dropout,
                paths=config.paths,
            )
        shared: Any = {
            "horizon": facts.horizon,
            "seasons": facts.seasons,
            "width": config.width,
            "moments": config.moments,
            "embedding_size": embedding,
            "dropout": config.dropout,
        }
        if config.model == "direct":
            layer = self.layer(Direct.input_size(sizes, embedding))
            return Direct(layer, head(2 * config.width), sizes, scaling=config.scaling, **shared)
        layer = self.layer(EsRnn.input_size(sizes, windows.inputs, embedding))
        rows = len(facts.series) + 1
        return EsRnn(layer, head(2 * config.width), sizes, series=rows, inputs=windows.inputs, **shared)

    def reading(self) -> Reading:
        """The distribution's loss, of scaled targets."""
        return Reading("quantile loss" if self.config.head == "quantile" else "nats/target", 1.0, "targets")


def _whole(value: Any, name: str) -> int:
    """A number of steps or windows; InputError names the argument."""
    number: int = typed(int, value, name)
    require(name, 1 <= number <= 10**5, "an int in [1, 1e5]", number)
    return number


def _warn_of_short_series(data: SeriesData) -> None:
    """Warns in one line of series with fewer forecasts in the test part than requested.

    Raises:
        InputError: no series has any.
    """
    config, panel, number = data.config, data.panel, data.facts.test_windows
    query: Query = data.windows.last(panel, number)
    counts = np.bincount(query.series, minlength=len(panel))
    short = np.flatnonzero(counts < number)
    if len(short):
        warnings.warn(
            f"{len(short)} of {len(panel)} series are too short for {number} forecasts of {query.horizon} "
            f"steps, {config.step or query.horizon} apart, and have fewer or none; the first: "
            f"{config.id_column} {panel.ids[short[0]]!r} with {counts[short[0]]}",
            stacklevel=2,
        )
