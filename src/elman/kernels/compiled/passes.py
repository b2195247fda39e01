"""The compiled kernels over one layer in one or both directions, without autograd."""

import math
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from elman.cells import GRU, LSTM, CoupledLSTM, Elman, PeepholeLSTM, ProjectedLSTM
from elman.cells.base import Cell
from elman.errors import InputError
from elman.kernels.call import Noise
from elman.state import State

try:
    from elman.kernels import _kernels  # type: ignore[attr-defined]
except ImportError:
    _kernels = None
    warnings.warn("elman was installed without its compiled kernels (no C++ compiler): slower", stacklevel=1)
else:
    if asked := os.environ.get("ELMAN_ISA"):  # in place of the best
        if asked not in _kernels.isas():
            raise InputError(
                f"ELMAN_ISA must be one of {', '.join(_kernels.isas())} on this CPU. Got {asked}."
            )
        _kernels.choose(asked)

CELLS = (Elman, LSTM, GRU, PeepholeLSTM, CoupledLSTM, ProjectedLSTM)
WEIGHTS = ("weight_ih", "weight_hh", "weight_hr")  # in the precision of the input; the rest is float32
PARAMETERS = (*WEIGHTS, "bias_ih", "bias_hh", "weight_ci", "weight_cf", "weight_co")
MOST_STATES = 2  # as csrc/sweep.hpp
DTYPES = (torch.float32, torch.bfloat16)
_DTYPES_OF_PARAMETERS = {
    dtype: [dtype if name in WEIGHTS else torch.float32 for name in PARAMETERS] for dtype in DTYPES
}


@dataclass(frozen=True)
class Options:
    """All of a layer's sweeps that is not differentiated; noise, reverse and record of each direction."""

    cell: Cell
    lengths: Tensor | None
    resets: Tensor | None
    noise: Sequence[Noise]
    reverse: Sequence[bool]
    record: Sequence[State] | None = None

    def kept_bytes(self, x: Tensor) -> int:
        """Of what the backward pass needs of the forward one, the same for every row and direction."""
        masked = self.noise[0].recurrent is not None
        one = [1, 1, self.cell.input_size, self.cell.hidden_size, self.cell.output_size]
        a_row = int(_kernels.kept_bytes(is_half(x), kind_of(self.cell), one, masked))
        return a_row * x.shape[0] * x.shape[1] * len(self.reverse)


Inputs = Sequence[Tensor | None]
"""x, the states, with resets the initial states, then ``PARAMETERS`` of one direction after the other (None
where the cell has no such). Each state is [directions, B, size]."""


def split(options: Options, inputs: Sequence[Any]) -> tuple[Any, State, State, list[Inputs]]:
    """x, states, initial states, and for each direction its parameters; or what stands in their places."""
    count = len(PARAMETERS)
    first = len(inputs) - len(options.reverse) * count
    x, *states = inputs[:first]
    n = len(states) if options.resets is None else len(states) // 2
    parameters = [inputs[k : k + count] for k in range(first, len(inputs), count)]
    return x, tuple(states[:n]), tuple(states[n:]), parameters


def forward(options: Options, inputs: Inputs, kept: Tensor | None) -> list[Tensor]:
    """Output and final states; with ``kept``, memory that the backward pass will read."""
    x, state, _, parameters = split(options, inputs)
    output = _empty((*x.shape[:2], len(parameters) * options.cell.output_size), x.dtype)
    final = [_empty(s.shape, torch.float32) for s in state]
    facts, found, alive = _arguments(options, inputs, kept, output, final)
    _kernels.forward(*facts, found)
    del alive
    return [output, *final]


def backward(
    options: Options, inputs: Inputs, kept: Tensor, needs: Sequence[bool], d_results: Inputs
) -> list[Tensor | None]:
    """The gradient of each input, None where none is needed; ``kept`` is overwritten."""
    x, state, start, _ = split(options, inputs)
    dtypes = _dtypes(options, x, inputs)
    found = [
        _empty(t.shape, dtype) if t is not None and need else None
        for t, dtype, need in zip(inputs, dtypes, needs, strict=True)
    ]
    first = 1 + len(state)
    found[first : first + len(start)] = [_zeros(s.shape) for s in start]
    dx, d_state, d_start, d_parameters = split(options, found)
    d_output, *d_final = map(_ready, d_results, dtypes)
    d_states = [[_zeros(r.shape) for r in own] for own in options.record or [()] * len(d_parameters)]
    facts, places, alive = _arguments(options, inputs, kept, None, ())
    for k, own in enumerate(d_parameters):
        places += [_address(d_output, k * options.cell.output_size), *_parts(d_final, k), _address(dx)]
        places += addresses(own)
        places += [*_parts(d_state, k), *_parts(d_start, k), *padded(addresses(d_states[k]))]
    _kernels.backward(*facts, places)
    del alive
    for recorded, own in zip(options.record or (), d_states, strict=False):
        for place, d in zip(recorded, own, strict=True):
            place.copy_(d)
    return [
        cast(g, t.dtype) if g is not None and t is not None and need else None
        for g, t, need in zip(found, inputs, needs, strict=True)
    ]


def _arguments(
    options: Options, inputs: Inputs, kept: Tensor | None, output: Tensor | None, final: Inputs
) -> tuple[list[Any], list[int], list[Any]]:
    """What both passes give the kernels: facts and addresses; and the tensors that must live meanwhile."""
    assert inputs[0] is not None
    ready = list(map(_ready, inputs, _dtypes(options, inputs[0], inputs)))
    x, state, start, parameters = split(options, ready)
    _check_shapes(options, x, (*state, *start), parameters)
    lengths, resets = _ready(options.lengths, torch.int64), _ready(options.resets, torch.bool)
    alive: list[Any] = [ready, lengths, resets]
    kept_bytes = 0 if kept is None else len(kept) // len(parameters)
    found, rates = [], []
    for k, noise in enumerate(options.noise):
        zoneout = noise.zoneout or (0.0,) * len(state)
        mask = _ready(noise.recurrent, torch.float32)
        maps = [_ready(z, torch.float32) if isinstance(z, Tensor) else None for z in zoneout]
        alive += [mask, maps]
        rates += padded([0.0 if isinstance(z, Tensor) else z for z in zoneout])
        found += addresses(parameters[k])
        found += [_address(x), *_parts(state, k), *_parts(start, k), *addresses((lengths, resets, mask))]
        found += [*padded(addresses(maps)), _address(kept, k * kept_bytes)]
        found += [_address(output, k * options.cell.output_size), *_parts(final, k)]
    cell, reverse, threads = options.cell, list(options.reverse), torch.get_num_threads()
    sizes = [*x.shape, cell.hidden_size, cell.output_size]
    return [is_half(x), kind_of(cell), sizes, reverse, threads, rates], found, alive


@lru_cache
def _shapes(cell: Cell) -> tuple[list[Any], list[Any]]:
    """Of the cell's ``PARAMETERS``, None for those it has not, and of its states."""
    found = cell.parameters()
    return [found.get(name) for name in PARAMETERS], list(cell.states().values())


def _check_shapes(options: Options, x: Tensor, states: Inputs, parameters: Sequence[Inputs]) -> None:
    """Raises ValueError where a tensor is not of the size that the kernels, which see memory only, take.

    Args:
        options: of the call.
        x: [T, B, I].
        states: those before the first step, and those that a reset puts back.
        parameters: of each direction.
    """
    wanted, sizes = _shapes(options.cell)
    T, B, directions = *x.shape[:2], len(options.reverse)

    def check(name: str, t: Tensor | float | None, *shape: int) -> None:
        if isinstance(t, Tensor) and t.shape != shape:
            raise ValueError(f"{name} must have shape {list(shape)}. Got {list(t.shape)}.")

    check("input", x, T, B, options.cell.input_size)
    for own in parameters:
        for name, t, shape in zip(PARAMETERS, own, wanted, strict=True):
            if (None if t is None else t.shape) != shape:
                found = t if t is None else list(t.shape)
                raise ValueError(f"{name} must have shape {shape and list(shape)}. Got {found}.")
    for k, s in enumerate(states):
        check("state", s, directions, B, *sizes[k % len(sizes)])
    check("lengths", options.lengths, B)
    check("resets", options.resets, T, B)
    for noise in options.noise:
        check("a recurrent mask", noise.recurrent, B, options.cell.output_size)
        for share, size in zip(noise.zoneout or (), sizes, strict=False):
            check("zoneout", share, T, B, *size)


def _dtypes(options: Options, x: Tensor, inputs: Inputs) -> list[torch.dtype]:
    """In which the kernels take each of the inputs."""
    of_parameters = _DTYPES_OF_PARAMETERS[x.dtype] * len(options.reverse)
    states = len(inputs) - 1 - len(of_parameters)
    return [x.dtype, *[torch.float32] * states, *of_parameters]


def cast(t: Tensor, dtype: torch.dtype) -> Tensor:
    """In that type; asking first takes a tenth of the time of ``Tensor.to`` where it has nothing to do."""
    return t if t.dtype is dtype else t.to(dtype)


def _ready(t: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """In that type, and contiguous."""
    return None if t is None else cast(t, dtype).contiguous()


def kind_of(cell: Cell) -> int:
    """The cell's number in csrc/kernels.hpp."""
    if isinstance(cell, Elman):
        return 0 if cell.nonlinearity == "tanh" else 1
    return 1 + CELLS.index(type(cell))


def is_half(x: Tensor) -> bool:
    """Whether a sweep over x is one of bfloat16."""
    return x.dtype == torch.bfloat16


def _empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A result; large ones from memory that was used before."""
    count = math.prod(shape) * dtype.itemsize
    if count < _LARGE:
        return torch.empty(shape, dtype=dtype, device="cpu")  # whatever torch's defaults are
    return memory(count).view(dtype).view(shape)


def _zeros(shape: Sequence[int]) -> Tensor:
    return torch.zeros(shape, dtype=torch.float32, device="cpu")


def memory(count: int) -> Tensor:
    """So many bytes from the kernels' store, given back to it with the tensor."""
    return torch.from_numpy(_kernels.memory(count))


_LARGE = 1 << 17  # bytes; below it, fresh memory costs less than the store


def addresses(tensors: Iterable[Tensor | None]) -> list[int]:
    """Of contiguous tensors; 0 for None."""
    return [0 if t is None else t.data_ptr() for t in tensors]


def _address(t: Tensor | None, offset: int = 0) -> int:
    """Of one element of a contiguous tensor; 0 for None."""
    return 0 if t is None else t.data_ptr() + offset * t.element_size()


def _parts(tensors: Inputs, k: int) -> list[Any]:
    """The address of element k of each state [directions, B, size]."""
    return padded([0 if t is None else t[k].data_ptr() if k else t.data_ptr() for t in tensors])


def padded(found: list[Any]) -> list[Any]:
    """One number for each state that a cell may have."""
    return found + [0] * (MOST_STATES - len(found))
