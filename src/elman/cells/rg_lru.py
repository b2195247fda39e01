"""Real-gated linear recurrent unit, the recurrence of Griffin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Cell, Shape, Weights
from elman.state import State

_POWER = 8.0
_LEAST = 2.5e-7  # of 1 − a²: the slope of its root is at most 1,000


@dataclass(frozen=True)
class RGLRU(Cell):
    """One step of a real-gated linear recurrent unit, which has no recurrent product.

        r = σ(W_r x + b_r)
        i = σ(W_i x + b_i)
        u = W_u x + b_u
        a = exp(−8 softplus(λ) r)
        h' = a ⊙ h + √(1 − a²) ⊙ i ⊙ u

    The root keeps h's variance that of u, whatever a is. 1 − a² comes from expm1, and is at least 2.5e-7, so
    that a gate near 0 has no infinite slope. Gate order: r, i, u. State: (h,). Not implemented:
    block-diagonal gates; a factor of 1 in place of the root at a first step.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H] → h' [B, H]; weight_ih [3H, I], decay [H] (λ)

    Raises:
        ValueError: a size is negative.

    Source: De et al. 2024 (Griffin), arXiv:2402.19427, section 2.4.
    """

    gates: ClassVar[tuple[str, ...]] = ("r", "i", "u")
    recurrent_weights: ClassVar[Mapping[str, str]] = {}
    gate_biases: ClassVar[tuple[str, ...]] = ("bias_ih",)
    memory_gate: ClassVar[str | None] = "r"
    keeps_at: ClassVar[Literal[0, 1]] = 0
    input_gate: ClassVar[str | None] = "i"
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("r", "i")
    without_decay: ClassVar[tuple[str, ...]] = ("decay",)

    def parameters(self) -> dict[str, Shape]:
        """Returns the shapes of the input's product and of λ."""
        return super().parameters() | {"decay": (self.hidden_size,)}

    def initialise(self, w: Weights) -> None:
        """Fills the parameters like torch, λ so that a at r = 1 has a square uniform on [0.9², 0.999²]."""
        super().initialise(w)
        square = w["decay"].uniform_(0.9**2, 0.999**2)
        w["decay"].copy_(torch.log(torch.expm1(-torch.log(square) / (2 * _POWER))))

    def pointwise(self, w: Weights, projected: Tensor, recurrent: None, state: State) -> State:
        """Computes both gates, the decay of this step, and the new state."""
        r, i, u = projected.chunk(3, -1)
        log = -_POWER * F.softplus(w["decay"]) * torch.sigmoid(r)
        root = (-torch.expm1(2 * log)).clamp(min=_LEAST).sqrt()
        return (torch.exp(log) * state[0] + root * torch.sigmoid(i) * u,)
