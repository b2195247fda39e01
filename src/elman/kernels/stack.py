"""The loop over layers and directions, which is the same whatever unrolls one of them over time."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from elman.cells.base import Cell, Weights
from elman.kernels.call import Call, Noise
from elman.state import State, where

Unroll = Callable[..., tuple[Tensor, State]]


def run(call: Call, unroll: Unroll, layer: Unroll | None = None) -> tuple[Tensor, State]:
    """Unrolls the stack: output [T, B, O × directions] and the state [layers × directions, B, *shape].

    Args:
        call: what to do.
        unroll: one layer in one direction; as ``reference.unroll``.
        layer: one layer in all its directions, where that is more than ``unroll`` for each.
    """
    if call.recompute:
        layer = partial(each_direction, partial(_in_chunks, unroll, call.recompute))
    elif layer is None:
        layer = partial(each_direction, unroll)
    directions = call.directions
    states = _of_each_layer(call, call.state)
    # what a reset puts a state back to; nobody asks without resets
    initials = states if call.resets is None else _of_each_layer(call, call.initial)
    x, finals = call.x, []
    for k, cell in enumerate(call.cells):
        own = slice(k * directions, (k + 1) * directions)
        y, final = layer(
            cell,
            call.weights[own],
            x if call.input_masks is None else x * call.input_masks[k],
            states[k],
            initial=initials[k],
            lengths=call.lengths,
            resets=call.resets,
            noise=call.noise[own] or (Noise(),) * directions,
            reverse=(False, True)[:directions],
            record=_recorded(call, states[k]),
        )
        finals.append(final)
        x = x + y if call.residual and k > 0 else y
        if call.dropout and k < len(call.cells) - 1:
            x = F.dropout(x, call.dropout)  # torch's own: its layers draw the same masks
    if len(finals) == 1:
        return x, finals[0]
    return x, tuple(torch.cat(parts) for parts in zip(*finals, strict=True))


def _of_each_layer(call: Call, state: State) -> list[State]:
    if len(call.cells) == 1:
        return [state]
    return list(zip(*(s.split(call.directions) for s in state), strict=True))


def each_direction(
    unroll: Unroll,
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
    """One layer in all its directions, one after the other by ``unroll``.

    Weights, noise, reverse and record are those of each direction; each state is [directions, B, *shape].
    """
    outputs, finals = [], []
    for k, w in enumerate(weights):
        output, final = unroll(
            cell,
            w,
            x,
            tuple(s[k] for s in state),
            initial=tuple(s[k] for s in initial),
            lengths=lengths,
            resets=resets,
            noise=noise[k],
            reverse=reverse[k],
            record=None if record is None else record[k],
        )
        outputs.append(output)
        finals.append(final)
    y = torch.cat(outputs, -1) if len(outputs) > 1 else outputs[0]
    return y, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


def _recorded(call: Call, state: State) -> list[State] | None:
    """Where the gradients of the states of one layer will stand, for each direction."""
    if call.record is None:
        return None
    T = len(call.x)
    zeros = [tuple(s.new_zeros(T, *s.shape[1:]) for s in state) for _ in range(call.directions)]
    call.record.extend(zeros)
    return zeros


def _in_chunks(
    unroll: Unroll,
    steps: int,
    cell: Cell,
    w: Weights,
    x: Tensor,
    state: State,
    *,
    initial: State,
    lengths: Tensor | None,
    resets: Tensor | None,
    noise: Noise,
    reverse: bool,
    record: State | None,
) -> tuple[Tensor, State]:
    """``unroll``, ``steps`` at a time: of each chunk only the state before it is kept for the backward."""
    T, outputs = x.shape[0], []
    begins = range(0, T, steps)
    for begin in reversed(begins) if reverse else begins:
        part = slice(begin, begin + steps)
        end = min(begin + steps, T)
        if reverse and resets is not None and end < T:
            cut = resets[end] if lengths is None else resets[end] & (end < lengths)
            state = where(cut, initial, state)
        zoneout = noise.zoneout and tuple(z[part] if isinstance(z, Tensor) else z for z in noise.zoneout)
        output, state = checkpoint(
            unroll,
            cell,
            w,
            x[part],
            state,
            initial=initial,
            lengths=None if lengths is None else (lengths - begin).clamp(0, end - begin),
            resets=None if resets is None else resets[part],
            noise=Noise(noise.recurrent, zoneout),
            reverse=reverse,
            record=None if record is None else tuple(r[part] for r in record),
            use_reentrant=False,
            preserve_rng_state=False,
        )
        outputs.append(output)
    if not outputs:
        return unroll(cell, w, x, state, initial=initial, reverse=reverse)
    return torch.cat(outputs[::-1] if reverse else outputs), state
