"""Batches of events: in each epoch the pieces come in another order, in other keys, slower or faster."""

from collections.abc import Iterator, Sequence

import numpy as np

from elman.batch import Batch
from elman.data.batches.tokens import TokenStreams
from elman.data.music.events import EventCode
from elman.data.tokens.corpus import Corpus


def corpus_of_pieces(pieces: Sequence[np.ndarray], code: EventCode) -> Corpus:
    """Returns the corpus of some pieces of tokens, each a document."""
    starts = np.cumsum([0, *map(len, pieces)])[:-1]
    return Corpus(np.concatenate(pieces), starts, code.vocabulary)


class EventStreams(TokenStreams):
    """Streams of events, as ``TokenStreams`` reads them, of which each epoch has others.

    Args:
        variants: the pieces' tokens as they are, then the same pieces slower or faster.
        code: of the events.
        batch_size: B.
        chunk: T, events between two cuts of the gradient.
        transpose: semitones by which each piece is moved at most, at random.
        seed: determines order, keys and variants of each epoch.
    """

    def __init__(
        self,
        variants: Sequence[Sequence[np.ndarray]],
        code: EventCode,
        *,
        batch_size: int,
        chunk: int,
        transpose: int,
        seed: int,
    ) -> None:
        super().__init__(corpus_of_pieces(variants[0], code), batch_size, chunk, seed)
        self._variants, self._code, self._sizes = variants, code, (batch_size, chunk)
        self._tables = [code.table(k) for k in range(-transpose, transpose + 1)]

    def in_all_keys(self) -> Corpus:
        """Returns the pieces in each key that training moves them to."""
        return corpus_of_pieces([table[p] for table in self._tables for p in self._variants[0]], self._code)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Yields chunks, starting at chunk ``start``."""
        random = np.random.default_rng([self._seed, number, 1])
        rows = random.permutation(len(self._variants[0]))
        tables, variants = (random.integers(len(of), size=len(rows)) for of in (self._tables, self._variants))
        pieces = [
            self._tables[table][self._variants[variant][row]]
            for row, table, variant in zip(rows.tolist(), tables.tolist(), variants.tolist(), strict=True)
        ]
        # slower or faster pieces may have other events, but every epoch has as many steps
        while sum(map(len, pieces)) < len(self.corpus):
            pieces += pieces
        corpus = corpus_of_pieces(pieces, self._code).part(0, len(self.corpus))
        batch_size, chunk = self._sizes
        return TokenStreams(corpus, batch_size, chunk, self._seed).epoch(number, start)
