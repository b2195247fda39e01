"""Facts that a forecaster learns from its series: time step, seasons, lengths of windows, covariates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.config import counted, from_json, to_json
from elman.data.batches.cutoffs import Division
from elman.data.series.covariates import Covariates, covariates_from_json
from elman.data.series.panel import Columns, Panel
from elman.data.series.scheme import SeriesScheme
from elman.errors import InputError
from elman.tasks.forecasting.combination import FILE, NETWORK, Combination
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.shared import sizing
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.options import ABSENT
from elman.train import files

# of the validation part, unless an option says how many windows
_SHARE, _MOST_FORECASTS, _MOST_WINDOWS = 0.1, 1000, 20


@dataclass(frozen=True, kw_only=True)
class SeriesFacts(SeriesScheme, TaskFacts):
    """Time step, seasons and lengths of windows, and the covariates with their scales and categories.

    Attributes:
        covariates: as measured on the training part.
        combination: weights of the network and simple methods; None: the network alone.
    """

    covariates: Covariates
    combination: Combination | None = None

    @classmethod
    def learnt(cls, config: ForecastingConfig, panel: Panel, test_windows: int) -> Self:
        """Learns from the training part: the steps before the validation part and ``test_windows`` forecasts.

        Raises:
            InputError: no series is long enough.
        """
        seasons, horizon = _seasons_and_horizon(config, panel)
        has_smoothing = "es-rnn" in config.kinds
        scheme = SeriesScheme(
            frequency=str(panel.frequency),
            integers=panel.integers,
            horizon=horizon,
            seasons=seasons,
            mase_season=config.mase_season or seasons[0],
            context=context_of(config, config.kinds[0], seasons, horizon),
            test_windows=test_windows,
            series=tuple(panel.ids) if has_smoothing else (),
            columns=(panel.columns.id, panel.columns.time, panel.columns.target),
            layout=panel.columns.layout,
            times=str(panel.form),
            spacing=panel.spacing,
            shifted=has_smoothing,
            decimal=panel.decimal,  # type: ignore[arg-type]
            validation_windows=_validation_windows(config, panel.lengths, horizon),
        )
        ends = division_of(config, scheme).training_ends(panel.lengths)
        if not (ends > horizon).any():
            longest = counted(int(panel.lengths.max()), "step")
            raise InputError(
                f"no series is long enough: the longest has {longest}, and forecasts of "
                f"{horizon} leave none to train on; try a shorter "
                f"horizon, or fewer validation windows"
            )
        covariates = Covariates.measured(panel, ends, columns_of(config), config.calendar)
        bounded = "none" if config.below_zero else "long" if _some_negative(panel, ends) else "all"
        return cls(**{**vars(scheme), "bounded": bounded}, covariates=covariates)

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the combination, if there is one; returns the content for ``config.json``."""
        self.save_fitted(folder)
        content = {**to_json(replace(self, combination=None)), "covariates": self.covariates.to_json()}
        del content["combination"]
        return content

    def save_fitted(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes the combination, if there is one."""
        if self.combination is not None:
            self.combination.save(folder, check)

    @classmethod
    def load(cls, content: dict[str, Any], config: ForecastingConfig, folder: Path) -> Self:
        """Reads the facts of a run folder; the covariates must be those of the options."""
        source = f"{folder / files.CONFIG}: facts"
        windows = {"test_windows": config.test_windows, "validation_windows": config.validation_windows}
        scheme = {**windows, **content}  # absent in early runs of version 0.1
        covariates = covariates_from_json(scheme.pop("covariates", None), source)
        kinds = (covariates.known, covariates.past, covariates.static)
        if tuple(tuple(column.name for column in kind) for kind in kinds) != (
            config.known_future,
            config.past,
            config.static,
        ):
            raise InputError(f"{source}: covariates must be those of the options")
        combination = Combination.load(folder)
        if combination is not None and combination.networks != networks_of(config):
            raise InputError(f"{folder / FILE}: methods must hold {', '.join(networks_of(config))}")
        return cls(
            **vars(from_json(SeriesScheme, scheme, source)), covariates=covariates, combination=combination
        )


def _some_negative(panel: Panel, ends: np.ndarray) -> bool:
    """Whether a target before the ends [N] of series is negative."""
    steps = np.arange(len(panel.y)) - np.repeat(panel.begins[:-1], np.diff(panel.begins))
    return bool((panel.y[steps < np.repeat(ends, np.diff(panel.begins))] < 0).any())


def columns_of(config: ForecastingConfig) -> Columns:
    """Returns the columns of the training table by their roles, as the options name them."""
    named = config.id_column != Columns().id
    return Columns(
        config.id_column,
        config.time_column,
        config.target_column,
        config.known_future,
        config.past,
        config.static,
        config.table or ("long" if named else "auto"),
    )


def columns_as_trained(config: ForecastingConfig, facts: SeriesScheme) -> Columns:
    """Returns the columns that were read in training. A model of one series also reads several."""
    columns = columns_of(config)
    if facts.columns:
        series, time, target = facts.columns
        columns = replace(columns, id=series, time=time, target=target)
    return replace(columns, layout="auto" if facts.layout == "one" else facts.layout)


def division_of(config: ForecastingConfig, scheme: SeriesScheme) -> Division:
    """Returns the division of each series into training, validation and test part."""
    step = config.step or scheme.horizon
    return Division(scheme.horizon, step, scheme.test_windows, scheme.validation_windows)


def _validation_windows(config: ForecastingConfig, lengths: np.ndarray, horizon: int) -> int:
    """Returns how many forecasts of each series are the validation part.

    Of few long series, one forecast each says little; but the network does not learn what they hold.
    """
    if config.validation_windows is not None:
        return config.validation_windows
    steps = config.step or horizon
    fitting = 1 + (int(_SHARE * np.median(lengths)) - horizon) // steps
    return max(1, min(fitting, _MOST_FORECASTS // len(lengths), _MOST_WINDOWS))


def with_model(config: ForecastingConfig, panel: Panel) -> ForecastingConfig:
    """Returns the options with the model that suits the series, unless they have one."""
    if config.model is not ABSENT:
        return config
    model = "direct"
    if config.distribution != "negative-binomial":  # es-rnn has none for counts
        steps = context_of(config, "es-rnn", *_seasons_and_horizon(config, panel))
        model = sizing.networks(len(panel), steps)
    return replace(config, model=model)  # type: ignore[arg-type]


def networks_of(config: ForecastingConfig) -> tuple[str, ...]:
    """Returns the names of the networks in a combination."""
    return config.kinds if len(config.kinds) > 1 else (NETWORK,)


def context_of(config: ForecastingConfig, kind: str, seasons: Sequence[int], horizon: int) -> int:
    """Returns the steps that a kind of network reads: by default for every season and for some horizons."""
    longest = seasons[-1]
    default = max(longest + horizon, 3 * horizon, 8)
    if kind == "es-rnn":
        default = 2 * longest + max(4 * horizon, 2 * longest)
    return config.context or default


def _seasons_and_horizon(config: ForecastingConfig, panel: Panel) -> tuple[tuple[int, ...], int]:
    seasons = config.season or panel.frequency.seasons
    return seasons, config.horizon or max(seasons[0], 1)
