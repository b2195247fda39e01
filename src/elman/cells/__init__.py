"""The cells: one file each, with facts, step, equations and paper."""

from elman.cells.base import Cell
from elman.cells.conv_gru import ConvGRU
from elman.cells.conv_lstm import ConvLSTM
from elman.cells.coupled_lstm import CoupledLSTM
from elman.cells.elman import Elman
from elman.cells.gru import GRU
from elman.cells.gru_reset_before import GRUResetBefore
from elman.cells.layer_norm_lstm import LayerNormLSTM
from elman.cells.lstm import LSTM
from elman.cells.peephole_lstm import PeepholeLSTM
from elman.cells.projected_lstm import ProjectedLSTM
from elman.registry import find, names

__all__ = [
    "GRU",
    "LSTM",
    "Cell",
    "ConvGRU",
    "ConvLSTM",
    "CoupledLSTM",
    "Elman",
    "GRUResetBefore",
    "LayerNormLSTM",
    "PeepholeLSTM",
    "ProjectedLSTM",
]


def __getattr__(name: str) -> type[Cell]:
    """Finds a cell that a file of this folder adds without being named above."""
    for each in names("cells"):
        cell = find("cells", each, Cell)
        if cell.__name__ == name:
            return cell
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
