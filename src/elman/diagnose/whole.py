"""One loss for a whole sequence: at which steps it enters a layer's answer, and the ways back from there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

from elman.diagnose.positions import Direction, directions_of, draw
from elman.diagnose.reading import Reading, directions, norm
from elman.state import State

_ENTERS = 1e-3  # of what enters at a row's foremost step: less is as good as nothing

Way = tuple[list[np.ndarray], list[State]]  # of each layer and direction: the steps [R], the gradients


@dataclass(frozen=True)
class Entrance:
    """What of a loss reaches one layer's answer, step by step.

    Attributes:
        read: by the layer.
        found: its layers and directions.
        enters: for each direction [T, R], true where some does: in its part of the output, or at the last
            step that it reads, in its final states.
        output: the gradient of all calls' outputs, [T, R, directions, O, *planes].
        finals: of each final state, [layers, directions, R, *shape].
    """

    read: Reading
    found: list[Direction]
    enters: list[np.ndarray]
    output: Tensor
    finals: State

    def ways_back(self, lags: int, positions: int, seed: int) -> Iterator[Way]:
        """The gradient of what enters at one step of each row, back through the whole layer.

        Args:
            lags: K.
            positions: steps drawn of each row, for each direction. Where it is one and several layers read
                both ways, each direction would take a pass of its own: the rows serve them in turn.
            seed: of that draw.

        Yields:
            for each layer and direction the step [R] at which it enters, −1 for none, and each state's
            gradient [T, R, *shape].
        """
        kinds, layers = len(self.enters), self.read.layer.num_layers
        passes = [
            _some(draw(enters, [own], lags, positions, seed))
            for enters, own in zip(self.enters, self.found, strict=False)
        ]
        none = np.full_like(passes[0][0], -1)
        if layers == 1 or kinds == 1:  # the directions have nothing to do with each other
            for chosen in zip_longest(*passes, fillvalue=none):
                yield list(chosen) * layers, self._back_from(chosen)
            return
        shown = [[at, none] for at in passes[0]] + [[none, at] for at in passes[1]]
        if positions == 1:
            shown = self._in_turn(passes[0][0], passes[1][0])
        for forward, reverse in shown:
            yield [forward, reverse] * layers, self._back_from([np.maximum(forward, reverse)] * kinds)

    def _in_turn(self, forward: np.ndarray, reverse: np.ndarray) -> list[list[np.ndarray]]:
        """Steps [R] of both directions in one pass, each row for one of them; two passes for a single row."""
        none, lengths = np.full_like(forward, -1), self.found[0].alive.sum(0)
        (both,) = np.nonzero((forward >= 0) & (reverse >= 0))
        if len(both) == 1:
            return [[forward, none], [none, reverse]]
        longest_first = both[np.argsort(-lengths[both], kind="stable")]
        forward, reverse = forward.copy(), reverse.copy()
        forward[longest_first[1::2]] = reverse[longest_first[::2]] = -1
        return [[forward, reverse]]

    def _back_from(self, chosen: Sequence[np.ndarray]) -> list[State]:
        """The states' gradients of what enters each direction at one step of each row [R]."""
        entered = torch.zeros(self.output.shape[:3], dtype=torch.bool)
        at_end = torch.zeros(len(chosen), self.output.shape[1], dtype=torch.bool)
        for k, (at, own) in enumerate(zip(chosen, self.found, strict=False)):
            (rows,) = np.nonzero(at >= 0)
            entered[at[rows], rows, k] = True
            at_end[k, rows] = torch.from_numpy(own.ends()[at[rows], rows])
        lengths = [len(output) for output, _ in self.read.answers]
        entered = entered.reshape(*entered.shape, *[1] * (self.output.dim() - 3))
        kept = _where(entered, self.output).flatten(2, 3).split(lengths)
        ends = [_where(at_end.reshape(*at_end.shape, *[1] * (s.dim() - 3)), s) for s in self.finals]
        let_in = [*kept, *(end.flatten(0, 1) for end in ends)]
        pairs = [(own, g) for own, g in zip(_given(self.read), let_in, strict=True) if own.requires_grad]
        self.read.forget_gradients()
        torch.autograd.backward([own for own, _ in pairs], [g for _, g in pairs], retain_graph=True)
        return self.read.gradients()


def entrances(losses: Tensor, readings: list[Reading], counted: np.ndarray) -> list[Entrance]:
    """Where losses enter what each recurrent layer gives.

    Args:
        losses: [B].
        readings: by every recurrent layer.
        counted: [B] losses that count.
    """
    asked = [given for read in readings for given in _given(read) if given.requires_grad]
    total = losses[torch.from_numpy(counted)].sum()
    told = iter(torch.autograd.grad(total, asked, retain_graph=True, materialize_grads=True) if asked else ())
    found = []
    for read in readings:
        gradients = [next(told) if own.requires_grad else torch.zeros_like(own) for own in _given(read)]
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
        found.append(Entrance(read, ways, enters, output, finals))
    return found


def _given(read: Reading) -> list[Tensor]:
    """Every call's output and the last one's final states; those of the others go on into the next."""
    return [*(output for output, _ in read.answers), *read.answers[-1][1]]


def _enters(own: Direction, size: np.ndarray) -> np.ndarray:
    """[T, R] where a size counts beside the largest of its row."""
    size = np.where(own.alive, np.nan_to_num(size, nan=np.inf), 0)
    return (size > 0) & (size >= _ENTERS * size.max(0, initial=0))


def _where(kept: Tensor, values: Tensor) -> Tensor:
    """The values, 0 where they are not kept."""
    return torch.where(kept.to(values.device), values, 0.0)


def _some(passes: list[np.ndarray]) -> list[np.ndarray]:
    """Those in which some row has a step; one at least."""
    return [chosen for chosen in passes if (chosen >= 0).any()] or passes[:1]
