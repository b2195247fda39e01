"""Head for quantiles of a real number, without assuming a distribution."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Target
from elman.errors import InputError
from elman.heads.base import Distribution, Loss, linear, uniform

LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)


class Quantile(Distribution):
    """Quantiles at 13 levels from 2.5 % to 97.5 %, which never cross.

        q_0.5 = w f + b,    q above and below by steps softplus(v f + c),
        loss = twice the mean over the levels τ of max(τ (y − q_τ), (τ − 1) (y − q_τ))

    With the number of levels the loss approaches the continuous ranked probability score.

    Args:
        features: F, features of one prediction.

    Shapes:
        features [..., F], targets [...] → prediction [...]

    Units:
        the target's unit.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = linear(features, len(LEVELS))
        nn.init.constant_(self.linear.bias, -1.0)  # the outermost quantiles start about 2 from the median
        with torch.no_grad():
            self.linear.bias[len(LEVELS) // 2] = 0.0

    def _all(self, features: Tensor) -> Tensor:
        """Computes the quantiles at all levels [..., Q]."""
        half = len(LEVELS) // 2
        below, median, above = self.linear(features).split([half, 1, half], -1)
        up = F.softplus(above).cumsum(-1)
        down = F.softplus(below).flip(-1).cumsum(-1).flip(-1)
        return torch.cat([median - down, median, median + up], -1)

    def loss(
        self,
        features: Tensor,
        target: Target,
        lengths: Tensor | None = None,
        *,
        scale: Tensor | None = None,
    ) -> Loss:
        """Computes twice the pinball loss, averaged over the levels."""
        gap = target.values[..., None] - self._all(features)
        levels = gap.new_tensor(LEVELS)
        return self.total(2 * torch.maximum(levels * gap, (levels - 1) * gap).mean(-1), features, target)

    def predict(self, features: Tensor) -> Tensor:
        """Returns the median."""
        return self._all(features)[..., len(LEVELS) // 2]

    def quantiles(self, features: Tensor, levels: Tensor, scale: Tensor | None = None) -> Tensor:
        """Computes quantiles [Q, ...], interpolated linearly between the known levels.

        Raises:
            InputError: a level is outside the known range.
        """
        low, high = LEVELS[0], LEVELS[-1]
        widest = 2 * (levels - 0.5).abs().max().item()
        if widest > high - low + 1e-6:
            raise InputError(
                f"intervals must be at most {high - low:.0%}, from quantile {low:.1%} to {high:.1%}. "
                f"Got {100 * widest:.4g}%."
            )
        return self._between(self._all(features), levels.view(-1, *(1,) * (features.dim() - 1)))

    def sample(self, features: Tensor, number: int, scale: Tensor | None = None) -> Tensor:
        """Draws samples [..., N] as quantiles at random levels, extrapolated linearly at both ends."""
        known = self._all(features)
        known = known.expand(*known.shape[:-2], number, -1)
        return self._between(known, uniform(number, known).expand(1, *known.shape[:-1]))[0]

    def _between(self, known: Tensor, levels: Tensor) -> Tensor:
        """Interpolates quantiles at levels [N, ...] or [N, 1, …]: → [N, ...]."""
        grid = known.new_tensor(LEVELS)
        upper = torch.searchsorted(grid, levels.contiguous()).clamp(1, len(LEVELS) - 1)
        shape = (len(levels), *known.shape[:-1])
        above = upper.expand(shape)
        repeated = known.expand(len(levels), *known.shape)
        low, high = (repeated.gather(-1, at[..., None])[..., 0] for at in (above - 1, above))
        share = (levels - grid[upper - 1]) / (grid[upper] - grid[upper - 1])
        return low + share * (high - low)
