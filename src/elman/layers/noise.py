"""The random parts of a recurrent layer's call: dropped weights, masks of inputs and states, zoneout."""

from collections.abc import Sequence

from torch import Tensor

from elman import draws
from elman.cells.base import Cell, Weights
from elman.dropout import dropout, mask
from elman.kernels.call import Noise
from elman.state import State


def dropped_weights(cell: Cell, weights: tuple[Weights, ...], rate: float) -> tuple[Weights, ...]:
    """Returns the weights of each layer and direction, with dropout on the elements of the recurrent ones."""
    if not rate:
        return weights
    dropped = cell.recurrent_weights
    return tuple({k: dropout(v, rate) if k in dropped else v for k, v in w.items()} for w in weights)


def input_masks(cells: Sequence[Cell], x: Tensor, rate: float) -> tuple[Tensor, ...] | None:
    """Returns a mask [B, I, *planes] for the input of each layer, for an input x [T, B, I, *planes]."""
    if not rate:
        return None
    rows, planes = x.shape[1], x.shape[3:]
    return tuple(mask((rows, cell.input_size, *planes), rate, x) for cell in cells)


def noise_of_each(
    cell: Cell,
    steps: int,
    initial: State,
    recurrent_dropout: float,
    zoneout: tuple[float, ...],
    training: bool,
) -> tuple[Noise, ...]:
    """Returns one Noise for each layer and direction; empty if there is no noise.

    Args:
        cell: the cell of the first layer.
        steps: T.
        initial: the initial state, each [layers × directions, B, *shape].
        recurrent_dropout: the probability of a mask on the states that enter a product; 0: none.
        zoneout: a rate for each state.
        training: draws which units keep their state; otherwise each keeps the rate's share.
    """
    if not recurrent_dropout and not any(zoneout):
        return ()

    def kept() -> tuple[Tensor | float, ...] | None:
        if not any(zoneout):
            return None
        if not training:
            return zoneout
        return tuple(
            (draws.rand(steps, *s.shape[1:], device=s.device) < rate).to(s.dtype)
            for rate, s in zip(zoneout, initial, strict=True)
        )

    multiplied = [initial[k] for k in cell.multiplied_states]
    return tuple(
        Noise(
            tuple(mask(s.shape[1:], recurrent_dropout, s) for s in multiplied) if recurrent_dropout else None,
            kept(),
        )
        for _ in range(len(initial[0]))
    )
