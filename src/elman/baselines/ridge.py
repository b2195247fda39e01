"""Ridge regression on many features, its strength chosen by the errors of leaving out one example each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from elman.baselines.linear import Linear

PENALTIES = tuple(10.0 ** (power / 2) for power in range(-2, 13))
_LEAST = 1e-6  # deviation of a feature, and weight of an example
_CERTAIN = 1 - 1e-12  # leverage of an example that nothing but itself predicts


class Ridge(NamedTuple):
    """A fitted ridge regression.

    Attributes:
        linear: weights [F, O] and bias [O], float32.
        penalty: the chosen one.
        left_out: [N, O] prediction for each example by a regression on all others.
    """

    linear: Linear
    penalty: float
    left_out: np.ndarray


def ridge(
    x: Tensor,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
    penalties: Sequence[float] = PENALTIES,
) -> Ridge:
    """Fits the least Σ w (y − ŷ)² + λ ‖W‖² on features of unit variance; the bias is not penalised.

    One decomposition serves every λ, and every regression that leaves out one example. The λ with the least
    squared error of those is chosen.

    Args:
        x: features.
        targets: y.
        weights: [N] weight of each example; None: all 1.
        penalties: the λ that are tried.

    Shapes:
        x [N, F], targets [N, O]

    Source: Hoerl & Kennard 1970; Allen 1974, "The relationship between variable selection and data
    augmentation and a method for prediction" (the errors of leaving out one).
    """
    y = torch.from_numpy(np.asarray(targets, np.float64))
    w = torch.ones(len(y), dtype=torch.float64) if weights is None else torch.from_numpy(weights).double()
    w = (w / w.mean()).clamp(min=_LEAST)
    share, root = w / w.sum(), w.sqrt()[:, None]
    scaled = x.double()
    centre, middle = share @ scaled, share @ y
    scaled -= centre
    deviation = (share @ scaled.square()).sqrt()
    deviation[deviation < _LEAST] = 1.0
    scaled *= root / deviation
    own = root * (y - middle)

    is_wide = scaled.shape[1] > len(scaled)
    values, vectors = torch.linalg.eigh(scaled @ scaled.T if is_wide else scaled.T @ scaled)
    values = values.clamp(min=0)
    axes = vectors * values.sqrt() if is_wide else scaled @ vectors  # [N, R]
    along = axes.T @ own  # [R, O]
    found: list[tuple[float, float, Tensor]] = []
    for penalty in penalties:
        shrunk = 1 / (values + penalty)
        leverage = (axes.square() @ shrunk + share).clamp(max=_CERTAIN)
        missed = (own - axes @ (shrunk[:, None] * along)) / (1 - leverage[:, None])
        found.append((float(missed.square().sum()), penalty, missed))
    _, penalty, missed = min(found, key=lambda each: each[0])
    shrunk = 1 / (values + penalty)
    if is_wide:
        solution = scaled.T @ (vectors @ (shrunk[:, None] * (vectors.T @ own)))
    else:
        solution = vectors @ (shrunk[:, None] * along)
    solution /= deviation[:, None]
    linear = Linear(solution.float(), (middle - centre @ solution).float())
    return Ridge(linear, penalty, (y - missed / root).numpy())
