"""The compiled CPU kernels (csrc/): float32 and bfloat16, every option of the layer.

One sweep covers one layer in one direction. In eager mode it is an ``autograd.Function``, in a compiled graph
the operator ``elman::sweep``; both run the same two functions. A gradient that is to be differentiated again
is computed by the reference, so nothing that works there stops working here.
"""

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elman.cells import GRU, LSTM, CoupledLSTM, Elman, PeepholeLSTM, ProjectedLSTM
from elman.cells.base import Cell, Weights
from elman.kernels import reference, stack
from elman.kernels.call import Call, Noise
from elman.state import State

try:
    from elman.kernels import _kernels  # type: ignore[attr-defined]
except ImportError:
    _kernels = None
    warnings.warn("elman was installed without its compiled kernels (no C++ compiler): slower", stacklevel=1)
else:
    if os.environ.get("ELMAN_ISA"):  # one of _kernels.isas(), in place of the best
        _kernels.choose(os.environ["ELMAN_ISA"])

_CELLS = (Elman, LSTM, GRU, PeepholeLSTM, CoupledLSTM, ProjectedLSTM)
_WEIGHTS = ("weight_ih", "weight_hh", "weight_hr")  # in the precision of the input; the rest is float32
_PARAMETERS = (*_WEIGHTS, "bias_ih", "bias_hh", "weight_ci", "weight_cf", "weight_co")
_MOST_STATES = 2  # as csrc/sweep.hpp
_DTYPES = (torch.float32, torch.bfloat16)


def supports(call: Call) -> str | None:
    """None, or why the compiled kernels cannot run this call."""
    if _kernels is None:
        return "the compiled kernels were not built: there was no C++ compiler when elman was installed"
    if type(call.cells[0]) not in _CELLS:
        return f"no compiled kernel of {type(call.cells[0]).__name__}"
    tensors = [call.x, *call.state, *call.weights[0].values()]
    if any(t.device.type != "cpu" for t in tensors):
        return "the compiled kernels run on a CPU"
    if torch.is_autocast_enabled("cpu"):
        if torch.get_autocast_dtype("cpu") != torch.bfloat16 or call.state[0].dtype != torch.float32:
            return "the compiled kernels take float32 or bfloat16"
    elif call.x.dtype not in _DTYPES or any(t.dtype != call.x.dtype for t in tensors):
        return "the compiled kernels take float32 or bfloat16"
    if torch._C._are_functorch_transforms_active():
        return "the compiled kernels have no batching rule"
    return None


def run(call: Call) -> tuple[Tensor, State]:
    """The stack, one compiled sweep a layer and direction."""
    return stack.run(call, unroll)


def unroll(
    cell: Cell,
    w: Weights,
    x: Tensor,
    state: State,
    *,
    initial: State,
    lengths: Tensor | None = None,
    resets: Tensor | None = None,
    noise: Noise = Noise(),  # noqa: B008 - frozen
    reverse: bool = False,
) -> tuple[Tensor, State]:
    """One layer in one direction; as ``reference.unroll``."""
    if torch.is_autocast_enabled("cpu"):  # as torch's own layers: products in bfloat16, memory in float32
        x = x.to(torch.bfloat16)
        w = {k: v.to(torch.bfloat16) if k in _WEIGHTS else v for k, v in w.items()}
    options = _Options(cell, lengths, resets, noise, reverse)
    start = initial if resets is not None else ()
    inputs = [x, *state, *start, *(w.get(name) for name in _PARAMETERS)]
    if torch.compiler.is_compiling():
        results = _operator(options, inputs)
    elif torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs):
        results = _Sweep.apply(options, *inputs)
    else:
        results = _forward(options, inputs, None)
    output, *final = results
    return output.to(state[0].dtype), tuple(f.to(s.dtype) for f, s in zip(final, state, strict=True))


@dataclass(frozen=True)
class _Options:
    """All of a sweep that is not differentiated."""

    cell: Cell
    lengths: Tensor | None
    resets: Tensor | None
    noise: Noise
    reverse: bool

    def sizes(self, x: Tensor) -> list[int]:
        """T, B, I, H, O."""
        return [*x.shape, self.cell.hidden_size, self.cell.output_size]

    def kept_bytes(self, x: Tensor) -> int:
        """Of what the backward sweep needs of the forward one: gates and states."""
        masked = self.noise.recurrent is not None
        return int(_kernels.kept_bytes(_is_half(x), _kind(self.cell), self.sizes(x), masked))


Inputs = Sequence[Tensor | None]
"""x, the states, with resets the initial states, then ``_PARAMETERS`` (None where the cell has no such)."""


def _split(options: _Options, inputs: Inputs) -> tuple[Tensor, Inputs, Inputs, Inputs]:
    """x, states, initial states, parameters."""
    n, first = len(options.cell.states()), len(inputs) - len(_PARAMETERS)
    assert inputs[0] is not None
    return inputs[0], inputs[1 : n + 1], inputs[n + 1 : first], inputs[first:]


def _forward(options: _Options, inputs: Inputs, kept: Tensor | None) -> list[Tensor]:
    """Output and final states; with ``kept``, memory that the backward sweep will read."""
    x = inputs[0]
    assert x is not None
    output = _empty(x, (*x.shape[:2], options.cell.output_size))
    final = [torch.empty(x.shape[1], *shape) for shape in options.cell.states().values()]
    arguments, alive = _arguments(options, inputs, kept)
    _kernels.forward(*arguments[:-1], arguments[-1] + _addresses([output]) + _padded(_addresses(final)))
    del alive
    return [output, *final]


def _backward(
    options: _Options, inputs: Inputs, kept: Tensor, needs: Sequence[bool], d_results: Inputs
) -> list[Tensor | None]:
    """The gradient of each input, None where none is needed; ``kept`` is overwritten."""
    x, state, start, parameters = _split(options, inputs)
    d_output, *d_final = d_results

    def result(t: Tensor | None, need: bool) -> Tensor | None:
        return _empty(t, t.shape) if t is not None and need else None

    dx = result(x, needs[0])
    d_parameters = [
        result(_as_used(name, p), need)
        for name, p, need in zip(_PARAMETERS, parameters, needs[-len(_PARAMETERS) :], strict=True)
    ]
    d_start = [torch.empty(s.shape) for s in state if s is not None]
    d_initial = [torch.zeros(s.shape) for s in start if s is not None]
    given = [None if d_output is None else d_output.to(x.dtype).contiguous()]
    given += [None if d is None else d.float().contiguous() for d in d_final]
    arguments, alive = _arguments(options, inputs, kept)
    _kernels.backward(
        *arguments[:-1],
        arguments[-1]
        + _addresses([None])
        + _padded([])
        + _addresses(given[:1])
        + _padded(_addresses(given[1:]))
        + _addresses([dx, *d_parameters])
        + _padded(_addresses(d_start))
        + _padded(_addresses(d_initial))
        + _padded([]),
    )
    del alive
    found = [dx, *d_start, *d_initial, *d_parameters]
    return [
        g.to(t.dtype) if g is not None and t is not None and need else None
        for g, t, need in zip(found, inputs, needs, strict=True)
    ]


class _Sweep(torch.autograd.Function):
    """A sweep in eager mode; its inputs as ``Inputs``."""

    @staticmethod
    def forward(ctx: Any, options: _Options, *inputs: Tensor | None) -> Any:
        x = inputs[0]
        assert x is not None
        kept = _memory(options.kept_bytes(x))
        results = _forward(options, inputs, kept)
        ctx.options, ctx.spent = options, False
        ctx.save_for_backward(*inputs, kept)
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> Any:
        *inputs, kept = ctx.saved_tensors
        needs = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            return (None, *_by_reference(ctx.options, inputs, needs, d_results))
        if ctx.spent:  # the gates were overwritten by their gradients: a second backward makes them again
            _forward(ctx.options, inputs, kept)
        ctx.spent = True
        return (None, *_backward(ctx.options, inputs, kept, needs, d_results))


def _arguments(options: _Options, inputs: Inputs, kept: Tensor | None) -> tuple[list[Any], list[Any]]:
    """What both directions of a sweep pass to the kernels, and the tensors that must live meanwhile."""
    x, state, start, parameters = _split(options, inputs)
    noise, states = options.noise, len(state)
    zoneout = noise.zoneout or (0.0,) * states
    rates = [0.0 if isinstance(z, Tensor) else z for z in zoneout] + [0.0] * (_MOST_STATES - states)
    weights = [_as_used(name, p) for name, p in zip(_PARAMETERS, parameters, strict=True)]
    ordered: list[Tensor | None] = [
        *weights,
        x,
        *_states(state),
        *_states(start),
        options.lengths,
        options.resets,
        None if noise.recurrent is None else noise.recurrent.float(),
        *_states([z.float() if isinstance(z, Tensor) else None for z in zoneout]),
        kept,
    ]
    alive = [None if t is None else t.contiguous() for t in ordered]
    sizes, threads = options.sizes(x), torch.get_num_threads()
    return [
        _is_half(x),
        _kind(options.cell),
        sizes,
        options.reverse,
        threads,
        rates,
        _addresses(alive),
    ], alive


def _as_used(name: str, parameter: Tensor | None) -> Tensor | None:
    """A parameter in the precision in which the kernels take it."""
    return parameter if parameter is None or name in _WEIGHTS else parameter.float()


def _states(tensors: Inputs) -> list[Tensor | None]:
    """In float32, one entry for each state that a cell may have."""
    return [None if t is None else t.float() for t in tensors] + [None] * (_MOST_STATES - len(tensors))


def _by_reference(
    options: _Options, inputs: Inputs, needs: Sequence[bool], gradients: Inputs
) -> list[Tensor | None]:
    """The gradients once more, as functions that can themselves be differentiated."""
    x, state, start, parameters = _split(options, inputs)
    w = {k: v for k, v in zip(_PARAMETERS, parameters, strict=True) if v is not None}
    before: Any = tuple(state)
    initial: Any = tuple(start)
    output, final = reference.unroll(
        options.cell,
        w,
        x,
        before,
        initial=initial,
        lengths=options.lengths,
        resets=options.resets,
        noise=options.noise,
        reverse=options.reverse,
    )
    wanted = [t for t, need in zip(inputs, needs, strict=True) if need and t is not None]
    given = [(r, g) for r, g in zip((output, *final), gradients, strict=True) if g is not None]
    found = iter(
        torch.autograd.grad(
            [r for r, _ in given], wanted, [g for _, g in given], create_graph=True, allow_unused=True
        )
    )
    return [next(found) if need and t is not None else None for t, need in zip(inputs, needs, strict=True)]


def _kind(cell: Cell) -> int:
    """The cell's number in csrc/kernels.hpp."""
    if isinstance(cell, Elman):
        return 0 if cell.nonlinearity == "tanh" else 1
    return 1 + _CELLS.index(type(cell))


def _is_half(x: Tensor) -> bool:
    return x.dtype == torch.bfloat16


def _empty(like: Tensor, shape: Sequence[int]) -> Tensor:
    """A result of the type of ``like``; large ones from memory that was used before."""
    count = like.element_size()
    for n in shape:
        count *= n
    if count < _LARGE:
        return torch.empty(shape, dtype=like.dtype)
    return _memory(count).view(like.dtype).view(shape)


def _memory(count: int) -> Tensor:
    return torch.from_numpy(_kernels.memory(count))


_LARGE = 1 << 20  # bytes; below it, fresh memory costs less than the store


def _addresses(tensors: Iterable[Tensor | None]) -> list[int]:
    return [0 if t is None else t.data_ptr() for t in tensors]


def _padded(addresses: list[int]) -> list[int]:
    """One address for each state that a cell may have."""
    return addresses + [0] * (_MOST_STATES - len(addresses))
