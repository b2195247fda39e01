"""Real numbers with more outliers than a normal distribution has."""

import math

import torch
from torch import Tensor

from elman.batch import Target
from elman.heads.base import Distribution, Loss, linear, positive


class StudentT(Distribution):
    """A location, a scale and degrees of freedom, at least 2.

        μ = w f + b,    σ = softplus(v f + c),    ν = 2 + softplus(u f + d)
        loss = −log t_ν((y − μ) / σ) + log σ

    Args:
        features: F, features of one prediction.

    Shapes:
        features [..., F], targets [...] → prediction [...]

    Units:
        nats per target.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = linear(features, 3)

    def _parameters_of(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        location, raw, freedom = self.linear(features).unbind(-1)
        return location, positive(raw), 2 + positive(freedom)

    def loss(self, features: Tensor, target: Target, scale: Tensor | None = None) -> Loss:
        """Negative log-likelihood."""
        location, spread, freedom = self._parameters_of(features)
        z = (target.values - location) / spread
        losses = (
            torch.lgamma(freedom / 2)
            - torch.lgamma((freedom + 1) / 2)
            + (freedom * math.pi).log() / 2
            + spread.log()
            + (freedom + 1) / 2 * torch.log1p(z.square() / freedom)
        )
        return self.total(losses, features, target)

    def predict(self, features: Tensor) -> Tensor:
        """The location, which is the mode and the median."""
        return self._parameters_of(features)[0]

    def sample(self, features: Tensor, number: int, scale: Tensor | None = None) -> Tensor:
        """Draws [number, ...]."""
        location, spread, freedom = self._parameters_of(features)
        shape = (number, *location.shape)
        normal = torch.randn(shape, dtype=location.dtype, device=location.device)
        chi2 = 2 * torch._standard_gamma((freedom / 2).expand(shape).contiguous())
        return location + spread * normal * (freedom / chi2).sqrt()
