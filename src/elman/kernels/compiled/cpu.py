"""The compiled CPU kernels (csrc/): float32 and bfloat16, every option of the layer.

One call covers one layer in one or both directions. In eager mode it is an ``autograd.Function``, in a
compiled graph the operator ``elman::sweep``; both run the same two functions. A gradient that is to be
differentiated again is computed by the reference, so nothing that works there stops working here.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Cell, Weights
from elman.kernels import reference, stack
from elman.kernels.call import Call, Noise
from elman.kernels.compiled.operator import sweep
from elman.kernels.compiled.passes import (
    CELLS,
    DTYPES,
    PARAMETERS,
    WEIGHTS,
    Inputs,
    Options,
    _kernels,
    backward,
    cast,
    forward,
    memory,
    split,
)
from elman.kernels.plain import has_memory, why_not
from elman.state import State


def supports(call: Call) -> str | None:
    """None, or why the compiled kernels cannot run this call."""
    if _kernels is None:
        return "the compiled kernels were not built: there was no C++ compiler when elman was installed"
    if type(call.cells[0]) not in CELLS:
        return f"no compiled kernel of {type(call.cells[0]).__name__}"
    tensors = [call.x, *call.state, *(p for w in call.weights for p in w.values())]
    if not all(t.is_cpu for t in tensors):
        return "the compiled kernels run on a CPU"
    if torch.is_autocast_enabled("cpu"):
        if torch.get_autocast_dtype("cpu") != torch.bfloat16 or call.state[0].dtype != torch.float32:
            return "the compiled kernels take float32 or bfloat16"
    elif call.x.dtype not in DTYPES or any(t.dtype != call.x.dtype for t in tensors):
        return "the compiled kernels take float32 or bfloat16"
    if torch.compiler.is_compiling() and call.record is not None:
        return "a compiled graph does not tell its states' gradients"
    return why_not([*tensors, *call.initial, *(t for t in (call.lengths, call.resets) if t is not None)])


def run(call: Call) -> tuple[Tensor, State]:
    """The stack, one call of the kernels a layer."""
    return stack.run(call, unroll, layer)


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
    record: State | None = None,
) -> tuple[Tensor, State]:
    """One layer in one direction; as ``reference.unroll``."""
    output, final = layer(
        cell,
        (w,),
        x,
        tuple(s[None] for s in state),
        initial=tuple(s[None] for s in initial),
        lengths=lengths,
        resets=resets,
        noise=(noise,),
        reverse=(reverse,),
        record=None if record is None else (record,),
    )
    return output, tuple(s[0] for s in final)


def layer(
    cell: Cell,
    weights: Sequence[Weights],
    x: Tensor,
    state: State,
    *,
    initial: State,
    lengths: Tensor | None,
    resets: Tensor | None,
    noise: Sequence[Noise],
    reverse: Sequence[bool],
    record: Sequence[State] | None = None,
) -> tuple[Tensor, State]:
    """One layer in all its directions, side by side; as ``stack.each_direction``."""
    if torch.is_autocast_enabled("cpu"):  # products in bfloat16, memory and results in float32
        x = x.to(torch.bfloat16)
        weights = [{k: v.to(torch.bfloat16) if k in WEIGHTS else v for k, v in w.items()} for w in weights]
    options = Options(cell, lengths, resets, noise, reverse, record)
    start = initial if resets is not None else ()
    inputs = [x, *state, *start, *(w.get(name) for w in weights for name in PARAMETERS)]
    if torch.compiler.is_compiling():
        results = sweep(options, inputs)
    elif torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs):
        results = _Sweep.apply(options, *inputs)
    else:
        results = forward(options, inputs, None)
    output, *final = results
    return cast(output, state[0].dtype), tuple(cast(f, s.dtype) for f, s in zip(final, state, strict=True))


class _Sweep(torch.autograd.Function):
    """A layer's sweeps in eager mode; their inputs as ``Inputs``."""

    @staticmethod
    def forward(ctx: Any, options: Options, *inputs: Tensor | None) -> Any:
        x = inputs[0]
        assert x is not None
        kept = memory(options.kept_bytes(x))
        results = forward(options, inputs, kept)
        ctx.options, ctx.spent = options, False
        ctx.save_for_backward(*inputs, kept)
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor | None) -> Any:
        *inputs, kept = ctx.saved_tensors
        needs = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled() or not all(g is None or has_memory(g) for g in d_results):
            return (None, *_by_reference(ctx.options, inputs, needs, d_results))
        if ctx.spent:  # the gates were overwritten by their gradients: a second backward makes them again
            forward(ctx.options, inputs, kept)
        ctx.spent = True
        return (None, *backward(ctx.options, inputs, kept, needs, d_results))


def _widened(noise: Noise) -> Noise:
    def wide(t: Any) -> Any:
        return t.float() if isinstance(t, Tensor) else t

    return Noise(wide(noise.recurrent), noise.zoneout and tuple(wide(z) for z in noise.zoneout))


def _by_reference(
    options: Options, inputs: Inputs, needs: Sequence[bool], gradients: Inputs
) -> list[Tensor | None]:
    """The gradients once more by the reference, in float32; differentiable where gradients are enabled."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        x, state, start, parameters = split(options, [None if t is None else t.float() for t in inputs])
        known = [zip(PARAMETERS, own, strict=True) for own in parameters]
        output, final = stack.each_direction(
            reference.unroll,
            options.cell,
            [{name: p for name, p in own if p is not None} for own in known],
            x,
            state,
            initial=start,
            lengths=options.lengths,
            resets=options.resets,
            noise=[_widened(noise) for noise in options.noise],
            reverse=options.reverse,
        )
    wanted = [t for t, need in zip(inputs, needs, strict=True) if need and t is not None]
    given = [(r, g.to(r.dtype)) for r, g in zip((output, *final), gradients, strict=True) if g is not None]
    found = iter(
        torch.autograd.grad(
            [r for r, _ in given], wanted, [g for _, g in given], create_graph=again, allow_unused=True
        )
    )
    return [next(found) if need and t is not None else None for t, need in zip(inputs, needs, strict=True)]
