"""Layers: any cell unrolled, residual blocks, torch.nn's drop-ins, streams, slots, conversion of models."""

from elman.layers import quantized as _quantized  # noqa: F401 - adds the layers to torch's table
from elman.layers.block import Block, Blocks
from elman.layers.conversion import convert
from elman.layers.recurrent import Recurrent
from elman.layers.slots import Slots
from elman.layers.stream import Stream
from elman.layers.swapping import swap
from elman.layers.torch_cells import GRUCell, LSTMCell, RNNCell
from elman.layers.torch_like import GRU, LSTM, RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Block",
    "Blocks",
    "GRUCell",
    "LSTMCell",
    "RNNCell",
    "Recurrent",
    "Slots",
    "Stream",
    "convert",
    "swap",
]
