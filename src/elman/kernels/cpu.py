"""The compiled CPU kernels (csrc/): float32, every option of the layer.

One ``autograd.Function`` covers one layer in one direction. A gradient that is to be differentiated again is
computed by the reference, so nothing that works there stops working here.
"""

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from elman.cells import GRU, LSTM, Elman
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

_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_MOST_STATES = 2  # as csrc/sweep.hpp


def supports(call: Call) -> str | None:
    """None, or why the compiled kernels cannot run this call."""
    if _kernels is None:
        return "the compiled kernels were not built: there was no C++ compiler when elman was installed"
    if type(call.cells[0]) not in (Elman, LSTM, GRU):
        return f"no compiled kernel of {type(call.cells[0]).__name__}"
    tensors = [call.x, *call.state, *call.weights[0].values()]
    if any(t.device.type != "cpu" or t.dtype != torch.float32 for t in tensors):
        return "the compiled kernels take float32 on a CPU"
    if torch.is_autocast_enabled("cpu"):
        return "autocast asks for another precision"
    if torch.compiler.is_compiling():
        return "the compiled kernels are not yet operators that a compiled graph knows"
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
    start = initial if resets is not None else ()
    options = (cell, lengths, resets, noise, reverse)
    output, *final = _Sweep.apply(options, x, *state, *start, *(w.get(name) for name in _PARAMETERS))
    return output, tuple(final)


class _Sweep(torch.autograd.Function):
    """Inputs: x, the states, with resets the initial states, then the four parameters (None without bias)."""

    @staticmethod
    def forward(ctx: Any, options: tuple[Any, ...], *inputs: Tensor | None) -> Any:
        cell, lengths, resets, noise, reverse = options
        x = inputs[0]
        assert x is not None
        (T, B, _), H = x.shape, cell.hidden_size
        kind, states = _kind(cell), len(cell.states())
        units = _kernels.padded(kind, H)
        gates = torch.empty(T, B, _kernels.gate_floats(kind, H))
        before_and_after = [torch.empty(T + 1, B, units) for _ in range(states)]
        masked = noise.recurrent is not None or resets is not None
        kept = [gates, *before_and_after, torch.empty(T, B, units) if masked else None]
        output = torch.empty(T, B, H) if lengths is not None else None
        final = [torch.empty(B, H) for _ in range(states)]
        arguments, alive = _arguments(options, inputs, kept)
        _kernels.forward(*arguments[:-1], arguments[-1] + _addresses([output]) + _padded(_addresses(final)))
        del alive
        ctx.options, ctx.spent = options, False
        ctx.save_for_backward(*inputs, *kept)
        if output is None:
            h = before_and_after[0]
            output = (h[:T] if reverse else h[1:])[:, :, :H]
        return (output, *final)

    @staticmethod
    def backward(ctx: Any, d_output: Tensor, *d_final: Tensor) -> Any:
        cell = ctx.options[0]
        states = len(cell.states())
        inputs, kept = ctx.saved_tensors[: -states - 2], list(ctx.saved_tensors[-states - 2 :])
        needs = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            return (None, *_by_reference(ctx.options, inputs, needs, (d_output, *d_final)))
        x, *rest = inputs
        weights, H = rest[-4:], cell.hidden_size
        arguments, alive = _arguments(ctx.options, inputs, kept)
        results = _addresses([None]) + _padded([])
        if ctx.spent:  # the gates were overwritten by their gradients: a second backward makes them again
            final = [torch.empty(x.shape[1], H) for _ in range(states)]
            _kernels.forward(*arguments[:-1], arguments[-1] + results[:1] + _padded(_addresses(final)))
        ctx.spent = True
        dx = torch.empty(x.shape) if needs[0] else None
        dw = [
            torch.empty(w.shape) if w is not None and n else None
            for w, n in zip(weights, needs[-4:], strict=True)
        ]
        d_start = [torch.empty(x.shape[1], H) for _ in range(states)]
        d_initial = [torch.zeros(x.shape[1], H) for _ in rest[states:-4]]
        given = [d_output.contiguous(), *(d.contiguous() for d in d_final)]
        _kernels.backward(
            *arguments[:-1],
            arguments[-1]
            + results
            + _addresses(given[:1])
            + _padded(_addresses(given[1:]))
            + _addresses([dx, *dw])
            + _padded(_addresses(d_start))
            + _padded(_addresses(d_initial)),
        )
        del alive
        return (None, dx, *d_start, *d_initial, *dw)


def _arguments(
    options: tuple[Any, ...], inputs: tuple[Tensor | None, ...], kept: Sequence[Tensor | None]
) -> tuple[list[Any], list[Tensor | None]]:
    """What both directions of a sweep pass to the kernels, and the tensors that must live meanwhile."""
    cell, lengths, resets, noise, reverse = options
    states = len(cell.states())
    x, *rest = [None if t is None else t.contiguous() for t in inputs]
    assert x is not None
    start, initial, weights = rest[:states], rest[states:-4], rest[-4:]
    zoneout = noise.zoneout or (0.0,) * states
    maps = [z.contiguous() if isinstance(z, Tensor) else None for z in zoneout]
    rates = [0.0 if isinstance(z, Tensor) else z for z in zoneout]
    plain = [None if t is None else t.contiguous() for t in (lengths, resets, noise.recurrent)]
    addresses = [
        *_addresses([*weights, x]),
        *_padded(_addresses(start)),
        *_padded(_addresses(initial)),
        *_addresses(plain),
        *_padded(_addresses(maps)),
        *_addresses(kept[:1]),
        *_padded(_addresses(kept[1:-1])),
        *_addresses(kept[-1:]),
    ]
    sizes = [*x.shape, cell.hidden_size]
    rates += [0.0] * (_MOST_STATES - states)
    return [_kind(cell), sizes, reverse, torch.get_num_threads(), rates, addresses], [x, *rest, *maps, *plain]


def _by_reference(
    options: tuple[Any, ...],
    inputs: tuple[Tensor | None, ...],
    needs: tuple[bool, ...],
    gradients: tuple[Tensor, ...],
) -> list[Tensor | None]:
    """The gradients once more, as functions that can themselves be differentiated."""
    cell, lengths, resets, noise, reverse = options
    states = len(cell.states())
    x, *rest = inputs
    w = {k: v for k, v in zip(_PARAMETERS, rest[-4:], strict=True) if v is not None}
    start: Any = tuple(rest[:states])
    initial: Any = tuple(rest[states:-4])
    assert x is not None
    output, final = reference.unroll(
        cell, w, x, start, initial=initial, lengths=lengths, resets=resets, noise=noise, reverse=reverse
    )
    wanted = [t for t, need in zip(inputs, needs, strict=True) if need and t is not None]
    found = iter(
        torch.autograd.grad((output, *final), wanted, gradients, create_graph=True, allow_unused=True)
    )
    return [next(found) if need and t is not None else None for t, need in zip(inputs, needs, strict=True)]


def _kind(cell: Cell) -> int:
    """The cell's number in csrc/kernels.hpp."""
    if isinstance(cell, Elman):
        return 0 if cell.nonlinearity == "tanh" else 1
    return 2 if isinstance(cell, LSTM) else 3


def _addresses(tensors: Iterable[Tensor | None]) -> list[int]:
    return [0 if t is None else t.data_ptr() for t in tensors]


def _padded(addresses: list[int]) -> list[int]:
    """One address for each state that a cell may have."""
    return addresses + [0] * (_MOST_STATES - len(addresses))
