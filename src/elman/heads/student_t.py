"""Head for real numbers with heavier tails than a normal distribution."""

import math

import torch
from torch import Tensor

from elman.batch import Target
from elman.heads.base import Distribution, Loss, linear, positive, uniform


class StudentT(Distribution):
    """A Student t distribution with at least 2 degrees of freedom.

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

    def loss(
        self,
        features: Tensor,
        target: Target,
        lengths: Tensor | None = None,
        *,
        scale: Tensor | None = None,
    ) -> Loss:
        """Computes the negative log-likelihood."""
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
        """Returns the location, which is also mode and median."""
        return self._parameters_of(features)[0]

    def sample(self, features: Tensor, number: int, scale: Tensor | None = None) -> Tensor:
        """Draws samples [..., N], from two random levels u, v each: t = √(ν (u^(−2/ν) − 1)) cos 2πv.

        Source: the polar method, Bailey 1994, Mathematics of Computation 62(206).
        """
        location, spread, freedom = self._parameters_of(features)
        u, v = uniform(number, location), uniform(number, location)
        radius = (freedom * torch.expm1(-2 / freedom * u.log())).sqrt()
        return location + spread * radius * torch.cos(2 * math.pi * v)
