"""Head for real numbers with a normal distribution."""

import math

import torch
from torch import Tensor

from elman.batch import Target
from elman.heads.base import Distribution, Loss, linear, positive, uniform


class Normal(Distribution):
    """A normal distribution.

        μ = w f + b,    σ = softplus(v f + c),    loss = −log N(y; μ, σ)

    Args:
        features: F, features of one prediction.

    Shapes:
        features [..., F], targets [...] → prediction [...]

    Units:
        nats per target.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = linear(features, 2)

    def _parameters_of(self, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = self.linear(features).unbind(-1)
        return mean, positive(raw)

    def loss(
        self,
        features: Tensor,
        target: Target,
        lengths: Tensor | None = None,
        *,
        scale: Tensor | None = None,
    ) -> Loss:
        """Computes the negative log-likelihood."""
        mean, deviation = self._parameters_of(features)
        z = (target.values - mean) / deviation
        return self.total(z.square() / 2 + deviation.log() + math.log(2 * math.pi) / 2, features, target)

    def predict(self, features: Tensor) -> Tensor:
        """Returns the mean, which is also mode and median."""
        return self._parameters_of(features)[0]

    def sample(self, features: Tensor, number: int, scale: Tensor | None = None) -> Tensor:
        """Draws samples [..., N], as quantiles at random levels."""
        mean, deviation = self._parameters_of(features)
        return mean + deviation * _standard(uniform(number, mean))

    def quantiles(self, features: Tensor, levels: Tensor, scale: Tensor | None = None) -> Tensor:
        """Computes exact quantiles [Q, ...]."""
        mean, deviation = self._parameters_of(features)
        z = _standard(levels.to(mean.dtype))
        return mean + deviation * z.view(-1, *(1,) * mean.dim())


def _standard(levels: Tensor) -> Tensor:
    """Computes quantiles of the standard normal distribution."""
    return math.sqrt(2) * torch.erfinv(2 * levels - 1)
