"""Ensembles of forecasters, with intervals that can be stretched to their nominal coverage."""

from collections.abc import Iterable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from elman.batch import Window, WindowBatch, WindowBatches
from elman.heads.base import Loss
from elman.models.forecast.forecaster import Forecaster


class Ensemble(Forecaster):
    """Members trained on the same windows from different initial weights; their median is the forecast.

    Args:
        members: forecasters that differ only in their weights.
        lowest: lower bound of all targets, or None.

    Attributes:
        stretch: [2] factors for distances from the median: up to the 80 % interval, and from the 95 %
            interval on, with linear interpolation between them. 1 until measured.
    """

    stretch: Tensor

    def __init__(self, members: Iterable[Forecaster], lowest: float | None = None) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.lowest = lowest
        self.register_buffer("stretch", torch.ones(2))

    def forward(self, batch: WindowBatch, state: None = None) -> tuple[Loss, None]:
        """Sums the losses of all members: the mean is the members' mean loss."""
        sums, counts = zip(*(member(batch)[0] for member in self.members), strict=True)
        return Loss(torch.stack(sums).sum(), torch.stack(counts).sum()), None

    def quantiles(self, window: Window, levels: Tensor) -> Tensor:
        """Computes the members' median of each quantile, stretched: [Q, H, B]."""
        with_median = torch.cat([levels, levels.new_tensor([0.5])])
        forecasts = [cast(Forecaster, member).quantiles(window, with_median) for member in self.members]
        *quantiles, median = torch.stack(forecasts).quantile(0.5, dim=0)
        share = ((2 * levels - 1).abs() - 0.8).div(0.95 - 0.8).clamp(0, 1)[:, None, None]
        inner, outer = self.stretch
        stretched = median + (inner + share * (outer - inner)) * (torch.stack(quantiles) - median)
        order = levels.argsort()
        stretched[order] = stretched[order].sort(dim=0).values  # quantiles with different factors may cross
        lowest = window.lowest if self.lowest is None else window.lowest.clamp(min=self.lowest)
        return torch.maximum(stretched, lowest)


class Joint(nn.Module):
    """Ensembles of unlike networks, each with windows of its own, trained together.

    Args:
        kinds: the ensembles by the kind of their networks.

    Shapes:
        batches, one for each kind → the mean of their mean losses
    """

    def __init__(self, kinds: Mapping[str, Ensemble]) -> None:
        super().__init__()
        self.kinds = nn.ModuleDict(kinds)

    def forward(self, batch: WindowBatches, state: None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch; its count is that of the first kind."""
        pairs = zip(self.kinds.values(), batch.kinds, strict=True)
        losses = [network(part)[0] for network, part in pairs]
        means = [loss.sum / torch.as_tensor(loss.count).clamp(min=1) for loss in losses]
        count = losses[0].count
        return Loss(torch.stack(means).mean() * count, count), None
