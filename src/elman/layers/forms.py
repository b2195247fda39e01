"""The forms in which a recurrent layer takes its input, and the one that it runs: time first, with rows."""

from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elman.errors import ShapeError
from elman.kernels.packing import in_graph
from elman.layers.checks import checked_tuple
from elman.state import State

Arguments: TypeAlias = tuple[Tensor, State | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None]
"""x [T, B, I, *planes], state, lengths [B], resets [T, B], side [T, B, *shape], the rows by length [B]."""


def arranged(
    input: Tensor | PackedSequence,
    state: State | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    side: Tensor | None,
    plane_axes: int,
    batch_first: bool,
) -> Arguments:
    """Returns the arguments of a layer's call, time first and with rows.

    Raises:
        ShapeError: the input has another number of axes.
        ValueError: there are lengths, and the input is packed or has no rows.
    """
    if isinstance(input, PackedSequence):
        return _unpacked(input, state, lengths, resets, side, batch_first)
    axes = 3 + plane_axes
    if input.dim() == axes - 1:
        return _with_one_row(input, state, lengths, resets, side)
    if input.dim() != axes:
        raise ShapeError(f"input must have {axes - 1} or {axes} axes. Got shape {list(input.shape)}.")
    if batch_first:
        input = input.transpose(0, 1)
        resets, side = _time_first(resets), _time_first(side)
    return input, state, lengths, resets, side, None


def packed_again(packed: PackedSequence, output: Tensor, arguments: Arguments) -> PackedSequence:
    """Returns the output [T, B, O] of unpacked rows packed as their input was."""
    lengths = arguments[2]
    assert lengths is not None
    packed, order = in_graph(packed), packed.sorted_indices
    if order is not None:
        output, lengths = output[:, order], lengths[order.cpu()]
    return packed._replace(data=pack_padded_sequence(output, lengths).data)


def returned(
    input: Tensor | PackedSequence, arguments: Arguments, output: Tensor, final: State
) -> tuple[Tensor | PackedSequence, State]:
    """Returns a call's output [T, B, O, *planes] and state in the form that the input had."""
    x = arguments[0]
    if x is input:
        return output, final
    if isinstance(input, PackedSequence):
        return packed_again(input, output, arguments), final
    if input.dim() < x.dim():
        return output[:, 0], tuple(s[:, 0] for s in final)
    return output.transpose(0, 1), final


def _with_one_row(
    x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None, side: Tensor | None
) -> Arguments:
    """Returns x [T, I] and states [layers × directions, *shape] as a batch of one."""
    if lengths is not None:
        raise ValueError("lengths must be None for an unbatched input")
    return (
        x[:, None],
        None if state is None else tuple(s.unsqueeze(1) for s in checked_tuple(state)),
        None,
        None if resets is None else resets[:, None],
        None if side is None else side[:, None],
        None,
    )


def _unpacked(
    packed: PackedSequence,
    state: State | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    side: Tensor | None,
    batch_first: bool,
) -> Arguments:
    """Returns packed rows padded, in the order they had before packing, with their lengths."""
    if lengths is not None:
        raise ValueError("lengths must be None for a PackedSequence, which has its own")
    packed = in_graph(packed)
    x, packed_lengths = pad_packed_sequence(packed)
    if batch_first:
        resets, side = _time_first(resets), _time_first(side)
    order = packed.sorted_indices
    by_length = torch.arange(x.shape[1], device=x.device) if order is None else order
    return x, state, packed_lengths, resets, side, by_length


def _time_first(tensor: Tensor | None) -> Tensor | None:
    """[B, T, …] → [T, B, …]; a tensor with too few axes is left for the check that names it."""
    return tensor if tensor is None or tensor.dim() < 2 else tensor.transpose(0, 1)
