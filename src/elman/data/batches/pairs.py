"""Batches of pairs of sequences."""

from collections.abc import Iterator

import numpy as np
import torch

from elman.batch import Batch, Field, Target
from elman.data.batches.buckets import buckets


class PairBatches:
    """Batches of pairs of token sequences, with similar lengths in a batch.

    Args:
        sources: N token sequences, none empty.
        targets: N token sequences, none empty.
        batch_size: B.
        seed: determines each epoch's order; None: longest first.

    Shapes:
        batches of inputs [S, B] with lengths [B], and targets [T, B] with weights 1 for tokens, 0 for padding
    """

    def __init__(
        self, sources: list[np.ndarray], targets: list[np.ndarray], batch_size: int, seed: int | None = None
    ) -> None:
        self._sources, self._targets = sources, targets
        self._batch_size, self._seed = batch_size, seed
        reading, writing = (np.array([len(x) for x in side]) for side in (sources, targets))
        # sorts by the target's length, then by the source's
        self._lengths = writing * (reading.max() + 1) + reading
        self.steps = -(-len(sources) // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields batches, starting at batch ``start``."""
        for rows in buckets(self._lengths, self._batch_size, self._seed, number)[start:]:
            source = padded([self._sources[k] for k in rows])
            target = padded([self._targets[k] for k in rows])
            assert target.lengths is not None
            real = torch.arange(len(target.values))[:, None] < target.lengths
            yield Batch(source, Target(target.values, real.float()))


def padded(sequences: list[np.ndarray]) -> Field:
    """Pads token sequences to one field: values [T, B], 0 past a row's end, and lengths [B]."""
    lengths = torch.tensor([len(s) for s in sequences])
    values = torch.zeros(int(lengths.max()), len(sequences), dtype=torch.int64)
    for row, sequence in enumerate(sequences):
        values[: len(sequence), row] = torch.from_numpy(sequence.astype(np.int64))
    return Field(values, lengths)
