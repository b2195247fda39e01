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
from elman.kernels.call import Noise, Sweep
from elman.kernels.compiled.table import MOST_STATES, PLACES, WEIGHTS, Kernel, _kernels, kernel_of
from elman.state import State

DTYPES = (torch.float32, torch.bfloat16)
_DTYPES_OF_PARAMETERS = {
    dtype: [dtype] * len(WEIGHTS) + [torch.float32] * (PLACES - len(WEIGHTS)) for dtype in DTYPES
}


@dataclass(frozen=True)
class Options:
    """All of a layer's sweeps that is not differentiated; noise, reverse and record of each direction.

    What is differentiated are its ``Inputs``; both together are the sweeps.
    """

    kernel: Kernel
    cell: Cell
    lengths: Tensor | None
    resets: Tensor | None
    noise: Sequence[Noise]
    reverse: Sequence[bool]
    record: Sequence[State | None]

    def sweeps(self, inputs: "Inputs") -> list[Sweep]:
        """Of each direction, with these inputs."""
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
        """Of what the backward pass needs of the forward one, the same for every row and direction."""
        masked = self.noise[0].recurrent is not None
        one = [1, 1, self.cell.input_size, self.cell.hidden_size, self.cell.output_size]
        a_row = int(self.kernel.binary.kept_bytes(is_half(x), self.kernel.number, one, masked))
        return a_row * x.shape[0] * x.shape[1] * len(self.reverse)


Inputs = Sequence[Tensor | None]
"""x, then of each direction its states, with resets its initial states, and its parameters in the places of
csrc/sweep.hpp, None where the cell has none."""


def taken_apart(sweeps: Sequence[Sweep]) -> tuple[Options, list[Tensor | None]]:
    """A layer's sweeps as options and inputs."""
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
    """x, and for each direction its states, initial states and parameters; or what stands in their places."""
    x, *rest = inputs
    size = len(rest) // len(options.reverse)
    n = (size - PLACES) // (1 if options.resets is None else 2)
    each = [rest[k : k + size] for k in range(0, len(rest), size)]
    return x, [(own[:n], own[n:-PLACES], own[-PLACES:]) for own in each]


def forward(options: Options, inputs: Inputs, kept: Tensor | None) -> list[Tensor]:
    """Output and each direction's final states; with ``kept``, memory that the backward pass will read."""
    x, parts = _taken(options, inputs)
    output = _empty((*x.shape[:2], len(parts) * options.cell.output_size), x.dtype)
    final = [[_empty(s.shape, torch.float32) for s in state] for state, _, _ in parts]
    facts, found, alive = _arguments(options, x, parts, kept, output, final)
    options.kernel.binary.forward(*facts, found)
    del alive
    return [output, *itertools.chain(*final)]


def backward(
    options: Options, inputs: Inputs, kept: Tensor, needs: Sequence[bool], d_results: Inputs
) -> list[Tensor | None]:
    """The gradient of each input, None where none is needed; ``kept`` is overwritten."""
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
        places += [_address(dx), *addresses(d_parameters)]
        places += [*_places(d_state), *_places(d_start), *_places(d_states[k])]
    options.kernel.binary.backward(*facts, places)
    del alive
    for recorded, own in zip(options.record, d_states, strict=True):
        for place, d in zip(recorded or (), own, strict=True):
            place.copy_(d)
    found = [dx, *(g for own in gradients for group in own for g in group)]
    return [
        cast(g, t.dtype) if g is not None and t is not None and need else None
        for g, t, need in zip(found, inputs, needs, strict=True)
    ]


def _taken(options: Options, inputs: Inputs) -> tuple[Any, list[tuple[list[Any], ...]]]:
    """``split`` of the inputs as the kernels take them: checked, contiguous, each in its type."""
    x = inputs[0]
    assert x is not None
    of_parameters = _DTYPES_OF_PARAMETERS[x.dtype]
    states = (len(inputs) - 1) // len(options.reverse) - PLACES
    dtypes = [x.dtype, *[*[torch.float32] * states, *of_parameters] * len(options.reverse)]
    x, parts = split(options, list(map(_ready, inputs, dtypes)))
    _check_shapes(options, x, parts)
    return x, parts


def _arguments(
    options: Options,
    x: Tensor,
    parts: Sequence[Sequence[Inputs]],
    kept: Tensor | None,
    output: Tensor | None,
    final: Sequence[Inputs],
) -> tuple[list[Any], list[int], list[Any]]:
    """What both passes give the kernels: facts and addresses; and the tensors that must live meanwhile."""
    lengths, resets = _ready(options.lengths, torch.int64), _ready(options.resets, torch.bool)
    alive: list[Any] = [lengths, resets]
    kept_bytes = 0 if kept is None else len(kept) // len(parts)
    found, rates = [], []
    for k, ((state, start, parameters), noise) in enumerate(zip(parts, options.noise, strict=True)):
        zoneout = noise.zoneout or (0.0,) * len(state)
        mask = _ready(noise.recurrent[0] if noise.recurrent else None, torch.float32)
        maps = [_ready(z, torch.float32) if isinstance(z, Tensor) else None for z in zoneout]
        alive += [mask, maps]
        rates += padded([0.0 if isinstance(z, Tensor) else z for z in zoneout])
        found += [*addresses(parameters), _address(x), *_places(state), *_places(start)]
        found += [*addresses((lengths, resets, mask)), *_places(maps), _address(kept, k * kept_bytes)]
        found += [_address(output, k * options.cell.output_size), *_places(final[k])]
    cell, reverse, threads = options.cell, list(options.reverse), torch.get_num_threads()
    sizes = [*x.shape, cell.hidden_size, cell.output_size]
    return [is_half(x), options.kernel.number, sizes, reverse, threads, rates], found, alive


@lru_cache
def _shapes(cell: Cell) -> tuple[list[Any], list[Any]]:
    """Of what stands in each place for a parameter, None where the cell has none, and of its states."""
    found = cell.parameters()
    return [found.get(name or "") for name in kernel_of(cell).parameters], list(cell.states().values())


def _check_shapes(options: Options, x: Tensor, parts: Sequence[Sequence[Inputs]]) -> None:
    """Raises ValueError where a tensor is not of the size that the kernels, which see memory only, take.

    Args:
        options: of the call.
        x: [T, B, I].
        parts: as ``split`` gives them.
    """
    wanted, sizes = _shapes(options.cell)
    T, B = x.shape[:2]

    def check(name: str, t: Tensor | float | None, *shape: int) -> None:
        if isinstance(t, Tensor) and t.shape != shape:
            raise ValueError(f"{name} must have shape {list(shape)}. Got {list(t.shape)}.")

    check("input", x, T, B, options.cell.input_size)
    for state, start, parameters in parts:
        for name, t, shape in zip(options.kernel.parameters, parameters, wanted, strict=True):
            if (None if t is None else t.shape) != shape:
                found = t if t is None else list(t.shape)
                raise ValueError(f"{name} must have shape {shape and list(shape)}. Got {found}.")
        for s, size in zip((*state, *start), sizes * 2, strict=False):
            check("state", s, B, *size)
    check("lengths", options.lengths, B)
    check("resets", options.resets, T, B)
    for noise in options.noise:
        for mask in noise.recurrent or ():
            check("a recurrent mask", mask, B, options.cell.output_size)
        for share, size in zip(noise.zoneout or (), sizes, strict=False):
            check("zoneout", share, T, B, *size)


def cast(t: Tensor, dtype: torch.dtype) -> Tensor:
    """In that type; asking first takes a tenth of the time of ``Tensor.to`` where it has nothing to do."""
    return t if t.dtype is dtype else t.to(dtype)


def _ready(t: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """In that type, and contiguous."""
    return None if t is None else cast(t, dtype).contiguous()


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


def _places(tensors: Inputs) -> list[Any]:
    """The addresses of the states, or of what goes with them."""
    return padded(addresses(tensors))


def padded(found: list[Any]) -> list[Any]:
    """One number for each state that a cell may have."""
    return found + [0] * (MOST_STATES - len(found))
