"""A cell of your own, trained by the ordinary command:

elman train language-model --cell examples/own_cell.py:MinimalGatedUnit --epochs 3 --out runs/own-cell
"""

from dataclasses import dataclass

import torch

import elman


@dataclass(frozen=True)
class MinimalGatedUnit(elman.Cell):
    """One gate that both forgets and resets (Zhou et al. 2016, arXiv:1603.09420), reset after the product.

    f = σ(W_f x + U_f h),  n = tanh(W_n x + f ⊙ U_n h),  h' = (1 − f) ⊙ h + f ⊙ n
    """

    gates = ("f", "n")
    sigmoid_gates = ("f",)
    memory_gate, keeps_at = "f", 0  # f = 0 keeps the state

    def pointwise(self, w, projected, recurrent, state):
        (pf, pn), (uf, un) = projected.chunk(2, -1), recurrent.chunk(2, -1)
        f = torch.sigmoid(pf + uf)
        return (torch.lerp(state[0], torch.tanh(pn + f * un), f),)
