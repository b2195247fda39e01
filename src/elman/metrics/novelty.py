"""Compares a generated text with the training text."""

import re
from collections.abc import Sequence

import numpy as np

_WORD = re.compile(r"[^\W\d_]+")


def known_words(text: str, corpus: str) -> float:
    """Returns the share of the text's words (runs of letters) that occur in the corpus; NaN without words.

    The first and last words are ignored, because they may be cut.
    """
    words = _WORD.findall(text)[1:-1]
    known = set(_WORD.findall(corpus))
    return sum(word in known for word in words) / len(words) if words else float("nan")


def longest_copy(text: np.ndarray, corpus: np.ndarray) -> int:
    """Returns the length in tokens of the longest run of the text that occurs exactly in the corpus.

    Every run has a hash, that of a longer one mixed from those of its two halves (which overlap unless its
    length is a power of two); equal hashes are compared token by token. The length is found by doubling and
    then by bisection, in O((M + N) log² M), however repetitive the text is.

    Shapes:
        text [M], corpus [N] of the same vocabulary
    """
    runs = _Runs(text, corpus)
    while runs.has_common(2 * runs.half):
        runs.double()
    least, most = runs.half if runs.has_common(runs.half) else 0, 2 * runs.half - 1
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if runs.has_common(middle) else (least, middle - 1)
    return least


class _Runs:
    """Hashes of the runs of ``half`` tokens that start at each position of two sequences.

    Args:
        text: [M].
        corpus: [N].
    """

    def __init__(self, text: np.ndarray, corpus: np.ndarray) -> None:
        self.half = 1
        self._tokens = text, corpus
        self._hashes = [
            _mixed(tokens.astype(np.uint64), tokens.astype(np.uint64)) for tokens in (text, corpus)
        ]

    def double(self) -> None:
        """Makes the runs twice as long."""
        self._hashes = self._of(2 * self.half)
        self.half *= 2

    def has_common(self, length: int) -> bool:
        """Returns whether the sequences share a run; its length is from ``half`` to twice that."""
        in_text, in_corpus = self._of(length)
        if not (len(in_text) and len(in_corpus)):
            return False
        known = np.sort(in_text)
        places = np.searchsorted(known, in_corpus).clip(max=len(known) - 1)
        text, corpus = self._tokens
        return any(
            np.array_equal(text[at : at + length], corpus[k : k + length])
            for k in np.flatnonzero(known[places] == in_corpus)
            for at in np.flatnonzero(in_text == in_corpus[k])
        )

    def _of(self, length: int) -> list[np.ndarray]:
        """Returns the hashes of the runs of a length from ``half`` to twice that."""
        shift = length - self.half
        if not shift:
            return self._hashes
        return [_mixed(hashes[:-shift], hashes[shift:]) for hashes in self._hashes]


def _mixed(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Mixes pairs of 64-bit numbers to one each; the products wrap around, the shifts make it nonlinear."""
    z = left * np.uint64(0x9E3779B97F4A7C15) + (right ^ (right >> np.uint64(29))) * np.uint64(
        0xC2B2AE3D27D4EB4F
    )
    z = (z ^ (z >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return z ^ (z >> np.uint64(32))


def longest_copied_chords(piece: np.ndarray, corpus: Sequence[np.ndarray]) -> int:
    """Returns how many chords in a row of a piece occur in a corpus, in any key.

    A chord is what sounds until something changes, so that lengths do not count. It is compared by its
    intervals below its highest note, and by how far that moves to the next chord; after silence, from where
    it was before.

    Args:
        piece: [T, 128] bool, which pitches sound at each step.
        corpus: pieces of the same form; no run crosses their ends.
    """
    ids: dict[object, int] = {}
    own = _shapes_and_moves(piece, ids)
    known: list[int] = []
    for number, roll in enumerate(corpus):
        known += [*_shapes_and_moves(roll, ids), ids.setdefault(("end", number), len(ids))]
    # a chord has two numbers, and between chords stands one: k chords have 3k − 1, and moves around them
    run = longest_copy(np.array(own, np.int64), np.array(known, np.int64))
    return (run + 1) // 3


def _shapes_and_moves(roll: np.ndarray, ids: dict[object, int]) -> list[int]:
    """Returns the number of each chord's shape, twice, and that of its highest note's move to the next."""
    changes = roll[np.concatenate([[True], (roll[1:] != roll[:-1]).any(1)])]
    found: list[int] = []
    before: int | None = None
    for chord in changes:
        pitches = np.flatnonzero(chord)
        top = int(pitches[-1]) if len(pitches) else before
        if found:
            move = ("move", (top or 0) - (before or 0) if before is not None else None)
            found.append(ids.setdefault(move, len(ids)))
        shape = tuple((pitches[-1] - pitches).tolist()) if len(pitches) else ()
        found += [ids.setdefault(shape, len(ids))] * 2
        before = top
    return found
