"""Windows of long series, for training."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from elman.batch import Batch, Field, Target


class Windows:
    """Batches of overlapping windows of long series, shuffled every epoch.

    Args:
        inputs: [N, I] per series.
        targets: [N, D] per series; NaN is ignored.
        length: T, steps of a window; a shorter series is one window, padded without targets.
        stride: steps between the beginnings of two windows; the last window ends with the series.
        batch_size: B.
        seed: determines each epoch's order; None: the order of the series.

    Shapes:
        batches of inputs [T, B, I], targets [T, B, D] with weights [T, B, D]
    """

    def __init__(
        self,
        inputs: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        *,
        length: int,
        stride: int,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        pads = [max(0, length - len(one)) for one in inputs]
        x = [np.pad(one, ((0, pad), (0, 0))) for one, pad in zip(inputs, pads, strict=True)]
        y = [
            np.pad(one, ((0, pad), (0, 0)), constant_values=np.nan)
            for one, pad in zip(targets, pads, strict=True)
        ]
        begins = np.cumsum([0, *(len(one) for one in x[:-1])])
        self._begins = np.concatenate(
            [
                begin + np.unique([*range(0, len(one) - length, stride), len(one) - length])
                for begin, one in zip(begins, x, strict=True)
            ]
        )
        known = ~np.isnan(whole := np.concatenate(y))
        self._inputs = torch.from_numpy(np.concatenate(x))
        self._targets = torch.from_numpy(np.where(known, whole, np.float32(0)))
        self._weights = torch.from_numpy(known.astype(np.float32))
        self._length, self._batch_size, self._seed = length, batch_size, seed
        self.steps = -(-len(self._begins) // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields batches, starting at batch ``start``."""
        order = self._begins
        if self._seed is not None:
            order = np.random.default_rng([self._seed, number]).permutation(order)
        for begins in np.split(order, np.arange(self._batch_size, len(order), self._batch_size))[start:]:
            rows = torch.from_numpy(begins[None] + np.arange(self._length)[:, None])
            yield Batch(Field(self._inputs[rows]), Target(self._targets[rows], self._weights[rows]))
