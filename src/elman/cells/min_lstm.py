"""Minimal long short-term memory: no gate reads the state."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Weights
from elman.cells.min_gru import MinGRU, positive
from elman.state import State


@dataclass(frozen=True)
class MinLSTM(MinGRU):
    """One step of a minLSTM, which has no recurrent product and one state.

        f = σ(W_f x + b_f)
        i = σ(W_i x + b_i)
        n = g(W_n x + b_n)
        h' = (f ⊙ h + i ⊙ n) / (f + i)

    g as in MinGRU. The shares f / (f + i) and i / (f + i) come from the logarithms of both gates, so that
    they add up to 1 where both gates are closed too. Gate order: f, i, n. State: (h,). Not implemented: gates
    without the common divisor.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.
        positive: whether n is above 0.

    Shapes:
        x [B, I], h [B, H] → h' [B, H]; weight_ih [3H, I]

    Raises:
        ValueError: a size is negative.

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.2; ``positive``: its appendix B.
    """

    gates: ClassVar[tuple[str, ...]] = ("f", "i", "n")
    memory_gate: ClassVar[str | None] = "f"
    input_gate: ClassVar[str | None] = "i"
    keeps_at: ClassVar[Literal[0, 1]] = 1
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("f", "i")

    def pointwise(self, w: Weights, projected: Tensor, recurrent: None, state: State) -> State:
        """Computes the share that is kept, the candidate and the blend of the old state with it."""
        f, i, n = projected.chunk(3, -1)
        kept = torch.sigmoid(F.logsigmoid(f) - F.logsigmoid(i))
        (h,) = state
        n = positive(n) if self.positive else n
        return (n + kept * (h - n),)  # not lerp, which takes one type: h is wider under autocast
