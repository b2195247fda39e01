"""Queries and answers of a forecaster: tables, pictures and figures all come from one answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import polars as pl

from elman.baselines.backtest import LEVELS, all_figures, interval_stretch
from elman.data.series.frame import forecast_frame
from elman.data.series.panel import Panel
from elman.pictures.forecast import Forecast, as_drawn


@dataclass(frozen=True)
class Query:
    """M forecasts to make.

    Attributes:
        panel: the series.
        series: [M] row of each forecast's series in the panel.
        cutoffs: [M] first step of each forecast.
        horizon: H, steps of each forecast.
    """

    panel: Panel
    series: np.ndarray
    cutoffs: np.ndarray
    horizon: int

    @classmethod
    def ahead(cls, panel: Panel, horizon: int) -> Self:
        """Asks for the steps after each series' last target."""
        return cls(panel, np.arange(len(panel)), panel.lengths, horizon)

    def __len__(self) -> int:
        """M, the number of forecasts."""
        return len(self.series)

    def histories(self) -> list[np.ndarray]:
        """Returns the M series before their cutoffs."""
        each = zip(self.series, self.cutoffs, strict=True)
        return [self.panel.history(series, cutoff) for series, cutoff in each]


@dataclass(frozen=True)
class Answer:
    """A model's answer to a query; the source of tables, pictures, figures and the stretch.

    Attributes:
        query: the query.
        levels: levels of the Q quantiles, in (0, 1).
        quantiles: [M, H, Q].
        points: [M, H] of each method in it by name, if it is a combination.
    """

    query: Query
    levels: tuple[float, ...]
    quantiles: np.ndarray
    points: Mapping[str, np.ndarray] = field(default_factory=dict)

    def median(self) -> np.ndarray:
        """Returns the median [M, H], which must be among the levels."""
        return self.quantiles[..., self.levels.index(0.5)]

    def intervals(self, levels: Sequence[int]) -> np.ndarray:
        """Returns the median, then both ends of each of L intervals in per cent: [M, H, 1 + 2 L]."""
        return self.quantiles[..., [self.levels.index(level) for level in quantile_levels(levels)]]

    def frame(self, levels: Sequence[int], *, with_actual: bool = False) -> pl.DataFrame:
        """Returns a long table; see ``forecast_frame``."""
        query = self.query
        quantiles = self.intervals(levels)
        return forecast_frame(
            query.panel, query.series, query.cutoffs, quantiles, levels, with_actual=with_actual
        )

    def drawn(self, rows: np.ndarray, levels: Sequence[int]) -> list[Forecast]:
        """Returns some of the M forecasts for a picture."""
        query = self.query
        each = zip(query.series[rows], query.cutoffs[rows], self.intervals(levels)[rows], strict=True)
        return [as_drawn(query.panel, series, cutoff, q, levels) for series, cutoff, q in each]

    def actual(self) -> np.ndarray:
        """Returns the actual targets [M, H], NaN where missing; the series must reach that far."""
        return self.query.panel.following(self.query.series, self.query.cutoffs, self.query.horizon)

    def figures(self, season: int) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
        """Returns the model's figures, and those of simple methods by name; requires ``LEVELS``."""
        assert self.levels == LEVELS
        return all_figures(self.actual(), self.quantiles, self.query.histories(), season, self.points)

    def stretch(self) -> tuple[float, float]:
        """Returns the factors that make the intervals cover their nominal shares; requires ``LEVELS``."""
        assert self.levels == LEVELS
        return interval_stretch(self.actual(), self.quantiles)


def quantile_levels(levels: Sequence[int]) -> tuple[float, ...]:
    """Returns the quantile levels of the median, then of both ends of each interval in per cent."""
    return (0.5, *(round(0.5 + side * level / 200, 3) for level in levels for side in (-1, 1)))
