"""Gated recurrent unit, reset before the product."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Weights
from elman.cells.gru import GRU
from elman.state import State


@dataclass(frozen=True)
class GRUResetBefore(GRU):
    """One step of a gated recurrent unit, reset-before form (as printed in the paper).

        r = σ(W_ir x + b_ir + W_hr h + b_hr)
        z = σ(W_iz x + b_iz + W_hz h + b_hz)
        n = tanh(W_in x + b_in + W_hn (r ⊙ h) + b_hn)
        h' = (1 − z) ⊙ n + z ⊙ h

    The candidate's product waits for the reset gate, so a step needs two products. Gate order: r, z, n.
    State: (h,). Weights have the shapes of the reset-after form, but are not interchangeable with it.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H] → h' [B, H]; weight_ih [3H, I], weight_hh [3H, H]

    Raises:
        ValueError: a size is negative.

    Source: Cho et al. 2014, arXiv:1406.1078, equations 5–8 (with z and 1 − z exchanged).
    """

    def step(
        self,
        w: Weights,
        projected: Tensor,
        state: State,
        seen: State | None = None,
        side: Tensor | None = None,
    ) -> State:
        """Computes the gates from the first product and the candidate from the second."""
        (h,), (seen_h,) = state, seen or state
        split = [2 * self.hidden_size, self.hidden_size]
        (gate_weight, new_weight) = w["weight_hh"].split(split)
        gate_bias, new_bias = w["bias_hh"].split(split) if self.bias else (None, None)
        gates, candidate = projected.split(split, -1)
        r, z = torch.sigmoid(gates + F.linear(seen_h, gate_weight, gate_bias)).chunk(2, -1)
        n = torch.tanh(candidate + F.linear(r * seen_h, new_weight, new_bias))
        return (n + z * (h - n),)
