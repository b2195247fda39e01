"""Initial weights of a forecaster: random, or a run on other series."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from torch import Tensor

from elman.data.series.frequency import parse_frequency
from elman.data.series.panel import Panel
from elman.tasks.forecasting.facts import SeriesFacts
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.shared.start import Source, adopted, begun


def begun_with_windows(
    config: ForecastingConfig, named: Collection[str]
) -> tuple[ForecastingConfig, Source | None]:
    """Returns the options, with those of the run that training starts from, and that run.

    The horizon of a recursive model and the context of all are free: no weight depends on them.

    Raises:
        InputError: the run does not fit the task, or an option contradicts it.
    """
    config, start = begun(config, named)
    if start is None:
        return config, None
    facts = start.task.facts
    config = adopted(config, {"season": facts.seasons}, named, start.folder)
    if config.model != "recursive":
        config = adopted(config, {"horizon": facts.horizon}, named, start.folder)
    horizon, context = config.horizon or facts.horizon, config.context or facts.context
    return replace(config, horizon=horizon, context=context), start


def check_times(panel: Panel, start: Source) -> None:
    """Raises InputError unless the seasons and calendar of the series are those of the run's series."""
    facts, own = start.task.facts, panel.frequency
    known = parse_frequency(facts.frequency, integers=facts.integers)
    if (own.seasons, own.calendar_names) != (known.seasons, known.calendar_names):
        start.check("the time between two steps", str(own), str(known))


def with_categories(facts: SeriesFacts, start: Source) -> SeriesFacts:
    """Returns the facts with the categories of the run's covariates, too."""
    covariates = facts.covariates.with_categories_of(start.task.facts.covariates)
    return SeriesFacts(**{**vars(facts), "covariates": covariates})


def weights_of(start: Source, facts: SeriesFacts) -> dict[str, Tensor]:
    """Returns the run's weights, with a row for each category and each series of the new facts.

    A new category starts as the mean of all, a new series with the smoothing that all share.
    """
    known = start.task.facts
    ahead, past = facts.covariates.rows_in(known.covariates)
    places = {name: row for row, name in enumerate(known.series, 1)}
    modules = {
        **{f"reader._known.{k}": rows for k, rows in enumerate(ahead)},
        **{f"reader._past.{k}": rows for k, rows in enumerate(past)},
        "smoothing.own_rates": np.array([0, *(places.get(name, 0) for name in facts.series)]),
    }
    config = start.task.config
    numbers = {kind: config.of(kind).ensemble for kind in config.kinds}
    joint = [f"kinds.{kind}.members.{m}." for kind, number in numbers.items() for m in range(number)]
    members = joint if len(numbers) > 1 else [f"members.{m}." for m in range(config.ensemble)]
    return start.weights({f"{member}{name}": rows for member in members for name, rows in modules.items()})
