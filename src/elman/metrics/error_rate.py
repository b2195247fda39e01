"""Word and character error rates of recognised texts, as counts that add up."""

from collections.abc import Hashable, Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple

import numpy as np

from elman.registry import load_module

Unit = Literal["words", "characters"]


class Errors(NamedTuple):
    """Errors of recognised texts against references.

    Attributes:
        edits: substitutions, deletions and insertions, as few as possible.
        reference: words or characters of the references.
    """

    edits: int
    reference: int

    @property
    def rate(self) -> float:
        """Edits per word or character of the references; above 1 if there are more edits than these."""
        return self.edits / max(self.reference, 1)


def errors(references: Sequence[str], texts: Sequence[str], unit: Unit) -> Errors:
    """Counts the errors of texts against N references, one by one.

    Words are what white space separates; characters are those of the words with one space between two words.

    Units:
        edits, and words or characters of the references.

    Source: Levenshtein 1966, "Binary codes capable of correcting deletions, insertions, and reversals".
    """
    pieces = [(_pieces(r, unit), _pieces(t, unit)) for r, t in zip(references, texts, strict=True)]
    return Errors(sum(edits(*pair) for pair in pieces), sum(len(reference) for reference, _ in pieces))


def edits(reference: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Returns the fewest substitutions, deletions and insertions from one sequence to another."""
    numbers: dict[Hashable, int] = {}
    a, b = (
        np.array([numbers.setdefault(x, len(numbers)) for x in side], np.int64) for side in (reference, other)
    )
    steps = np.arange(len(b) + 1)
    row = steps.copy()
    for symbol in a:
        best = np.minimum(row[1:] + 1, row[:-1] + (b != symbol))  # delete, or substitute
        row = np.concatenate([row[:1] + 1, best])
        row = np.minimum.accumulate(row - steps) + steps  # insert
    return int(row[-1])


def alignment(reference: str, text: str) -> tuple[str, str]:
    """Returns both texts with equal words under each other; wrong ones stand in brackets, [] where one lacks.

    Raises:
        InputError: jiwer is not installed.
    """
    jiwer = load_module("jiwer")
    first, second = reference.split(), text.split()
    if not first:  # which jiwer refuses
        return _columns([("", word) for word in second])
    output = jiwer.process_words([" ".join(first)], [" ".join(second)])
    pairs: list[tuple[str, str]] = []
    for chunk in output.alignments[0]:
        one = first[chunk.ref_start_idx : chunk.ref_end_idx]
        other = second[chunk.hyp_start_idx : chunk.hyp_end_idx]
        pairs += zip_longest(one, other, fillvalue="")
    return _columns(pairs)


def _columns(pairs: list[tuple[str, str]]) -> tuple[str, str]:
    """Joins pairs of words to two lines of equal columns."""
    lines: tuple[list[str], list[str]] = ([], [])
    for pair in pairs:
        shown = pair if pair[0] == pair[1] else tuple(f"[{word}]" for word in pair)
        width = max(map(len, shown))
        for line, word in zip(lines, shown, strict=True):
            line.append(word.ljust(width))
    return " ".join(lines[0]).rstrip(), " ".join(lines[1]).rstrip()


def _pieces(text: str, unit: Unit) -> list[str]:
    words = text.split()
    return words if unit == "words" else list(" ".join(words))
