"""Computes the figures of forecasts, and of simple methods on the same windows."""

from collections.abc import Sequence

import numpy as np

from elman.baselines import forecasts as baselines
from elman.baselines.exponential_smoothing import exponential_smoothing
from elman.metrics.forecast import (
    absolute_error,
    coverage,
    mase,
    naive_error,
    owa,
    scaled_crps,
    smape,
    stretch,
)

LEVELS = (0.025, *(round(0.1 * k, 1) for k in range(1, 10)), 0.975)
"""Quantile levels of the figures: an even grid for the CRPS, and the ends of the 95 % interval."""


def simple_forecasts(histories: Sequence[np.ndarray], horizon: int, season: int) -> dict[str, np.ndarray]:
    """Returns the forecasts of each simple method by name: M histories [T] → [M, H]."""
    return {
        "naive": np.stack([baselines.naive(history, horizon) for history in histories]),
        "seasonal naive": np.stack(
            [baselines.seasonal_naive(history, horizon, season) for history in histories]
        ),
        "Naive2": np.stack([baselines.naive2(history, horizon, season) for history in histories]),
        "Theta": baselines.theta(histories, horizon, season),
        "ETS": exponential_smoothing(histories, horizon, season),
    }


def point_figures(
    y: np.ndarray, forecasts: dict[str, np.ndarray], histories: Sequence[np.ndarray], season: int
) -> dict[str, dict[str, float]]:
    """Returns figures averaged over windows, by method.

    Args:
        y: [M, H] targets, NaN for missing values.
        forecasts: [M, H] by method; ``Naive2`` among them is needed for the OWA.
        histories: the M series before their cutoffs.
        season: season of MASE.

    Returns:
        mae, smape, mase and owa by method, without those that are undefined for all windows.
    """
    errors = np.array([naive_error(history, season) for history in histories])
    figures = {
        name: {
            "mae": _mean(absolute_error(y, forecast)),
            "smape": _mean(smape(y, forecast)),
            "mase": _mean(mase(y, forecast, errors)),
        }
        for name, forecast in forecasts.items()
    }
    naive2 = figures.get("Naive2")
    if naive2 is not None and naive2["smape"] > 0 and naive2["mase"] > 0:
        for row in list(figures.values()):
            row["owa"] = owa(row["smape"], row["mase"], naive2["smape"], naive2["mase"])
    return {name: _finite(row) for name, row in figures.items()}


def all_figures(
    y: np.ndarray, quantiles: np.ndarray, histories: Sequence[np.ndarray], season: int
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Returns a model's figures, with the number of ``forecasts``, and those of the simple methods by name.

    Args:
        y: [M, H] targets, NaN for missing values.
        quantiles: [M, H, Q] of the model, at ``LEVELS``.
        histories: the M series before their cutoffs.
        season: of MASE and of the simple methods.
    """
    own = {"this model": quantiles[..., LEVELS.index(0.5)]}
    simple = simple_forecasts(histories, y.shape[1], season)
    figures = point_figures(y, simple | own, histories, season)
    return figures.pop("this model") | interval_figures(y, quantiles) | {"forecasts": len(y)}, figures


def interval_stretch(y: np.ndarray, quantiles: np.ndarray) -> tuple[float, float]:
    """Returns the factors that give the 80 % and 95 % intervals their nominal coverage (see ``stretch``).

    Shapes:
        y [M, H], quantiles [M, H, Q] at ``LEVELS``
    """
    median = quantiles[..., LEVELS.index(0.5)]
    narrow, wide = (
        stretch(y, quantiles[..., side], median, quantiles[..., -1 - side], share)
        for side, share in ((1, 0.8), (0, 0.95))
    )
    return narrow, wide


def interval_figures(y: np.ndarray, quantiles: np.ndarray) -> dict[str, float]:
    """Returns the CRPS and the measured coverage of the 80 % and 95 % intervals.

    Shapes:
        y [M, H], quantiles [M, H, Q] at ``LEVELS``
    """
    levels = np.array(LEVELS)
    return _finite(
        {
            "crps": _mean(scaled_crps(y, quantiles[..., 1:-1], levels[1:-1])),
            "coverage_80": _mean(coverage(y, quantiles[..., 1], quantiles[..., -2])),
            "coverage_95": _mean(coverage(y, quantiles[..., 0], quantiles[..., -1])),
        }
    )


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def _finite(figures: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if np.isfinite(value)}
