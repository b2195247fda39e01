"""Gated recurrent unit, reset after the product."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from elman.cells.base import Cell, Weights
from elman.state import State


@dataclass(frozen=True)
class GRU(Cell):
    """One step of a gated recurrent unit, reset-after form (as in cuDNN and torch).

        r = σ(W_ir x + b_ir + W_hr h + b_hr)
        z = σ(W_iz x + b_iz + W_hz h + b_hz)
        n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))
        h' = (1 − z) ⊙ n + z ⊙ h

    Gate order: r, z, n. State: (h,). Not implemented here: reset-before (see GRUResetBefore).

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H] → h' [B, H]; weight_ih [3H, I], weight_hh [3H, H]

    Raises:
        ValueError: a size is negative.

    Source: Cho et al. 2014, arXiv:1406.1078; this form: its version 1, and cuDNN.
    """

    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    memory_gate: ClassVar[str | None] = "z"
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("r", "z")

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """Computes reset and update gates, the candidate and the new state."""
        (pr, pz, pn), (ur, uz, un) = projected.chunk(3, 1), recurrent.chunk(3, 1)
        r, z = torch.sigmoid(pr + ur), torch.sigmoid(pz + uz)
        n = torch.tanh(pn + r * un)
        return (n + z * (state[0] - n),)
