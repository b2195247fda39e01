"""A forecaster's combination: weighted means of its networks' forecasts and those of simple methods."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Self

import numpy as np

from elman.baselines.backtest import scaled_errors, simple_forecasts
from elman.baselines.combination import fit_weights
from elman.config import from_json, read_json, require, to_json
from elman.metrics.forecast import naive_error
from elman.tasks.forecasting.query import Answer
from elman.train.files import write_json

FILE = "combination.json"
"""The file of the weights in a run folder."""
NETWORK = "network"
"""The name of an only network among the methods; several have those of their kinds."""
_KINDS = ("direct", "es-rnn")
SIMPLE = ("naive", "seasonal naive", "Theta", "ETS")
"""The simple methods that are combined."""
_LEAST_WINDOWS = 5  # of validation, from which on a series has weights of its own
_TOLERANCE = 1e-6
_WIDEST = 100


@dataclass(frozen=True, kw_only=True)
class Combination:
    """Weights of networks and of simple methods.

    Attributes:
        methods: names of the K methods, the networks among them.
        season: season of the simple methods, in steps.
        shared: [K] weights of series without their own.
        series: names of the N series with weights of their own.
        own: [N][K] these weights.
        stretch: factors of the 80 % and 95 % intervals that give them their coverage on the validation part.

    Raises:
        InputError: weights are negative, do not sum to 1, or do not fit the names.
    """

    methods: tuple[str, ...]
    season: int
    shared: tuple[float, ...]
    series: tuple[str, ...] = ()
    own: tuple[tuple[float, ...], ...] = ()
    stretch: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        """Checks the attributes, which may come from an untrusted file."""
        known = set(self.methods) <= {NETWORK, *_KINDS, *SIMPLE} and bool(self.networks)
        require("methods", known and len(set(self.methods)) == len(self.methods), "known", self.methods)
        require("season", 1 <= self.season <= 10**5, "an int in [1, 1e5]", self.season)
        require("own", len(self.own) == len(self.series), "weights of each of the series", len(self.own))
        require("stretch", all(0 < factor < _WIDEST for factor in self.stretch), "in (0, 100)", self.stretch)
        for weights in (self.shared, *self.own):
            fits = len(weights) == len(self.methods) and all(weight >= 0 for weight in weights)
            fits = fits and abs(sum(weights) - 1) < _TOLERANCE
            require("weights", fits, "at least 0, sum to 1, and be one for each method", weights)

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of the networks among the methods."""
        return tuple(name for name in self.methods if name not in SIMPLE)

    @classmethod
    def fitted(cls, networks: Mapping[str, Answer], season: int) -> Self:
        """Chooses weights by errors on the validation part, which the networks' forecasts are of.

        See ``fit_weights`` for the rule. A series has its own weights from five forecasts on.
        """
        any_network = next(iter(networks.values()))
        query = any_network.query
        methods = (*networks, *(name for name in SIMPLE if season > 1 or name != "seasonal naive"))
        simple = simple_forecasts(query.histories(), query.horizon, season, methods)
        points = {**medians(networks), **simple}
        errors = scaled_errors(any_network.actual(), points, query.histories(), season)
        shared, own = fit_weights(errors, query.series)
        counts = np.bincount(query.series, minlength=len(own))
        rows = np.flatnonzero(counts >= _LEAST_WINDOWS)
        combination = cls(
            methods=methods,
            season=season,
            shared=_normal(shared),
            series=tuple(query.panel.ids[row] for row in rows),
            own=tuple(_normal(own[row]) for row in rows),
        )
        return replace(combination, stretch=combination.joined(networks, simple).stretch())

    def joined(
        self, networks: Mapping[str, Answer], simple: Mapping[str, np.ndarray] | None = None
    ) -> Answer:
        """Returns the combined forecasts.

        Each quantile is the weighted mean of those of all methods, then stretched about the median. Simple
        methods have those of a normal distribution, with the deviation of the seasonal naive method:

            σ_h = √(π / 2) · mean |y_t − y_{t−m}| · √(1 + ⌊(h − 1) / m⌋)

        Args:
            networks: the networks' forecasts by name.
            simple: forecasts [M, H] of the simple methods, if they are known.
        """
        any_network = next(iter(networks.values()))
        query, levels = any_network.query, any_network.levels
        if simple is None:
            simple = simple_forecasts(query.histories(), query.horizon, self.season, self.methods)
        points = {**medians(networks), **simple}
        weights = self.weights([query.panel.ids[row] for row in query.series])
        mean = np.einsum("mk,mhk->mh", weights, np.stack([points[name] for name in self.methods], axis=-1))
        errors = np.array([naive_error(history, self.season) for history in query.histories()])
        growth = np.sqrt(1 + np.arange(query.horizon) // self.season)
        deviation = math.sqrt(math.pi / 2) * np.nan_to_num(errors)[:, None] * growth
        normal = deviation[..., None] * [NormalDist().inv_cdf(level) for level in levels]
        distances = normal
        for name, network in networks.items():
            share = weights[:, self.methods.index(name), None, None]
            distances = distances + share * (network.quantiles - points[name][..., None] - normal)
        sides = 2 * np.abs(np.array(levels) - 0.5)
        quantiles = mean[..., None] + np.interp(sides, (0.8, 0.95), self.stretch) * distances
        order = np.argsort(levels)
        quantiles[..., order] = np.sort(quantiles[..., order])  # with unlike factors they may cross
        return replace(any_network, quantiles=quantiles, points=points)

    def weights(self, names: Sequence[str]) -> np.ndarray:
        """Returns the weights of series by name [M, K]."""
        own = dict(zip(self.series, self.own, strict=True))
        return np.array([own.get(name, self.shared) for name in names]).reshape(-1, len(self.methods))

    def shares(self) -> dict[str, float]:
        """Returns the weight of each method, over series if these have weights of their own."""
        mean = np.mean(self.own, axis=0) if self.own else np.array(self.shared)
        return {name: round(float(weight), 4) for name, weight in zip(self.methods, mean, strict=True)}

    def save(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes the weights to a run folder."""
        write_json(folder / FILE, to_json(self), check)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Reads the weights of a run folder; None if it has none."""
        path = folder / FILE
        return from_json(cls, read_json(path), str(path)) if os.path.lexists(path) else None


def medians(networks: Mapping[str, Answer]) -> dict[str, np.ndarray]:
    """Returns the medians [M, H] of networks' forecasts by name."""
    return {name: network.median() for name, network in networks.items()}


def _normal(weights: np.ndarray) -> tuple[float, ...]:
    """Returns weights that sum to 1, as they are stored."""
    return tuple((weights / weights.sum()).tolist())
