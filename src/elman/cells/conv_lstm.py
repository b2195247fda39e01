"""Long short-term memory over pictures."""

from dataclasses import dataclass

from elman.cells.convolution import Convolutional
from elman.cells.lstm import LSTM


@dataclass(frozen=True)
class ConvLSTM(Convolutional, LSTM):
    """One step of an LSTM whose input and states are planes; ∗ is a convolution over height and width.

        i = σ(W_ii ∗ x + b_ii + W_hi ∗ h + b_hi)
        f = σ(W_if ∗ x + b_if + W_hf ∗ h + b_hf)
        g = tanh(W_ig ∗ x + b_ig + W_hg ∗ h + b_hg)
        o = σ(W_io ∗ x + b_io + W_ho ∗ h + b_ho)
        c' = f ⊙ c + i ⊙ g
        h' = o ⊙ tanh(c')

    Gate order: i, f, g, o. State: (h, c). Edges are padded with zeros, as are the first states of the source.
    Not implemented: the source's peepholes, whose weights would fix the planes' sizes.

    Args:
        input_size: I, channels of the input.
        hidden_size: H, channels of each state.
        bias: whether the cell has biases.
        kernel_size: K, height and width of the kernels, odd. What moves by up to K // 2 pixels a step can be
            followed by one layer.

    Shapes:
        x [B, I, height, width], h and c [B, H, height, width] → h', c'; weight_ih [4H, I, K, K],
        weight_hh [4H, H, K, K]

    Raises:
        ValueError: a size is negative, or K is not odd.

    Source: Shi et al. 2015, arXiv:1506.04214. The advised forget-gate bias of 1: as for the LSTM.
    """
