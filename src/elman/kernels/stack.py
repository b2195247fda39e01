"""The loop over layers and directions, shared by all ways to unroll one of them over time."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from elman import draws
from elman.kernels.call import Call, Noise, Sweep
from elman.state import State, where

Unroll = Callable[[Sweep], tuple[Tensor, State]]
"""Unrolls one layer in one direction: output [T, B, O] and the state after the last step that was read."""
Layer = Callable[[Sequence[Sweep]], tuple[Tensor, Sequence[State]]]
"""Unrolls one layer in all its directions, which share cell, x, lengths and resets: output
[T, B, O × directions] and the state of each direction."""


_QUIET = Noise()


def run(call: Call, unroll: Unroll, layer: Layer | None = None) -> tuple[Tensor, State]:
    """Unrolls the stack: output [T, B, O × directions] and the state [layers × directions, B, *shape].

    Args:
        call: the call.
        unroll: unrolls one layer in one direction, like ``reference.unroll``.
        layer: unrolls one layer in all its directions; None: ``unroll`` for each.
    """
    if call.recompute:
        layer = partial(each_direction, partial(_in_chunks, unroll, call.recompute))
    elif layer is None:
        layer = partial(each_direction, unroll)
    directions = call.directions
    states = _unbound(call.state)
    initials = _unbound(call.initial) if call.resets is not None else [()] * len(states)
    noise = call.noise or (_QUIET,) * len(states)
    x = call.x
    finals: list[State] = []
    for k, cell in enumerate(call.cells):
        seen = x if call.input_masks is None else x * call.input_masks[k]
        sweeps = [
            Sweep(
                cell,
                call.weights[j],
                seen,
                states[j],
                initials[j],
                call.lengths,
                call.resets,
                noise[j],
                reverse=j % directions == 1,
                record=_recorded(call, states[j]),
                side=call.side,
            )
            for j in range(k * directions, (k + 1) * directions)
        ]
        y, own = layer(sweeps)
        finals.extend(own)
        x = x + y if call.residual and k > 0 else y
        if call.dropout and k < len(call.cells) - 1:
            x = _dropout(call, x)
    if len(finals) == 1:
        return x, tuple(s.unsqueeze(0) for s in finals[0])
    return x, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


def _dropout(call: Call, x: Tensor) -> Tensor:
    """Applies dropout to a layer's output [T, B, …] by torch's function, with the masks of torch's layers.

    Torch's layers see a PackedSequence without its padding, step by step, in each the longest row first. A
    compiled graph draws other numbers anyhow, and cannot select by data.
    """
    order, lengths = call.order, call.lengths
    if order is None or lengths is None or torch.compiler.is_compiling():
        return draws.dropout(x, call.dropout)
    alive = torch.arange(len(x), device=x.device)[:, None] < lengths[order]
    t, k = alive.nonzero(as_tuple=True)
    places = (t, order[k])
    return torch.zeros_like(x).index_put(places, draws.dropout(x[places], call.dropout))


def _unbound(state: State) -> list[State]:
    """Splits a state into the states of each layer and direction."""
    return list(zip(*(s.unbind() for s in state), strict=True))


def each_direction(unroll: Unroll, sweeps: Sequence[Sweep]) -> tuple[Tensor, list[State]]:
    """Unrolls one layer in all its directions, one after the other."""
    outputs, finals = zip(*map(unroll, sweeps), strict=True)
    return torch.cat(outputs, 2) if len(outputs) > 1 else outputs[0], list(finals)


def _recorded(call: Call, state: State) -> State | None:
    """Adds a state of zeros for the gradients of one layer in one direction to the call's record."""
    if call.record is None:
        return None
    zeros = tuple(s.new_zeros(len(call.x), *s.shape) for s in state)
    call.record.append(zeros)
    return zeros


def _in_chunks(unroll: Unroll, steps: int, sweep: Sweep) -> tuple[Tensor, State]:
    """Unrolls ``steps`` at a time; only the state before each chunk is stored for the backward pass."""
    T, state, resets, lengths = len(sweep.x), sweep.state, sweep.resets, sweep.lengths
    outputs: list[Tensor] = []
    begins = range(0, T, steps)
    for begin in reversed(begins) if sweep.reverse else begins:
        end = min(begin + steps, T)
        if sweep.reverse and resets is not None and end < T:
            cut = resets[end] if lengths is None else resets[end] & (end < lengths)
            state = where(cut, sweep.initial, state)
        chunk = sweep.part(begin, end, state)
        output, state = checkpoint(unroll, chunk, use_reentrant=False, preserve_rng_state=False)
        outputs.append(output)
    if not outputs:
        return unroll(sweep)
    return torch.cat(outputs[::-1] if sweep.reverse else outputs), state
