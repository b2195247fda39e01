"""Chooses the steps at which a loss is taken, and locates the states at each lag behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.diagnose.reading import Reading, directions, names_of

Places = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Direction:
    """The extent of the sequences that one layer reads in one direction.

    Attributes:
        name: name of layer and direction.
        reverse: whether it reads from the end.
        alive: [T, R] true up to each row's length.
        pieces: [T, R] index of the sequence that a step belongs to.
    """

    name: str
    reverse: bool
    alive: np.ndarray
    pieces: np.ndarray

    def behind(self) -> np.ndarray:
        """Counts the states of the step's sequence up to the step, inclusive: [T, R]; 0 past the length."""
        order = slice(None, None, -1 if self.reverse else 1)
        alive, pieces = self.alive[order], self.pieces[order]
        steps = np.arange(len(alive))[:, None]
        continues = alive[:-1] & (pieces[1:] == pieces[:-1])
        first = np.where(np.insert(continues, 0, False, axis=0), 0, steps)
        counts = np.where(alive, steps - np.maximum.accumulate(first) + 1, 0)
        return counts[order]

    def position(self, chosen: np.ndarray, steps: int) -> np.ndarray:
        """Maps the losses' steps [B] to the layer's steps [R]; −1 means no step.

        The losses are those of the last ``steps`` steps that the layer reads. A layer may read several rows
        for one loss (both halves of a pair): all first ones, then all second ones.
        """
        T, rows = self.alive.shape
        position = np.tile(chosen, rows // len(chosen)) + T - steps
        return np.where(np.tile(chosen >= 0, rows // len(chosen)), position, -1).clip(-1)

    def ends(self) -> np.ndarray:
        """Marks the last step that is read of each row: [T, R] bool."""
        order = slice(None, None, 1 if self.reverse else -1)
        alive = self.alive[order]
        return (alive & (alive.cumsum(0) == 1))[order]

    def places(self, position: np.ndarray, lags: int) -> Places:
        """Returns the steps at each lag behind a position [R] (−1: no position), and which of them exist.

        Returns:
            (at, there), both [K, R]; ``at`` is always in range.
        """
        T = len(self.alive)
        back = np.arange(lags)[:, None]
        target = position + back if self.reverse else position - back
        at, start = target.clip(0, T - 1), position.clip(0, T - 1)[None]
        same = np.take_along_axis(self.pieces, at, 0) == np.take_along_axis(self.pieces, start, 0)
        there = (position >= 0) & (target == at) & same & np.take_along_axis(self.alive, at, 0)
        return at, there


def directions_of(read: Reading) -> list[Direction]:
    """Returns the directions of a recurrent module, layer by layer, forward first."""
    alive, pieces = read.alive.cpu().numpy(), read.pieces.cpu().numpy()
    reverse = directions(read.layer) * read.layer.num_layers
    return [
        Direction(name, back, alive, pieces)
        for name, back in zip(names_of(read.path, read.layer), reverse, strict=True)
    ]


def draw(
    counted: np.ndarray, directions: Sequence[Direction], lags: int, positions: int, seed: int
) -> list[np.ndarray]:
    """Draws the steps at which a loss is taken; each pass has one step per row [B], −1 if a row has no more.

    Args:
        counted: [T, B] true if the step has a loss.
        directions: the directions that should have ``lags`` steps behind the drawn steps.
        lags: K.
        positions: number of passes; doubled if some direction reads from the end.
        seed: seed of the draw.
    """
    rng = np.random.default_rng(seed)
    passes = []
    for reverse in sorted({direction.reverse for direction in directions}):
        least = np.full(counted.shape, lags)
        for direction in directions:
            if direction.reverse == reverse:
                least = np.minimum(least, _least(direction.behind(), counted.shape))
        reach = np.where(counted, least, 0)
        best = (reach > 0) & (reach == reach.max(0, initial=0))
        chosen = np.full((positions, counted.shape[1]), -1)
        for row in range(counted.shape[1]):
            among = np.flatnonzero(best[:, row])
            drawn = rng.permutation(among)[:positions]
            chosen[: len(drawn), row] = drawn
        passes += list(chosen)
    return passes


def _least(behind: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Reduces a layer's counts [T', R] to the losses' last steps [T, B]: the least over each loss's rows."""
    T, B = shape
    padded = np.concatenate([np.zeros((max(0, T - len(behind)), behind.shape[1]), behind.dtype), behind])
    return padded[len(padded) - T :].reshape(T, -1, B).min(1)
