"""Linear recurrent unit: a diagonal linear recurrence of complex numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Cell, Shape, Weights
from elman.state import State


@dataclass(frozen=True)
class LRU(Cell):
    """One step of a linear recurrent unit, which has no recurrent product and H complex states.

        u + v i = W_u x + b_u + (W_v x + b_v) i
        λ = exp(−exp(ν)) (cos exp(θ) + i sin exp(θ))
        s' = λ ⊙ s + exp(γ) ⊙ (u + v i)
        y = Re(C s') + D x + b_y

    Each complex number is a pair of real states, a and b with s = a + b i. |λ| is below 1 whatever ν is, so
    no state explodes. What a unit remembers does not depend on the input, so one layer cannot choose what to
    keep: it is used in blocks, with a nonlinearity between layers. Gate order: u, v, y (D). State: (a, b).
    Not implemented: the skip D as one number a unit.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.
        r_min: the least |λ| at first, in [0, r_max).
        r_max: the largest |λ| at first, below 1.
        max_phase: the largest angle of λ at first, in (0, 2π]; a tenth of π for very long sequences.

    Shapes:
        x [B, I], a, b [B, H] → y, a', b' [B, H]; weight_ih [3H, I], weight_c [H, 2H], modulus (ν), phase (θ),
        scale (γ) [H]

    Raises:
        ValueError: a size is negative, or an option out of its range.

    Source: Orvieto et al. 2023, arXiv:2303.06349, sections 3 and A.
    """

    r_min: float = 0.9
    r_max: float = 0.999
    max_phase: float = 2 * math.pi

    gates: ClassVar[tuple[str, ...]] = ("u", "v", "y")
    recurrent_weights: ClassVar[Mapping[str, str]] = {}
    gate_biases: ClassVar[tuple[str, ...]] = ("bias_ih",)
    without_decay: ClassVar[tuple[str, ...]] = ("modulus", "phase", "scale")
    rate_shares: ClassVar[Mapping[str, float]] = dict.fromkeys(without_decay, 0.25)

    def __post_init__(self) -> None:
        """Checks the sizes and the ranges of the first λ."""
        super().__post_init__()
        if not 0 <= self.r_min < self.r_max < 1:
            rule = "r_min and r_max must be in [0, 1), the first below the second"
            raise ValueError(f"{rule}. Got {self.r_min} and {self.r_max}.")
        if not 0 < self.max_phase <= 2 * math.pi:
            raise ValueError(f"max_phase must be in (0, 2π]. Got {self.max_phase}.")

    def states(self) -> dict[str, Shape]:
        """Returns the shapes of the real and the imaginary parts."""
        return {"a": (self.hidden_size,), "b": (self.hidden_size,)}

    def parameters(self) -> dict[str, Shape]:
        """Returns the shapes of the input's product, of the read-out, and of λ and the input's scale."""
        H = self.hidden_size
        return super().parameters() | {"weight_c": (H, 2 * H)} | dict.fromkeys(self.without_decay, (H,))

    def initialise(self, w: Weights) -> None:
        """Fills the parameters like torch, λ uniform on its ring, the scale so that s is as large as u."""
        super().initialise(w)
        square = w["modulus"].uniform_(self.r_min**2, self.r_max**2)
        w["scale"].copy_(torch.log1p(-square) / 2)
        w["modulus"].copy_(torch.log(-torch.log(square) / 2))
        w["phase"].uniform_(1e-3, 1).mul_(self.max_phase).log_()

    def pointwise(self, w: Weights, projected: Tensor, recurrent: None, state: State) -> State:
        """Computes the new real and imaginary parts."""
        u, v, _ = projected.chunk(3, -1)
        size, angle, scale = torch.exp(-torch.exp(w["modulus"])), torch.exp(w["phase"]), torch.exp(w["scale"])
        real, imaginary = size * torch.cos(angle), size * torch.sin(angle)
        a, b = state
        return real * a - imaginary * b + scale * u, real * b + imaginary * a + scale * v

    def read(self, w: Weights, state: State, projected: Tensor) -> Tensor:
        """Returns the real part of the read-out, and the input's share."""
        real, imaginary = w["weight_c"].chunk(2, -1)
        return F.linear(state[0], real) - F.linear(state[1], imaginary) + projected.chunk(3, -1)[2]
