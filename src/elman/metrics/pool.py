"""Pool of classifiers: the weighted sum of their logits."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

_SPREAD = 1.0  # standard deviation of the logarithm of a weight before anything is seen
_ITERATIONS = 100


def fit_pool(
    truth: np.ndarray, logits: Sequence[np.ndarray], prior: Sequence[float], *, multi_label: bool = False
) -> np.ndarray:
    """Fits positive weights of classifiers: the most probable ones, given examples that none of them learnt.

    The logarithm of each weight is normal around that of ``prior``, so that a few examples change little.

    Args:
        truth: 0 or 1.
        logits: of each of E classifiers.
        prior: [E] weights before anything is seen.
        multi_label: whether an example has any number of labels.

    Shapes:
        truth [N, V], logits E × [N, V] → [E]

    Source: Genest & Zidek 1986, "Combining probability distributions" (logarithmic pools).
    """
    target = torch.from_numpy(np.asarray(truth, np.float64))
    experts = torch.from_numpy(np.stack([np.asarray(each, np.float64) for each in logits]))
    centre = torch.tensor(prior, dtype=torch.float64).log()
    log_weights = centre.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([log_weights], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        pooled = torch.einsum("e,env->nv", log_weights.exp(), experts)
        if multi_label:
            loss = F.binary_cross_entropy_with_logits(pooled, target, reduction="sum")
        else:
            loss = -(target * pooled.log_softmax(1)).sum()
        loss = loss + ((log_weights - centre) / _SPREAD).square().sum() / 2
        loss.backward()
        return loss

    if len(target):
        with torch.enable_grad():
            optimizer.step(closure)
    return np.asarray(log_weights.detach().exp().numpy())
