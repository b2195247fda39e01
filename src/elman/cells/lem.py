"""Long expressive memory: two states, each with a time step of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Cell, Shape, Weights
from elman.state import State


@dataclass(frozen=True)
class LEM(Cell):
    """One step of a long expressive memory.

        s = σ(W_s y + V_s x + b_s)
        r = σ(W_r y + V_r x + b_r)
        z' = (1 − Δ s) ⊙ z + Δ s ⊙ tanh(W_z y + V_z x + b_z)
        y' = (1 − Δ r) ⊙ y + Δ r ⊙ tanh(W_y z' + V_y x + b_y)

    Each unit chooses how far time moves, in both states apart; y is the output. The second product reads the
    new z. Gate order: s, r, z, y. State: (y, z). Not implemented: recurrent dropout of W_y's operand.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.
        dt: Δ, the longest time step, in (0, 1]; the paper takes 0.21 for sequential digits, 0.31 for
            permuted.

    Shapes:
        x [B, I], y [B, H], z [B, H] → y' [B, H], z' [B, H]; weight_ih [4H, I] (V), weight_hh [3H, H] (W_s,
        W_r, W_z), weight_zh [H, H] (W_y)

    Raises:
        ValueError: a size is negative, or dt is not in (0, 1].

    Source: Rusch, Mishra, Erichson & Mahoney 2021, arXiv:2110.04744, section 2.
    """

    dt: float = 1.0

    gates: ClassVar[tuple[str, ...]] = ("s", "r", "z", "y")
    recurrent_weights: ClassVar[Mapping[str, str]] = {"weight_hh": "y"}
    gate_biases: ClassVar[tuple[str, ...]] = ("bias_ih",)
    memory_gate: ClassVar[str | None] = "s"
    keeps_at: ClassVar[Literal[0, 1]] = 0
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("s", "r")
    advised_init: ClassVar[str] = "torch"

    def __post_init__(self) -> None:
        """Checks the sizes and the time step."""
        super().__post_init__()
        if not 0 < self.dt <= 1:
            raise ValueError(f"dt must be in (0, 1]. Got {self.dt}.")

    def states(self) -> dict[str, Shape]:
        """Returns the shapes of the output y and of the slower memory z."""
        return {"y": (self.hidden_size,), "z": (self.hidden_size,)}

    def parameters(self) -> dict[str, Shape]:
        """Returns the shapes of the input's product, of that with y and of that with the new z."""
        H = self.hidden_size
        return super().parameters() | {"weight_hh": (3 * H, H), "weight_zh": (H, H)}

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """Computes both time steps, z, and y by a product with the new z."""
        (ps, pr, pz, py), (us, ur, uz) = projected.chunk(4, -1), recurrent.chunk(3, -1)
        y, z = state
        s, r = self.dt * torch.sigmoid(ps + us), self.dt * torch.sigmoid(pr + ur)
        z = z + s * (torch.tanh(pz + uz) - z)
        return y + r * (torch.tanh(py + F.linear(z, w["weight_zh"])) - y), z

    def gate_values(
        self, w: Weights, projected: Tensor, state: State, side: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Computes s and r."""
        gates = torch.sigmoid(projected.chunk(2, -1)[0] + self.recur(w, state)[..., : 2 * self.hidden_size])
        return dict(zip(self.sigmoid_gates, gates.chunk(2, -1), strict=True))
