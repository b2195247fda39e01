"""Batches of tokens, in an order that only the seed and the epoch determine.

A batcher has ``steps`` (batches per epoch) and ``epoch(number, start)``, which yields that epoch's batches
from batch ``start`` on, so that an interrupted run continues where it stopped.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.data.tokens.corpus import Corpus
from elman.errors import InputError

_LONGEST_SEARCH = 5000  # tokens searched for a good place to begin


class TokenStreams:
    """A corpus as B streams read side by side, chunk by chunk, for truncated backpropagation.

    Row b of each batch continues row b of the previous batch, so a carried state stays valid. The corpus is
    cut into B streams of equal length. Each epoch of a long corpus begins at a random one of its first T
    tokens, so that the cuts between chunks move. At the start of a document the state is reset, and its
    first token is not a target.

    Args:
        corpus: the tokens, usually memory-mapped; only the current chunk is read.
        batch_size: B; reduced if the corpus has fewer than B + 1 tokens.
        chunk: T, steps between two cuts of the gradient.
        seed: determines each epoch's first token.

    Shapes:
        inputs [T, B], resets [T, B] or None, targets [T, B]; an epoch's last chunk may be shorter

    Raises:
        InputError: no document has two tokens.
    """

    def __init__(self, corpus: Corpus, batch_size: int, chunk: int, seed: int) -> None:
        targets = _check_targets(corpus, "the training part")
        self.corpus = corpus
        self.batch_size = min(batch_size, targets)
        # a corpus of a few chunks is too short to skip tokens at its beginning
        self._latest = chunk if targets >= 8 * self.batch_size * chunk else 1
        self._seed = seed
        self._stream = (targets - self._latest + 1) // self.batch_size
        self.chunk = min(chunk, self._stream)
        self.steps = -(-self._stream // self.chunk)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Yields chunks, starting at chunk ``start``."""
        first = int(np.random.default_rng([self._seed, number]).integers(self._latest))
        rows = first + self._stream * np.arange(self.batch_size)
        for step in range(start, self.steps):
            offset = step * self.chunk
            yield _chunk(self.corpus, rows + offset, min(self.chunk, self._stream - offset))


class TokenWindows:
    """A corpus for evaluation: each token except the first of each document is a target exactly once.

    A token that does not occur in training (the vocabulary's ``untrained``) is no target.

    A long corpus is read in several rows in parallel; each row except the first warms up its state on the
    tokens before its own, which have weight 0.

    Args:
        corpus: the tokens.
        rows: pieces read in parallel.
        warm_up: tokens read before each piece.
        chunk: T, steps per batch.

    Raises:
        InputError: no document has two tokens.
    """

    def __init__(self, corpus: Corpus, rows: int = 1, warm_up: int = 256, chunk: int = 256) -> None:
        targets = _check_targets(corpus, "a text to evaluate")
        self.corpus = corpus
        self._piece = -(-targets // max(1, min(rows, targets // (4 * warm_up or 1))))
        self._begins = np.arange(0, targets, self._piece)
        self._warm_up = warm_up if len(self._begins) > 1 else 0
        self._chunk = chunk
        self.steps = -(-(self._piece + self._warm_up) // chunk)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields chunks, starting at chunk ``start``."""
        last = len(self.corpus) - 1
        for positions in self.positions(start):
            batch = _chunk(self.corpus, positions[0], len(positions))
            own = (positions >= self._begins) & (positions < np.minimum(self._begins + self._piece, last))
            weights = torch.from_numpy(own.astype(np.float32))
            if batch.targets.weights is not None:
                weights = weights * batch.targets.weights
            values, untrained = batch.targets.values, self.corpus.vocabulary.untrained
            if untrained is not None:
                ignored = values == untrained
                weights = weights * ~ignored
                # its own loss may be infinite, which no weight makes 0
                values = values.masked_fill(ignored, len(self.corpus.vocabulary) - 1)
            yield Batch(batch.inputs, Target(values, weights))

    def positions(self, start: int = 0) -> Iterator[np.ndarray]:
        """Yields where the inputs of each chunk stand in the corpus [T, B]; each target is one further on."""
        for offset in range(start * self._chunk, self._piece + self._warm_up, self._chunk):
            width = min(self._chunk, self._piece + self._warm_up - offset)
            yield self._begins - self._warm_up + offset + np.arange(width)[:, None]


def excerpts(corpus: Corpus, rows: int, steps: int) -> Batch:
    """Returns evenly spaced pieces of a corpus to look at, each from a nearby document, paragraph or line on.

    Args:
        corpus: the tokens.
        rows: maximum B; a short corpus has fewer pieces.
        steps: maximum T.

    Raises:
        InputError: no document has two tokens.
    """
    targets = _check_targets(corpus, "a text to look at")
    width = min(steps, targets)
    rows = max(1, min(rows, targets // width))
    room = min(targets // rows - width, _LONGEST_SEARCH)
    begins = np.linspace(0, targets - width - room, rows).astype(np.int64)
    return _chunk(corpus, np.array([_good_beginning(corpus, begin, begin + room) for begin in begins]), width)


def _good_beginning(corpus: Corpus, first: int, last: int) -> int:
    """Returns where the first document, else paragraph, else line begins between ``first`` and ``last``."""
    after = np.searchsorted(corpus.starts, first)
    if after < len(corpus.starts) and corpus.starts[after] <= last:
        return int(corpus.starts[after])
    line_end = corpus.vocabulary.line_end
    if line_end is None:
        return first
    # for each token, from two before `first` on: whether it ends a line
    ends = np.asarray(corpus.tokens[max(0, first - 2) : last]) == line_end
    ends = np.concatenate([np.zeros(max(0, 2 - first), bool), ends])
    for begins in (ends[1:] & ends[:-1], ends[1:]):
        if begins.any():
            return first + int(begins.argmax())
    return first


def _check_targets(corpus: Corpus, what: str) -> int:
    """Returns the number of tokens minus one; raises InputError if every document has a single token."""
    if len(corpus) == len(corpus.starts):
        raise InputError(
            f"{what} must have a document of at least 2 tokens. Got {len(corpus)} documents of one token."
        )
    return len(corpus) - 1


def _chunk(corpus: Corpus, begins: np.ndarray, width: int) -> Batch:
    """Returns tokens [begin, begin + width) of each row and their successors; positions are clipped."""
    positions = (begins[None] + np.arange(width + 1)[:, None]).clip(0, len(corpus) - 1)
    tokens = torch.from_numpy(corpus.tokens[positions].astype(np.int64))
    near = _starts_between(corpus.starts, positions)
    if not len(near):
        return Batch(Field(tokens[:-1]), Target(tokens[1:]))
    starts = np.isin(positions, near)
    resets: Tensor = torch.from_numpy(starts)
    weights = (~resets[1:]).float() if starts[1:].any() else None
    return Batch(
        Field(tokens[:-1], resets=resets[:-1] if starts[:-1].any() else None), Target(tokens[1:], weights)
    )


def _starts_between(starts: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Returns the document starts within each row's range of positions."""
    low = np.searchsorted(starts, positions[0])
    high = np.searchsorted(starts, positions[-1], "right")
    return np.concatenate([starts[a:b] for a, b in zip(low, high, strict=True)])
