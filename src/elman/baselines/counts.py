"""Counts of n-grams: the whole distribution of the next token, step by step or for a text at once."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elman.baselines.ngram import depth_of
from elman.errors import InputError


@dataclass(frozen=True, eq=False)
class Level:
    """The n-grams of one length k, sorted by their first k − 1 tokens, then by their last one.

    Attributes:
        tokens: [n] last token of each n-gram.
        counts: [n] occurrences, at least 1.
        children: [m] how many n-grams continue each of the m n-grams of length k − 1.
    """

    tokens: np.ndarray
    counts: np.ndarray
    children: np.ndarray

    @cached_property
    def first(self) -> np.ndarray:
        """Where the continuations of each shorter n-gram begin, and the end of all [m + 1]."""
        return np.concatenate([[0], np.cumsum(self.children, dtype=np.int64)])

    @cached_property
    def totals(self) -> np.ndarray:
        """Occurrences of all continuations of each shorter n-gram [m]."""
        sums = np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])
        return sums[self.first[1:]] - sums[self.first[:-1]]

    def keys(self, size: int) -> np.ndarray:
        """Returns a number for each n-gram [n], which rises: the shorter one's place × V + the last token."""
        return np.repeat(np.arange(len(self.children)), self.children) * size + self.tokens


class NgramCounts:
    """An interpolated Witten–Bell model; ``witten_bell_nats`` has the formula and its source.

    Args:
        size: V; every token is below it.
        levels: by length, from 1 to the order.

    Raises:
        InputError: the levels do not fit together.
    """

    def __init__(self, size: int, levels: list[Level]) -> None:
        self.size, self.levels = size, levels
        shorter = 1
        for k, level in enumerate(levels, 1):
            n = len(level.tokens)
            if (
                not len(level.counts) == n == int(level.children.sum(dtype=np.int64))
                or len(level.children) != shorter
                or (n and (level.counts.min() < 1 or level.tokens.max() >= size))
                or (np.diff(level.keys(size)) <= 0).any()
            ):
                raise InputError(f"the n-grams of length {k} do not continue those of length {k - 1}")
            shorter = n

    @classmethod
    def of(cls, tokens: np.ndarray, starts: np.ndarray, size: int, order: int) -> "NgramCounts":
        """Counts the n-grams of documents.

        Args:
            tokens: [N] tokens of all documents.
            starts: [D] where each begins.
            size: V.
            order: length of the longest n-gram.
        """
        depth = depth_of(len(tokens), starts)
        gram = np.zeros(len(tokens), dtype=np.int64)
        levels: list[Level] = []
        shorter = 1
        for k in range(1, order + 1):
            at = np.flatnonzero(depth >= k - 1)
            keys, numbers, counts = np.unique(
                gram[at - 1] * size + tokens[at], return_inverse=True, return_counts=True
            )
            gram[at] = numbers
            children = np.bincount(keys // size, minlength=shorter)
            levels.append(Level(*map(_compact, (keys % size, counts, children))))
            shorter = len(keys)
        return cls(size, levels)

    def __eq__(self, other: object) -> bool:
        """Whether both have counted the same."""
        return (
            isinstance(other, NgramCounts)
            and self.size == other.size
            and self.order == other.order
            and all(
                np.array_equal(getattr(own, name), getattr(theirs, name))
                for own, theirs in zip(self.levels, other.levels, strict=True)
                for name in ("tokens", "counts", "children")
            )
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def order(self) -> int:
        """Length of the longest n-gram."""
        return len(self.levels)

    def __len__(self) -> int:
        return sum(len(level.tokens) for level in self.levels)

    def up_to(self, order: int) -> "NgramCounts":
        """Returns the n-grams of at most this length."""
        return NgramCounts(self.size, self.levels[:order])

    def probabilities(
        self, tokens: np.ndarray, starts: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Computes the probability of each token of a text, by n-grams of ever greater length.

        Args:
            tokens: [M] tokens below V.
            starts: [D] where its documents begin; no context crosses them.

        Yields:
            For the lengths 1, 2, … to the order: P of each token [M]; the length of its longest context that
            is known [M]; how often something followed that context [M]. The next step changes these arrays.
        """
        depth = depth_of(len(tokens), starts)
        # place of the n-gram that ends at each token among those of its length; −1: not counted
        gram = np.zeros(len(tokens), dtype=np.int64)
        p = np.full(len(tokens), 1 / self.size)
        known, followed = np.zeros((2, len(tokens)), dtype=np.int64)
        for k, level in enumerate(self.levels, 1):
            at = np.flatnonzero(depth >= k - 1)
            at = at[gram[at - 1] >= 0]
            at = at[level.totals[gram[at - 1]] > 0]
            h = gram[at - 1]
            keys, wanted = level.keys(self.size), h * self.size + tokens[at]
            place = np.searchsorted(keys, wanted)
            is_found = np.append(keys, -1)[place] == wanted
            count = np.where(is_found, np.append(level.counts, 0)[place], 0)
            gram = np.full(len(tokens), -1)
            gram[at[is_found]] = place[is_found]
            total, distinct = level.totals[h], level.children[h].astype(np.int64)
            p[at] = (count + distinct * p[at]) / (total + distinct)
            known[at], followed[at] = k - 1, total
            yield p, known, followed

    def follow(self, tokens: np.ndarray) -> "Follower":
        """Returns the contexts after the tokens [M] of a document's beginning, to go on token by token."""
        follower = Follower(self)
        for token in tokens[-self.order :].tolist():
            follower.push(token)
        return follower


class Follower:
    """The contexts in which the last tokens of a text stand; made by ``counts.follow()``."""

    def __init__(self, counts: NgramCounts) -> None:
        self._counts = counts
        self._places = [0]  # of the last 0, 1, … tokens among the n-grams of that length

    def push(self, token: int) -> None:
        """Reads the next token."""
        places = [0]
        for level, place in zip(self._counts.levels[:-1], self._places, strict=False):
            begin, end = int(level.first[place]), int(level.first[place + 1])
            found = bisect_left(level.tokens, token, begin, end)
            if found == end or level.tokens[found] != token:
                break
            places.append(found)
        self._places = places

    def distribution(self) -> tuple[np.ndarray, int, int]:
        """Computes the probabilities of the next token.

        Returns:
            p [V]; the length of the longest context that is known; how often something followed it.
        """
        counts = self._counts
        p = np.full(counts.size, 1 / counts.size)
        known = followed = 0
        for k, (level, place) in enumerate(zip(counts.levels, self._places, strict=False)):
            begin, distinct = int(level.first[place]), int(level.children[place])
            if not distinct:
                break
            known, followed = k, int(level.totals[place])
            whole = followed + distinct
            p *= distinct / whole
            if distinct == 1:  # most long contexts; a number is faster than arrays of one
                p[level.tokens[begin]] += level.counts[begin] / whole
            else:
                p[level.tokens[begin : begin + distinct]] += level.counts[begin : begin + distinct] / whole
        return p, known, followed


def _compact(values: np.ndarray) -> np.ndarray:
    """Returns whole numbers in the smallest unsigned type that holds them."""
    most = int(values.max(initial=0))
    return values.astype(np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32)
