"""The compiled CPU kernels (csrc/): float32 and bfloat16, every option of the layer.

One call covers one layer in one or both directions. In eager mode it is an ``autograd.Function``, in a
compiled graph the operator ``elman::sweep``; both run the same two functions. The reference computes
gradients that are differentiated again, so everything that works there works here too.
"""

import itertools
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Weights
from elman.kernels import reference, stack
from elman.kernels.call import Call, Noise, Sweep, cast
from elman.kernels.compiled import table
from elman.kernels.compiled.operator import sweep_in_graph
from elman.kernels.compiled.passes import (
    DTYPES,
    Inputs,
    Options,
    backward,
    forward,
    is_half,
    memory,
    taken_apart,
)
from elman.kernels.compiled.table import WEIGHTS, _kernels, translated, why_no_kernel
from elman.kernels.plain import has_memory, why_not
from elman.state import State


def supports(call: Call) -> str | None:
    """Returns None, or the reason why the compiled kernels cannot run this call."""
    if _kernels is None:
        return "the compiled kernels were not built: there was no C++ compiler when elman was installed"
    if call.side is not None or call.x.dim() != 3:
        return "the compiled kernels take neither a side input nor planes"
    reason = why_no_kernel(call.cells)
    if reason is not None:
        return reason
    tensors = [call.x, *call.state, *(p for w in call.weights for p in w.values())]
    try:
        if not all(t.is_cpu for t in tensors):
            return "the compiled kernels run on a CPU"
    except RuntimeError:  # torch's ExpandedWeight, for the gradients of each sample, has no attributes
        return "the compiled kernels take plain tensors"
    if torch.is_autocast_enabled("cpu"):
        if torch.get_autocast_dtype("cpu") != torch.bfloat16 or call.state[0].dtype != torch.float32:
            return "the compiled kernels take float32 or bfloat16, under autocast too"
    elif call.x.dtype not in DTYPES or any(t.dtype != call.x.dtype for t in tensors):
        return f"the compiled kernels take float32 or bfloat16. Got {call.x.dtype}"
    if torch.compiler.is_compiling() and call.record is not None:
        return "a compiled graph does not record its states' gradients"
    return why_not([*tensors, *call.initial, *(t for t in (call.lengths, call.resets) if t is not None)])


def run(call: Call) -> tuple[Tensor, State]:
    """Runs the stack by one call of the kernels per layer."""
    if not _is_widened(call):
        return stack.run(call, unroll, layer)
    weights = tuple({k: v.float() for k, v in w.items()} for w in call.weights)
    state, initial = (tuple(s.float() for s in given) for given in (call.state, call.initial))
    wide = call._replace(weights=weights, x=call.x.float(), state=state, initial=initial)
    with torch.autocast("cpu", enabled=False) if torch.is_autocast_enabled("cpu") else nullcontext():
        output, final = stack.run(wide, unroll, layer)
    return cast(output, call.state[0].dtype), tuple(cast(s, call.state[0].dtype) for s in final)


def remark(call: Call) -> str:
    """Returns what a user may not expect of ``run``, as the end of a sentence; empty if there is nothing."""
    return " in float32: this processor multiplies bfloat16 no faster" if _is_widened(call) else ""


def _is_widened(call: Call) -> bool:
    """Whether a call in bfloat16 is computed in float32, because that is faster and more exact."""
    return not table.HALVES_PAY and (is_half(call.x) or torch.is_autocast_enabled("cpu"))


def unroll(sweep: Sweep) -> tuple[Tensor, State]:
    """Unrolls one layer in one direction, like ``reference.unroll``."""
    output, (final,) = layer((sweep,))
    return output, final


def layer(sweeps: Sequence[Sweep]) -> tuple[Tensor, list[State]]:
    """Unrolls one layer in all its directions in parallel, like ``stack.each_direction``."""
    sweeps = translated(sweeps)
    if any(sweep.x is not sweeps[0].x for sweep in sweeps):
        return stack.each_direction(unroll, sweeps)
    state = sweeps[0].state
    if torch.is_autocast_enabled("cpu"):  # products in bfloat16, states and results in float32
        sweeps = _lowered(sweeps)
    options, inputs = taken_apart(sweeps)
    if torch.compiler.is_compiling():
        results = sweep_in_graph(options, inputs)
    elif torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs):
        results = _Layer.apply(options, *inputs)
    else:
        results = forward(options, inputs, None)
    output, *final = results
    final = [cast(s, old.dtype) for s, old in zip(final, state * len(sweeps), strict=True)]
    n = len(state)
    return cast(output, state[0].dtype), [tuple(final[k : k + n]) for k in range(0, len(final), n)]


def _lowered(sweeps: Sequence[Sweep]) -> list[Sweep]:
    """Returns the sweeps with inputs and weights in bfloat16."""
    x = sweeps[0].x.to(torch.bfloat16)

    def lowered(w: Weights) -> Weights:
        return {k: v.to(torch.bfloat16) if k in WEIGHTS else v for k, v in w.items()}

    return [replace(sweep, x=x, w=lowered(sweep.w)) for sweep in sweeps]


class _Layer(torch.autograd.Function):
    """A layer's sweeps in eager mode; the tensor arguments are ``Inputs``."""

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
        if ctx.spent:  # the first backward overwrote the gates by their gradients: recompute them
            forward(ctx.options, inputs, kept)
        ctx.spent = True
        return (None, *backward(ctx.options, inputs, kept, needs, d_results))


def _by_reference(
    options: Options, inputs: Inputs, needs: Sequence[bool], gradients: Inputs
) -> list[Tensor | None]:
    """Computes the gradients by the reference, in float32; differentiable if gradients are enabled."""
    again = torch.is_grad_enabled()

    def wide(t: Any) -> Any:
        return t.float() if isinstance(t, Tensor) else t

    def plain(sweep: Sweep) -> Sweep:
        masks, zoneout = sweep.noise.recurrent, sweep.noise.zoneout
        noise = Noise(masks and tuple(map(wide, masks)), zoneout and tuple(map(wide, zoneout)))
        return replace(sweep, noise=noise, record=None)

    with torch.enable_grad():
        sweeps = map(plain, options.sweeps(list(map(wide, inputs))))
        output, finals = stack.each_direction(reference.unroll, list(sweeps))
    results = [output, *itertools.chain(*finals)]
    targets = [t for t, need in zip(inputs, needs, strict=True) if need and t is not None]
    pairs = [(r, g.to(r.dtype)) for r, g in zip(results, gradients, strict=True) if g is not None]
    computed = iter(
        torch.autograd.grad(
            [r for r, _ in pairs], targets, [g for _, g in pairs], create_graph=again, allow_unused=True
        )
    )
    return [next(computed) if need and t is not None else None for t, need in zip(inputs, needs, strict=True)]
