"""Gated recurrent unit over pictures."""

from dataclasses import dataclass

from elman.cells.convolution import Convolutional
from elman.cells.gru import GRU


@dataclass(frozen=True)
class ConvGRU(Convolutional, GRU):
    """One step of a GRU whose input and state are planes; ∗ is a convolution over height and width.

        r = σ(W_ir ∗ x + b_ir + W_hr ∗ h + b_hr)
        z = σ(W_iz ∗ x + b_iz + W_hz ∗ h + b_hz)
        n = tanh(W_in ∗ x + b_in + r ⊙ (W_hn ∗ h + b_hn))
        h' = (1 − z) ⊙ n + z ⊙ h

    Gate order: r, z, n. State: (h,). Edges are padded with zeros. Not implemented: reset before the product,
    as in the source, which takes a second convolution after the first.

    Args:
        input_size: I, channels of the input.
        hidden_size: H, channels of the state.
        bias: whether the cell has biases.
        kernel_size: K, height and width of the kernels, odd.

    Shapes:
        x [B, I, height, width], h [B, H, height, width] → h'; weight_ih [3H, I, K, K],
        weight_hh [3H, H, K, K]

    Raises:
        ValueError: a size is negative, or K is not odd.

    Source: Ballas et al. 2016, arXiv:1511.06432, section 3.1.
    """
