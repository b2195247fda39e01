"""The loop over layers and directions, which is the same whatever unrolls one of them over time."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from elman.cells.base import Cell, Weights
from elman.kernels.call import Call, Noise
from elman.state import State, where

Unroll = Callable[..., tuple[Tensor, State]]


def run(call: Call, unroll: Unroll) -> tuple[Tensor, State]:
    """Unrolls the stack: output [T, B, O × directions] and the state [layers × directions, B, *shape].

    Args:
        call: what to do.
        unroll: one layer in one direction; as ``reference.unroll``.
    """
    x, finals = call.x, []
    states = list(zip(*(s.unbind() for s in call.state), strict=True))
    # what a reset puts a state back to; nobody asks without resets
    initials = states if call.resets is None else list(zip(*(s.unbind() for s in call.initial), strict=True))
    if call.recompute:
        unroll = partial(_in_chunks, unroll, call.recompute)
    for layer, cell in enumerate(call.cells):
        entering = x if call.input_masks is None else x * call.input_masks[layer]
        outputs = []
        for direction in range(call.directions):
            k = layer * call.directions + direction
            output, final = unroll(
                cell,
                call.weights[k],
                entering,
                states[k],
                initial=initials[k],
                lengths=call.lengths,
                resets=call.resets,
                noise=call.noise[k] if call.noise else Noise(),
                reverse=direction == 1,
                record=_recorded(call, k),
            )
            outputs.append(output)
            finals.append(final)
        y = torch.cat(outputs, -1) if call.bidirectional else outputs[0]
        x = x + y if call.residual and layer > 0 else y
        if call.dropout and layer < len(call.cells) - 1:
            x = F.dropout(x, call.dropout)  # torch's own: its layers draw the same masks
    if len(finals) == 1:
        return x, tuple(s[None] for s in finals[0])
    return x, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


def _recorded(call: Call, k: int) -> State | None:
    """Where the gradients of the states of one layer and direction will stand."""
    if call.record is None:
        return None
    T = call.x.shape[0]
    zeros = tuple(torch.zeros(T, *s[k].shape, dtype=s.dtype, device=s.device) for s in call.state)
    call.record.append(zeros)
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
