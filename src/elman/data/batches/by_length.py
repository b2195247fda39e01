"""Batches limited by their number of steps, not rows: many short items, or few long ones."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Target
from elman.config import require
from elman.data.batches.ragged import pad


class LengthBuckets:
    """Groups items of similar lengths into batches of at most ``steps_per_batch`` steps, padding included.

    Lengths are divided into classes. The number of items of each class in a batch is fixed once, from the
    class's longest and shortest item, so both limits hold for any choice of items. All epochs have the same
    number of batches; only the choice within a class and the order of batches change.

    Args:
        lengths: [N] steps of each item; an empty item counts as one step.
        steps_per_batch: maximum of rows times the longest row.
        seed: determines each epoch's order; None: longest first, for evaluation.
        most_padding: maximum share of padding among a batch's steps.

    Raises:
        InputError: an item is longer than ``steps_per_batch``, or the share is not in (0, 1).
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        steps_per_batch: int,
        seed: int | None,
        most_padding: float = 0.1,
    ) -> None:
        steps = np.maximum(np.asarray(lengths, dtype=np.int64), 1)
        require("most_padding", 0 < most_padding < 1, "in (0, 1)", most_padding)
        longest = int(steps.max())
        require(
            "steps_per_batch",
            steps_per_batch >= longest,
            f"at least {longest:,}, the steps of the longest item",
            steps_per_batch,
        )
        self._seed = seed
        # within a class, the shortest item uses at most half of the allowed padding
        self._classes = np.floor(np.log(steps) / -np.log1p(-most_padding / 2)).astype(np.int64)
        self._order = np.argsort(-steps, kind="stable")
        bounds = _class_bounds(steps, self._classes)
        self._cuts = [0]
        top, shortest_sum = 0, 0
        for position, item in enumerate(self._order):
            low, high = bounds[int(self._classes[item])]
            rows = position - self._cuts[-1] + 1
            top = high if rows == 1 else top
            shortest_sum = low if rows == 1 else shortest_sum + low
            is_full = rows * top > steps_per_batch or shortest_sum < (1 - most_padding) * rows * top
            if rows > 1 and is_full:
                self._cuts.append(position)
                top, shortest_sum = high, low
        self._cuts.append(len(self._order))

    def __len__(self) -> int:
        """Returns the number of batches per epoch."""
        return len(self._cuts) - 1

    def rows(self, epoch: int = 0) -> list[np.ndarray]:
        """Returns the items of each batch of an epoch."""
        if self._seed is None:
            return [self._order[begin:end] for begin, end in pairwise(self._cuts)]
        random = np.random.default_rng([self._seed, epoch])
        shuffled = random.permutation(len(self._order))
        order = shuffled[np.argsort(-self._classes[shuffled], kind="stable")]
        batches = [order[begin:end] for begin, end in pairwise(self._cuts)]
        return [batches[k] for k in random.permutation(len(batches))]


class ByLength:
    """Batches of independent items of different lengths, with a limit on the steps of a batch.

    Args:
        items: N arrays [T] of ids, [T, I] of numbers or [T, C, H, W] of planes, such as ``Features``.
        targets: [N, …] one per item; or N arrays [U], a sequence per item, whose length may differ from
            the item's.
        lengths: [N] steps of each item, if reading all of ``items`` is too slow; None: measured from them.
        is_aligned: whether each target has one value per step of its item; weights are 0 past the end.
        steps_per_batch: see ``LengthBuckets``.
        seed: see ``LengthBuckets``.
        most_padding: see ``LengthBuckets``.

    Shapes:
        batches of inputs [T, B, …] with lengths [B], and targets [B, …], or [U, B] with lengths [B]

    Raises:
        InputError: see ``LengthBuckets``; or the length of an aligned target differs from its item's.
    """

    def __init__(
        self,
        items: Sequence[np.ndarray],
        targets: Tensor | Sequence[np.ndarray],
        lengths: np.ndarray | None = None,
        *,
        is_aligned: bool = False,
        steps_per_batch: int,
        seed: int | None = None,
        most_padding: float = 0.1,
    ) -> None:
        self._items, self._targets, self._is_aligned = items, targets, is_aligned
        if lengths is None:
            lengths = np.array([len(item) for item in items], dtype=np.int64)
        if is_aligned:
            for number, (target, steps) in enumerate(zip(targets, lengths, strict=True)):
                require(f"target {number}", len(target) == steps, f"of the item's {steps} steps", len(target))
        self._buckets = LengthBuckets(lengths, steps_per_batch, seed, most_padding)
        self.steps = len(self._buckets)

    def rows(self, number: int = 0) -> list[np.ndarray]:
        """Returns the items of each batch of an epoch."""
        return self._buckets.rows(number)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields batches, starting at batch ``start``."""
        for rows in self.rows(number)[start:]:
            yield Batch(pad([self._items[int(k)] for k in rows]), self._target(rows))

    def _target(self, rows: np.ndarray) -> Target:
        if isinstance(self._targets, Tensor):
            return Target(self._targets[torch.from_numpy(rows)])
        padded = pad([self._targets[int(k)] for k in rows])
        weights = None
        if self._is_aligned:
            assert padded.lengths is not None
            weights = (torch.arange(len(padded.values))[:, None] < padded.lengths).float()
        return Target(padded.values, weights, padded.lengths)


def _class_bounds(steps: np.ndarray, classes: np.ndarray) -> dict[int, tuple[int, int]]:
    """Returns the shortest and longest length of each class."""
    names, member = np.unique(classes, return_inverse=True)
    low = np.full(len(names), np.iinfo(np.int64).max)
    high = np.zeros(len(names), np.int64)
    np.minimum.at(low, member, steps)
    np.maximum.at(high, member, steps)
    return {int(name): (int(a), int(b)) for name, a, b in zip(names, low, high, strict=True)}
