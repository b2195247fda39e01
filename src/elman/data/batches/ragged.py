"""Examples of unlike lengths, padded batch by batch."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.data.batches.buckets import buckets


class Ragged:
    """Independent examples of one sequence each, or of two, batched by their lengths.

    Args:
        items: of each example one array or two, [T] of tokens or [T, I] of numbers; T may be 0.
        targets: [N, …].
        batch_size: B.
        seed: decides each epoch's order; None: longest first, for evaluation.

    Shapes:
        batches of inputs [T, B] or [T, B, I], or of pairs [T, 2B], the first of each before the second of
        each; targets [B, …]
    """

    def __init__(
        self,
        items: Sequence[tuple[np.ndarray, ...]],
        targets: Tensor,
        *,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        self._items, self._targets = items, targets
        self._lengths = np.array([max(map(len, item)) for item in items], dtype=np.int64)
        self._batch_size, self._seed = batch_size, seed
        self.steps = len(self.rows(0))

    def rows(self, number: int = 0) -> list[np.ndarray]:
        """Which examples make up each batch of an epoch."""
        return buckets(self._lengths, self._batch_size, self._seed, number)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Batches from batch ``start`` on."""
        for rows in self.rows(number)[start:]:
            yield Batch(
                pad([self._items[k][part] for part in range(len(self._items[0])) for k in rows]),
                Target(self._targets[rows]),
            )


def pad(sequences: Sequence[np.ndarray]) -> Field:
    """Sequences as one field, padded with 0 to the longest, or to one step where all are empty.

    Shapes:
        each [T] or [T, I] → values [T, B] int64, or [T, B, I] float32; lengths [B]
        each [T, C, H, W] → values [T, B, C, H, W], of bytes where the pictures are
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
