"""Minimal gated recurrent unit: no gate reads the state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from elman.cells.base import Cell, Weights
from elman.state import State


@dataclass(frozen=True)
class MinGRU(Cell):
    """One step of a minGRU, which has no recurrent product.

        z = σ(W_z x + b_z)
        n = g(W_n x + b_n)
        h' = (1 − z) ⊙ h + z ⊙ n

    g is the identity; with ``positive``, as in the paper's form in logarithms, g(a) = a + ½ for a ≥ 0 and
    σ(a) below, so that h stays positive. h is always computed as written, never through logarithms: a carried
    state is any state, and chunks give what the whole sequence gives. Gate order: z, n. State: (h,). Not
    implemented: the factor that widens the units in the paper's blocks.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.
        positive: whether n is above 0.

    Shapes:
        x [B, I], h [B, H] → h' [B, H]; weight_ih [2H, I]

    Raises:
        ValueError: a size is negative.

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1; ``positive``: its appendix B.
    """

    positive: bool = False

    gates: ClassVar[tuple[str, ...]] = ("z", "n")
    recurrent_weights: ClassVar[Mapping[str, str]] = {}
    gate_biases: ClassVar[tuple[str, ...]] = ("bias_ih",)
    memory_gate: ClassVar[str | None] = "z"
    keeps_at: ClassVar[Literal[0, 1]] = 0
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("z",)

    def pointwise(self, w: Weights, projected: Tensor, recurrent: None, state: State) -> State:
        """Computes the gate, the candidate and the blend of the old state with it."""
        z, n = projected.chunk(2, -1)
        (h,) = state
        n = positive(n) if self.positive else n
        return (h + torch.sigmoid(z) * (n - h),)  # not lerp, which takes one type: h is wider under autocast


def positive(x: Tensor) -> Tensor:
    """Computes x + ½ for x ≥ 0, σ(x) below: above 0 and without a jump."""
    return torch.where(x >= 0, x + 0.5, torch.sigmoid(x))
