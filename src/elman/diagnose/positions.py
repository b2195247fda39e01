"""At which steps a loss is taken, and which states stand how many steps behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.diagnose.reading import Reading, directions, names_of

Places = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Direction:
    """Where the sequences run that one layer reads in one direction.

    Attributes:
        name: of the layer and direction.
        reverse: whether it reads from the end.
        alive: [T, R] true up to each row's length.
        pieces: [T, R] number of the sequence that a step belongs to.
    """

    name: str
    reverse: bool
    alive: np.ndarray
    pieces: np.ndarray

    def behind(self) -> np.ndarray:
        """[T, R] states that the step's sequence has come to by then, its own counted; 0 past the length."""
        order = slice(None, None, -1 if self.reverse else 1)
        alive, pieces = self.alive[order], self.pieces[order]
        steps = np.arange(len(alive))[:, None]
        goes_on = alive[:-1] & (pieces[1:] == pieces[:-1])
        first = np.where(np.insert(goes_on, 0, False, axis=0), 0, steps)
        counts = np.where(alive, steps - np.maximum.accumulate(first) + 1, 0)
        return counts[order]

    def position(self, chosen: np.ndarray, steps: int) -> np.ndarray:
        """Where the layer stands when losses are taken at steps [B], −1 for none: [R], likewise.

        The losses are those of the last ``steps`` steps that the layer reads. A layer may read several rows
        for one loss (both halves of a pair): all first ones, then all second ones.
        """
        T, rows = self.alive.shape
        found = np.tile(chosen, rows // len(chosen)) + T - steps
        return np.where(np.tile(chosen >= 0, rows // len(chosen)), found, -1).clip(-1)

    def ends(self) -> np.ndarray:
        """[T, R] true at the last step that is read of each row."""
        order = slice(None, None, 1 if self.reverse else -1)
        alive = self.alive[order]
        return (alive & (alive.cumsum(0) == 1))[order]

    def places(self, position: np.ndarray, lags: int) -> Places:
        """The steps that stand each lag behind a position [R], −1 where there is none; and which exist.

        Returns:
            (at, there), both [K, R]; ``at`` is within range everywhere.
        """
        T = len(self.alive)
        back = np.arange(lags)[:, None]
        wanted = position + back if self.reverse else position - back
        at, start = wanted.clip(0, T - 1), position.clip(0, T - 1)[None]
        same = np.take_along_axis(self.pieces, at, 0) == np.take_along_axis(self.pieces, start, 0)
        there = (position >= 0) & (wanted == at) & same & np.take_along_axis(self.alive, at, 0)
        return at, there


def directions_of(read: Reading) -> list[Direction]:
    """Of one recurrent layer, layer by layer, the forward direction first."""
    alive, pieces = read.alive.cpu().numpy(), read.pieces.cpu().numpy()
    reverse = directions(read.layer) * read.layer.num_layers
    return [
        Direction(name, back, alive, pieces)
        for name, back in zip(names_of(read.path, read.layer), reverse, strict=True)
    ]


def draw(
    counted: np.ndarray, directions: Sequence[Direction], lags: int, positions: int, seed: int
) -> list[np.ndarray]:
    """Steps at which a loss is taken, each pass one of every row: [B], −1 where a row has no more.

    Args:
        counted: [T, B] where there is a loss.
        directions: that are to have ``lags`` steps behind them.
        lags: K.
        positions: passes; as many again where some direction reads from the end.
        seed: of the draw.
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
    """Of a layer's rows [T', R] those of each loss, on the losses' steps [T, B], which are the last ones."""
    T, B = shape
    padded = np.concatenate([np.zeros((max(0, T - len(behind)), behind.shape[1]), behind.dtype), behind])
    return padded[len(padded) - T :].reshape(T, -1, B).min(1)
