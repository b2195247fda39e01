"""Gated recurrent unit with layer normalisation."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Shape, Weights
from elman.cells.gru import GRU
from elman.state import State


@dataclass(frozen=True)
class LayerNormGRU(GRU):
    """One step of a GRU with layer normalisation of both products.

        [r z] = σ(LN(W_ig x; γ_ig, b_ig) + LN(W_hg h; γ_hg, b_hg))
        n = tanh(LN(W_in x; γ_in, b_in) + r ⊙ LN(W_hn h; γ_hn, b_hn))
        h' = (1 − z) ⊙ n + z ⊙ h

    LN normalises over the 2H features of both gates at once, and over the H of the candidate (ε = 1e-5), as
    in the paper. Not implemented: one normalisation for each gate. Gate order: r, z, n. State: (h,).

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the cell has the shifts b_ih and b_hh.

    Shapes:
        x [B, I], h [B, H] → h' [B, H]; weight_ih [3H, I], weight_hh [3H, H], gain_ih [3H], gain_hh [3H]

    Raises:
        ValueError: a size is negative.

    Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, supplementary material (with z and 1 − z exchanged).
    """

    def parameters(self) -> dict[str, Shape]:
        """Returns the GRU's shapes and those of the normalisations' gains."""
        return super().parameters() | dict.fromkeys(("gain_ih", "gain_hh"), (3 * self.hidden_size,))

    def initialise(self, w: Weights) -> None:
        """Fills the parameters like the GRU's, with gains of 1 and shifts of 0."""
        super().initialise(w)
        for name in ("gain_ih", "gain_hh"):
            w[name].fill_(1.0)
        for name in self.gate_biases if self.bias else ():
            w[name].zero_()

    def project(self, w: Weights, x: Tensor) -> Tensor:
        """Computes the normalised input product."""
        return self._norm(F.linear(x, w["weight_ih"]), w["gain_ih"], w.get("bias_ih"))

    def recur(self, w: Weights, state: State) -> Tensor:
        """Computes the normalised recurrent product."""
        return self._norm(F.linear(state[0], w["weight_hh"]), w["gain_hh"], w.get("bias_hh"))

    def _norm(self, x: Tensor, gain: Tensor, shift: Tensor | None) -> Tensor:
        sizes = [2 * self.hidden_size, self.hidden_size]
        shifts = shift.split(sizes) if shift is not None else (None, None)
        parts = zip(x.split(sizes, -1), gain.split(sizes), shifts, strict=True)
        return torch.cat([F.layer_norm(part, part.shape[-1:], g, s) for part, g, s in parts], -1)
