"""Scalar long short-term memory with an exponential input gate."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Cell, Shape, Weights
from elman.state import State


@dataclass(frozen=True)
class SLSTM(Cell):
    """One step of an sLSTM, whose input gate is an exponential.

        î, f̂, ẑ, ô = W x + b_ih + U h + b_hh, one for each gate
        l = m + log σ(f̂)
        m' = max(î, l), but î at a first step, where n = 0
        i = exp(î − m'),  f = exp(l − m')
        c' = f ⊙ c + i ⊙ tanh(ẑ)
        n' = f ⊙ n + i
        h' = σ(ô) ⊙ c' / n'

    A new value can outweigh all that was stored before, which an LSTM's gate below 1 cannot. m carries the
    scale of c and n, so that no exponential overflows; a first step is told for each unit of each row, by
    n = 0, as after a reset. From then on n is at least 1, and a smaller one that was set from outside is
    taken as 1. Gate order: i, f, z, o. State: (h, c, n, m). Not implemented: several heads (U is one matrix),
    a sigmoid or an exponential of choice in the forget gate.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h, c, n, m [B, H] → h', c', n', m' [B, H]; weight_ih [4H, I], weight_hh [4H, H]

    Raises:
        ValueError: a size is negative.

    Source: Beck et al. 2024, arXiv:2405.04517, section 2.2, with the forget gate a sigmoid.
    """

    gates: ClassVar[tuple[str, ...]] = ("i", "f", "z", "o")
    memory_gate: ClassVar[str | None] = "f"
    input_gate: ClassVar[str | None] = "i"
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("f", "o")
    advised_init: ClassVar[str] = "zero-recurrent+spread"

    def states(self) -> dict[str, Shape]:
        """Returns the shapes of h, of the memory c, of its normaliser n and of their scale m."""
        return dict.fromkeys(("h", "c", "n", "m"), (self.hidden_size,))

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """Computes the new scale, the memory and its normaliser on that scale, and the output."""
        i, f, z, o = (projected + recurrent).chunk(4, -1)
        _, c, n, m = state
        kept = m + F.logsigmoid(f)
        scale = torch.where(n == 0, i, torch.maximum(i, kept))
        i, f = torch.exp(i - scale), torch.exp(kept - scale)
        c, n = f * c + i * torch.tanh(z), f * n + i
        return torch.sigmoid(o) * c / n.clamp(min=1.0), c, n, scale
