"""Batches of recordings and the symbols of their transcripts."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from elman.batch import Batch, Target
from elman.data.batches.by_length import LengthBuckets
from elman.data.batches.ragged import pad

Prepare = Callable[[np.ndarray, int, np.random.Generator | None], np.ndarray]

_MOST_PADDING = 0.3  # share of a batch; less would leave too few recordings of a length to mix


class Spoken:
    """Batches of recordings of similar lengths, limited by their duration.

    Args:
        recordings: N arrays of frames [T, I], such as ``Features``.
        lengths: [N] frames of each.
        symbols: N arrays of ids [U].
        frames_per_batch: most frames of a batch, padding included; a longer recording is alone in its own.
        prepare: from frames, the recording's number and draws of the batch (None in evaluation) to what the
            model reads [S, F].
        seed: determines each epoch's order; None: longest first, for evaluation.

    Shapes:
        batches of inputs [S, B, F] with lengths [B], and targets [U, B] with lengths [B]
    """

    def __init__(
        self,
        recordings: Sequence[np.ndarray],
        lengths: np.ndarray,
        symbols: Sequence[np.ndarray],
        *,
        frames_per_batch: int,
        prepare: Prepare,
        seed: int | None = None,
    ) -> None:
        self._recordings, self._symbols, self._prepare, self._seed = recordings, symbols, prepare, seed
        most = max(frames_per_batch, int(lengths.max()))
        self._buckets = LengthBuckets(lengths, most, seed, _MOST_PADDING)
        self.steps = len(self._buckets)

    def rows(self, number: int = 0) -> list[np.ndarray]:
        """Returns the recordings of each batch of an epoch."""
        return self._buckets.rows(number)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields batches, starting at batch ``start``."""
        for batch, rows in enumerate(self.rows(number)[start:], start):
            random = None if self._seed is None else np.random.default_rng([self._seed, number, batch])
            inputs = pad([self._prepare(self._recordings[int(k)], int(k), random) for k in rows])
            symbols = pad([self._symbols[int(k)] for k in rows])
            yield Batch(inputs, Target(symbols.values, None, symbols.lengths))
