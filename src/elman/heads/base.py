"""Base classes of heads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman import draws
from elman.batch import Target


class Loss(NamedTuple):
    """A loss as a sum and a count, so that means always have the right denominator.

    Attributes:
        sum: scalar, in the head's unit.
        count: scalar, number of targets (sum of their weights).
    """

    sum: Tensor
    count: Tensor  # type: ignore[assignment]  # hides tuple.count, which is not used


class Head(nn.Module):
    """Computes a loss against a target, and predictions, from features.

    Subclasses define ``loss(features, target, lengths=None) → Loss``, which ends in ``total``, and
    ``predict(features)``.
    """

    _record: list[Tensor] | None = None

    @contextmanager
    def single_losses(self) -> Iterator[list[Tensor]]:
        """Records the loss of each target, times its weight.

        Each call of ``loss`` within the context appends a tensor over the features' leading axes; NaN where
        the weight is 0.
        """
        losses: list[Tensor] = []
        before, self._record = self._record, losses
        try:
            yield losses
        finally:
            self._record = before

    def total(self, losses: Tensor, features: Tensor, target: Target) -> Loss:
        """Sums single losses with the target's weights; losses have the weights' shape."""
        if self._record is not None:
            self._record.append(_single(losses, features.dim() - 1, target.weights))
        if target.weights is None:
            return Loss(losses.sum(), losses.new_tensor(float(losses.numel())))
        return Loss((losses * target.weights).sum(), target.weights.sum())

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Computes the loss of features against a target.

        Args:
            features: [..., F], or [T, B, F] with lengths.
            target: the target; its lengths, if any, are ``target.lengths``.
            lengths: [B] steps of each row's features; None: all T. For heads that align targets with steps
                (connectionist temporal classification). Heads with a target per step use its weights
                instead.
        """
        raise NotImplementedError

    def predict(self, features: Tensor) -> Tensor:
        """Computes the prediction from features."""
        raise NotImplementedError


class SequenceHead(Head):
    """Computes one loss for the steps of a row together, since its targets depend on each other.

    Subclasses define ``loss(features, target, lengths)`` of features [T, B, F], with a loss for each of B
    rows; brute force over all paths of short rows is their test.
    """


class SetHead(Head):
    """Computes a distribution over the subsets of V items, such as labels, or the pitches of a chord.

    Subclasses define ``loss``, ``predict`` (the most probable set), ``draw`` and ``log_p_of_highest``.

    Shapes:
        features [..., F], targets [..., V] of 0 and 1
    """

    def draw(
        self,
        features: Tensor,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        allowed: Tensor | None = None,
        highest: Tensor | None = None,
    ) -> Tensor:
        """Draws a set for each entry: features [..., F] → [..., V] of 0 and 1.

        Args:
            features: of each entry.
            temperature: divides the logits; 0: at each choice the most probable.
            generator: the source of randomness; None: torch's default.
            allowed: [V] bool, items that may be drawn; None: all.
            highest: [...] the highest item of each set, V for the empty set; None: any.
        """
        raise NotImplementedError

    def log_p_of_highest(self, features: Tensor, highest: Tensor) -> Tensor:
        """Computes ln of the probability that an item is the highest of its set: [..., F], [...] → [...].

        V stands for the empty set.
        """
        raise NotImplementedError


class Distribution(Head):
    """Computes a distribution of one real number from features.

    Targets may be divided by a ``scale``, so that features have a usual size for targets of any size; the
    head's results have the same unit. Only distributions of counts, which are not invariant to scale, use
    the argument.

    Subclasses define ``loss``, ``predict`` (the most probable target) and ``sample``.

    Shapes:
        features [..., F], targets [...], scale [...]
    """

    draws = 1000
    """Number of samples for quantiles without a closed form."""
    own_unit = 0.0
    """Unit of targets whose scale is unknown: 1 for counts; 0 where no number is more usual than another."""

    def loss(
        self,
        features: Tensor,
        target: Target,
        lengths: Tensor | None = None,
        *,
        scale: Tensor | None = None,
    ) -> Loss:
        """Computes the loss of features against targets [...]; see ``Head.loss`` for the lengths."""
        raise NotImplementedError

    def sample(self, features: Tensor, number: int, scale: Tensor | None = None) -> Tensor:
        """Draws samples: features [..., 1 or N, F], scale [..., 1 or N] → [..., N].

        All leading entries share the same random numbers, so that no sample depends on the rest of the
        batch. They come from torch's generator, and their number does not depend on the features.
        """
        raise NotImplementedError

    def quantiles(self, features: Tensor, levels: Tensor, scale: Tensor | None = None) -> Tensor:
        """Computes quantiles at levels [Q] in (0, 1): [Q, ...]."""
        unit = None if scale is None else scale[..., None]
        draws = self.sample(features[..., None, :], self.draws, unit)
        flat = [torch.quantile(part, levels, dim=1) for part in draws.flatten(0, -2).split(10**4)]
        return torch.cat(flat, dim=1).unflatten(1, draws.shape[:-1])


def linear(features: int, outputs: int) -> nn.Linear:
    """Makes a linear map with Glorot's initial weights and zero bias."""
    layer = nn.Linear(features, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def uniform(number: int, like: Tensor) -> Tensor:
    """Draws levels [N] in (0, 1), one in each of N equal parts, in random order.

    Sample quantiles are then closer to the exact ones than with independent levels.

    Source: Latin hypercube sampling, McKay, Beckman & Conover 1979, Technometrics 21(2).
    """
    own = draws.generator(torch.device("cpu"))
    order = torch.randperm(number, generator=own)
    levels = (order + torch.rand(number, dtype=torch.float64, generator=own)) / number
    margin = torch.finfo(like.dtype).eps / 2  # open interval: excludes 0 and 1
    return levels.clamp(margin, 1 - margin).to(like)


def positive(raw: Tensor) -> Tensor:
    """Maps any number to one above 0.0001 by a softplus, so that division by it cannot overflow."""
    return F.softplus(raw) + 1e-4


def _single(losses: Tensor, axes: int, weights: Tensor | None) -> Tensor:
    """Returns weighted losses over the first ``axes`` axes; NaN where all weights are 0."""
    if weights is None:
        return losses
    losses, counts = losses * weights, weights != 0
    if losses.dim() > axes:
        losses, counts = losses.flatten(axes).sum(-1), counts.flatten(axes).any(-1)
    return losses.masked_fill(~counts, torch.nan)
