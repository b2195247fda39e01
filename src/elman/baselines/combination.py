"""Combination of forecasts: weights of several methods, chosen by their errors on windows of validation."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

_STEPS, _RATE = 300, 0.05  # of Adam on the logarithms of weights
_PRIOR, _POWER, _FEW = 20.0, 4.0, 3.0  # see ``fit_weights``; chosen on the guide sets
_TINY = 1e-9


def fit_weights(errors: np.ndarray, rows: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chooses weights that all series share, and own weights of each series.

    Weights are positive and sum to 1. They minimise, with errors in units of their mean over all methods,

        Σ_windows mean_h |Σ_k w_k e_kh| + 20 · KL(w, prior)

    so that few windows change little. The prior of the shared weights is an inverse power of each method's
    mean error: the fourth of many windows, and 4 M / (M + 3) of M, as the errors of few are a matter of
    chance. That of a series' own weights, which only its windows move, are the shared ones.

    Args:
        errors: [M, H, K] errors of K methods on M windows, in a unit that is comparable over series; NaN
            where a target is missing. A window without targets has no effect.
        rows: [M] series of each window, from 0.

    Returns:
        Shared weights [K], and own weights [N, K] of the series up to the last of ``rows``.

    Source: Bates & Granger 1969, Operational Research Quarterly 20(4) (weights by past errors), here of least
    absolute error.
    """
    there = torch.from_numpy(~np.isnan(errors).any(-1))
    e = torch.from_numpy(np.nan_to_num(errors))
    series = torch.from_numpy(np.asarray(rows))
    # a mean over the steps of each window, in units of the mean error of all methods
    share = there / there.sum(1, keepdim=True).clamp(min=1)
    means = (e.abs() * share[..., None]).sum((0, 1)) / there.any(1).sum().clamp(min=1)  # [K]
    unit = means.mean().clamp(min=_TINY)
    number = int(series.max()) + 1

    def losses(weights: Tensor) -> Tensor:
        return ((e @ weights[..., None])[..., 0].abs() * share).sum(1) / unit

    first = prior(means, int(there.any(1).sum()))
    shared = _drawn(first[None], lambda w: losses(w.expand(len(e), -1)).sum())
    own = _drawn(shared.expand(number, -1), lambda w: losses(w[series]).sum())
    return shared[0].numpy(), own.numpy()


def prior(means: Tensor, windows: int) -> Tensor:
    """Returns weights [K] from the mean errors [K] of methods on M windows; see ``fit_weights``."""
    power = _POWER * windows / (windows + _FEW)
    inverse = (means / means.mean().clamp(min=_TINY)).clamp(min=_TINY) ** -power
    return inverse / inverse.sum()


def _drawn(start: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """Returns weights [N, K] of least loss and distance from a prior [N, K]."""
    before = start.log()
    logits = before.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=_RATE)
    with torch.enable_grad():
        for step in range(_STEPS):
            optimizer.param_groups[0]["lr"] = _RATE * (1 - step / _STEPS)
            logs = logits.log_softmax(-1)
            distance = (logs.exp() * (logs - before)).sum()
            optimizer.zero_grad()
            (loss(logs.exp()) + _PRIOR * distance).backward()
            optimizer.step()
    return logits.detach().softmax(-1)
