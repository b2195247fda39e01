"""The simple recurrent network."""

from dataclasses import dataclass

import torch
from torch import Tensor

from elman.cells.base import Cell, Weights
from elman.state import State


@dataclass(frozen=True)
class Elman(Cell):
    """One step of Elman's simple recurrent network.

        h' = φ(W_ih x + b_ih + W_hh h + b_hh)      φ = tanh or relu

    State: (h,). Not implemented: Jordan's variant, which feeds back the output.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether b_ih and b_hh exist.
        nonlinearity: "tanh" or "relu".

    Shapes:
        x [B, I], h [B, H] → h' [B, H]; weight_ih [H, I], weight_hh [H, H]

    Raises:
        ValueError: a size is negative, or the nonlinearity is unknown.

    Source: Elman 1990, Finding Structure in Time, Cognitive Science 14(2).
    """

    nonlinearity: str = "tanh"

    def __post_init__(self) -> None:
        """Checks sizes and nonlinearity."""
        super().__post_init__()
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity must be 'tanh' or 'relu'. Got {self.nonlinearity!r}.")

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """Applies the nonlinearity to the sum."""
        total = projected + recurrent
        return (torch.tanh(total) if self.nonlinearity == "tanh" else torch.relu(total),)
