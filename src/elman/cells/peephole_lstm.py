"""Long short-term memory with gates that read the cell state."""

from dataclasses import dataclass

import torch
from torch import Tensor

from elman.cells.base import Shape, Weights
from elman.cells.lstm import LSTM
from elman.state import State


@dataclass(frozen=True)
class PeepholeLSTM(LSTM):
    """One step of an LSTM with peephole connections.

        i = σ(W_ii x + b_ii + W_hi h + b_hi + p_i ⊙ c)
        f = σ(W_if x + b_if + W_hf h + b_hf + p_f ⊙ c)
        g = tanh(W_ig x + b_ig + W_hg h + b_hg)
        c' = f ⊙ c + i ⊙ g
        o = σ(W_io x + b_io + W_ho h + b_ho + p_o ⊙ c')
        h' = o ⊙ tanh(c')

    Gate order: i, f, g, o; the output gate reads the new cell state. State: (h, c). Not implemented: full
    peephole matrices.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has biases.

    Shapes:
        x [B, I], h [B, H], c [B, H] → h' [B, H], c' [B, H]; weight_ih [4H, I], weight_hh [4H, H],
        weight_ci, weight_cf, weight_co [H]

    Raises:
        ValueError: a size is negative.

    Source: Gers & Schmidhuber 2000, Recurrent Nets that Time and Count; the form of Graves 2013,
    arXiv:1308.0850.
    """

    def parameters(self) -> dict[str, Shape]:
        """Returns the LSTM's shapes and those of the three peepholes."""
        units = (self.hidden_size,)
        return super().parameters() | {"weight_ci": units, "weight_cf": units, "weight_co": units}

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """Computes the gates from c, the new cell state, and the output gate from the new state."""
        i, f, g, o = (projected + recurrent).chunk(4, -1)
        c = state[1]
        i, f = torch.sigmoid(i + w["weight_ci"] * c), torch.sigmoid(f + w["weight_cf"] * c)
        c = f * c + i * torch.tanh(g)
        return torch.sigmoid(o + w["weight_co"] * c) * torch.tanh(c), c

    def gate_values(
        self, w: Weights, projected: Tensor, state: State, side: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Computes the input and forget gates from the old cell state, the output gate from the new one."""
        i, f, _, o = (projected + self.recur(w, state)).chunk(4, -1)
        before, after = state[1], self.step(w, projected, state)[1]
        sums = {
            "i": i + w["weight_ci"] * before,
            "f": f + w["weight_cf"] * before,
            "o": o + w["weight_co"] * after,
        }
        return {name: torch.sigmoid(total) for name, total in sums.items()}
