"""What every head promises."""

from collections.abc import Iterator
from contextlib import contextmanager
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

    Subclasses define ``loss(features, target, lengths=None) → Loss``, which ends in ``total``, and
    ``predict(features)``.
    """

    _record: list[Tensor] | None = None

    @contextmanager
    def single_losses(self) -> Iterator[list[Tensor]]:
        """Tells the loss of each target, times its weight.

        Every loss taken within it adds a tensor over the features' leading axes; NaN where the weight is 0.
        """
        found: list[Tensor] = []
        before, self._record = self._record, found
        try:
            yield found
        finally:
            self._record = before

    def total(self, losses: Tensor, features: Tensor, target: Target) -> Loss:
        """Sums single losses by the target's weights; losses have the weights' shape."""
        if self._record is not None:
            self._record.append(_single(losses, features.dim() - 1, target.weights))
        if target.weights is None:
            return Loss(losses.sum(), losses.new_tensor(float(losses.numel())))
        return Loss((losses * target.weights).sum(), target.weights.sum())

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """The loss of these features against the target.

        Args:
            features: [..., F], or [T, B, F] where there are lengths.
            target: its own lengths, if any, are in ``target.lengths``.
            lengths: [B] steps of each row's features; None: all T. For heads that find out themselves which
                step each target belongs to (connectionist temporal classification). With a target at every
                step its weights decide which count, and the lengths change nothing.
        """
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

    def loss(
        self,
        features: Tensor,
        target: Target,
        lengths: Tensor | None = None,
        *,
        scale: Tensor | None = None,
    ) -> Loss:
        """The loss of these features against targets [...]; see ``Head.loss`` for the lengths."""
        raise NotImplementedError

    def sample(self, features: Tensor, number: int, scale: Tensor | None = None) -> Tensor:
        """Draws: features [..., 1 or N, F], scale [..., 1 or N] → [..., N].

        The N draws of every leading entry are made of the same random numbers, so that none depends on what
        stands beside it. They are drawn from torch's generator, as many whatever the features.
        """
        raise NotImplementedError

    def quantiles(self, features: Tensor, levels: Tensor, scale: Tensor | None = None) -> Tensor:
        """Quantiles at levels [Q] in (0, 1): [Q, ...]."""
        unit = None if scale is None else scale[..., None]
        draws = self.sample(features[..., None, :], self.draws, unit)
        flat = [torch.quantile(part, levels, dim=1) for part in draws.flatten(0, -2).split(10**4)]
        return torch.cat(flat, dim=1).unflatten(1, draws.shape[:-1])


def linear(features: int, outputs: int) -> nn.Linear:
    """What turns features into a prediction's numbers: Glorot's weights, no bias at first."""
    made = nn.Linear(features, outputs)
    nn.init.xavier_uniform_(made.weight)
    nn.init.zeros_(made.bias)
    return made


def uniform(number: int, like: Tensor) -> Tensor:
    """Random levels [N] in (0, 1), one in each of N equal parts, in random order.

    So quantiles of what is made of them lie closer to the exact ones than with N levels drawn freely.

    Source: Latin hypercube sampling, McKay, Beckman & Conover 1979, Technometrics 21(2).
    """
    levels = (torch.randperm(number) + torch.rand(number, dtype=torch.float64)) / number
    margin = torch.finfo(like.dtype).eps / 2  # the ends are none
    return levels.clamp(margin, 1 - margin).to(like)


def positive(raw: Tensor) -> Tensor:
    """Any number as one above 0.0001: the softplus, and never so small that dividing by it overflows."""
    return F.softplus(raw) + 1e-4


def _single(losses: Tensor, axes: int, weights: Tensor | None) -> Tensor:
    """Weighted losses over so many leading axes; NaN where every weight is 0."""
    if weights is None:
        return losses
    losses, counts = losses * weights, weights != 0
    if losses.dim() > axes:
        losses, counts = losses.flatten(axes).sum(-1), counts.flatten(axes).any(-1)
    return losses.masked_fill(~counts, torch.nan)
