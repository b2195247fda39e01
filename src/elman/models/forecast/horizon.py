"""Decoder of all future steps at once, and the moments at which windows are forecast."""

import torch
from torch import Tensor, nn

from elman import draws


class HorizonDecoder(nn.Module):
    """Computes features of each of the H steps after a moment.

        z_h = W_h c + V k_h + b_h,    features = [z_h, tanh z_h]

    The first half is linear, so that forecasts are not bounded.

    Args:
        context_size: O, features of the moment.
        known_size: K, features known ahead of each step.
        horizon: H.
        width: D.

    Shapes:
        context [F, B, O], known [F, H, B, K] → [F, H, B, 2 D]

    Source: the global and local decoders of MQ-RNN, Wen et al. 2017, arXiv:1711.11053.
    """

    def __init__(self, context_size: int, known_size: int, horizon: int, width: int) -> None:
        super().__init__()
        self._horizon = horizon
        self.features = 2 * width
        self.of_context = nn.Linear(context_size, horizon * width)
        self.of_known = nn.Linear(known_size, width, bias=False) if known_size else None
        nn.init.xavier_uniform_(self.of_context.weight)
        nn.init.zeros_(self.of_context.bias)

    def forward(self, context: Tensor, known: Tensor) -> Tensor:
        """Computes the features of each step after each moment."""
        z = self.of_context(context).unflatten(-1, (self._horizon, -1)).transpose(1, 2)
        if self.of_known is not None:
            z = z + self.of_known(known)
        return torch.cat([z, torch.tanh(z)], dim=-1)


def draw_moments(earliest: int, context: int, number: int, training: bool) -> Tensor:
    """Draws the moments (numbers of steps read) at which a window is forecast: [F], ascending.

    In evaluation, only the cutoff; in training, random moments between the earliest and the cutoff, so that
    one pass over a window trains many forecasts (ibid., "forking sequences").
    """
    if not training:
        return torch.tensor([context])
    own = draws.generator(torch.device("cpu"))
    drawn = torch.randperm(context - earliest + 1, generator=own)[:number] + earliest
    return drawn.sort().values


def ahead(values: Tensor, moments: Tensor, horizon: int) -> Tensor:
    """Returns the H steps after each moment: [T, B, …] → [F, H, B, …]."""
    return values[moments[:, None] + torch.arange(horizon)]


def same_phase(moments: Tensor, horizon: int, season: int) -> Tensor:
    """Returns the last step read of the same phase as each step after a moment: [F, H]; may be negative."""
    h = torch.arange(horizon)
    return moments[:, None] + h - season * (h // season + 1)
