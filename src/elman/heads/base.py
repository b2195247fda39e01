"""What every head promises."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Target


class Loss(NamedTuple):
    """A loss as a sum and what it is a sum over, so that no mean is ever taken over the wrong number.

    Attributes:
        sum: scalar, in the head's unit.
        count: scalar, the targets (their weights' sum).
    """

    sum: Tensor
    count: Tensor  # type: ignore[assignment]  # hides tuple.count, which nobody calls


class Head(nn.Module):
    """Features → a loss against a target, and the prediction.

    Subclasses define ``loss(features, target) → Loss`` and ``predict(features)``.
    """

    def loss(self, features: Tensor, target: Target) -> Loss:
        """The loss of these features against the target."""
        raise NotImplementedError

    def predict(self, features: Tensor) -> Tensor:
        """The prediction these features give."""
        raise NotImplementedError


class Distribution(Head):
    """Features → a distribution of one real number.

    Targets may be given in a unit of their own, as shares of a ``scale``: features stay of ordinary size
    whatever the targets', and what the head gives is in the same unit. Only distributions of counts, which
    do not scale, look at it.

    Subclasses define ``loss``, ``predict`` (the most probable target) and ``sample``.

    Shapes:
        features [..., F], targets [...], scale [...]
    """

    draws = 1000
    """Samples from which quantiles are taken that have no closed form."""

    def loss(self, features: Tensor, target: Target, scale: Tensor | None = None) -> Loss:
        """The loss of these features against targets [...]."""
        raise NotImplementedError

    def sample(self, features: Tensor, number: int, scale: Tensor | None = None) -> Tensor:
        """Draws: features [..., F] → [number, ...]."""
        raise NotImplementedError

    def quantiles(self, features: Tensor, levels: Tensor, scale: Tensor | None = None) -> Tensor:
        """Quantiles at levels [Q] in (0, 1): [Q, ...]."""
        draws = self.sample(features, self.draws, scale)
        flat = [torch.quantile(part, levels, dim=0) for part in draws.flatten(1).split(10**4, dim=1)]
        return torch.cat(flat, dim=1).unflatten(1, draws.shape[1:])


def positive(raw: Tensor) -> Tensor:
    """Any number as one above 0.0001: the softplus, and never so small that dividing by it overflows."""
    return F.softplus(raw) + 1e-4


def weighted(losses: Tensor, target: Target) -> Loss:
    """Sums single losses by the target's weights; losses have the weights' shape."""
    if target.weights is None:
        return Loss(losses.sum(), losses.new_tensor(float(losses.numel())))
    return Loss((losses * target.weights).sum(), target.weights.sum())
