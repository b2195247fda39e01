"""The simple methods that a forecast is compared with: naive, seasonal naive, Naive2 and Theta.

All take the history [T] of one series and give the H steps after it. Naive methods use the last observed
value, or the last observed one of the same phase. Naive2 and Theta, which decompose, draw a straight line
over missing values; the first observed value and what is before the history's last 5,000 steps are left out.
"""

import numpy as np

_LONGEST = 5000  # steps of history; more change nothing but the time taken
_CRITICAL = 1.645  # the 90 % quantile of |N(0, 1)|, as the M4 competition tests for seasonality
_RATES = np.linspace(0.01, 0.99, 99)


def naive(history: np.ndarray, horizon: int) -> np.ndarray:
    """The last observed value, again and again."""
    return np.full(horizon, _observed(history)[-1])


def seasonal_naive(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The last observed value of the same phase; of any phase where that has none."""
    last = naive(history, 1)[0]
    phases = []
    for phase in range(season):
        values = history[::-1][season - 1 - phase :: season]
        values = values[~np.isnan(values)]
        phases.append(values[0] if len(values) else last)
    return np.resize(phases, horizon)


def naive2(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Naive on the seasonally adjusted series, the seasonal indices put back.

    The adjustment is multiplicative, by classical decomposition, and made only where the autocorrelation at
    the season is significant: the reference method of the M4 competition.
    """
    adjusted, indices = _adjust(_filled(history), season)
    return naive(adjusted, horizon) * np.resize(indices, horizon)


def theta(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The classic Theta method on the seasonally adjusted series.

    The mean of two lines: the linear trend, and the series with twice its distance from the trend, gone on
    with by simple exponential smoothing.

    Source: Assimakopoulos & Nikolopoulos 2000, International Journal of Forecasting 16(4).
    """
    adjusted, indices = _adjust(_filled(history), season)
    n = len(adjusted)
    if n < 3:
        return naive(adjusted, horizon) * np.resize(indices, horizon)
    slope, level = np.polyfit(np.arange(n), adjusted, 1)
    trend = level + slope * np.arange(n + horizon)
    smoothed = _smoothed(2 * adjusted - trend[:n])
    return (smoothed + trend[n:]) / 2 * np.resize(indices, horizon)


def _observed(history: np.ndarray) -> np.ndarray:
    return history[~np.isnan(history)]


def _filled(history: np.ndarray) -> np.ndarray:
    """The history from its first observed value on, straight lines over what is missing."""
    there = np.flatnonzero(~np.isnan(history))
    history = history[max(there[0], len(history) - _LONGEST) :]
    there = np.flatnonzero(~np.isnan(history))
    return np.interp(np.arange(len(history)), there, history[there])


def _adjust(y: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray]:
    """The series without its season, and the indices [season] of the steps after it; all 1 if it has none."""
    if not _is_seasonal(y, season):
        return y, np.ones(season)
    window = np.ones(season) / season
    if season % 2 == 0:
        window = np.convolve(window, [0.5, 0.5])
    half = len(window) // 2
    trend = np.convolve(y, window, "valid")
    ratios = np.full(len(y), np.nan)
    ratios[half : half + len(trend)] = y[half : half + len(trend)] / trend
    indices = np.array([np.nanmean(ratios[phase::season]) for phase in range(season)])
    indices /= indices.mean()
    return y / np.resize(indices, len(y)), np.roll(indices, -(len(y) % season))


def _is_seasonal(y: np.ndarray, season: int) -> bool:
    """Whether the autocorrelation at the season leaves its confidence band (and dividing is possible)."""
    if season == 1 or len(y) < 3 * season or y.min() <= 0:
        return False
    centred = y - y.mean()
    total = np.square(centred).sum()
    if total == 0:
        return False
    lagged = [np.dot(centred[k:], centred[:-k]) / total for k in range(1, season + 1)]
    limit = _CRITICAL / np.sqrt(len(y)) * np.sqrt(1 + 2 * np.square(lagged[:-1]).sum())
    return bool(abs(lagged[-1]) > limit)


def _smoothed(y: np.ndarray) -> float:
    """Simple exponential smoothing's last level, its rate and first level fitted to the squared error.

    Every level is linear in the first one, so that for each rate the best first level is known.
    """
    keep = 1 - _RATES
    own, share = np.zeros_like(_RATES), np.ones_like(_RATES)  # level = own + share × first level
    errors = np.zeros((len(y), len(_RATES)))
    shares = np.zeros_like(errors)
    for t, value in enumerate(y):
        errors[t], shares[t] = value - own, share
        own, share = keep * own + _RATES * value, keep * share
    first = (errors * shares).sum(0) / np.square(shares).sum(0)
    best = np.square(errors - shares * first).sum(0).argmin()
    return float(own[best] + share[best] * first[best])
