"""Several forecasters as one, whose intervals can be stretched to what they are found to cover."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from elman.batch import Window, WindowBatch
from elman.heads.base import Loss
from elman.models.forecast.forecaster import Forecaster


class Ensemble(Forecaster):
    """Members trained side by side on the same windows, each from weights of its own; the median forecasts.

    Args:
        members: alike but for their weights.
        lowest: what no target can be below, or None.

    Attributes:
        stretch: [2] what distances from the median are multiplied by, in the 80 % interval and within, and
            in the 95 % interval and beyond; between them on a straight line. 1 until it is measured.
    """

    stretch: Tensor

    def __init__(self, members: Iterable[Forecaster], lowest: float | None = None) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.lowest = lowest
        self.register_buffer("stretch", torch.ones(2))

    def forward(self, batch: WindowBatch, state: None = None) -> tuple[Loss, None]:
        """The losses of all members together: their mean is the members' mean loss."""
        sums, counts = zip(*(member(batch)[0] for member in self.members), strict=True)
        return Loss(torch.stack(sums).sum(), torch.stack(counts).sum()), None

    def quantiles(self, window: Window, levels: Tensor) -> Tensor:
        """The members' median, quantile by quantile, stretched: [Q, H, B]."""
        wanted = torch.cat([levels, levels.new_tensor([0.5])])
        found = [cast(Forecaster, member).quantiles(window, wanted) for member in self.members]
        *quantiles, median = torch.stack(found).quantile(0.5, dim=0)
        share = ((2 * levels - 1).abs() - 0.8).div(0.95 - 0.8).clamp(0, 1)[:, None, None]
        inner, outer = self.stretch
        stretched = median + (inner + share * (outer - inner)) * (torch.stack(quantiles) - median)
        order = levels.argsort()
        stretched[order] = stretched[order].sort(dim=0).values  # stretched unlike, quantiles may cross
        return stretched if self.lowest is None else stretched.clamp(min=self.lowest)
