"""Gradient flow of one loss for a whole sequence: where it enters a layer's answer, and back from there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

from elman.diagnose.positions import Direction, directions_of, draw
from elman.diagnose.reading import Reading, directions, norm
from elman.state import State

_ENTERS = 1e-3  # share of the row's largest gradient; less is ignored

Way = tuple[list[np.ndarray], list[State]]  # of each layer and direction: the steps [R], the gradients


@dataclass(frozen=True)
class Entrance:
    """The gradient of a loss with respect to one layer's answer, step by step.

    Attributes:
        read: the layer's reading.
        directions: its layers and directions.
        enters: for each direction [T, R], true at the steps where the gradient enters: in the direction's
            part of the output, or at the last step that it reads, in its final states.
        output: the gradient of all calls' outputs, [T, R, directions, O, *planes].
        finals: the gradient of each final state, [layers, directions, R, *shape].
    """

    read: Reading
    directions: list[Direction]
    enters: list[np.ndarray]
    output: Tensor
    finals: State

    def ways_back(self, lags: int, positions: int, seed: int) -> Iterator[Way]:
        """Propagates the gradient that enters at one step of each row back through the whole layer.

        Args:
            lags: K.
            positions: number of steps drawn in each row, for each direction. With one position and several
                bidirectional layers, where each direction would need a pass of its own, the rows alternate
                between the directions.
            seed: seed of the draw.

        Yields:
            for each layer and direction, the step [R] at which it enters (−1: no step), and each state's
            gradient [T, R, *shape].
        """
        kinds, layers = len(self.enters), self.read.layer.num_layers
        passes = [
            _some(draw(enters, [own], lags, positions, seed))
            for enters, own in zip(self.enters, self.directions, strict=False)
        ]
        none = np.full_like(passes[0][0], -1)
        if layers == 1 or kinds == 1:  # the directions are independent
            for chosen in zip_longest(*passes, fillvalue=none):
                yield list(chosen) * layers, self._back_from(chosen)
            return
        pairs = [[at, none] for at in passes[0]] + [[none, at] for at in passes[1]]
        if positions == 1:
            pairs = self._in_turn(passes[0][0], passes[1][0])
        for forward, reverse in pairs:
            yield [forward, reverse] * layers, self._back_from([np.maximum(forward, reverse)] * kinds)

    def _in_turn(self, forward: np.ndarray, reverse: np.ndarray) -> list[list[np.ndarray]]:
        """Assigns each row to one direction, so that one pass serves both; a single row needs two passes."""
        none, lengths = np.full_like(forward, -1), self.directions[0].alive.sum(0)
        (both,) = np.nonzero((forward >= 0) & (reverse >= 0))
        if len(both) == 1:
            return [[forward, none], [none, reverse]]
        longest_first = both[np.argsort(-lengths[both], kind="stable")]
        forward, reverse = forward.copy(), reverse.copy()
        forward[longest_first[1::2]] = reverse[longest_first[::2]] = -1
        return [[forward, reverse]]

    def _back_from(self, chosen: Sequence[np.ndarray]) -> list[State]:
        """Returns the states' gradients of what enters each direction at one step of each row [R]."""
        entered = torch.zeros(self.output.shape[:3], dtype=torch.bool)
        at_end = torch.zeros(len(chosen), self.output.shape[1], dtype=torch.bool)
        for k, (at, own) in enumerate(zip(chosen, self.directions, strict=False)):
            (rows,) = np.nonzero(at >= 0)
            entered[at[rows], rows, k] = True
            at_end[k, rows] = torch.from_numpy(own.ends()[at[rows], rows])
        lengths = [len(output) for output, _ in self.read.answers]
        entered = entered.reshape(*entered.shape, *[1] * (self.output.dim() - 3))
        kept = _where(entered, self.output).flatten(2, 3).split(lengths)
        ends = [_where(at_end.reshape(*at_end.shape, *[1] * (s.dim() - 3)), s) for s in self.finals]
        entering = [*kept, *(end.flatten(0, 1) for end in ends)]
        pairs = [(own, g) for own, g in zip(_outputs(self.read), entering, strict=True) if own.requires_grad]
        self.read.forget_gradients()
        torch.autograd.backward([own for own, _ in pairs], [g for _, g in pairs], retain_graph=True)
        return self.read.gradients()


def entrances(losses: Tensor, readings: list[Reading], counted: np.ndarray) -> list[Entrance]:
    """Finds where losses enter the outputs of each recurrent layer.

    Args:
        losses: [B].
        readings: the readings of every recurrent layer.
        counted: [B] true if the loss counts.
    """
    inputs = [own for read in readings for own in _outputs(read) if own.requires_grad]
    total = losses[torch.from_numpy(counted)].sum()
    computed = torch.autograd.grad(total, inputs, retain_graph=True, materialize_grads=True) if inputs else ()
    remaining = iter(computed)
    result = []
    for read in readings:
        gradients = [
            next(remaining) if own.requires_grad else torch.zeros_like(own) for own in _outputs(read)
        ]
        calls, kinds = len(read.answers), len(directions(read.layer))
        output = torch.cat(gradients[:calls]).unflatten(2, (kinds, -1))
        finals = tuple(s.unflatten(0, (-1, kinds)) for s in gradients[calls:])
        sizes = norm(output, 3).cpu().numpy()
        at_end = torch.stack([norm(s, 3).sum(0) for s in finals]).sum(0).cpu().numpy()
        ways = directions_of(read)
        rows = np.tile(counted, output.shape[1] // len(counted))
        enters = [
            _enters(way, sizes[..., k] + way.ends() * at_end[k]) & rows for k, way in enumerate(ways[:kinds])
        ]
        result.append(Entrance(read, ways, enters, output, finals))
    return result


def _outputs(read: Reading) -> list[Tensor]:
    """Returns every call's output and the last call's final states; the others enter the next call."""
    return [*(output for output, _ in read.answers), *read.answers[-1][1]]


def _enters(own: Direction, size: np.ndarray) -> np.ndarray:
    """Marks the steps [T, R] whose size is large enough compared with the row's largest."""
    size = np.where(own.alive, np.nan_to_num(size, nan=np.inf), 0)
    return (size > 0) & (size >= _ENTERS * size.max(0, initial=0))


def _where(kept: Tensor, values: Tensor) -> Tensor:
    """Returns the values, with 0 where they are not kept."""
    return torch.where(kept.to(values.device), values, 0.0)


def _some(passes: list[np.ndarray]) -> list[np.ndarray]:
    """Returns the passes in which some row has a step; at least one pass."""
    return [chosen for chosen in passes if (chosen >= 0).any()] or passes[:1]
