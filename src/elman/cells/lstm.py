"""Long short-term memory."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from elman.cells.base import Cell, Shape, Weights
from elman.state import State


@dataclass(frozen=True)
class LSTM(Cell):
    """One step of long short-term memory with a forget gate (as in cuDNN and torch).

        i = σ(W_ii x + b_ii + W_hi h + b_hi)
        f = σ(W_if x + b_if + W_hf h + b_hf)
        g = tanh(W_ig x + b_ig + W_hg h + b_hg)
        o = σ(W_io x + b_io + W_ho h + b_ho)
        c' = f ⊙ c + i ⊙ g
        h' = o ⊙ tanh(c')

    Gate order: i, f, g, o. State: (h, c). Not implemented: the 1997 form without a forget gate.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H], c [B, H] → h' [B, H], c' [B, H]; weight_ih [4H, I], weight_hh [4H, H]

    Raises:
        ValueError: a size is negative.

    Source: Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000. The advised
    forget-gate bias of 1: Jozefowicz, Zaremba & Sutskever 2015.
    """

    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    memory_gate: ClassVar[str | None] = "f"
    input_gate: ClassVar[str | None] = "i"
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("i", "f", "o")
    advised_init: ClassVar[str] = "orthogonal+forget-bias"

    def states(self) -> dict[str, Shape]:
        """Returns the shapes of the output h and the cell state c."""
        return {"h": (self.hidden_size,), "c": (self.hidden_size,)}

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """Computes gates, cell state and output."""
        i, f, g, o = (projected + recurrent).chunk(4, 1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
