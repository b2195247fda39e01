"""Classical decomposition: seasonal indices, and whether a series has a season."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_CRITICAL = 1.645  # the 90 % quantile of |N(0, 1)|, from the M4 competition's test for seasonality
_ENOUGH = 0.7  # share of a moving average's values
_TINY = 1e-8


def is_seasonal(y: np.ndarray, season: int) -> bool:
    """Whether a series [T] without gaps has a significant autocorrelation at the season.

    Source: Makridakis, Spiliotis & Assimakopoulos 2020 (the test of the M4 competition's Naive2).
    """
    if season == 1 or len(y) < 3 * season:
        return False
    centred = y - y.mean()
    total = np.square(centred).sum()
    if total == 0:
        return False
    lagged = [np.dot(centred[k:], centred[:-k]) / total for k in range(1, season + 1)]
    limit = _CRITICAL / np.sqrt(len(y)) * np.sqrt(1 + 2 * np.square(lagged[:-1]).sum())
    return bool(abs(lagged[-1]) > limit)


def seasonal_indices(y: np.ndarray, season: int, *, multiplicative: bool) -> np.ndarray:
    """Returns the mean ratio to the centred moving average, or difference from it, of each phase.

    Shapes:
        y [T, R], NaN where missing → [m, R]; phase t % m; 1 or 0 on average, and where a phase has no value

    Source: classical decomposition; Hyndman & Athanasopoulos 2021, "Forecasting", section 3.4.
    """
    neutral = 1.0 if multiplicative else 0.0
    indices = np.full((season, y.shape[1]), neutral)
    if season == 1 or len(y) <= season:
        return indices
    weights = np.ones(season) / season
    if season % 2 == 0:
        weights = np.convolve(weights, [0.5, 0.5])
    half = len(weights) // 2
    there = ~np.isnan(y)
    windows = sliding_window_view(np.where(there, y, 0.0), len(weights), axis=0)
    shares = sliding_window_view(there, len(weights), axis=0) @ weights
    # a moving average of few values, or from before a series' first one, says nothing of its trend
    known = (shares >= _ENOUGH) & np.maximum.accumulate(there)[: len(shares)]
    with np.errstate(invalid="ignore", divide="ignore"):
        trend = np.where(known, windows @ weights / shares, np.nan)
        middle = y[half : half + len(trend)]
        ratios = middle / trend if multiplicative else middle - trend
    ratios[~np.isfinite(ratios)] = np.nan
    for phase in range(season):
        indices[phase] = mean_of_observed(ratios[(phase - half) % season :: season], axis=0)
    indices = np.where(np.isnan(indices), neutral, indices)
    if multiplicative:
        indices = np.maximum(indices, _TINY)
        return indices / indices.mean(0)
    return indices - indices.mean(0)


def mean_of_observed(values: np.ndarray, axis: int) -> np.ndarray:
    """Returns the mean without NaN; NaN where there is no value."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0.0).sum(axis) / there.sum(axis)
