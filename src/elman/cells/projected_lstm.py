"""Long short-term memory with an output projected to fewer features."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Shape, Weights, check_size
from elman.cells.lstm import LSTM
from elman.state import State


@dataclass(frozen=True)
class ProjectedLSTM(LSTM):
    """One step of an LSTM with a recurrent projection (as in cuDNN and torch with ``proj_size``).

        i, f, g, o, c' as in LSTM, with h of P features
        h' = W_hr (o ⊙ tanh(c'))

    Gate order: i, f, g, o. State: (h, c). Not implemented: the paper's non-recurrent projection.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.
        proj_size: P, features of the output, fewer than H; 0: H // 2.

    Shapes:
        x [B, I], h [B, P], c [B, H] → h' [B, P], c' [B, H];
        weight_ih [4H, I], weight_hh [4H, P], weight_hr [P, H]

    Raises:
        ValueError: a size is negative, or P is not less than H.

    Source: Sak, Senior & Beaufays 2014, arXiv:1402.1128.
    """

    proj_size: int = 0

    def __post_init__(self) -> None:
        """Checks the sizes; sets the default projection."""
        super().__post_init__()
        if self.proj_size == 0:
            object.__setattr__(self, "proj_size", self.hidden_size // 2)
        check_size("proj_size", self.proj_size)
        if self.proj_size >= self.hidden_size:
            raise ValueError(
                f"proj_size must be less than hidden_size ({self.hidden_size}). Got {self.proj_size}."
            )

    def states(self) -> dict[str, Shape]:
        """Returns the shapes of the projected output h and the cell state c."""
        return {"h": (self.proj_size,), "c": (self.hidden_size,)}

    def parameters(self) -> dict[str, Shape]:
        """Returns the LSTM's shapes and that of the projection ``weight_hr``."""
        return super().parameters() | {"weight_hr": (self.proj_size, self.hidden_size)}

    def step(
        self,
        w: Weights,
        projected: Tensor,
        state: State,
        seen: State | None = None,
        side: Tensor | None = None,
    ) -> State:
        """Computes the LSTM's step, then the projection."""
        h, c = super().step(w, projected, state, seen, side)
        return F.linear(h, w["weight_hr"]), c
