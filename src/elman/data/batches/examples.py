"""Batches of independent numeric examples."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target


class Examples:
    """Batches of independent examples, shuffled every epoch.

    Args:
        inputs: [N, T, I], padded.
        targets: [N, …].
        lengths: [N] steps of each example, or None: all T.
        weights: [N] weight of each target, or None: all 1.
        batch_size: B.
        seed: determines each epoch's order; None: the order of ``inputs``.

    Shapes:
        batches of inputs [T, B, I] and targets [B, …]; an epoch's last batch may be smaller
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        lengths: Tensor | None = None,
        weights: Tensor | None = None,
        *,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        self._inputs, self._targets, self._lengths = inputs, targets, lengths
        self._weights = weights
        self._batch_size, self._seed = batch_size, seed
        self.steps = -(-len(inputs) // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields batches, starting at batch ``start``."""
        order = torch.arange(len(self._inputs))
        if self._seed is not None:
            order = torch.from_numpy(np.random.default_rng([self._seed, number]).permutation(len(order)))
        for rows in order.split(self._batch_size)[start:]:
            lengths = None if self._lengths is None else self._lengths[rows]
            weights = None if self._weights is None else self._weights[rows]
            yield Batch(
                Field(self._inputs[rows].transpose(0, 1), lengths), Target(self._targets[rows], weights)
            )
