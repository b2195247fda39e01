"""How good forecasts are: one figure for each window, over its observed targets.

M windows, H steps, Q quantiles. Missing targets are NaN and do not count; a window without any is NaN.
"""

import numpy as np

_LEAST_TARGETS = 100  # by which intervals are stretched


def mean_over_steps(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is not NaN: [..., H] → [...]."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0).sum(-1) / there.sum(-1)


def absolute_error(y: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Mean absolute error: [M, H] → [M], in the target's unit."""
    return mean_over_steps(np.abs(forecast - y))


def smape(y: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Symmetric mean absolute percentage error, as the M4 competition defines it.

        200 |ŷ − y| / (|ŷ| + |y|),    0 where both are 0

    Shapes:
        y, forecast [M, H] → [M]

    Units:
        per cent, in [0, 200].

    Source: Makridakis, Spiliotis & Assimakopoulos 2020, International Journal of Forecasting 36(1).
    """
    sizes = np.abs(forecast) + np.abs(y)
    return mean_over_steps(200 * np.abs(forecast - y) / np.where(sizes == 0, 1, sizes))


def naive_error(history: np.ndarray, season: int) -> float:
    """Mean absolute error of the seasonal naive method over a history [T]: what MASE divides by.

    NaN where no two observed steps are a season apart, or all such are equal: nothing can be scaled by it.
    """
    error = float(mean_over_steps(np.abs(history[season:] - history[:-season])))
    return error if error > 0 else float("nan")


def mase(y: np.ndarray, forecast: np.ndarray, naive_errors: np.ndarray) -> np.ndarray:
    """Mean absolute scaled error: 1 is what the seasonal naive method makes, one step ahead, in the past.

    Shapes:
        y, forecast [M, H], naive_errors [M] (see ``naive_error``) → [M]

    Source: Hyndman & Koehler 2006, International Journal of Forecasting 22(4).
    """
    return absolute_error(y, forecast) / naive_errors


def owa(smape: float, mase: float, naive2_smape: float, naive2_mase: float) -> float:
    """Overall weighted average of the M4 competition: sMAPE and MASE as shares of Naive2's, averaged."""
    return (smape / naive2_smape + mase / naive2_mase) / 2


def pinball(y: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Quantile loss, averaged over levels and steps.

        max(τ (y − q), (τ − 1) (y − q))

    Shapes:
        y [M, H], quantiles [M, H, Q], levels [Q] in (0, 1) → [M]

    Units:
        the target's.
    """
    gap = y[..., None] - quantiles
    return mean_over_steps(np.maximum(levels * gap, (levels - 1) * gap).mean(-1))


def scaled_crps(y: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score from quantiles, as a share of the mean absolute target.

    Twice the pinball loss over evenly spaced levels approaches the score; the division makes series of
    unlike sizes comparable.

    Shapes:
        y [M, H], quantiles [M, H, Q], levels [Q] → [M]; NaN where all targets are 0

    Source: Rangapuram et al. 2021, Proceedings of Machine Learning Research 139.
    """
    size = mean_over_steps(np.abs(y))
    return 2 * pinball(y, quantiles, levels) / np.where(size == 0, np.nan, size)


def coverage(y: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Share of targets within [low, high]: all [M, H] → [M], in [0, 1]."""
    return mean_over_steps(np.where(np.isnan(y), np.nan, (low <= y) & (y <= high)))


def stretch(y: np.ndarray, low: np.ndarray, median: np.ndarray, high: np.ndarray, share: float) -> float:
    """What an interval's distances from the median must be multiplied by to cover a share of the targets.

    Shapes:
        all [M, H]

    Returns:
        in [0.2, 5]; 1 where fewer than 100 targets could tell.

    Source: conformalized quantile regression, Romano, Patterson & Candès 2019, arXiv:1905.03222, with
    distances relative to the interval's.
    """
    width = np.where(y > median, high - median, median - low)
    usable = ~np.isnan(y) & (width > 0)
    if usable.sum() < _LEAST_TARGETS:
        return 1.0
    distances = np.abs(y - median)[usable] / width[usable]
    return float(np.clip(np.quantile(distances, share), 0.2, 5))
