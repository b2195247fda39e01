"""The compiled kernels over one layer in one or both directions, without autograd."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Cell
from elman.kernels.call import Noise, Sweep, cast
from elman.kernels.compiled.table import MOST_STATES, PLACES, WEIGHTS, Kernel, _kernels, kernel_of
from elman.state import State

DTYPES = (torch.float32, torch.bfloat16)


@dataclass(frozen=True)
class Options:
    """The part of a layer's sweeps that is not differentiated; noise, reverse and record by direction.

    The differentiated part is its ``Inputs``; together they make up the sweeps.
    """

    kernel: Kernel
    cell: Cell
    lengths: Tensor | None
    resets: Tensor | None
    noise: Sequence[Noise]
    reverse: Sequence[bool]
    record: Sequence[State | None]

    def sweeps(self, inputs: "Inputs") -> list[Sweep]:
        """Returns the sweep of each direction with these inputs."""
        x, parts = split(self, inputs)
        return [
            Sweep(
                self.cell,
                {k: p for k, p in zip(self.kernel.parameters, w, strict=True) if k and p is not None},
                x,
                tuple(state),
                tuple(start),
                self.lengths,
                self.resets,
                noise,
                reverse,
                record,
            )
            for (state, start, w), noise, reverse, record in zip(
                parts, self.noise, self.reverse, self.record, strict=True
            )
        ]

    def kept_bytes(self, x: Tensor) -> int:
        """Returns the bytes that the forward pass keeps for the backward pass, of all rows and directions."""
        masked = self.noise[0].recurrent is not None
        one = [1, 1, self.cell.input_size, self.cell.hidden_size, self.cell.output_size]
        a_row = int(self.kernel.binary.kept_bytes(is_half(x), self.kernel.number, one, masked))
        return a_row * x.shape[0] * x.shape[1] * len(self.reverse)


Inputs = Sequence[Tensor | None]
"""x, then for each direction its states, with resets its initial states, and its parameters in the order of
csrc/sweep.hpp, with None for parameters that the cell lacks."""


def taken_apart(sweeps: Sequence[Sweep]) -> tuple[Options, list[Tensor | None]]:
    """Splits a layer's sweeps into options and inputs."""
    first, kernel = sweeps[0], kernel_of(sweeps[0].cell)
    inputs: list[Tensor | None] = [first.x]
    for sweep in sweeps:
        inputs += sweep.state
        if first.resets is not None:
            inputs += sweep.initial
        inputs += [sweep.w.get(name) if name else None for name in kernel.parameters]
    noise, reverse, record = zip(*((s.noise, s.reverse, s.record) for s in sweeps), strict=True)
    return Options(kernel, first.cell, first.lengths, first.resets, noise, reverse, record), inputs


def split(options: Options, inputs: Sequence[Any]) -> tuple[Any, list[tuple[list[Any], ...]]]:
    """Splits inputs, or values in their order, into x and states, initial states, parameters by direction."""
    x, *rest = inputs
    size = len(rest) // len(options.reverse)
    places = len(options.kernel.parameters)
    n = (size - places) // (1 if options.resets is None else 2)
    directions = [rest[k : k + size] for k in range(0, len(rest), size)]
    return x, [(own[:n], own[n:-places], own[-places:]) for own in directions]


def forward(options: Options, inputs: Inputs, kept: Tensor | None) -> list[Tensor]:
    """Computes output and each direction's final states; fills ``kept``, if any, for the backward pass."""
    x, parts = _taken(options, inputs)
    output = _empty((*x.shape[:2], len(parts) * options.cell.output_size), x.dtype)
    final = [[_empty(s.shape, torch.float32) for s in state] for state, _, _ in parts]
    facts, places, alive = _arguments(options, x, parts, kept, output, final)
    options.kernel.binary.forward(*facts, places)
    del alive
    return [output, *itertools.chain(*final)]


def backward(
    options: Options, inputs: Inputs, kept: Tensor, needs: Sequence[bool], d_results: Inputs
) -> list[Tensor | None]:
    """Computes the gradient of each input that needs one, None for the others; overwrites ``kept``."""
    x, parts = _taken(options, inputs)
    _, needed = split(options, needs)
    dx = _empty(x.shape, x.dtype) if needs[0] else None
    gradients = [
        (
            [_empty(s.shape, torch.float32) if need else None for s, need in zip(state, own, strict=True)],
            [_zeros(s.shape) for s in start],  # needed or not, the kernels add to them
            [
                _empty(p.shape, p.dtype) if p is not None and need else None
                for p, need in zip(w, of_w, strict=True)
            ],
        )
        for (state, start, w), (own, _, of_w) in zip(parts, needed, strict=True)
    ]
    n = len(gradients[0][0])
    d_output, *d_final = map(_ready, d_results, [x.dtype, *[torch.float32] * (n * len(parts))])
    d_states = [[_zeros(r.shape) for r in own or ()] for own in options.record]
    facts, places, alive = _arguments(options, x, parts, kept, None, [()] * len(parts))
    for k, (d_state, d_start, d_parameters) in enumerate(gradients):
        places += [_address(d_output, k * options.cell.output_size), *_places(d_final[k * n : (k + 1) * n])]
        places += [_address(dx), *_padded_parameters(d_parameters)]
        places += [*_places(d_state), *_places(d_start), *_places(d_states[k])]
    options.kernel.binary.backward(*facts, places)
    del alive
    for recorded, own in zip(options.record, d_states, strict=True):
        for place, d in zip(recorded or (), own, strict=True):
            place.copy_(d)
    flat = [dx, *(g for own in gradients for group in own for g in group)]
    return [
        cast(g, t.dtype) if g is not None and t is not None and need else None
        for g, t, need in zip(flat, inputs, needs, strict=True)
    ]


def _taken(options: Options, inputs: Inputs) -> tuple[Any, list[tuple[list[Any], ...]]]:
    """Splits the inputs as the kernels take them: checked, contiguous, each in its dtype."""
    x = inputs[0]
    assert x is not None
    directions = len(options.reverse)
    dtypes, shapes = _expected(options.cell, x.dtype, *x.shape[:2], directions, options.resets is not None)
    ready = list(map(_ready, inputs, dtypes))
    taken = split(options, ready)
    if [None if t is None else t.shape for t in ready] != shapes:
        _refuse_shapes(options, *taken)
    _check_options(options, *x.shape[:2])
    return taken


def _arguments(
    options: Options,
    x: Tensor,
    parts: Sequence[Sequence[Inputs]],
    kept: Tensor | None,
    output: Tensor | None,
    final: Sequence[Inputs],
) -> tuple[list[Any], list[int], list[Any]]:
    """Returns the kernels' facts and addresses for both passes, and the tensors that must stay alive."""
    lengths, resets = _ready(options.lengths, torch.int64), _ready(options.resets, torch.bool)
    alive: list[Any] = [lengths, resets]
    kept_bytes = 0 if kept is None else len(kept) // len(parts)
    places, rates = [], []
    for k, ((state, start, parameters), noise) in enumerate(zip(parts, options.noise, strict=True)):
        zoneout = noise.zoneout or (0.0,) * len(state)
        mask = _ready(noise.recurrent[0] if noise.recurrent else None, torch.float32)
        maps = [_ready(z, torch.float32) if isinstance(z, Tensor) else None for z in zoneout]
        alive += [mask, maps]
        rates += padded([0.0 if isinstance(z, Tensor) else z for z in zoneout])
        places += [*_padded_parameters(parameters), _address(x), *_places(state), *_places(start)]
        places += [*addresses((lengths, resets, mask)), *_places(maps), _address(kept, k * kept_bytes)]
        places += [_address(output, k * options.cell.output_size), *_places(final[k])]
    cell, reverse, threads = options.cell, list(options.reverse), torch.get_num_threads()
    sizes = [*x.shape, cell.hidden_size, cell.output_size]
    return [is_half(x), options.kernel.number, sizes, reverse, threads, rates], places, alive


@lru_cache
def _shapes(cell: Cell) -> tuple[list[Any], list[Any]]:
    """Returns the shapes of the parameters in the kernel's order (None: missing) and of the states."""
    shapes = cell.parameters()
    return [shapes.get(name or "") for name in kernel_of(cell).parameters], list(cell.states().values())


@lru_cache(maxsize=64)  # a training has batches of few shapes
def _expected(
    cell: Cell, dtype: torch.dtype, T: int, B: int, directions: int, resets: bool
) -> tuple[list[torch.dtype], list[Any]]:
    """Returns dtypes and shapes of a layer's ``Inputs`` as the kernels take them."""
    parameters, sizes = _shapes(cell)
    states = [(B, *size) for size in sizes] * (2 if resets else 1)
    weights = [dtype if k < len(WEIGHTS) else torch.float32 for k in range(len(parameters))]
    dtypes = [dtype, *[*[torch.float32] * len(states), *weights] * directions]
    return dtypes, [(T, B, cell.input_size), *[*states, *parameters] * directions]


def _check(name: str, t: Tensor | float | None, *shape: int) -> None:
    """Raises ValueError if a tensor has another shape: the kernels see only memory and cannot check."""
    if isinstance(t, Tensor) and t.shape != shape:
        raise ValueError(f"{name} must have shape {list(shape)}. Got {list(t.shape)}.")


def _refuse_shapes(options: Options, x: Tensor, parts: Sequence[Sequence[Inputs]]) -> None:
    """Raises ValueError for the first of the inputs that has the wrong shape.

    Args:
        options: the layer's options.
        x: [T, B, I].
        parts: the result of ``split``.
    """
    expected, sizes = _shapes(options.cell)
    T, B = x.shape[:2]
    _check("input", x, T, B, options.cell.input_size)
    for state, start, parameters in parts:
        for name, t, shape in zip(options.kernel.parameters, parameters, expected, strict=True):
            if (None if t is None else t.shape) != shape:
                actual = t if t is None else list(t.shape)
                raise ValueError(f"{name} must have shape {shape and list(shape)}. Got {actual}.")
        for s, size in zip((*state, *start), sizes * 2, strict=False):
            _check("state", s, B, *size)
    raise AssertionError("one of the shapes is wrong")


def _check_options(options: Options, T: int, B: int) -> None:
    """Raises ValueError if a tensor of the options has the wrong shape."""
    _check("lengths", options.lengths, B)
    _check("resets", options.resets, T, B)
    for noise in options.noise:
        for mask in noise.recurrent or ():
            _check("a recurrent mask", mask, B, options.cell.output_size)
        if noise.zoneout:
            for share, size in zip(noise.zoneout, _shapes(options.cell)[1], strict=False):
                _check("zoneout", share, T, B, *size)


def _ready(t: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Casts to a dtype and makes contiguous."""
    if t is None or (t.dtype is dtype and t.is_contiguous()):
        return t
    return cast(t, dtype).contiguous()


def is_half(x: Tensor) -> bool:
    """Whether a sweep over x uses bfloat16."""
    return x.dtype == torch.bfloat16


def _empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Allocates a result; large ones from the kernels' store."""
    count = math.prod(shape) * dtype.itemsize
    if count < _LARGE:
        return torch.empty(shape, dtype=dtype, device="cpu")  # explicit, to ignore torch's default device
    return memory(count).view(dtype).view(shape)


def _zeros(shape: Sequence[int]) -> Tensor:
    return torch.zeros(shape, dtype=torch.float32, device="cpu")


def memory(count: int) -> Tensor:
    """Allocates ``count`` bytes from the kernels' store; they return to it when the tensor is freed."""
    return torch.from_numpy(_kernels.memory(count))


_LARGE = 1 << 17  # bytes; below it, fresh memory costs less than the store


def addresses(tensors: Iterable[Tensor | None]) -> list[int]:
    """Returns the addresses of contiguous tensors; 0 for None."""
    return [0 if t is None else t.data_ptr() for t in tensors]


def _address(t: Tensor | None, offset: int = 0) -> int:
    """Returns the address of one element of a contiguous tensor; 0 for None."""
    return 0 if t is None else t.data_ptr() + offset * t.element_size()


def _places(tensors: Inputs) -> list[Any]:
    """Returns the addresses of one tensor per state, padded."""
    return padded(addresses(tensors))


def _padded_parameters(tensors: Inputs) -> list[int]:
    """Returns the addresses of one tensor per parameter, padded to the most that a cell may have."""
    return addresses(tensors) + [0] * (PLACES - len(tensors))


def padded(numbers: list[Any]) -> list[Any]:
    """Pads a list of one number per state with 0 to the most states that a cell may have."""
    return numbers + [0] * (MOST_STATES - len(numbers))
