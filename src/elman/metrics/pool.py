"""Pools of models: the weighted sum of classifiers' logits, or of predictions."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_SPREAD = 1.0  # standard deviation of the logarithm of a weight before anything is seen
_ITERATIONS = 100
_LEAST = 1e-12  # mean squared error


def fit_pool(
    truth: np.ndarray,
    logits: Sequence[np.ndarray],
    prior: Sequence[float],
    *,
    multi_label: bool = False,
    spread: float | Sequence[float] = _SPREAD,
) -> np.ndarray:
    """Fits positive weights of classifiers: the most probable ones, given examples that none of them learnt.

    The logarithm of each weight is normal around that of ``prior``, so that a few examples change little.

    Args:
        truth: 0 or 1.
        logits: of each of E classifiers.
        prior: [E] weights before anything is seen.
        multi_label: whether an example has any number of labels.
        spread: standard deviation of the logarithm of a weight before anything is seen; one for all, or [E].

    Shapes:
        truth [N, V], logits E × [N, V] → [E]

    Source: Genest & Zidek 1986, "Combining probability distributions" (logarithmic pools).
    """
    target = torch.from_numpy(np.asarray(truth, np.float64))

    def loss(pooled: Tensor) -> Tensor:
        if multi_label:
            return F.binary_cross_entropy_with_logits(pooled, target, reduction="sum")
        return -(target * pooled.log_softmax(1)).sum()

    return _most_probable(loss, logits, prior, spread)


def fit_sum(
    targets: np.ndarray,
    predictions: Sequence[np.ndarray],
    prior: Sequence[float],
    *,
    spread: float | Sequence[float] = _SPREAD,
) -> np.ndarray:
    """Fits positive weights of predictions, as ``fit_pool`` does those of classifiers.

    Errors are normal, with the variance of the errors of the sum with the weights ``prior``.

    Args:
        targets: real numbers.
        predictions: of each of E models.
        prior: [E] weights before anything is seen.
        spread: as for ``fit_pool``.

    Shapes:
        targets [N, O], predictions E × [N, O] → [E]
    """
    target = torch.from_numpy(np.asarray(targets, np.float64))
    before = np.einsum("e,eno->no", prior, np.stack(predictions))
    variance = max(float(np.square(targets - before).mean()), _LEAST) if len(target) else 1.0
    return _most_probable(
        lambda sum_: (target - sum_).square().sum() / (2 * variance), predictions, prior, spread
    )


def _most_probable(
    loss: Callable[[Tensor], Tensor],
    outputs: Sequence[np.ndarray],
    prior: Sequence[float],
    spread: float | Sequence[float] = _SPREAD,
) -> np.ndarray:
    """Returns the weights [E] of outputs E × [N, V] with the least loss of their sum and of their own."""
    experts = torch.from_numpy(np.stack([np.asarray(each, np.float64) for each in outputs]))
    centre = torch.tensor(prior, dtype=torch.float64).log()
    deviation = torch.tensor(spread, dtype=torch.float64)
    log_weights = centre.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([log_weights], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        pooled = torch.einsum("e,env->nv", log_weights.exp(), experts)
        total = loss(pooled) + ((log_weights - centre) / deviation).square().sum() / 2
        total.backward()
        return total

    if experts.shape[1]:
        with torch.enable_grad():
            optimizer.step(closure)
    return np.asarray(log_weights.detach().exp().numpy())
