"""What every head promises."""

from typing import NamedTuple

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


def weighted(losses: Tensor, target: Target) -> Loss:
    """Sums single losses by the target's weights; losses have the weights' shape."""
    if target.weights is None:
        return Loss(losses.sum(), losses.new_tensor(float(losses.numel())))
    return Loss((losses * target.weights).sum(), target.weights.sum())
