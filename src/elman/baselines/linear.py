"""Linear classifiers of sparse or dense rows: logistic regression and naive Bayes."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.baselines.text_features import Rows

_ITERATIONS = 50
_KEPT = 5  # earlier steps that L-BFGS remembers
_SMOOTHING = 1.0  # added to the sum of each feature in each class


class Linear(NamedTuple):
    """Weights [F, V] and bias [V] of logits: rows @ weights + bias."""

    weights: Tensor
    bias: Tensor

    def logits(self, x: Rows | Tensor) -> Tensor:
        """Returns the logits [N, V] of rows [N, F]; those of a row do not depend on the rows beside it."""
        if isinstance(x, Tensor):  # thousands of terms, whose order depends on the number of rows
            return (x.double() @ self.weights.double() + self.bias).float()
        return x @ self.weights + self.bias


def logistic_regression(
    x: Rows | Tensor,
    truth: Tensor,
    strength: float,
    *,
    multi_label: bool = False,
    weights: Tensor | None = None,
) -> Linear:
    """Fits logistic regression by L-BFGS: the least C Σ loss + ‖W‖² / 2, as scikit-learn defines C.

    Args:
        x: features.
        truth: 0 or 1.
        strength: C.
        multi_label: whether an example has any number of labels: then each label has a regression.
        weights: [N] weight of each example; None: all 1.

    Shapes:
        x [N, F], truth [N, V]
    """
    examples, classes = truth.shape
    target, back = truth.to(torch.float32), x.T
    share = (torch.ones(examples) if weights is None else weights.to(torch.float32))[:, None] / examples
    w, b = torch.zeros(len(back), classes), torch.zeros(classes)
    optimizer = torch.optim.LBFGS(
        [w, b],
        max_iter=_ITERATIONS,
        history_size=_KEPT,
        tolerance_grad=1e-7,
        tolerance_change=1e-5,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        logits = x @ w + b
        if multi_label:
            losses, p = F.binary_cross_entropy_with_logits(logits, target, reduction="none"), logits.sigmoid()
        else:
            losses, p = -target * logits.log_softmax(1), logits.softmax(1)
        slope = (p - target) * share
        w.grad, b.grad = back @ slope + w / (strength * examples), slope.sum(0)
        return float((losses * share).sum() + w.square().sum() / (2 * strength * examples))

    with torch.no_grad():
        optimizer.step(closure)
    return Linear(w, b)


def naive_bayes(
    x: Rows | Tensor, truth: Tensor, *, multi_label: bool = False, weights: Tensor | None = None
) -> Linear:
    """Fits multinomial naive Bayes on fractional counts, such as tf-idf (Rennie et al. 2003).

        W_fv = ln((Σ_{n in v} x_nf + 1) / Σ_f' (…)),  b_v = ln P(v)

    Args:
        x: features from 0 on.
        truth: as for ``logistic_regression``.
        multi_label: each label then has the log odds of two classes, with and without it.
        weights: as for ``logistic_regression``.
    """
    own = truth.to(torch.float32)
    share = (torch.ones(len(own)) if weights is None else weights.to(torch.float32))[:, None]
    back = x.T

    def of(members: Tensor) -> Linear:
        sums = back @ (members * share) + _SMOOTHING
        prior = (members * share).sum(0) + _SMOOTHING
        return Linear((sums / sums.sum(0)).log(), prior.log())

    positive = of(own)
    if not multi_label:
        return positive
    negative = of(1 - own)
    return Linear(positive.weights - negative.weights, positive.bias - negative.bias)
