"""Series of one or more long tables, split into training, validation and test part."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.config import check_regular
from elman.data.read.frames import to_polars
from elman.data.read.npz import read_arrays
from elman.data.series.panel import Panel
from elman.data.series.read import make_panel, read_panel
from elman.data.series.store import panel_arrays, panel_from_arrays
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.forecasting.facts import SeriesFacts, columns_as_trained, columns_of, with_model
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.forecasting.start import begun_with_windows, check_times, weights_of, with_categories
from elman.tasks.forecasting.windows import Together, Windows, name_short, windows_of
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.sizing import windows as sized_for
from elman.tasks.shared.start import Source

_DATA = "series.npz"


class SeriesData(TaskData):
    """All series, up to their ends; facts and options determine the steps of each part.

    Attributes:
        panel: the series.
        frame: a row of the user's frame, which shows the kind of frame to return; None for files.
        tested: whether the test part is measured after training; otherwise the caller forecasts it.
    """

    needed_to_load = True

    config: ForecastingConfig
    facts: SeriesFacts

    def __init__(
        self,
        config: ForecastingConfig,
        facts: SeriesFacts,
        panel: Panel,
        frame: Any = None,
        *,
        tested: bool = True,
    ) -> None:
        super().__init__(config, facts)
        self.panel, self.frame, self.tested = panel, frame, tested

    @classmethod
    def read(
        cls, config: ForecastingConfig, paths: list[Path], folder: Path | None, named: Collection[str] = ()
    ) -> Self:
        """Reads one or more tables; learns frequency, seasons, scales and categories."""
        config, start = begun_with_windows(config, named)
        panel = read_panel(paths, columns_of(config), config.freq, config.reading, config.time_format)
        return cls.of(config, panel, config.test_windows, start=start)

    @classmethod
    def of(
        cls,
        config: ForecastingConfig,
        panel: Panel,
        test_windows: int,
        frame: Any = None,
        *,
        tested: bool = True,
        start: Source | None = None,
    ) -> Self:
        """Learns from the steps before the validation part and a test part of ``test_windows`` forecasts.

        Args:
            config: the options; with those of the run to start from, see ``begun_with_windows``.
            panel: the series.
            test_windows: forecasts at the end of each series that are the test part.
            frame: see the class.
            tested: see the class.
            start: the run to start from, or None.
        """
        check_targets(config, panel)
        _tell_shifted(config, panel)
        if start is not None:
            check_times(panel, start)
        known = with_model(config, panel)
        facts = SeriesFacts.learnt(known, panel, test_windows)
        if start is not None:
            facts = with_categories(facts, start)
        windows = next(iter(windows_of(known, facts).values()))
        ends = windows.training_ends(panel)
        name_short(
            panel, ends, windows.context, "are read from their first step, if they have two to train on"
        )
        data = cls(config, facts, panel, frame, tested=tested)
        if start is not None:
            data.start = weights_of(start, facts)
        return data

    @classmethod
    def reopen(cls, config: ForecastingConfig, facts: SeriesFacts, folder: Path) -> Self:
        """Reads the series that ``save`` wrote."""
        path = folder / _DATA
        check_regular(path)
        panel = panel_from_arrays(read_arrays(path), str(path))
        if str(panel.frequency) != facts.frequency or panel.integers != facts.integers:
            raise InputError(f"{path}: frequency must be {facts.frequency}. Got {panel.frequency}.")
        columns = columns_as_trained(config, facts)
        expected = (set(columns.covariates), set(columns.static))
        if (set(panel.covariates), set(panel.static)) != expected:
            raise InputError(f"{path}: must hold the covariates of the options")
        columns = replace(columns, layout=facts.layout)
        return cls(config, facts, replace(panel, columns=columns))

    @property
    def windows(self) -> Windows:
        """The windows that the series are cut into, of the first kind of network."""
        return next(iter(windows_of(self.config, self.facts).values()))

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the series, the windows of an epoch and their steps."""
        windows, model = self.windows, with_model(self.config, self.panel).model
        number = windows.per_epoch(self.panel)
        return {"model": model, **sized_for(model, number, windows.context + self.facts.horizon)}

    @property
    def amounts(self) -> dict[str, int]:
        """Series, and their steps up to the last target of each."""
        return {"series": len(self.panel), "step": int(self.panel.lengths.sum())}

    def parts(self) -> Parts:
        """Returns random windows to train on, and one window for each forecast of the other parts."""
        kinds, panel = windows_of(self.config, self.facts).values(), self.panel
        validation = self.windows.validation(panel)
        test = self.windows.test(panel) if self.tested else None
        return Parts(
            Together([windows.training(panel) for windows in kinds]),
            Together([windows.of(validation) for windows in kinds]) if validation else None,
            Together([windows.of(test) for windows in kinds]) if test else None,
        )

    def save(self, folder: Path) -> None:
        """Writes the series, which a forecast continues if it gets no other data."""
        arrays: Any = panel_arrays(self.panel)
        np.savez(folder / _DATA, **arrays)


def panel_of(config: ForecastingConfig, df: Any) -> Panel:
    """Reads the series of a polars or pandas frame to train on. Raises InputError for a bad row."""
    tables = [(to_polars(df), Path("df"))]
    return make_panel(tables, columns_of(config), config.freq, config.reading, config.time_format)


def _tell_shifted(config: ForecastingConfig, panel: Panel) -> None:
    """Reports how many series es-rnn takes shifted, because a target is not positive."""
    if config.model != "es-rnn":
        return
    low = np.flatnonzero(np.fmin.reduceat(panel.y, panel.begins[:-1]) <= 0)
    if len(low):
        notice(
            f"{len(low)} of {len(panel)} series have zeros or negative values, and are shifted to be "
            f"positive for --model es-rnn; the first: {panel.columns.named(panel.ids[low[0]])}"
        )


def check_targets(config: ForecastingConfig, panel: Panel, *, shifted: bool = True) -> None:
    """Raises InputError if a target is impossible for the model or its distribution.

    Args:
        config: the options.
        panel: the series.
        shifted: see ``SeriesScheme``.
    """
    y = panel.y
    if config.model == "es-rnn" and not shifted:
        bad, rule = y <= 0, "positive for an es-rnn of an earlier version (train it again)"
    elif config.head == "negative-binomial":
        bad, rule = (y < 0) | (y != np.round(y)), "a count for --distribution negative-binomial"
    else:
        return
    bad &= ~np.isnan(y)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        series = int(np.searchsorted(panel.begins, at, "right")) - 1
        raise InputError(
            f"{panel.place(series, at - panel.begins[series])}: "
            f"{panel.columns.target} must be {rule}. Got {y[at]:g}."
        )
