"""Metrics of forecasts: one figure per window, over its observed targets.

M windows, H steps, Q quantiles. Missing targets are NaN and are ignored; a window without targets gives NaN.
"""

import numpy as np

_LEAST_TARGETS = 100  # minimum number of targets to stretch intervals


def mean_over_steps(values: np.ndarray) -> np.ndarray:
    """Returns the mean over the last axis without NaN: [..., H] → [...]."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0).sum(-1) / there.sum(-1)


def absolute_error(y: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Returns the mean absolute error: [M, H] → [M], in the target's unit."""
    return mean_over_steps(np.abs(forecast - y))


def smape(y: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Returns the symmetric mean absolute percentage error, as defined by the M4 competition.

        200 |ŷ − y| / (|ŷ| + |y|),    0 if both are 0

    Shapes:
        y, forecast [M, H] → [M]

    Units:
        per cent, in [0, 200].

    Source: Makridakis, Spiliotis & Assimakopoulos 2020, International Journal of Forecasting 36(1).
    """
    sizes = np.abs(forecast) + np.abs(y)
    return mean_over_steps(200 * np.abs(forecast - y) / np.where(sizes == 0, 1, sizes))


def naive_error(history: np.ndarray, season: int) -> float:
    """Returns the mean absolute error of the seasonal naive method over a history [T], the divisor of MASE.

    NaN if no two observed steps are a season apart, or the error is 0.
    """
    error = float(mean_over_steps(np.abs(history[season:] - history[:-season])))
    return error if error > 0 else float("nan")


def mase(y: np.ndarray, forecast: np.ndarray, naive_errors: np.ndarray) -> np.ndarray:
    """Returns the mean absolute scaled error; 1 is the in-sample error of the seasonal naive method.

    Shapes:
        y, forecast [M, H], naive_errors [M] (see ``naive_error``) → [M]

    Source: Hyndman & Koehler 2006, International Journal of Forecasting 22(4).
    """
    return absolute_error(y, forecast) / naive_errors


def owa(smape: float, mase: float, naive2_smape: float, naive2_mase: float) -> float:
    """Returns M4's overall weighted average: the mean of sMAPE and MASE, each relative to Naive2."""
    return (smape / naive2_smape + mase / naive2_mase) / 2


def pinball(y: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Returns the quantile loss, averaged over levels and steps.

        max(τ (y − q), (τ − 1) (y − q))

    Shapes:
        y [M, H], quantiles [M, H, Q], levels [Q] in (0, 1) → [M]

    Units:
        the target's unit.
    """
    gap = y[..., None] - quantiles
    return mean_over_steps(np.maximum(levels * gap, (levels - 1) * gap).mean(-1))


def scaled_crps(y: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Returns the continuous ranked probability score, from quantiles, relative to the mean absolute target.

    Twice the pinball loss over evenly spaced levels approximates the score; the division makes series of
    different sizes comparable.

    Shapes:
        y [M, H], quantiles [M, H, Q], levels [Q] → [M]; NaN if all targets are 0

    Source: Rangapuram et al. 2021, Proceedings of Machine Learning Research 139.
    """
    size = mean_over_steps(np.abs(y))
    return 2 * pinball(y, quantiles, levels) / np.where(size == 0, np.nan, size)


def coverage(y: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Returns the share of targets within [low, high]: all [M, H] → [M], in [0, 1]."""
    return mean_over_steps(np.where(np.isnan(y), np.nan, (low <= y) & (y <= high)))


def stretch(y: np.ndarray, low: np.ndarray, median: np.ndarray, high: np.ndarray, share: float) -> float:
    """Returns the factor for an interval's distances from the median that covers a share of the targets.

    Shapes:
        all [M, H]

    Returns:
        A factor in [0.2, 5]; 1 if there are fewer than 100 usable targets.

    Source: conformalized quantile regression, Romano, Patterson & Candès 2019, arXiv:1905.03222, with
    distances relative to the interval's width.
    """
    width = np.where(y > median, high - median, median - low)
    usable = ~np.isnan(y) & (width > 0)
    if usable.sum() < _LEAST_TARGETS:
        return 1.0
    distances = np.abs(y - median)[usable] / width[usable]
    return float(np.clip(np.quantile(distances, share), 0.2, 5))
