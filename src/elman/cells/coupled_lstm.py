"""Long short-term memory whose input gate is one minus its forget gate."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from elman.cells.base import Weights
from elman.cells.lstm import LSTM
from elman.state import State


@dataclass(frozen=True)
class CoupledLSTM(LSTM):
    """One step of an LSTM with coupled input and forget gates (CIFG).

        f = σ(W_if x + b_if + W_hf h + b_hf)
        g = tanh(W_ig x + b_ig + W_hg h + b_hg)
        o = σ(W_io x + b_io + W_ho h + b_ho)
        c' = f ⊙ c + (1 − f) ⊙ g
        h' = o ⊙ tanh(c')

    Gate order: f, g, o. State: (h, c).

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H], c [B, H] → h' [B, H], c' [B, H]; weight_ih [3H, I], weight_hh [3H, H]

    Raises:
        ValueError: a size is negative.

    Source: Greff et al. 2015, arXiv:1503.04069, variant CIFG.
    """

    gates: ClassVar[tuple[str, ...]] = ("f", "g", "o")
    input_gate: ClassVar[str | None] = None
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("f", "o")

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """Computes the coupled gate, the cell state and the output."""
        f, g, o = (projected + recurrent).chunk(3, -1)
        g = torch.tanh(g)
        c = g + torch.sigmoid(f) * (state[1] - g)
        return torch.sigmoid(o) * torch.tanh(c), c
