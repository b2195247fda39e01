"""Batches of a problem's sequences, drawn at random."""

from collections.abc import Iterator, Sequence

import numpy as np

from elman.batch import Batch
from elman.data.problems.base import Problem


class Drawn:
    """Batches of a problem, drawn on request; every epoch has new sequences.

    Args:
        problem: draws the sequences.
        sequences: N, sequences per epoch.
        batch_size: B; an epoch's last batch may be smaller.
        seed: numbers that, with the epoch's and the batch's number, determine the draw.
    """

    def __init__(self, problem: Problem, sequences: int, batch_size: int, seed: Sequence[int]) -> None:
        self._problem, self._sequences, self._batch_size = problem, sequences, batch_size
        self._seed = tuple(seed)
        self.steps = -(-sequences // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields batches, starting at batch ``start``."""
        for step in range(start, self.steps):
            size = min(self._batch_size, self._sequences - step * self._batch_size)
            yield self._problem.draw(np.random.default_rng([*self._seed, number, step]), size)
