"""One sweep of the compiled kernels over one layer in one direction, without autograd."""

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elman.cells import GRU, LSTM, CoupledLSTM, Elman, PeepholeLSTM, ProjectedLSTM
from elman.cells.base import Cell
from elman.kernels.call import Noise
from elman.state import State

try:
    from elman.kernels import _kernels  # type: ignore[attr-defined]
except ImportError:
    _kernels = None
    warnings.warn("elman was installed without its compiled kernels (no C++ compiler): slower", stacklevel=1)
else:
    if os.environ.get("ELMAN_ISA"):  # one of _kernels.isas(), in place of the best
        _kernels.choose(os.environ["ELMAN_ISA"])

CELLS = (Elman, LSTM, GRU, PeepholeLSTM, CoupledLSTM, ProjectedLSTM)
WEIGHTS = ("weight_ih", "weight_hh", "weight_hr")  # in the precision of the input; the rest is float32
PARAMETERS = (*WEIGHTS, "bias_ih", "bias_hh", "weight_ci", "weight_cf", "weight_co")
MOST_STATES = 2  # as csrc/sweep.hpp
DTYPES = (torch.float32, torch.bfloat16)


@dataclass(frozen=True)
class Options:
    """All of a sweep that is not differentiated."""

    cell: Cell
    lengths: Tensor | None
    resets: Tensor | None
    noise: Noise
    reverse: bool
    record: State | None = None

    def sizes(self, x: Tensor) -> list[int]:
        """T, B, I, H, O."""
        return [*x.shape, self.cell.hidden_size, self.cell.output_size]

    def kept_bytes(self, x: Tensor) -> int:
        """Of what the backward sweep needs of the forward one: gates and states, the same for every row."""
        masked = self.noise.recurrent is not None
        one = [1, 1, self.cell.input_size, self.cell.hidden_size, self.cell.output_size]
        a_row = int(_kernels.kept_bytes(is_half(x), kind_of(self.cell), one, masked))
        return a_row * x.shape[0] * x.shape[1]


Inputs = Sequence[Tensor | None]
"""x, the states, with resets the initial states, then ``PARAMETERS`` (None where the cell has no such)."""


def split(options: Options, inputs: Inputs) -> tuple[Tensor, Inputs, Inputs, Inputs]:
    """x, states, initial states, parameters."""
    n, first = len(options.cell.states()), len(inputs) - len(PARAMETERS)
    assert inputs[0] is not None
    return inputs[0], inputs[1 : n + 1], inputs[n + 1 : first], inputs[first:]


def forward(options: Options, inputs: Inputs, kept: Tensor | None) -> list[Tensor]:
    """Output and final states; with ``kept``, memory that the backward sweep will read."""
    x = inputs[0]
    assert x is not None
    output = _empty(x, (*x.shape[:2], options.cell.output_size))
    final = [torch.empty(x.shape[1], *shape) for shape in options.cell.states().values()]
    arguments, alive = _arguments(options, inputs, kept)
    _kernels.forward(*arguments[:-1], arguments[-1] + addresses([output]) + padded(addresses(final)))
    del alive
    return [output, *final]


def backward(
    options: Options, inputs: Inputs, kept: Tensor, needs: Sequence[bool], d_results: Inputs
) -> list[Tensor | None]:
    """The gradient of each input, None where none is needed; ``kept`` is overwritten."""
    x, state, start, parameters = split(options, inputs)
    d_output, *d_final = d_results

    def result(t: Tensor | None, need: bool) -> Tensor | None:
        return _empty(t, t.shape) if t is not None and need else None

    dx = result(x, needs[0])
    d_parameters = [
        result(_as_used(name, p), need)
        for name, p, need in zip(PARAMETERS, parameters, needs[-len(PARAMETERS) :], strict=True)
    ]
    d_start = [
        torch.empty(s.shape) if s is not None and need else None
        for s, need in zip(state, needs[1:], strict=False)
    ]
    d_initial = [torch.zeros(s.shape) for s in start if s is not None]
    given = [None if d_output is None else d_output.to(x.dtype).contiguous()]
    given += [None if d is None else _single(d).contiguous() for d in d_final]
    d_states = [torch.zeros(r.shape) for r in options.record or ()]
    arguments, alive = _arguments(options, inputs, kept)
    _kernels.backward(
        *arguments[:-1],
        arguments[-1]
        + addresses([None])
        + padded([])
        + addresses(given[:1])
        + padded(addresses(given[1:]))
        + addresses([dx, *d_parameters])
        + padded(addresses(d_start))
        + padded(addresses(d_initial))
        + padded(addresses(d_states)),
    )
    if options.record is not None:
        for place, d in zip(options.record, d_states, strict=True):
            place.copy_(d)
    del alive
    found = [dx, *d_start, *d_initial, *d_parameters]
    return [
        (g if g.dtype is t.dtype else g.to(t.dtype)) if g is not None and t is not None and need else None
        for g, t, need in zip(found, inputs, needs, strict=True)
    ]


def _arguments(options: Options, inputs: Inputs, kept: Tensor | None) -> tuple[list[Any], list[Any]]:
    """What both directions of a sweep pass to the kernels, and the tensors that must live meanwhile."""
    x, state, start, parameters = split(options, inputs)
    noise, states = options.noise, len(state)
    zoneout = noise.zoneout or (0.0,) * states
    rates = [0.0 if isinstance(z, Tensor) else z for z in zoneout] + [0.0] * (MOST_STATES - states)
    weights = [_as_used(name, p) for name, p in zip(PARAMETERS, parameters, strict=True)]
    ordered: list[Tensor | None] = [
        *weights,
        x,
        *_states(state),
        *_states(start),
        options.lengths,
        options.resets,
        None if noise.recurrent is None else _single(noise.recurrent),
        *_states([z if isinstance(z, Tensor) else None for z in zoneout]),
        kept,
    ]
    alive = [None if t is None else t.contiguous() for t in ordered]
    sizes, threads = options.sizes(x), torch.get_num_threads()
    return [
        is_half(x),
        kind_of(options.cell),
        sizes,
        options.reverse,
        threads,
        rates,
        addresses(alive),
    ], alive


def _single(t: Tensor) -> Tensor:
    return t if t.dtype is torch.float32 else t.float()


def _as_used(name: str, parameter: Tensor | None) -> Tensor | None:
    """A parameter in the precision in which the kernels take it."""
    return parameter if parameter is None or name in WEIGHTS else _single(parameter)


def _states(tensors: Inputs) -> list[Tensor | None]:
    """In float32, one entry for each state that a cell may have."""
    return [None if t is None else _single(t) for t in tensors] + [None] * (MOST_STATES - len(tensors))


def kind_of(cell: Cell) -> int:
    """The cell's number in csrc/kernels.hpp."""
    if isinstance(cell, Elman):
        return 0 if cell.nonlinearity == "tanh" else 1
    return 1 + CELLS.index(type(cell))


def is_half(x: Tensor) -> bool:
    """Whether a sweep over x is one of bfloat16."""
    return x.dtype == torch.bfloat16


def _empty(like: Tensor, shape: Sequence[int]) -> Tensor:
    """A result of the type of ``like``; large ones from memory that was used before."""
    count = like.element_size()
    for n in shape:
        count *= n
    if count < _LARGE:
        return torch.empty(shape, dtype=like.dtype)
    return memory(count).view(like.dtype).view(shape)


def memory(count: int) -> Tensor:
    """So many bytes from the kernels' store, given back to it with the tensor."""
    return torch.from_numpy(_kernels.memory(count))


_LARGE = 1 << 17  # bytes; below it, fresh memory costs less than the store


def addresses(tensors: Iterable[Tensor | None]) -> list[int]:
    """Of contiguous tensors; 0 for None."""
    return [0 if t is None else t.data_ptr() for t in tensors]


def padded(found: list[int]) -> list[int]:
    """One address for each state that a cell may have."""
    return found + [0] * (MOST_STATES - len(found))
