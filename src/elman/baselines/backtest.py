"""Computes the figures of forecasts, and of simple methods on the same windows."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from elman.baselines import forecasts as baselines
from elman.baselines.exponential_smoothing import exponential_smoothing
from elman.metrics.forecast import (
    absolute_error,
    coverage,
    mase,
    mean_over_steps,
    naive_error,
    owa,
    scaled_crps,
    smape,
    stretch,
)

LEVELS = (0.025, *(round(0.1 * k, 1) for k in range(1, 10)), 0.975)
"""Quantile levels of the figures: an even grid for the CRPS, and the ends of the 95 % interval."""


METHODS: dict[str, Callable[[Sequence[np.ndarray], int, int], np.ndarray]] = {
    "naive": lambda histories, horizon, season: np.stack([baselines.naive(y, horizon) for y in histories]),
    "seasonal naive": lambda histories, horizon, season: np.stack(
        [baselines.seasonal_naive(y, horizon, season) for y in histories]
    ),
    "Naive2": lambda histories, horizon, season: np.stack(
        [baselines.naive2(y, horizon, season) for y in histories]
    ),
    "Theta": baselines.theta,
    "ETS": exponential_smoothing,
}
"""The simple methods by name: M histories [T], H and the season → forecasts [M, H]."""


def simple_forecasts(
    histories: Sequence[np.ndarray], horizon: int, season: int, names: Collection[str] = tuple(METHODS)
) -> dict[str, np.ndarray]:
    """Returns the forecasts of simple methods by name, of those among ``names``: M histories [T] → [M, H]."""
    return {name: method(histories, horizon, season) for name, method in METHODS.items() if name in names}


def scaled_errors(
    y: np.ndarray, forecasts: Mapping[str, np.ndarray], histories: Sequence[np.ndarray], season: int
) -> np.ndarray:
    """Returns errors in units of the seasonal naive method's, as in MASE: [M, H] of each method → [M, H, K].

    A history that repeats itself exactly, where that method makes no error, has the unit of its steps, or of
    its values if it is constant. NaN where a target is missing.
    """
    units = np.array([_unit(history, season) for history in histories])
    return np.stack([forecast - y for forecast in forecasts.values()], axis=-1) / units[:, None, None]


def _unit(history: np.ndarray, season: int) -> float:
    """Returns the size of a history's errors, or else of its steps, or else of its values; 1 if that is 0."""
    sizes = (naive_error(history, season), naive_error(history, 1), float(mean_over_steps(np.abs(history))))
    return next((size for size in sizes if size > 0), 1.0)


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
    y: np.ndarray,
    quantiles: np.ndarray,
    histories: Sequence[np.ndarray],
    season: int,
    points: Mapping[str, np.ndarray],
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Returns a model's figures, with the number of ``forecasts``, and those of other methods by name.

    Args:
        y: [M, H] targets, NaN for missing values.
        quantiles: [M, H, Q] of the model, at ``LEVELS``.
        histories: the M series before their cutoffs.
        season: of MASE and of the simple methods.
        points: [M, H] of methods to measure beside all simple ones, or of some of these.
    """
    own = {"this model": quantiles[..., LEVELS.index(0.5)]}
    missing = [name for name in METHODS if name not in points]
    known = {**points, **simple_forecasts(histories, y.shape[1], season, missing)}
    in_order = {name: known[name] for name in (*METHODS, *points)}
    figures = point_figures(y, in_order | own, histories, season)
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
