"""Forecasting: the next steps of many time series, with intervals."""

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from elman.config import counted, require, typed
from elman.data.read.frames import like
from elman.data.series.memory import frame_of
from elman.errors import InputError
from elman.heads.base import Distribution
from elman.models.forecast.direct import Direct
from elman.models.forecast.ensemble import Ensemble, Joint
from elman.models.forecast.es_rnn import EsRnn
from elman.models.forecast.forecaster import Forecaster as Member
from elman.models.forecast.recursive import Recursive
from elman.pictures.base import check_picture
from elman.registry import find
from elman.tasks.forecasting.answers import SeriesAnswers
from elman.tasks.forecasting.data import SeriesData, panel_of
from elman.tasks.forecasting.facts import SeriesFacts, columns_as_trained, columns_of
from elman.tasks.forecasting.options import ForecastingConfig, interval_levels
from elman.tasks.forecasting.query import Query, quantile_levels
from elman.tasks.forecasting.start import begun_with_windows
from elman.tasks.forecasting.windows import Windows, windows_of
from elman.tasks.shared.data import Parts
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.train.loop import LossUnit


class Forecaster(Task):
    """Forecasts many series, like Nixtla's libraries: ``fit(df)``, ``predict()``.

    A frame has one row for each step; a list of arrays has a series in each. Further rows of the same frame,
    with an empty target, hold the future of covariates known ahead. Forecasts have the frame's types of names
    and times, and its time zone.

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
    model: Ensemble | Joint

    def fit(
        self,
        df: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on a whole long table; there is no test part, whatever ``test_windows`` is.

        Args:
            df: a polars or pandas frame with the columns ``unique_id``, ``ds``, ``y`` and covariates; or
                series without covariates, of any lengths: a list or a dictionary of arrays [T] or of pandas'
                columns, whose index of dates is read, or a single one. Forecasts are a frame.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: a row or an option breaks a rule.
        """
        config, start = begun_with_windows(self.config, self.named)
        df = frame_of(df, columns_of(config))
        panel = panel_of(config, df)
        return self._fit(
            lambda _: SeriesData.of(config, panel, 0, df.head(1), start=start), out, overwrite, show_progress
        )

    def predict(self, df: Any = None, h: int | None = None, levels: Sequence[int] = (80, 95)) -> Any:
        """Forecasts the steps after each series' last target.

        Recursive models draw the sample paths of all series with the same random numbers, so that the
        forecast of a series does not depend on the others.

        Args:
            df: series up to now, and the future of covariates known ahead, as for ``fit``; None: the training
                series.
            h: steps; None: as in training.
            levels: intervals in whole per cent.

        Returns:
            A frame of the same kind as df or the training frame: ``unique_id``, ``ds``, ``elman`` (the
            median), ``elman-lo-80``, ….

        Raises:
            InputError: the task is not fitted, or a row, h or a level breaks a rule.
        """
        answers: SeriesAnswers = self.answers
        steps, levels = self._steps_ahead(h, "h"), interval_levels(levels, "levels")
        df = None if df is None else self._frame(df)
        panel = self.data.panel if df is None else answers.panel_of(df)
        return like(answers.ahead(panel, steps, levels, None), self.data.frame if df is None else df)

    def _frame(self, df: Any) -> Any:
        """Returns series in memory as a frame with the columns of training."""
        return frame_of(df, columns_as_trained(self.config, self.facts))

    def forecast(
        self,
        data: Paths | None = None,
        *,
        horizon: int | None = None,
        levels: Sequence[int] = (80, 95),
        plot: Path | None = None,
    ) -> pl.DataFrame:
        """Forecasts the series of files, and draws a picture.

        Args:
            data: a table or several; None: the training series.
            horizon: steps; None: as in training.
            levels: intervals in whole per cent.
            plot: file of a picture of the first six series (.png, .svg, .pdf); None draws none.

        Raises:
            InputError: the task is not fitted, or a row, the horizon, a level or a file breaks a rule.
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
        """Trains on the steps before the first cutoff, then forecasts from each cutoff.

        A copy of the task does this: the task's own options and model do not change. A series too short for
        all cutoffs has fewer; if it has none, all of it is trained on. A warning names the first such series.

        Args:
            df: series, as for ``fit``.
            n_windows: number of cutoffs in a series; h steps follow the last.
            step_size: steps between two cutoffs; None: the option ``step`` or, if absent, h.
            h: steps of a forecast; None: the option ``horizon``.
            levels: intervals in whole per cent.

        Returns:
            A frame of the same kind as df: ``unique_id``, ``ds``, ``cutoff`` (the last step read), ``y``,
            ``elman``, ``elman-lo-80``, ….

        Raises:
            InputError: a row, an option or an argument breaks a rule, or no series is long enough.
        """
        levels, number = interval_levels(levels, "levels"), _whole(n_windows, "n_windows")
        changes: dict[str, Any] = {"test_windows": number}
        if h is not None:
            changes["horizon"] = _whole(h, "h")
        if step_size is not None:
            changes["step"] = _whole(step_size, "step_size")
        changed = dataclasses.replace(self._asked(), **changes)
        config, start = begun_with_windows(changed, self.named | changes.keys())
        run = type(self)(config)
        df = frame_of(df, columns_of(config))
        panel = panel_of(config, df)

        def read(_: Path | None) -> SeriesData:
            data = SeriesData.of(config, panel, number, tested=False, start=start)
            _warn_of_short_series(data)
            return data

        run._fit(read, None, overwrite=False, show_progress=False)
        answer = run.answers.answer(run.data.windows.test(panel), quantile_levels(levels))
        # in a pandas frame, cutoffs have the type of times, unless those were joined from several columns
        time = panel.columns.time
        given = df.assign(cutoff=df[time]) if hasattr(df, "assign") and time in df.columns else df
        return like(answer.frame(levels, with_actual=True), given)

    def evaluate(self, data: Paths = (), *, df: Any = None) -> dict[str, Any]:
        """Measures forecasts of the last ``test_windows`` horizons (at least one) of other series.

        Args:
            data: a table or several.
            df: instead of tables, series in memory, as for ``fit``.

        Raises:
            InputError: the task is not fitted, there are both data and df or neither, a row breaks a rule, or
                no series is long enough.
        """
        answers: SeriesAnswers = self.answers
        paths = as_paths(data)
        check_one_source(bool(paths), df is not None, "df")
        return answers.evaluate(paths) if paths else answers.figures(answers.panel_of(self._frame(df)))

    def _measure(self, parts: Parts, show_progress: bool) -> dict[str, Any]:
        """Chooses the weights of the combination, then measures."""
        combination = self.answers.combine(self.data)
        self.facts = dataclasses.replace(self.facts, combination=combination)
        results = super()._measure(parts, show_progress)
        return results if combination is None else {**results, "weights": combination.shares()}

    @property
    def horizon(self) -> int:
        """H, steps of a forecast."""
        horizon: int = self.facts.horizon
        return horizon

    def _steps_ahead(self, requested: Any, name: str) -> int:
        """Returns the steps of a forecast; None: as in training. InputError names the argument."""
        if requested is None:
            return self.horizon
        steps = _whole(requested, name)
        if steps > self.horizon and self.config.model != "recursive":
            raise InputError(f"{name} must be at most {self.horizon}, as in training. Got {steps}.")
        return steps

    def build(self) -> Ensemble | Joint:
        """Returns the ensemble of networks, or several of unlike ones."""
        windows = windows_of(self.config, self.facts)
        kinds = {kind: self._ensemble(own) for kind, own in windows.items()}
        return Joint(kinds) if len(kinds) > 1 else next(iter(kinds.values()))

    def _ensemble(self, windows: Windows) -> Ensemble:
        config = windows.config
        lowest = 0.0 if config.model == "es-rnn" or config.head == "negative-binomial" else None
        return Ensemble((self._member(windows) for _ in range(config.ensemble)), lowest)

    def _member(self, windows: Windows) -> Member:
        config, facts, sizes = windows.config, windows.facts, windows.sizes
        embedding = config.embedding_size
        head: Any = find("heads", config.head, Distribution)
        if config.model == "recursive":
            layer = self.layer(Recursive.input_size(sizes, windows.lags, embedding))
            return Recursive(
                layer,
                head(layer.output_size),
                sizes,
                lags=windows.lags,
                embedding_size=embedding,
                scaling=config.window_scaling,
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
            return Direct(layer, head(2 * config.width), sizes, scaling=config.window_scaling, **shared)
        layer = self.layer(EsRnn.input_size(sizes, windows.inputs, embedding))
        rows = len(facts.series) + 1
        return EsRnn(layer, head(2 * config.width), sizes, series=rows, inputs=windows.inputs, **shared)

    def loss_unit(self) -> LossUnit:
        """Shows the distribution's loss of scaled targets."""
        return LossUnit("quantile loss" if self.config.head == "quantile" else "nats/target", 1.0, "targets")


def _whole(value: Any, name: str) -> int:
    """Checks a number of steps or windows. InputError names the argument."""
    number: int = typed(int, value, name)
    require(name, 1 <= number <= 10**5, "an int in [1, 1e5]", number)
    return number


def _warn_of_short_series(data: SeriesData) -> None:
    """Warns in one line about series with fewer forecasts in the test part than requested.

    Raises:
        InputError: no series is long enough for a forecast.
    """
    config, panel, number = data.config, data.panel, data.facts.test_windows
    query: Query = data.windows.last(panel, number)
    counts = np.bincount(query.series, minlength=len(panel))
    short = np.flatnonzero(counts < number)
    if len(short):
        warnings.warn(
            f"{len(short)} of {len(panel)} series are too short for {counted(number, 'forecast')} of "
            f"{counted(query.horizon, 'step')}, {config.step or query.horizon} apart, and have fewer or "
            f"none; the first: {panel.columns.named(panel.ids[short[0]])} with {counts[short[0]]}",
            stacklevel=2,
        )
