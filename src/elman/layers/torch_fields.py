"""How torch's recurrent layers and cells name their kinds and options, and hold their state."""

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor, nn

from elman import cells
from elman.cells.base import Cell
from elman.errors import ArgumentTypeError
from elman.layers.checks import described
from elman.state import State

_SIZES = ("input_size", "hidden_size", "bias")
_OF_LAYERS = ("num_layers", "batch_first", "dropout", "bidirectional")
TORCH_FIELDS = {
    *(*_SIZES, *_OF_LAYERS, "mode", "proj_size", "nonlinearity"),
    *("_flat_weights", "_flat_weights_names", "_flat_weight_refs", "_all_weights"),
}
"""The attributes that torch's layers and cells have beside those of every module."""


def arguments_of(layer: Any, *without: str) -> dict[str, Any]:
    """Returns the constructor's arguments of a layer or cell, torch's or a drop-in, but ``without`` these."""
    names = [*_SIZES, *(_OF_LAYERS if hasattr(layer, "num_layers") else ()), "nonlinearity"]
    if getattr(layer, "proj_size", 0):
        names.append("proj_size")
    return {name: getattr(layer, name) for name in names if hasattr(layer, name) and name not in without}


def with_fields_of(twin: nn.Module, attributes: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Returns a module's attributes with those of ``twin`` that only its class has in place of ``fields``."""
    of_modules = vars(nn.Module()).keys()
    kept = {name: value for name, value in attributes.items() if name not in fields}
    return kept | {name: value for name, value in vars(twin).items() if name not in of_modules}


def mode_of(nonlinearity: str) -> str:
    """Returns torch's ``mode`` of a simple network."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity must be 'tanh' or 'relu'. Got {nonlinearity!r}.")
    return f"RNN_{nonlinearity.upper()}"


def cell_of(mode: str, input_size: int, hidden_size: int, bias: bool, proj_size: int) -> Cell:
    """Returns the cell of torch's ``mode``."""
    if mode == "LSTM" and proj_size:
        return cells.ProjectedLSTM(input_size, hidden_size, bias, proj_size)
    if mode in ("LSTM", "GRU"):
        return (cells.LSTM if mode == "LSTM" else cells.GRU)(input_size, hidden_size, bias)
    if mode not in ("RNN_TANH", "RNN_RELU"):
        raise ValueError(f"mode must be RNN_TANH, RNN_RELU, GRU or LSTM. Got {mode!r}.")
    return cells.Elman(input_size, hidden_size, bias, mode.removeprefix("RNN_").lower())


def single_state(hx: Any) -> State | None:
    """Returns the state of a layer with one state as a tuple.

    Raises:
        ArgumentTypeError: it is no tensor.
    """
    if hx is None:
        return None
    if not isinstance(hx, Tensor):
        raise ArgumentTypeError(f"hx must be a tensor, as only an LSTM has two states. Got {described(hx)}.")
    return (hx,)
