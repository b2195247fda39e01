"""Several forecasters as one."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from elman.data.cutoffs import Window, WindowBatch
from elman.heads.base import Loss
from elman.models.forecaster import Forecaster


class Ensemble(Forecaster):
    """Members trained side by side on the same windows, each from weights of its own; the median forecasts.

    Args:
        members: alike but for their weights.
    """

    def __init__(self, members: Iterable[Forecaster]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, batch: WindowBatch, state: None = None) -> tuple[Loss, None]:
        """The losses of all members together: their mean is the members' mean loss."""
        sums, counts = zip(*(member(batch)[0] for member in self.members), strict=True)
        return Loss(torch.stack(sums).sum(), torch.stack(counts).sum()), None

    def quantiles(self, window: Window, levels: Tensor) -> Tensor:
        """The members' median, quantile by quantile: [Q, H, B]."""
        found = [cast(Forecaster, member).quantiles(window, levels) for member in self.members]
        return torch.stack(found).quantile(0.5, dim=0)
