"""Batches of examples of different lengths, padded."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.data.batches.buckets import buckets

Prepare = Callable[[np.ndarray, np.random.Generator | None], np.ndarray]


class Ragged:
    """Batches of independent examples of one or two sequences each, grouped by length.

    Args:
        items: one or two arrays per example, [T] of tokens or [T, I] of numbers; T may be 0.
        targets: [N, …]; or an array [T] per example, one target per step of it, −1 where there is none.
        weights: [N] weight of each target; None: all 1.
        batch_size: B.
        seed: determines each epoch's order; None: longest first, for evaluation.
        prepare: turns a sequence into what the model reads, each time that it is in a batch, with draws of
            that batch, or None in evaluation.

    Shapes:
        batches of inputs [T, B] or [T, B, I]; of pairs [T, 2B], all first sequences before all second
        ones; targets [B, …], or [T, B] with weights
    """

    def __init__(
        self,
        items: Sequence[tuple[np.ndarray, ...]],
        targets: Tensor | Sequence[np.ndarray],
        *,
        weights: Tensor | None = None,
        batch_size: int,
        seed: int | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        self._prepare = prepare
        self._items, self._targets, self._weights = items, targets, weights
        self._lengths = np.array([max(map(len, item)) for item in items], dtype=np.int64)
        self._batch_size, self._seed = batch_size, seed
        self.steps = len(self.rows(0))

    def rows(self, number: int = 0) -> list[np.ndarray]:
        """Returns the positions of the examples in each batch of an epoch."""
        return buckets(self._lengths, self._batch_size, self._seed, number)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields batches, starting at batch ``start``."""
        for batch, rows in enumerate(self.rows(number)[start:], start):
            sequences = [self._items[k][part] for part in range(len(self._items[0])) for k in rows]
            if self._prepare is not None:
                seed = self._seed
                random = None if seed is None else np.random.default_rng([seed, number, batch])
                sequences = [self._prepare(sequence, random) for sequence in sequences]
            yield Batch(pad(sequences), self._target(rows))

    def _target(self, rows: np.ndarray) -> Target:
        weights = None if self._weights is None else self._weights[rows]
        if isinstance(self._targets, Tensor):
            return Target(self._targets[rows], weights)
        values = pad([self._targets[k] + 1 for k in rows]).values - 1
        known = (values >= 0).float()
        return Target(values.clamp(min=0), known if weights is None else known * weights)


def pad(sequences: Sequence[np.ndarray]) -> Field:
    """Pads sequences with 0 to the longest, or to one step if all are empty.

    Shapes:
        each [T] or [T, I] → values [T, B] int64, or [T, B, I] float32; lengths [B]
        each [T, C, H, W] → values [T, B, C, H, W], uint8 if the pictures are uint8, otherwise float32
    """
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    first = sequences[0]
    kind: type = np.int64 if first.dtype.kind in "iu" else np.float32
    if first.ndim > 2 and first.dtype == np.uint8:
        kind = np.uint8
    values = np.zeros((max(1, int(lengths.max())), len(sequences), *first.shape[1:]), kind)
    for row, sequence in enumerate(sequences):
        values[: len(sequence), row] = sequence
    return Field(torch.from_numpy(values), torch.from_numpy(lengths))
