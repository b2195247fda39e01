"""Creates, detaches, reorders and freezes recurrent states.

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
    """Returns the zero state: one tensor ``[*leading, *shape]`` for each shape."""
    return tuple([torch.zeros(*leading, *shape, device=device, dtype=dtype) for shape in shapes])


def detach(state: State) -> State:
    """Returns the same values without gradient history, as truncated backpropagation through time needs."""
    return tuple(s.detach() for s in state)


def reorder(state: State, index: Tensor, dim: int = 1) -> State:
    """Selects rows of the batch by ``index`` [N], as beam search needs; ``dim`` is the batch axis."""
    return tuple(s.index_select(dim, index) for s in state)


def where(rows: Tensor, chosen: State, other: State, dim: int = 0) -> State:
    """Takes ``chosen`` where ``rows`` [B] is true, ``other`` elsewhere; ``dim`` is the batch axis.

    This freezes a state past the end of its sequence (only rows that have not ended take the new state) and
    resets it (rows where a sequence starts take the initial state).
    """
    return tuple(
        torch.where(rows.view(-1, *(1,) * (c.dim() - 1 - dim)), c, o)
        for c, o in zip(chosen, other, strict=True)
    )
