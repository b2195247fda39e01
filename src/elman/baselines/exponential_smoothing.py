"""Exponential smoothing of many series at once: the mean of models with and without trend and season.

    forecast    ŷ = l + φ b + s    (additive),  (l + φ b) s  (multiplicative)
    error       ε = y − ŷ          (additive),  (y − ŷ) / ŷ  (multiplicative)
    level       l ← l + φ b + α e
    slope       b ← φ b + β e
    season      s ← s + γ ε        (additive),  s (1 + γ ε)  (multiplicative)

e is ε, times l + φ b if multiplicative. A missing value has no error. The rates are searched on grids; the
first states are those in which the same recursion, run backwards over the series, ends.

Source: Hyndman, Koehler, Ord & Snyder 2008, "Forecasting with exponential smoothing" (the ETS models, their
AICc); Kolassa 2011, International Journal of Forecasting 27(2) (their mean by Akaike weights).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.baselines.decomposition import mean_of_observed, seasonal_indices

_LONGEST = 1500  # steps of history, or ten seasons if these are more
_MOST_CELLS = 100_000  # series × rates at once: what a processor's cache holds
_LONGEST_SEASON = 400
_TINY = 1e-8
_ALPHA = (0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.98)
_BETA = (0.02, 0.15, 0.5)  # as a share of α
_GAMMA = (0.01, 0.1, 0.4)  # as a share of 1 − α
_PHI = {"none": (0.0,), "damped": (0.8, 0.9, 0.97), "linear": (1.0,)}
_REFINEMENTS = (0.5, 0.2)  # of the logarithms of odds, in which grids are refined
_BOUNDS = (0.005, 0.995)  # of a rate
_MOST_PHI = 0.985
_FEW = 4


class Form(NamedTuple):
    """One of the models.

    Attributes:
        multiplicative: whether error and season are.
        trend: none, damped or linear (φ = 1).
        seasonal: whether there is a season.
    """

    multiplicative: bool
    trend: str
    seasonal: bool

    @property
    def freedom(self) -> int:
        """Number of parameters besides the seasonal indices: rates, first states and the variance."""
        return 3 + {"none": 0, "linear": 2, "damped": 3}[self.trend] + self.seasonal


FORMS = tuple(
    Form(multiplicative, trend, seasonal)
    for multiplicative, trends in ((False, ("none", "damped", "linear")), (True, ("none", "damped")))
    for trend in trends
    for seasonal in (False, True)
)


@dataclass
class _State:
    """Level and slope [R, G], and seasonal indices [m, R, G], of R series with G sets of rates."""

    level: np.ndarray
    slope: np.ndarray
    season: np.ndarray

    def picked(self, best: np.ndarray) -> "_State":
        """Returns the states of one set of rates for each series, [R, 1]."""
        rows = np.arange(len(best))
        return _State(
            self.level[rows, best][:, None],
            self.slope[rows, best][:, None],
            self.season[:, rows, best][..., None],
        )


class _Rates(NamedTuple):
    """α, β, φ and γ, all [R, G]."""

    alpha: np.ndarray
    beta: np.ndarray
    phi: np.ndarray
    gamma: np.ndarray


def exponential_smoothing(histories: Sequence[np.ndarray], horizon: int, season: int) -> np.ndarray:
    """Forecasts each series with the mean of all forms that it is long enough for, by their AICc.

    Args:
        histories: M series [T] of any lengths with at least one observed value; NaN is missing. Of a longer
            one the last 1,500 steps are read, or the last ten seasons.
        horizon: H.
        season: m, steps of a season; 1: none. Up to 400; a series needs two seasons to have one.

    Shapes:
        → forecasts [M, H], in the unit of each series
    """
    longest = max(_LONGEST, 10 * season)
    season = season if season <= _LONGEST_SEASON else 1
    trimmed = [history[-longest:] for history in histories]
    trimmed = [history[np.argmax(~np.isnan(history)) :] for history in trimmed]
    order = np.argsort([len(history) for history in trimmed], kind="stable")
    grid = len(_ALPHA) * len(_BETA) * len(_GAMMA) * len(_PHI["damped"])
    rows = max(1, _MOST_CELLS // grid)
    forecasts = np.empty((len(histories), horizon))
    for begin in range(0, len(order), rows):
        some = order[begin : begin + rows]
        forecasts[some] = _Rows([trimmed[k] for k in some], season).forecast(horizon)
    return forecasts


class _Rows:
    """Series that end at the same step, in their own units.

    Args:
        histories: R series from their first observed value on.
        season: m.
    """

    def __init__(self, histories: Sequence[np.ndarray], season: int) -> None:
        steps = max(map(len, histories))
        y = np.full((steps, len(histories)), np.nan)
        for row, history in enumerate(histories):
            y[steps - len(history) :, row] = history
        self.season = season
        self.begins = steps - np.array(list(map(len, histories)))
        self.unit = np.nanmean(np.abs(y), axis=0)
        self.unit[self.unit == 0] = 1.0
        self.y = y / self.unit
        self.there = ~np.isnan(y)
        self.number = self.there.sum(0)
        self.whole = self.there.all(1)
        self.positive = np.nanmin(y, axis=0) > 0

    def forecast(self, horizon: int) -> np.ndarray:
        """Returns the mean of all forms' forecasts by Akaike weights [R, H]."""
        rows = self.y.shape[1]
        criteria = np.full((len(FORMS), rows), np.inf)
        last = _last_observed(self.y)[:, None]
        forecasts = np.broadcast_to(last[None], (len(FORMS), rows, horizon)).copy()
        for number, form in enumerate(FORMS):
            possible = self._possible(form)
            if possible.any():
                fitted = self._only(possible)._fitted(form, horizon)
                criteria[number, possible], forecasts[number, possible] = fitted
        lowest = criteria.min(0)
        weights = np.exp((np.where(np.isfinite(lowest), lowest, 0.0) - criteria) / 2)
        weights = np.where(np.isfinite(lowest), weights, 1.0)
        mean = np.einsum("fr,frh->rh", weights / weights.sum(0), forecasts)
        return mean * self.unit[:, None]

    def _possible(self, form: Form) -> np.ndarray:
        """Returns which series have enough values for a form, and positive ones if it is multiplicative."""
        parameters = form.freedom + (self.season if form.seasonal else 0)
        enough = self.number > parameters + 1
        if form.seasonal:
            enough &= (self.season > 1) & (self.number >= 2 * self.season)
        return enough & (self.positive | (not form.multiplicative))

    def _only(self, which: np.ndarray) -> "_Rows":
        rows = object.__new__(_Rows)
        vars(rows).update(vars(self))
        rows.begins, rows.number = self.begins[which], self.number[which]
        rows.y, rows.there = self.y[:, which], self.there[:, which]
        rows.whole = rows.there.all(1)
        return rows

    def _fitted(self, form: Form, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns AICc [R] and forecasts [R, H] of a form with the best rates found."""
        rates = _first_grid(form, self.y.shape[1])
        misfit, state = self._misfit(form, rates)
        best = misfit.argmin(1)
        for spread in _REFINEMENTS:
            rates = _finer_grid(form, _Rates(*(each[np.arange(len(best)), best] for each in rates)), spread)
            misfit, state = self._misfit(form, rates)
            best = misfit.argmin(1)
        n, k = self.number, form.freedom + (self.season - 1 if form.seasonal else 0)
        criterion = misfit.min(1) + 2 * k + 2 * k * (k + 1) / np.maximum(n - k - 1, 1)
        state = state.picked(best)
        phi = rates.phi[np.arange(len(best)), best]
        ahead = np.cumsum(phi[:, None] ** np.arange(1, horizon + 1), axis=1)
        forecasts = state.level + state.slope * ahead
        if form.seasonal:
            phases = (len(self.y) + np.arange(horizon)) % self.season
            indices = state.season[phases, :, 0].T
            forecasts = forecasts * indices if form.multiplicative else forecasts + indices
        return criterion, forecasts

    def _misfit(self, form: Form, rates: _Rates) -> tuple[np.ndarray, _State]:
        """Returns twice the negative log likelihood [R, G], and the states at the end."""
        state = self._first_state(form, rates.alpha.shape[1])
        state, _, _ = self._smooth(form, rates, state, range(len(self.y) - 1, -1, -1))
        state.slope *= -1
        state, squares, errors = self._smooth(form, rates, state, range(len(self.y)))
        n = self.number[:, None]
        misfit = n * np.log(np.maximum(squares, _TINY**2) / n)
        if form.multiplicative:  # plus twice the sum of log ŷ = log y − log (1 + ε)
            logs = np.log(np.where(self.there, self.y, 1.0)).sum(0)[:, None]
            misfit = misfit + 2 * (logs - errors + squares / 2)
        return np.where(np.isfinite(misfit), misfit, np.inf), state

    def _smooth(
        self, form: Form, rates: _Rates, state: _State, steps: range
    ) -> tuple[_State, np.ndarray, np.ndarray]:
        """Runs the recursion over steps in this order; returns the last states, Σ ε² and Σ ε."""
        level, slope, seasons = state.level, state.slope, state.season
        squares, errors = np.zeros_like(level), np.zeros_like(level)
        latest = self.begins.max()
        with np.errstate(over="ignore", invalid="ignore"):
            for t in steps:
                base = level + rates.phi * slope if form.trend != "none" else level
                index = seasons[t % self.season] if form.seasonal else None
                y = self.y[t][:, None]
                if form.multiplicative:
                    base = np.maximum(base, _TINY)
                    error = y / (base if index is None else base * index) - 1
                else:
                    error = y - base if index is None else y - base - index
                if not self.whole[t]:
                    error = np.where(self.there[t][:, None], error, 0.0)
                step = error * base if form.multiplicative else error
                if index is not None:
                    change = rates.gamma * error
                    seasons[t % self.season] = (
                        np.maximum(index * (1 + change), _TINY) if form.multiplicative else index + change
                    )
                new_level = base + rates.alpha * step
                new_slope = rates.phi * slope + rates.beta * step if form.trend != "none" else slope
                if t < latest:  # before its first value, a series has no state
                    begun = (t >= self.begins)[:, None]
                    new_level = np.where(begun, new_level, level)
                    new_slope = np.where(begun, new_slope, slope)
                level, slope = new_level, new_slope
                squares += np.square(error)
                errors += error
        return _State(level, slope, seasons), squares, errors

    def _first_state(self, form: Form, number: int) -> _State:
        """Returns a state for the last step: the mean of the last values, and the indices of all."""
        rows = self.y.shape[1]
        indices = seasonal_indices(self.y, self.season, multiplicative=form.multiplicative)
        if form.seasonal:
            phase = np.arange(len(self.y)) % self.season
            adjusted = self.y / indices[phase] if form.multiplicative else self.y - indices[phase]
            season = np.repeat(indices[..., None], number, axis=2)
        else:
            adjusted, season = self.y, np.zeros((self.season, rows, number))
        level = mean_of_observed(adjusted[-max(self.season, _FEW) :], axis=0)
        level = np.where(np.isnan(level), _last_observed(adjusted), level)
        return _State(np.repeat(level[:, None], number, axis=1), np.zeros((rows, number)), season)


def _first_grid(form: Form, rows: int) -> _Rates:
    """Returns all pairs of rates that a form has, the same for each series [R, G]."""
    axes = (
        _ALPHA,
        (0.0,) if form.trend == "none" else _BETA,
        _PHI[form.trend],
        _GAMMA if form.seasonal else (0.0,),
    )
    alpha, beta, phi, gamma = (
        np.broadcast_to(each, (rows, each.size)) for each in map(np.ravel, np.meshgrid(*axes))
    )
    return _Rates(alpha, alpha * beta, phi, (1 - alpha) * gamma)


def _finer_grid(form: Form, best: _Rates, spread: float) -> _Rates:
    """Returns rates about the best ones [R]: each as it is, and its odds multiplied and divided."""
    shares = (
        best.alpha,
        best.beta / best.alpha,
        best.phi,
        best.gamma / (1 - best.alpha),
    )
    moves = (1, form.trend != "none", form.trend == "damped", form.seasonal)
    steps = itertools.product(*((-1, 0, 1) if moves_ else (0,) for moves_ in moves))
    factors = np.exp(2 * spread * np.array(list(steps), float))  # [G, 4]
    alpha, beta, phi, gamma = (
        _odds(share, factors[:, k]) if moves[k] else np.repeat(share[:, None], len(factors), axis=1)
        for k, share in enumerate(shares)
    )
    return _Rates(alpha, alpha * beta, np.minimum(phi, _MOST_PHI) if moves[2] else phi, (1 - alpha) * gamma)


def _odds(share: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Multiplies the odds of shares [R] in (0, 1) by factors [G]: [R, G]."""
    odds = (share / (1 - share))[:, None] * factor
    return np.clip(odds / (1 + odds), *_BOUNDS)


def _last_observed(y: np.ndarray) -> np.ndarray:
    """Returns the last value of each series: [T, R] → [R]."""
    last = len(y) - 1 - (~np.isnan(y))[::-1].argmax(0)
    return y[last, np.arange(y.shape[1])]
