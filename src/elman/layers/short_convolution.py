"""A short convolution over time, each feature by itself, which sees no step to come."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ShortConvolution(nn.Module):
    """Mixes each feature's last K steps: v_t = silu(Σ_k w_k ⊙ u_{t−K+1+k} + b).

    Args:
        features: D.
        steps: K, at least 2.
        device: where the parameters are made.
        dtype: the parameters' type.

    Shapes:
        u [T, B, D], the inputs before them [1, B, K − 1, D] → v [T, B, D], the last inputs [1, B, K − 1, D];
        weight [K, D], bias [D]
    """

    def __init__(
        self,
        features: int,
        steps: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(steps, features, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(features, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new parameters like torch's convolutions: uniform on ±1/√K."""
        bound = len(self.weight) ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def initial(self, batch_size: int) -> Tensor:
        """Returns the inputs before the first step: zero."""
        before, features = len(self.weight) - 1, self.weight.shape[1]
        return self.weight.new_zeros(1, batch_size, before, features)

    def forward(
        self, u: Tensor, last: Tensor, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Runs all steps; a step sees nothing from before the last reset, which may fall on itself."""
        T, before = u.shape[0], self.weight.shape[0] - 1
        padded = torch.cat([last[0].transpose(0, 1).to(u.dtype), u])  # [K − 1 + T, B, D]
        part = None  # [K − 1 + T, B]: how many resets there were
        if resets is not None:
            part = F.pad(resets.cumsum(0), (0, 0, before, 0))
        v = self.bias.expand_as(u)
        for k, weight in enumerate(self.weight):
            seen = padded[k : k + T]
            if part is not None:
                seen = seen.masked_fill((part[k : k + T] != part[before:])[..., None], 0.0)
            v = v + weight * seen
        ends = torch.full_like(u[0, :, 0], T, dtype=torch.int64) if lengths is None else lengths
        rows = torch.arange(u.shape[1], device=u.device)
        places = ends + torch.arange(before, device=u.device)[:, None]  # [K − 1, B]
        kept = padded[places, rows]
        if part is not None:
            kept = kept.masked_fill((part[places, rows] != part[places[-1], rows])[..., None], 0.0)
        return F.silu(v), kept.transpose(0, 1)[None].to(last.dtype)
