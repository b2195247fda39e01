"""Layers of a cell, random inputs for them, and a batch that runs piece by piece."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from elman.cells import Cell
from elman.layers import Recurrent
from elman.state import State
from elman.testing.agreement import draw, draw_side, planes_of, randomise

MakeCell = Callable[..., Cell]
"""A cell's class, or what is called like one: ``make(input_size, hidden_size, bias=True)``."""

T, I, H = 6, 3, 4


def build(make: MakeCell, **options: Any) -> Recurrent:
    """A layer of the cell, in float64, with random parameters."""
    return randomise(Recurrent(make(I, H), dtype=torch.float64, **options))


def draw_all(layer: Recurrent, B: int, steps: int = T) -> tuple[Tensor, State, dict[str, Any]]:
    """A random input and state, and the side input, if the cell takes one, as the keyword that takes it."""
    return *draw(layer, steps, B), draw_side(layer.cell, steps, B)


def part(side: dict[str, Any], *index: Any) -> dict[str, Any]:
    """Some steps and rows of a side input."""
    return {name: value[index] for name, value in side.items()}


def behind(values: Tensor, like: Tensor) -> Tensor:
    """[T, B] with as many further axes as ``like`` has."""
    return values.view(*values.shape, *(1,) * (like.dim() - values.dim()))


def run_pieces(
    layer: Recurrent, x: Tensor, state: State, lengths: Tensor, resets: Tensor, side: dict[str, Any]
) -> tuple[Tensor, State]:
    """Each row alone, and each of its pieces between two resets alone, through the whole stack."""
    directions = 2 if layer.bidirectional else 1

    def select(forward: State, backward: State) -> State:
        """One state for the layers that read forward, the other for those that read in reverse."""
        rows = range(len(forward[0]))
        return tuple(
            torch.stack([(b if k % directions else f)[k] for k in rows])
            for f, b in zip(forward, backward, strict=True)
        )

    outputs, finals = [], []
    for row, n in enumerate(lengths.tolist()):
        given = tuple(s[:, row : row + 1] for s in state)
        initial = layer.initial_state(1, planes_of(layer.cell))
        cuts = [0, *(t for t in range(1, n) if resets[t, row]), n]
        pieces = []
        for begin, end in pairwise(cuts):
            starts_anew = begin > 0 or (n > 0 and bool(resets[0, row]))
            before = select(initial if starts_anew else given, initial if end < n else given)
            at = slice(begin, end), slice(row, row + 1)
            pieces.append(layer(x[at], before, **part(side, *at)))
        output = torch.cat([piece for piece, _ in pieces])
        outputs.append(torch.cat([output, output.new_zeros(len(x) - n, *output.shape[1:])]))
        finals.append(select(pieces[-1][1], pieces[0][1]))
    return torch.cat(outputs, 1), tuple(torch.cat(parts, 1) for parts in zip(*finals, strict=True))


def with_garbage(values: Tensor, padding: Tensor) -> Tensor:
    """Other values where there is padding [T, B]."""
    garbage = 1e3 * torch.rand_like(values)
    return torch.where(behind(padding, values), garbage, values).detach().requires_grad_()
