"""Real numbers under squared error."""

from torch import Tensor

from elman.batch import Target
from elman.heads.base import Head, Loss, linear


class SquaredError(Head):
    """A vector of O real numbers.

        ŷ = W f + b,    loss = mean over the O outputs of (ŷ − y)²

    Args:
        features: F, features of one prediction.
        outputs: O.

    Shapes:
        features [..., F], targets [..., O] → prediction [..., O]

    Units:
        the square of the target's.
    """

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.linear = linear(features, outputs)

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Mean over the outputs, summed over the targets; weights of the outputs' own make each a target."""
        losses = (self.linear(features) - target.values).square()
        each = target.weights is not None and target.weights.dim() == losses.dim()
        return self.total(losses if each else losses.mean(-1), features, target)

    def predict(self, features: Tensor) -> Tensor:
        """The conditional mean [..., O]."""
        return self.linear(features)
