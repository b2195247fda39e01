"""Simplified state space layer: a diagonal linear system in continuous time."""

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
class S5(Cell):
    """One step of a diagonal state space layer with H complex states, which has no recurrent product.

        u + v i = W_u x + b_u + (W_v x + b_v) i
        λ = −½ exp(ρ) + ω i
        κ = exp(λ exp(δ) Δ)
        s' = κ ⊙ s + (κ − 1) / λ ⊙ (u + v i)
        y = 2 Re(C s') + D x + b_y

    This is the system s˙ = λ s + u + v i, whose input holds over a step, solved exactly; each unit has a time
    scale exp(δ) of its own, and steps may be of uneven length Δ. Each s stands for a pair of conjugate
    states, and is a pair of real ones, a and b with s = a + b i. As an LRU it is linear and is used in
    blocks. Gate order: u, v, y (D). State: (a, b). Side input: Δ, the time since the last step; 1 without it.
    Not implemented: the start from the eigenvectors of the HiPPO matrix, the skip D as one number a unit.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.
        dt_min: the least exp(δ) at first, above 0.
        dt_max: the largest, at least dt_min.

    Shapes:
        x [B, I], a, b [B, H], Δ [B] → y, a', b' [B, H]; weight_ih [3H, I], weight_c [H, 2H], decay (ρ),
        frequency (ω), time (δ) [H]

    Raises:
        ValueError: a size is negative, or an option out of its range.

    Source: Smith, Warrington & Linderman 2022, arXiv:2208.04933, section 3; the first λ = −½ + π n i of Gu et
        al. 2022, arXiv:2206.11893.
    """

    dt_min: float = 1e-3
    dt_max: float = 1e-1

    gates: ClassVar[tuple[str, ...]] = ("u", "v", "y")
    recurrent_weights: ClassVar[Mapping[str, str]] = {}
    gate_biases: ClassVar[tuple[str, ...]] = ("bias_ih",)
    without_decay: ClassVar[tuple[str, ...]] = ("decay", "frequency", "time")
    rate_shares: ClassVar[Mapping[str, float]] = dict.fromkeys(without_decay, 0.25)

    def __post_init__(self) -> None:
        """Checks the sizes and the first time scales."""
        super().__post_init__()
        if not 0 < self.dt_min <= self.dt_max < math.inf:
            rule = "dt_min and dt_max must be positive, the first not above the second"
            raise ValueError(f"{rule}. Got {self.dt_min} and {self.dt_max}.")

    def states(self) -> dict[str, Shape]:
        """Returns the shapes of the real and the imaginary parts."""
        return {"a": (self.hidden_size,), "b": (self.hidden_size,)}

    def side_input(self) -> Shape | None:
        """Returns the shape of the time since the last step."""
        return ()

    def parameters(self) -> dict[str, Shape]:
        """Returns the shapes of the input's product, of the read-out, and of λ and the time scale."""
        H = self.hidden_size
        return super().parameters() | {"weight_c": (H, 2 * H)} | dict.fromkeys(self.without_decay, (H,))

    def initialise(self, w: Weights) -> None:
        """Fills the parameters like torch, λ as −½ + π n i, the time scale uniform in its logarithm."""
        super().initialise(w)
        w["decay"].zero_()
        w["frequency"].copy_(math.pi * torch.arange(self.hidden_size))
        w["time"].uniform_(math.log(self.dt_min), math.log(self.dt_max))

    def pointwise(
        self,
        w: Weights,
        projected: Tensor,
        recurrent: None,
        state: State,
        side: Tensor | None = None,
    ) -> State:
        """Computes the new real and imaginary parts."""
        u, v, _ = projected.chunk(3, -1)
        a, b = state
        rate, frequency, time = -torch.exp(w["decay"]) / 2, w["frequency"], torch.exp(w["time"])
        if side is not None:
            time = time * side[:, None]
        size, angle = torch.exp(rate * time), frequency * time
        real, imaginary = size * torch.cos(angle), size * torch.sin(angle)
        # (κ − 1) / λ, without loss where κ is near 1: exp(r) − 1 is tanh(r / 2) (exp(r) + 1)
        less = torch.tanh(rate * time / 2) * (size + 1) - 2 * size * torch.sin(angle / 2) ** 2
        square = rate * rate + frequency * frequency
        p, q = (less * rate + imaginary * frequency) / square, (imaginary * rate - less * frequency) / square
        return real * a - imaginary * b + p * u - q * v, real * b + imaginary * a + p * v + q * u

    def read(self, w: Weights, state: State, projected: Tensor) -> Tensor:
        """Returns twice the real part of the read-out, and the input's share."""
        real, imaginary = w["weight_c"].chunk(2, -1)
        return 2 * (F.linear(state[0], real) - F.linear(state[1], imaginary)) + projected.chunk(3, -1)[2]
