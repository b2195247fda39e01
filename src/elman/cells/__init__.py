"""The cells: one file each, with its facts, its step, its equations and its paper."""

from elman.cells.base import Cell
from elman.cells.coupled_lstm import CoupledLSTM
from elman.cells.elman import Elman
from elman.cells.gru import GRU
from elman.cells.gru_reset_before import GRUResetBefore
from elman.cells.layer_norm_lstm import LayerNormLSTM
from elman.cells.lstm import LSTM
from elman.cells.peephole_lstm import PeepholeLSTM
from elman.cells.projected_lstm import ProjectedLSTM

__all__ = [
    "GRU",
    "LSTM",
    "Cell",
    "CoupledLSTM",
    "Elman",
    "GRUResetBefore",
    "LayerNormLSTM",
    "PeepholeLSTM",
    "ProjectedLSTM",
]
