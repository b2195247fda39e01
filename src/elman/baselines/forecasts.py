"""Simple forecasting methods: naive, seasonal naive, Naive2 and Theta.

All take the history [T] of one series and return the H steps after it; Theta takes several at once. Naive
methods use the last observed value, or the last one of the same phase. Naive2 and Theta, which decompose,
interpolate missing values linearly; they use at most the last 5,000 steps, from the first observed value on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from elman.baselines.decomposition import is_seasonal, seasonal_indices

_LONGEST = 5000  # steps of history; more cost time without a change in the result
_LEAST_STEPS = 3  # of a linear trend
_MOST_ROWS = 500  # series that are smoothed at once
_RATES = np.linspace(0.01, 0.99, 99)


def naive(history: np.ndarray, horizon: int) -> np.ndarray:
    """Repeats the last observed value."""
    return np.full(horizon, _observed(history)[-1])


def seasonal_naive(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Repeats the last observed value of the same phase, or of any phase if that has none."""
    last = naive(history, 1)[0]
    phases = []
    for phase in range(season):
        values = history[::-1][season - 1 - phase :: season]
        values = values[~np.isnan(values)]
        phases.append(values[0] if len(values) else last)
    return np.resize(phases, horizon)


def naive2(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Applies ``naive`` to the seasonally adjusted series, then restores the season.

    The adjustment is multiplicative, by classical decomposition, and made only if the autocorrelation at
    the season is significant and the series is positive: the reference method of the M4 competition.
    """
    positive = not (history <= 0).any()
    adjusted = _Adjusted.of(history, season if positive else 1)
    return adjusted.restored(naive(adjusted.y, horizon))


def theta(histories: Sequence[np.ndarray], horizon: int, season: int) -> np.ndarray:
    """Applies the classic Theta method to the seasonally adjusted series: M histories [T] → [M, H].

    The forecast is the mean of the linear trend and of simple exponential smoothing of the series with
    twice its distance from the trend. A series is adjusted as for ``naive2``, or by subtraction if it is not
    positive.

    Source: Assimakopoulos & Nikolopoulos 2000, International Journal of Forecasting 16(4).
    """
    adjusted = [_Adjusted.of(history, season) for history in histories]
    lines = [_line(each.y) for each in adjusted]
    steps = [np.arange(len(each.y)) for each in adjusted]
    stretched = [
        2 * each.y - (level + slope * step)
        for each, (level, slope), step in zip(adjusted, lines, steps, strict=True)
    ]
    return np.stack(
        [
            each.restored((smoothed + level + slope * (len(each.y) + np.arange(horizon))) / 2)
            for each, (level, slope), smoothed in zip(adjusted, lines, _smoothed(stretched), strict=True)
        ]
    )


@dataclass(frozen=True)
class _Adjusted:
    """A series without its season.

    Attributes:
        y: [T] the adjusted series, from its first observed value on.
        indices: [m] of the steps after it; 1 or 0 if there is no season.
        multiplicative: whether indices are factors.
    """

    y: np.ndarray
    indices: np.ndarray
    multiplicative: bool

    @classmethod
    def of(cls, history: np.ndarray, season: int) -> Self:
        """Takes out the season if it is significant."""
        y = _filled(history)
        multiplicative = bool(y.min() > 0)
        if not is_seasonal(y, season):
            return cls(y, np.zeros(season), False)
        indices = seasonal_indices(y[:, None], season, multiplicative=multiplicative)[:, 0]
        own = np.resize(indices, len(y))
        adjusted = y / own if multiplicative else y - own
        return cls(adjusted, np.roll(indices, -(len(y) % season)), multiplicative)

    def restored(self, forecast: np.ndarray) -> np.ndarray:
        """Puts the season back into a forecast [H] of the adjusted series."""
        indices = np.resize(self.indices, len(forecast))
        return forecast * indices if self.multiplicative else forecast + indices


def _observed(history: np.ndarray) -> np.ndarray:
    return history[~np.isnan(history)]


def _filled(history: np.ndarray) -> np.ndarray:
    """Returns the history from its first observed value on, with missing values interpolated linearly."""
    there = np.flatnonzero(~np.isnan(history))
    history = history[max(there[0], len(history) - _LONGEST) :]
    there = np.flatnonzero(~np.isnan(history))
    return np.interp(np.arange(len(history)), there, history[there])


def _line(y: np.ndarray) -> tuple[float, float]:
    """Returns level and slope of the linear trend; of one or two values, the last one without a slope."""
    if len(y) < _LEAST_STEPS:
        return float(y[-1]), 0.0
    slope, level = np.polyfit(np.arange(len(y)), y, 1)
    return float(level), float(slope)


def _smoothed(series: Sequence[np.ndarray]) -> np.ndarray:
    """Returns each last level of simple exponential smoothing, with rate and first level fitted.

    Each level is linear in the first, so the first level of least squared error is exact for each rate.
    """
    order = np.argsort([len(y) for y in series], kind="stable")
    levels = np.empty(len(series))
    for begin in range(0, len(order), _MOST_ROWS):
        some = order[begin : begin + _MOST_ROWS]
        levels[some] = _last_levels([series[k] for k in some])
    return levels


def _last_levels(series: Sequence[np.ndarray]) -> np.ndarray:
    steps, keep = max(map(len, series)), 1 - _RATES
    y = np.zeros((steps, len(series), 1))
    begins = steps - np.array(list(map(len, series)))
    for row, values in enumerate(series):
        y[begins[row] :, row, 0] = values
    # level = own + share × first level; squares, products: sums over steps of products of their errors
    own, share = np.zeros((2, len(series), len(_RATES)))
    share += 1
    squares, products, shares = np.zeros((3, len(series), len(_RATES)))
    for t in range(steps):
        begun = (t >= begins)[:, None]
        error = y[t] - own
        squares += np.where(begun, error**2, 0)
        products += np.where(begun, error * share, 0)
        shares += np.where(begun, share**2, 0)
        own, share = np.where(begun, keep * own + _RATES * y[t], own), np.where(begun, keep * share, share)
    first = products / shares
    best = (squares - products * first).argmin(1)
    rows = np.arange(len(series))
    return own[rows, best] + share[rows, best] * first[rows, best]
