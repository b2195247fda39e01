"""Three cells that are unlike the built-in ones, as a reader of ``elman.Cell`` would write them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells import Cell
from elman.cells.base import Shape, Weights
from elman.cells.lstm import LSTM
from elman.state import State


@dataclass(frozen=True)
class MinGRU(Cell):
    """One step of a minimal gated recurrent unit, which has no recurrent product.

        z = σ(W_z x + b_z)
        n = W_n x + b_n
        h' = (1 − z) ⊙ h + z ⊙ n

    Gate order: z, n. State: (h,). Not implemented: the form in logarithms, with n > 0.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H] → h' [B, H]; weight_ih [2H, I]

    Raises:
        ValueError: a size is not positive.

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1.
    """

    gates: ClassVar[tuple[str, ...]] = ("z", "n")
    recurrent_weights: ClassVar[Mapping[str, str]] = {}
    gate_biases: ClassVar[tuple[str, ...]] = ("bias_ih",)
    memory_gate: ClassVar[str | None] = "z"
    keeps_at: ClassVar[Literal[0, 1]] = 0
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("z",)

    def pointwise(self, w: Weights, projected: Tensor, recurrent: None, state: State) -> State:
        """A blend of the old state and the candidate."""
        z, n = projected.chunk(2, -1)
        return (torch.lerp(state[0], n, torch.sigmoid(z)),)


@dataclass(frozen=True)
class TimeAwareLSTM(LSTM):
    """One step of an LSTM whose memory's short-term part fades with the time Δ since the last step.

        s = tanh(W_d c + b_d)
        c* = c − s + s / log(e + Δ)
        i, f, g, o as in LSTM
        c' = f ⊙ c* + i ⊙ g
        h' = o ⊙ tanh(c')

    Gate order: i, f, g, o. State: (h, c). Side input: Δ ≥ 0, one number a step. Not implemented: 1 / Δ.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H], c [B, H], Δ [B] → h' [B, H], c' [B, H]; weight_ih [4H, I], weight_hh [4H, H],
        weight_d [H, H], bias_d [H]

    Raises:
        ValueError: a size is not positive.

    Source: Baytas et al. 2017, Patient Subtyping via Time-Aware LSTM Networks, KDD, section 3.2.
    """

    recurrent_weights: ClassVar[Mapping[str, str]] = {"weight_hh": "h", "weight_d": "c"}
    needs_side_input: ClassVar[bool] = True

    def parameters(self) -> dict[str, Shape]:
        """The LSTM's, and the map from the memory to its short-term part."""
        found = super().parameters() | {"weight_d": (self.hidden_size, self.hidden_size)}
        return found | ({"bias_d": (self.hidden_size,)} if self.bias else {})

    def side_input(self) -> Shape:
        """The time since the last step."""
        return ()

    def recur(self, w: Weights, state: State) -> tuple[Tensor, Tensor]:
        """The gates' product with h and the short-term part's with c."""
        h, c = state
        return F.linear(h, w["weight_hh"], w.get("bias_hh")), F.linear(c, w["weight_d"], w.get("bias_d"))

    def pointwise(
        self,
        w: Weights,
        projected: Tensor,
        recurrent: tuple[Tensor, Tensor],
        state: State,
        side: Tensor | None = None,
    ) -> State:
        """The memory that faded, then an LSTM's step on it."""
        assert side is not None
        of_h, of_c = recurrent
        short = torch.tanh(of_c)
        faded = state[1] - short + short / torch.log(math.e + side)[:, None]
        return super().pointwise(w, projected, of_h, (state[0], faded))

    def gate_values(
        self, w: Weights, projected: Tensor, state: State, side: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The LSTM's: the time does not touch the gates."""
        total = projected + self.recur(w, state)[0]
        both = dict(zip(self.gates, total.chunk(4, 1), strict=True))
        return {name: torch.sigmoid(both[name]) for name in self.sigmoid_gates}


@dataclass(frozen=True)
class MatrixMemory(Cell):
    """One step of a gated linear network whose state is a matrix, and whose output is read from it.

        f = σ(W_f x + b_f)
        v = W_v x + b_v
        q = W_q x + b_q
        S' = diag(f) S + (1 − f) vᵀ
        y = S'ᵀ q

    Gate order: f, v, q. State: (S,). Not implemented: several heads, the lower bounds of f.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], S [B, H, H] → S' [B, H, H], y [B, H]; weight_ih [3H, I]

    Raises:
        ValueError: a size is not positive.

    Source: Qin et al. 2024 (HGRN2), arXiv:2404.07904, section 3.2.
    """

    gates: ClassVar[tuple[str, ...]] = ("f", "v", "q")
    recurrent_weights: ClassVar[Mapping[str, str]] = {}
    gate_biases: ClassVar[tuple[str, ...]] = ("bias_ih",)
    memory_gate: ClassVar[str | None] = "f"
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("f",)

    def states(self) -> dict[str, Shape]:
        """A row for each unit of f, a column for each of v."""
        return {"S": (self.hidden_size, self.hidden_size)}

    def output_shape(self, *planes: int) -> Shape:
        """One number for each column."""
        return (self.hidden_size,)

    def pointwise(self, w: Weights, projected: Tensor, recurrent: None, state: State) -> State:
        """What is kept, and what is written over the rest."""
        f, v, _ = projected.chunk(3, -1)
        f = torch.sigmoid(f)[:, :, None]
        return (f * state[0] + (1 - f) * v[:, None, :],)

    def read(self, w: Weights, state: State, projected: Tensor) -> Tensor:
        """The rows, weighted by q."""
        q = projected.chunk(3, -1)[2]
        return torch.einsum("bij,bi->bj", state[0], q)


CELLS = (MinGRU, TimeAwareLSTM, MatrixMemory)
