"""Head for counts."""

import torch
from torch import Tensor

from elman import draws
from elman.batch import Target
from elman.heads.base import Distribution, Loss, linear, positive


class NegativeBinomial(Distribution):
    """A negative binomial distribution; its variance is the mean plus a multiple of the squared mean.

        μ = s softplus(w f + b),    α = softplus(v f + c) / √s,    variance = μ + α μ²
        loss = −log NB(s y; μ, α)

    s is the scale: the targets y times s are the counts.

    Args:
        features: F, features of one prediction.

    Shapes:
        features [..., F], targets [...] → prediction [...]

    Units:
        nats per target.

    Source: Salinas, Flunkert & Gasthaus 2017, arXiv:1704.04110.
    """

    own_unit = 1.0

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = linear(features, 2)

    def _parameters_of(self, features: Tensor, scale: Tensor | float) -> tuple[Tensor, Tensor]:
        mean, shape = self.linear(features).unbind(-1)
        return positive(mean) * scale, positive(shape) / torch.as_tensor(scale, dtype=mean.dtype).sqrt()

    def loss(
        self,
        features: Tensor,
        target: Target,
        lengths: Tensor | None = None,
        *,
        scale: Tensor | None = None,
    ) -> Loss:
        """Computes the negative log-likelihood."""
        unit = torch.ones((), dtype=features.dtype, device=features.device) if scale is None else scale
        mean, shape = self._parameters_of(features, unit)
        counts, trials = target.values * unit, 1 / shape
        losses = (
            torch.lgamma(trials)
            + torch.lgamma(counts + 1)
            - torch.lgamma(counts + trials)
            + (trials + counts) * torch.log1p(shape * mean)
            - counts * (shape * mean).log()
        )
        return self.total(losses, features, target)

    def predict(self, features: Tensor) -> Tensor:
        """Returns the most probable count."""
        mean, shape = self._parameters_of(features, 1.0)
        return (mean * (1 - shape)).clamp(min=0).floor()

    def sample(self, features: Tensor, number: int, scale: Tensor | None = None) -> Tensor:
        """Draws samples [..., N], in the targets' unit."""
        unit = torch.ones((), dtype=features.dtype, device=features.device) if scale is None else scale
        mean, shape = (p.expand(*p.shape[:-1], number) for p in self._parameters_of(features, unit))
        own = draws.generator(torch.device("cpu"))
        seed, generator = int(torch.randint(2**62, (), generator=own)), torch.Generator(mean.device)
        drawn = torch.empty_like(mean).flatten(0, -2)
        # the number of random numbers used depends on the parameters, so each entry restarts the generator
        for row, (m, a) in enumerate(zip(mean.flatten(0, -2), shape.flatten(0, -2), strict=True)):
            generator.manual_seed(seed)
            rate = torch._standard_gamma(1 / a, generator=generator) * a * m
            drawn[row] = torch.poisson(rate, generator=generator)
        return drawn.view_as(mean) / unit
