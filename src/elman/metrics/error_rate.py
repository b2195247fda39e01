"""Word and character error rates of recognised texts, as counts that add up."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from elman.registry import load_module

Unit = Literal["words", "characters"]
_GAP = "*"


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


def edits(reference: Sequence[str], other: Sequence[str]) -> int:
    """Returns the fewest substitutions, deletions and insertions from one sequence to another."""
    numbers: dict[str, int] = {}
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
    """Returns both texts, equal words under each other, wrong ones in capitals, missing ones as asterisks.

    Raises:
        InputError: jiwer is not installed.
    """
    jiwer = load_module("jiwer")
    words = (reference.split(), text.split())
    if not words[0]:  # which jiwer refuses
        return " ".join(_GAP * len(word) for word in words[1]), " ".join(words[1]).upper()
    output = jiwer.process_words([" ".join(words[0])], [" ".join(words[1])])
    lines: tuple[list[str], list[str]] = ([], [])
    for chunk in output.alignments[0]:
        parts = (
            words[0][chunk.ref_start_idx : chunk.ref_end_idx],
            words[1][chunk.hyp_start_idx : chunk.hyp_end_idx],
        )
        pairs: Iterable[tuple[str, str]] = zip(*parts, strict=False)
        if chunk.type == "delete":
            pairs = ((word, _GAP * len(word)) for word in parts[0])
        elif chunk.type == "insert":
            pairs = ((_GAP * len(word), word) for word in parts[1])
        for pair in pairs:
            shown = pair if chunk.type == "equal" else tuple(word.upper() for word in pair)
            width = max(map(len, shown))
            for line, word in zip(lines, shown, strict=True):
                line.append(word.ljust(width))
    return " ".join(lines[0]).rstrip(), " ".join(lines[1]).rstrip()


def _pieces(text: str, unit: Unit) -> list[str]:
    words = text.split()
    return words if unit == "words" else list(" ".join(words))
