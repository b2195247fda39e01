"""Long short-term memory with layer normalisation."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Shape, Weights
from elman.cells.lstm import LSTM
from elman.state import State


@dataclass(frozen=True)
class LayerNormLSTM(LSTM):
    """One step of an LSTM with layer normalisation of both products and of the cell state.

        [i f g o] = LN(W_ih x; γ_ih, b_ih) + LN(W_hh h; γ_hh, b_hh)
        c' = σ(f) ⊙ c + σ(i) ⊙ tanh(g)
        h' = σ(o) ⊙ tanh(LN(c'; γ_c, b_c))

    LN normalises over all 4H features of a product at once (ε = 1e-5), as in the paper. Not implemented: one
    normalisation for each gate. Gate order: i, f, g, o. State: (h, c).

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has the shifts b_ih, b_hh and b_c.

    Shapes:
        x [B, I], h [B, H], c [B, H] → h' [B, H], c' [B, H]; weight_ih [4H, I], weight_hh [4H, H],
        gain_ih [4H], gain_hh [4H], gain_c [H], bias_c [H]

    Raises:
        ValueError: a size is negative.

    Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, equations 20–22.
    """

    def parameters(self) -> dict[str, Shape]:
        """Returns the LSTM's shapes, those of each normalisation's gain and of the cell state's shift."""
        rows, units = (4 * self.hidden_size,), (self.hidden_size,)
        gains: dict[str, Shape] = {"gain_ih": rows, "gain_hh": rows, "gain_c": units}
        return super().parameters() | gains | ({"bias_c": units} if self.bias else {})

    def initialise(self, w: Weights) -> None:
        """Fills the parameters like the LSTM's, with gains of 1 and shifts of 0."""
        super().initialise(w)
        for name in self.parameters():
            if name.startswith("gain"):
                w[name].fill_(1.0)
            elif name.startswith("bias"):
                w[name].zero_()

    def project(self, w: Weights, x: Tensor) -> Tensor:
        """Computes the normalised input product."""
        return self._norm(F.linear(x, w["weight_ih"]), w["gain_ih"], w.get("bias_ih"))

    def recur(self, w: Weights, state: State) -> Tensor:
        """Computes the normalised recurrent product."""
        return self._norm(F.linear(state[0], w["weight_hh"]), w["gain_hh"], w.get("bias_hh"))

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """Computes gates, cell state, and the output from the normalised cell state."""
        i, f, g, o = (projected + recurrent).chunk(4, -1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(self._norm(c, w["gain_c"], w.get("bias_c"))), c

    @staticmethod
    def _norm(x: Tensor, gain: Tensor, shift: Tensor | None) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], gain, shift)
