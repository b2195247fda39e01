"""The one place where a recurrent state is made, cut from its history, reordered and held still.

A state is a tuple of tensors, one for each named state of the cell. Inside a sweep over one layer and one
direction they are ``[B, *shape]``; between calls of a layer ``[layers × directions, B, *shape]``.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

State = tuple[Tensor, ...]


def zeros(
    shapes: Sequence[tuple[int, ...]], *leading: int, device: torch.device | None = None, dtype: torch.dtype
) -> State:
    """The zero state: one tensor ``[*leading, *shape]`` for each shape."""
    return tuple(torch.zeros(*leading, *shape, device=device, dtype=dtype) for shape in shapes)


def detach(state: State) -> State:
    """The same values without their history: where truncated backpropagation through time cuts."""
    return tuple(s.detach() for s in state)


def reorder(state: State, index: Tensor, dim: int = 1) -> State:
    """Rows of the batch picked by ``index`` [N], as beam search needs; ``dim`` is the batch axis."""
    return tuple(s.index_select(dim, index) for s in state)


def where(rows: Tensor, chosen: State, other: State, dim: int = 0) -> State:
    """``chosen`` in the rows where ``rows`` [B] is true, ``other`` elsewhere; ``dim`` is the batch axis.

    It freezes a state past its sequence's end (rows still alive take the new one) and puts one back to the
    start (rows that reset take the initial one).
    """
    return tuple(
        torch.where(rows.view(-1, *(1,) * (c.dim() - 1 - dim)), c, o)
        for c, o in zip(chosen, other, strict=True)
    )
