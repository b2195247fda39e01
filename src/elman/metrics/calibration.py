"""Calibration: the temperature that makes probabilities of logits reliable."""

import numpy as np

from elman.metrics.label_figures import log_loss

_COLDEST, _HOTTEST = 0.05, 20.0
_NEAR = 1e-3  # relative distance from a bound


def probabilities(logits: np.ndarray, temperature: float = 1.0, *, multi_label: bool = False) -> np.ndarray:
    """Returns the softmax of logits [N, V] over the classes or, for several labels, their sigmoids."""
    z = logits.astype(np.float64) / temperature
    if multi_label:
        return 0.5 * (1 + np.tanh(0.5 * z))
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def fit_temperature(truth: np.ndarray, logits: np.ndarray, *, multi_label: bool = False) -> float:
    """Returns the temperature in [0.05, 20] of least log loss, by golden section; 1 if none is better.

    The loss is convex in 1 / T, so it has one minimum in T.

    Shapes:
        truth [N, V] of 0 and 1, logits [N, V]

    Source: Guo et al. 2017, arXiv:1706.04599.
    """

    def loss(log_temperature: float) -> float:
        p = probabilities(logits, float(np.exp(log_temperature)), multi_label=multi_label)
        return log_loss(truth, p, multi_label=multi_label)

    golden = (np.sqrt(5) - 1) / 2
    low, high = np.log(_COLDEST), np.log(_HOTTEST)
    while high - low > 1e-4:
        a, b = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, b) if loss(a) <= loss(b) else (a, high)
    best = (low + high) / 2
    return float(np.exp(best)) if loss(best) < loss(0.0) else 1.0


def is_bound(temperature: float) -> bool:
    """Whether a temperature is at a bound of the search, so that the best may be beyond it."""
    return not _COLDEST * (1 + _NEAR) < temperature < _HOTTEST * (1 - _NEAR)
