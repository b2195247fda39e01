"""Closed-form continuous-time cell, with a time step of its own for each sample."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Cell, Shape, Weights
from elman.state import State


@dataclass(frozen=True)
class CfC(Cell):
    """One step of a closed-form continuous-time network.

        b = 1.7159 tanh(⅔ (W x + b_ih + U h + b_hh))
        q = σ((A b + b_a) Δ + B b + b_b)
        h' = (1 − q) ⊙ tanh(F b + b_f) + q ⊙ tanh(G b + b_g)

    q blends two candidates by the time Δ since the last step: what a liquid time-constant network gets of a
    solver of differential equations, in one formula. Gate order: b. State: (h,). Side input: Δ, one number a
    step; 1 without it. Not implemented: the pure form, backbones of several layers, the mixed memory.

    Args:
        input_size: I, features per step.
        hidden_size: H, units, of the backbone b too.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H], Δ [B] → h' [B, H]; weight_ih [H, I], weight_hh [H, H], weight_heads [4H, H] (F, G,
        A, B), bias_heads [4H]

    Raises:
        ValueError: a size is negative.

    Source: Hasani et al. 2021, arXiv:2106.13898, the gated form with a shared backbone.
    """

    gates: ClassVar[tuple[str, ...]] = ("b",)

    def side_input(self) -> Shape | None:
        """Returns the shape of the time since the last step."""
        return ()

    def parameters(self) -> dict[str, Shape]:
        """Returns the shapes of the backbone's parameters and of the four heads'."""
        H = self.hidden_size
        heads = {"weight_heads": (4 * H, H)} | ({"bias_heads": (4 * H,)} if self.bias else {})
        return super().parameters() | heads

    def pointwise(
        self,
        w: Weights,
        projected: Tensor,
        recurrent: Tensor,
        state: State,
        side: Tensor | None = None,
    ) -> State:
        """Computes the backbone, the four heads and their blend."""
        backbone = 1.7159 * torch.tanh((projected + recurrent) * (2 / 3))
        first, second, rate, phase = F.linear(backbone, w["weight_heads"], w.get("bias_heads")).chunk(4, -1)
        blend = torch.sigmoid(rate + phase if side is None else rate * side[:, None] + phase)
        return (torch.lerp(torch.tanh(first), torch.tanh(second), blend),)
