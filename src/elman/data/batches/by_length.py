"""Batches limited by their steps, not by their rows: many short items, or few long ones."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Target
from elman.config import require
from elman.data.batches.ragged import pad


class LengthBuckets:
    """Which items make up each batch: of similar lengths, and of at most so many steps, padding included.

    Lengths are put into classes; how many of each class stand in a batch is decided once, from the class's
    longest and shortest item, so that both promises hold whichever of them come. An epoch has the same
    number of batches as every other, and only the members of a class and the order of batches change.

    Args:
        lengths: [N] steps of each item; an empty one takes one step.
        steps_per_batch: rows times the longest row, at most.
        seed: decides each epoch's order; None: longest first, for evaluation.
        most_padding: the largest share of a batch's steps that may be padding.

    Raises:
        InputError: an item alone is longer than a batch may be, or the share is not in (0, 1).
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
        # within a class the shortest is padded by at most half of what is allowed
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
        """Batches an epoch."""
        return len(self._cuts) - 1

    def rows(self, epoch: int = 0) -> list[np.ndarray]:
        """The items of each batch of an epoch."""
        if self._seed is None:
            return [self._order[begin:end] for begin, end in pairwise(self._cuts)]
        random = np.random.default_rng([self._seed, epoch])
        shuffled = random.permutation(len(self._order))
        order = shuffled[np.argsort(-self._classes[shuffled], kind="stable")]
        batches = [order[begin:end] for begin, end in pairwise(self._cuts)]
        return [batches[k] for k in random.permutation(len(batches))]


class ByLength:
    """Independent items of unlike lengths, in batches of at most so many steps.

    Args:
        items: N arrays [T] of ids, [T, I] of numbers or [T, C, H, W] of planes, such as ``Features``.
        targets: [N, …] one an item; or N arrays [U], a sequence for each item, whose length may differ from
            the item's.
        lengths: [N] steps of each item, where ``items`` is too large to be asked; None: their own.
        is_aligned: each item's target stands step by step beside it; its weights are 0 past the item's end.
        steps_per_batch: see ``LengthBuckets``.
        seed: see ``LengthBuckets``.
        most_padding: see ``LengthBuckets``.

    Shapes:
        batches of inputs [T, B, …] with lengths [B], and targets [B, …], or [U, B] with lengths [B]

    Raises:
        InputError: see ``LengthBuckets``; or an aligned target has another length than its item.
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
        """Which items make up each batch of an epoch."""
        return self._buckets.rows(number)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Batches from batch ``start`` on."""
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
    """The shortest and the longest item of each class."""
    names, member = np.unique(classes, return_inverse=True)
    low = np.full(len(names), np.iinfo(np.int64).max)
    high = np.zeros(len(names), np.int64)
    np.minimum.at(low, member, steps)
    np.maximum.at(high, member, steps)
    return {int(name): (int(a), int(b)) for name, a, b in zip(names, low, high, strict=True)}
