"""Simple forecasting methods: naive, seasonal naive, Naive2 and Theta.

All take the history [T] of one series and return the H steps after it. Naive methods use the last observed
value, or the last one of the same phase. Naive2 and Theta, which decompose, interpolate missing values
linearly; they use at most the last 5,000 steps, from the first observed value on.
"""

import numpy as np

_LONGEST = 5000  # steps of history; more cost time without a change in the result
_CRITICAL = 1.645  # the 90 % quantile of |N(0, 1)|, from the M4 competition's test for seasonality
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

    The adjustment is multiplicative, by classical decomposition, and made only if the autocorrelation at the
    season is significant: the reference method of the M4 competition.
    """
    adjusted, indices = _adjust(_filled(history), season)
    return naive(adjusted, horizon) * np.resize(indices, horizon)


def theta(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Applies the classic Theta method to the seasonally adjusted series.

    The forecast is the mean of the linear trend and of simple exponential smoothing of the series with
    twice its distance from the trend.

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
    """Returns the history from its first observed value on, with missing values interpolated linearly."""
    there = np.flatnonzero(~np.isnan(history))
    history = history[max(there[0], len(history) - _LONGEST) :]
    there = np.flatnonzero(~np.isnan(history))
    return np.interp(np.arange(len(history)), there, history[there])


def _adjust(y: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the series without its season, and the indices [season] of the next steps; all 1 if none."""
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
    """Whether the autocorrelation at the season is significant and all values are positive."""
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
    """Returns the last level of simple exponential smoothing, with rate and first level fitted.

    Each level is linear in the first, so the first level of least squared error is exact for each rate.
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
