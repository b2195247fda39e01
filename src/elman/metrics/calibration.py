"""Calibration: the temperature that makes probabilities of logits reliable."""

import numpy as np

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

    One example with an unknown label is added, with the mean loss of all, so that examples without a
    mistake do not make the temperature as cold as it can be (as in Platt 1999, "Probabilistic outputs for
    support vector machines", 2.2). The loss is convex in 1 / T, so it has one minimum in T.

    Shapes:
        truth [N, V] of 0 and 1, logits [N, V]

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    number, labels = truth.shape
    chance = 0.5 if multi_label else 1 / labels
    smoothed = (number * truth + chance) / (number + 1)

    def loss(log_temperature: float) -> float:
        return float(_losses(smoothed, logits, float(np.exp(log_temperature)), multi_label).mean())

    golden = (np.sqrt(5) - 1) / 2
    low, high = np.log(_COLDEST), np.log(_HOTTEST)
    while high - low > 1e-4:
        a, b = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, b) if loss(a) <= loss(b) else (a, high)
    best = (low + high) / 2
    return float(np.exp(best)) if loss(best) < loss(0.0) else 1.0


def helpful_temperature(truth: np.ndarray, logits: np.ndarray, *, multi_label: bool = False) -> float:
    """Returns the temperature of these examples if one helps on examples that did not choose it; otherwise 1.

    Two halves, drawn at random, get the temperature of the other one. It helps if it lowers their mean log
    loss by more than the standard error of that difference.

    Args:
        truth: 0 or 1.
        logits: not yet divided by a temperature.
        multi_label: whether an example has any number of labels.

    Shapes:
        truth [N, V], logits [N, V]
    """
    if len(truth) < 2:
        return 1.0
    halves = np.array_split(np.random.default_rng(0).permutation(len(truth)), 2)
    gains = np.zeros(len(truth))
    for own, other in (halves, halves[::-1]):
        temperature = fit_temperature(truth[other], logits[other], multi_label=multi_label)
        before, after = (_losses(truth[own], logits[own], t, multi_label) for t in (1.0, temperature))
        gains[own] = before - after
    if gains.mean() <= gains.std(ddof=1) / np.sqrt(len(gains)):
        return 1.0
    return fit_temperature(truth, logits, multi_label=multi_label)


def _losses(truth: np.ndarray, logits: np.ndarray, temperature: float, multi_label: bool) -> np.ndarray:
    """Returns the log loss of each example, for truth from 0 to 1; the mean over its labels if several."""
    z = logits.astype(np.float64) / temperature
    if multi_label:
        return np.asarray((np.logaddexp(0, z) - truth * z).mean(1))
    return np.asarray(np.logaddexp.reduce(z, 1) - (truth * z).sum(1))


def is_bound(temperature: float) -> bool:
    """Whether a temperature is at a bound of the search, so that the best may be beyond it."""
    return not _COLDEST * (1 + _NEAR) < temperature < _HOTTEST * (1 - _NEAR)
