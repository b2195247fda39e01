"""Head for real numbers with squared error."""

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
        the square of the target's unit.
    """

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.linear = linear(features, outputs)

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Computes the mean over outputs, summed over targets; with weights per output, each is a target."""
        losses = (self.linear(features) - target.values).square()
        is_single = target.weights is not None and target.weights.dim() == losses.dim()
        return self.total(losses if is_single else losses.mean(-1), features, target)

    def predict(self, features: Tensor) -> Tensor:
        """Returns the conditional mean [..., O]."""
        return self.linear(features)
