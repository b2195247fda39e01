"""All figures of a set of forecasts at once, and of the simple methods on the same windows."""

from collections.abc import Sequence

import numpy as np

from elman.baselines import forecasts as baselines
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
"""Quantiles that figures are made of: an even grid for the CRPS, and the ends of the 95 % interval."""
METHODS = ("naive", "seasonal naive", "Naive2", "Theta")


def simple_forecasts(histories: Sequence[np.ndarray], horizon: int, season: int) -> dict[str, np.ndarray]:
    """What each simple method forecasts: histories, M of [T] → by name [M, H]."""
    made = {
        "naive": [baselines.naive(history, horizon) for history in histories],
        "seasonal naive": [baselines.seasonal_naive(history, horizon, season) for history in histories],
        "Naive2": [baselines.naive2(history, horizon, season) for history in histories],
        "Theta": [baselines.theta(history, horizon, season) for history in histories],
    }
    return {name: np.stack(forecasts) for name, forecasts in made.items()}


def point_figures(
    y: np.ndarray, forecasts: dict[str, np.ndarray], histories: Sequence[np.ndarray], season: int
) -> dict[str, dict[str, float]]:
    """Mean figures over windows, for each method.

    Args:
        y: [M, H] targets, NaN where missing.
        forecasts: by method [M, H]; with ``Naive2`` among them there is an OWA.
        histories: the M series before their cutoffs.
        season: of MASE.

    Returns:
        by method: mae, smape, mase, owa; without those that no window allows.
    """
    errors = np.array([naive_error(history, season) for history in histories])
    found = {
        name: {
            "mae": _mean(absolute_error(y, forecast)),
            "smape": _mean(smape(y, forecast)),
            "mase": _mean(mase(y, forecast, errors)),
        }
        for name, forecast in forecasts.items()
    }
    naive2 = found.get("Naive2")
    if naive2 is not None and naive2["smape"] > 0 and naive2["mase"] > 0:
        for row in list(found.values()):
            row["owa"] = owa(row["smape"], row["mase"], naive2["smape"], naive2["mase"])
    return {name: _finite(row) for name, row in found.items()}


def all_figures(
    y: np.ndarray, quantiles: np.ndarray, histories: Sequence[np.ndarray], season: int
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """A model's figures, with the number of its ``forecasts``; and by name those of the simple methods.

    Args:
        y: [M, H] targets, NaN where missing.
        quantiles: [M, H, Q] of the model, at ``LEVELS``.
        histories: the M series before their cutoffs.
        season: of MASE and of the simple methods.
    """
    own = {"this model": quantiles[..., LEVELS.index(0.5)]}
    simple = simple_forecasts(histories, y.shape[1], season)
    found = point_figures(y, simple | own, histories, season)
    return found.pop("this model") | interval_figures(y, quantiles) | {"forecasts": len(y)}, found


def interval_stretch(y: np.ndarray, quantiles: np.ndarray) -> tuple[float, float]:
    """What makes the 80 % and the 95 % interval cover as much as they promise (see ``stretch``).

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
    """CRPS and the measured coverage of the 80 % and 95 % intervals.

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
