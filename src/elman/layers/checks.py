"""Checks of a recurrent layer's arguments: options at construction, tensors at every call."""

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Cell
from elman.errors import ArgumentTypeError, ShapeError
from elman.kernels.call import check_lengths
from elman.state import State


def described(value: object) -> str:
    """Returns a short description of a value for a message: its type, and the types in a tuple or list."""
    if isinstance(value, tuple | list):
        return f"{type(value).__name__} of {', '.join(type(part).__name__ for part in value) or 'nothing'}"
    return type(value).__name__


def check_bool(name: str, value: object) -> None:
    """Raises ArgumentTypeError unless the value is a bool."""
    if not isinstance(value, bool):
        raise ArgumentTypeError(f"{name} must be True or False. Got {value!r}.")


def checked_flag(name: str, value: object) -> bool:
    """Returns the value as a bool, as torch takes 0 and 1. Raises ArgumentTypeError for a text."""
    if isinstance(value, str):
        check_bool(name, value)
    return bool(value)


def check_probability(name: str, value: object) -> None:
    """Raises ArgumentTypeError unless the value is a number, ValueError unless it lies in [0, 1]."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) <= 1:  # type: ignore[arg-type]
        kind = ValueError if is_number else ArgumentTypeError
        raise kind(f"{name} must be a probability in [0, 1]. Got {value!r}.")


def check_dropouts(cell: Cell, rates: Mapping[str, float]) -> None:
    """Raises ValueError unless all rates are probabilities and the cell has the weights that they drop."""
    for name, rate in rates.items():
        check_probability(name, rate)
        if name in ("recurrent_dropout", "weight_dropout") and rate and not cell.recurrent_weights:
            raise ValueError(f"{name} needs a cell with recurrent_weights. Got {cell!r}.")


def zoneout_rates(cell: Cell, zoneout: float | Mapping[str, float]) -> tuple[float, ...]:
    """Returns one rate for each state of the cell.

    Raises:
        ValueError: a rate is not a probability, or names a state that the cell does not have.
    """
    if isinstance(zoneout, Mapping):
        unknown = sorted(set(zoneout) - set(cell.states()))
        if unknown:
            raise ValueError(f"zoneout names states {list(cell.states())}. Got {unknown}.")
        rates = tuple(float(zoneout.get(name, 0.0)) for name in cell.states())
    else:
        rates = (float(zoneout),) * len(cell.states())
    for rate in rates:
        check_probability("zoneout", rate)
    return rates


def check_planes(cells: Sequence[Cell], planes: Sequence[int]) -> None:
    """Raises ValueError if the layers' states, which share one tensor, would differ in shape."""
    shapes, read = cells[0].state_shapes(*planes), tuple(planes)
    for cell in cells:
        if cell.state_shapes(*read) != shapes:
            kind = type(cell).__name__
            raise ValueError(f"num_layers must be 1, as {kind} changes the planes' sizes. Got {len(cells)}.")
        read = cell.output_shape(*read)[1:]


def checked_lengths(lengths: Tensor, steps: int, rows: int, device: torch.device) -> Tensor:
    """Returns the lengths [B] as int64 on the device.

    Raises:
        ValueError: they are not B ints in [0, steps].
    """
    lengths = torch.as_tensor(lengths)
    if lengths.shape != (rows,) or lengths.dtype not in (torch.int64, torch.int32):
        raise ValueError(f"lengths must be {rows} ints. Got {lengths.dtype} of {list(lengths.shape)}.")
    if not torch.compiler.is_compiling():
        check_lengths(lengths, steps)
    return lengths.to(device, torch.int64, copy=True)  # a copy: the backward pass reads it later


def checked_resets(resets: Tensor, steps: int, rows: int, device: torch.device) -> Tensor:
    """Returns the resets [T, B] on the device.

    Raises:
        ValueError: they are not bool, or their shape is not [T, B].
    """
    if resets.shape != (steps, rows) or resets.dtype != torch.bool:
        raise ValueError(
            f"resets must be bool of the input's steps and rows. Got {resets.dtype} of {list(resets.shape)}."
        )
    return resets.to(device, copy=True)  # a copy, as for lengths


def checked_tuple(state: Any) -> State:
    """Returns a state as a tuple. Raises ArgumentTypeError unless it is a tuple or list of tensors."""
    if not isinstance(state, tuple | list) or not all(isinstance(s, Tensor) for s in state):
        raise ArgumentTypeError(f"the state must be a tuple of tensors. Got {described(state)}.")
    return tuple(state)


def checked_state(state: State, initial: State, x: Tensor) -> State:
    """Returns the state in the dtype of the initial state; the same tensors if nothing must change.

    Raises:
        ShapeError: the shapes differ from the initial state's.
        ValueError: its dtype or x's differs from the initial state's, without autocast.
    """
    if [s.shape for s in state] != [s.shape for s in initial]:
        expected, actual = (", ".join(str(list(s.shape)) for s in group) for group in (initial, state))
        raise ShapeError(f"state must have shape {expected}. Got {actual}.")
    dtype = initial[0].dtype
    if any(t.dtype != dtype for t in (x, *state)):
        if not torch.is_autocast_enabled(x.device.type):
            others = sorted({str(t.dtype) for t in (x, *state)} - {str(dtype)})
            raise ValueError(f"input and state must be {dtype}, like the parameters. Got {others[0]}.")
        return tuple(s.to(dtype) for s in state)  # the state keeps full precision
    return state


def checked_side(cell: Cell, side: Tensor | None, x: Tensor, dtype: torch.dtype) -> Tensor | None:
    """Returns the side input [T, B, *shape] on x's device, in the dtype.

    Raises:
        ValueError: it has another shape, is missing, or the cell takes none.
    """
    if side is None and not cell.needs_side_input:
        return None
    shape, kind = cell.side_input(), type(cell).__name__
    if side is None:
        raise ValueError(f"{kind} needs a side input, side, for every step. Got None.")
    if shape is None:
        raise ValueError(f"{kind} takes no side input. Got side of shape {list(side.shape)}.")
    expected = [*x.shape[:2], *shape]
    if list(side.shape) != expected:
        raise ValueError(f"side must have shape {expected}, time first. Got {list(side.shape)}.")
    return side.to(x.device, dtype)
