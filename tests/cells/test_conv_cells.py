"""Cells over pictures against their equations, written once more in NumPy, pixel by pixel."""

import numpy as np
import pytest
import torch
from agreement import agree, draw, randomise

from elman.cells import ConvGRU, ConvLSTM
from elman.layers import Recurrent

T, B, I, H = 3, 2, 2, 3


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolved(x, kernel, bias):
    """[I, height, width] ∗ [O, I, K, K]: each pixel's neighbours, 0 beyond the edges."""
    reach = kernel.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    size = kernel.shape[-1]
    return (
        np.array(
            [
                [
                    np.einsum("oikl,ikl->o", kernel, padded[:, r : r + size, c : c + size])
                    for c in range(x.shape[2])
                ]
                for r in range(x.shape[1])
            ]
        ).transpose(2, 0, 1)
        + bias[:, None, None]
    )


def lstm(of_x, of_h, h, c):
    i, f, g, o = np.split(of_x + of_h, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(of_x, of_h, h):
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(of_x, 3), np.split(of_h, 3)
    z = sigmoid(x_z + h_z)
    return ((1 - z) * np.tanh(x_n + sigmoid(x_r + h_r) * h_n) + z * h,)


@pytest.mark.parametrize("backend", ["reference", "planes"])
@pytest.mark.parametrize(("kind", "step"), [(ConvLSTM, lstm), (ConvGRU, gru)])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_cell_computes_its_equations(kind, step, kernel_size, backend):
    cell = kind(I, H, kernel_size=kernel_size)
    layer = randomise(Recurrent(cell, dtype=torch.float64, backend=backend))
    w = {name: getattr(layer, f"{name}_l0").detach().numpy() for name in cell.parameters()}
    x, state = draw(layer, T, B)
    output, final = layer(x, state)
    for row in range(B):
        now = [s[0, row].detach().numpy() for s in state]
        for t in range(T):
            of_x = convolved(x[t, row].detach().numpy(), w["weight_ih"], w["bias_ih"])
            now = step(of_x, convolved(now[0], w["weight_hh"], w["bias_hh"]), *now)
            np.testing.assert_allclose(output[t, row].detach(), now[0], rtol=0, atol=1e-12)
        agree(dict(enumerate(s[0, row] for s in final)), dict(enumerate(map(torch.from_numpy, now))), 1e-12)


@pytest.mark.parametrize("kind", [ConvLSTM, ConvGRU])
@pytest.mark.parametrize("size", [2, 0, -1])
def test_kernels_have_odd_sizes(kind, size):
    with pytest.raises(ValueError, match=r"^kernel_size must be "):
        kind(I, H, kernel_size=size)
