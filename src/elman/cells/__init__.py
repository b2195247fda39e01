"""The cells: one file each, with facts, step, equations and paper."""

from elman.cells.base import Cell
from elman.cells.cfc import CfC
from elman.cells.conv_gru import ConvGRU
from elman.cells.conv_lstm import ConvLSTM
from elman.cells.coupled_lstm import CoupledLSTM
from elman.cells.elman import Elman
from elman.cells.gru import GRU
from elman.cells.gru_reset_before import GRUResetBefore
from elman.cells.layer_norm_gru import LayerNormGRU
from elman.cells.layer_norm_lstm import LayerNormLSTM
from elman.cells.lem import LEM
from elman.cells.lru import LRU
from elman.cells.lstm import LSTM
from elman.cells.min_gru import MinGRU
from elman.cells.min_lstm import MinLSTM
from elman.cells.peephole_lstm import PeepholeLSTM
from elman.cells.projected_lstm import ProjectedLSTM
from elman.cells.rg_lru import RGLRU
from elman.cells.s5 import S5
from elman.cells.slstm import SLSTM
from elman.registry import find, names

__all__ = [
    "GRU",
    "LEM",
    "LRU",
    "LSTM",
    "RGLRU",
    "S5",
    "SLSTM",
    "Cell",
    "CfC",
    "ConvGRU",
    "ConvLSTM",
    "CoupledLSTM",
    "Elman",
    "GRUResetBefore",
    "LayerNormGRU",
    "LayerNormLSTM",
    "MinGRU",
    "MinLSTM",
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
