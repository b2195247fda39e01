"""The arguments of a backend."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from elman.cells.base import Cell, Weights
from elman.state import State

Answer = tuple[Tensor, State]  # output [T, B, O × directions, …] and the state after the last step


def check_lengths(lengths: Tensor, steps: int) -> None:
    """Raises ValueError unless all lie in [0, steps]."""
    if len(lengths) and not (0 <= int(lengths.min()) <= int(lengths.max()) <= steps):
        raise ValueError(f"lengths must lie in [0, {steps}]. Got {lengths.tolist()}.")


def cast(t: Tensor, dtype: torch.dtype) -> Tensor:
    """Casts to a dtype; the check first is ten times as fast as ``Tensor.to`` if there is nothing to do."""
    return t if t.dtype is dtype else t.to(dtype)


@dataclass(frozen=True)
class Noise:
    """The noise on one layer in one direction during a call; drawn by the layer, applied by the backend.

    Attributes:
        recurrent: a mask [B, *shape] for each state that enters a matrix product (only that product sees the
            masked state), in the states' order, the same at every step; None without recurrent dropout.
        zoneout: for each state, the share of the old state in the new one: a tensor [T, B, *shape] of 0 and 1
            in training, its expectation in evaluation; None without zoneout.
    """

    recurrent: State | None = None
    zoneout: tuple[Tensor | float, ...] | None = None


@dataclass(frozen=True)
class Sweep:
    """One layer in one direction over all steps: the arguments of an unroll.

    Attributes:
        cell: the cell.
        w: the parameters by name.
        x: [T, B, I, *planes].
        state: the state before the first step that is read, each tensor [B, *shape].
        initial: the state after a reset, shaped like ``state``; not read without resets.
        lengths: [B] int64; None: every row has T steps.
        resets: [T, B] bool, true if the state is reset before that step; or None.
        noise: the noise.
        reverse: whether it reads from the end.
        record: a tensor [T, B, *shape] for each state, which the backward pass fills with the gradient of the
            state after each step; or None.
        side: [T, B, *shape] the side input; or None.
    """

    cell: Cell
    w: Weights
    x: Tensor
    state: State
    initial: State = ()
    lengths: Tensor | None = None
    resets: Tensor | None = None
    noise: Noise = Noise()
    reverse: bool = False
    record: State | None = None
    side: Tensor | None = None

    def part(self, begin: int, end: int, state: State) -> "Sweep":
        """Returns the sweep of steps [begin, end), which starts from ``state``."""
        own, lengths, zoneout = slice(begin, end), self.lengths, self.noise.zoneout
        if zoneout is not None:
            zoneout = tuple(z[own] if isinstance(z, Tensor) else z for z in zoneout)
        return replace(
            self,
            x=self.x[own],
            state=state,
            lengths=None if lengths is None else (lengths - begin).clamp(0, end - begin),
            resets=None if self.resets is None else self.resets[own],
            noise=Noise(self.noise.recurrent, zoneout),
            record=None if self.record is None else tuple(r[own] for r in self.record),
            side=None if self.side is None else self.side[own],
        )


class Call(NamedTuple):
    """One call of a stack: layers × directions, layer by layer, the forward direction first.

    A named tuple, because every call makes one, which would take four times as long for a frozen dataclass.

    Attributes:
        cells: the cell of each layer.
        weights: parameters by name, for each layer and direction.
        x: [T, B, I, *planes].
        state: the state before the first step, each tensor [layers × directions, B, *shape].
        initial: the state after a reset, shaped like ``state``.
        lengths: [B] int64 on x's device; None: every row has T steps.
        order: [B] int64 positions of the rows from longest to shortest, if x comes from a PackedSequence:
            dropout between layers then draws its masks in that layout, as torch does; or None.
        resets: [T, B] bool, true if the state is reset before that step; or None.
        side: [T, B, *shape] the side input, which every layer and direction reads; or None.
        bidirectional: whether each layer also reads from the end.
        dropout: probability on the output of every layer but the last (0 in evaluation).
        residual: whether every layer but the first adds its input to its output.
        input_masks: for each layer a mask [B, I, *planes] on its input, the same at every step; or None.
        noise: for each layer and direction; empty without noise.
        recompute: chunk length in steps, if the backward pass recomputes intermediate results chunk by chunk
            instead of storing them; 0: everything is stored.
        record: a list to which every layer and direction adds a state of zeros [T, B, *shape]; the backward
            pass fills it with the gradient of the state after each step; or None.
    """

    cells: tuple[Cell, ...]
    weights: tuple[Weights, ...]
    x: Tensor
    state: State
    initial: State
    lengths: Tensor | None = None
    order: Tensor | None = None
    resets: Tensor | None = None
    side: Tensor | None = None
    bidirectional: bool = False
    dropout: float = 0.0
    residual: bool = False
    input_masks: tuple[Tensor, ...] | None = None
    noise: tuple[Noise, ...] = ()
    recompute: int = 0
    record: list[State] | None = None

    @property
    def directions(self) -> int:
        """Number of directions: 1 or 2."""
        return 2 if self.bidirectional else 1
