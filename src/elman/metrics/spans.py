"""Precision, recall and F1 of spans that tags mark, as the script conlleval counts them.

A span is right if it has the same first and last word and the same type. Broken sequences are read as well:
an I or E that continues nothing begins a span, and so does a word of another type.

Source: Tjong Kim Sang & Buchholz 2000, "Introduction to the CoNLL-2000 shared task: chunking".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.data.tag_schemes import split_tag


class Span(NamedTuple):
    """A span of words.

    Attributes:
        begin: place of its first word.
        end: place after its last word.
        kind: its type; "_" if its tags name none.
    """

    begin: int
    end: int
    kind: str


@dataclass(frozen=True)
class SpanCounts:
    """Counts of spans by type; those of two parts of the data add up.

    Attributes:
        by_kind: right, predicted and true spans of each type.
    """

    by_kind: dict[str, tuple[int, int, int]]

    def __add__(self, other: "SpanCounts") -> "SpanCounts":
        kinds = sorted({*self.by_kind, *other.by_kind})
        none = (0, 0, 0)
        pairs = ((self.by_kind.get(kind, none), other.by_kind.get(kind, none)) for kind in kinds)
        return SpanCounts(
            {k: (a + d, b + e, c + f) for k, ((a, b, c), (d, e, f)) in zip(kinds, pairs, strict=True)}
        )

    def figures(self) -> dict[str, float]:
        """Returns precision, recall, F1 and the number of true spans, over all types."""
        right, predicted, true = (
            sum(counts) for counts in zip((0, 0, 0), *self.by_kind.values(), strict=True)
        )
        return _figures(right, predicted, true)

    def figures_by_kind(self) -> dict[str, dict[str, float]]:
        """Returns the figures of each type."""
        return {kind: _figures(*counts) for kind, counts in self.by_kind.items()}


def spans(tags: Sequence[str]) -> list[Span]:
    """Returns the spans of one sequence of tags, in order."""
    kinds: dict[str, int] = {}
    found = _spans([tags], kinds)
    names = list(kinds)
    return [Span(begin, end, names[kind]) for begin, end, kind in found.tolist()]


def span_counts(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> SpanCounts:
    """Counts the spans of sequences of tags.

    Args:
        truth: tags of N sequences.
        predicted: as many tags for each.
    """
    kinds: dict[str, int] = {}
    true, found = _spans(truth, kinds), _spans(predicted, kinds)
    # no two spans of one sequence begin at the same word
    _, at, place = np.intersect1d(true[:, 0], found[:, 0], assume_unique=True, return_indices=True)
    right = true[at][(true[at] == found[place]).all(1)]
    counts = [np.bincount(each[:, 2], minlength=len(kinds)).tolist() for each in (right, found, true)]
    table = dict(zip(kinds, zip(*counts, strict=True), strict=True))
    return SpanCounts({kind: table[kind] for kind in sorted(table) if any(table[kind])})


def _spans(sequences: Sequence[Sequence[str]], kinds: dict[str, int]) -> np.ndarray:
    """Returns begin, end and type [N, 3] of the spans of all sequences, with a word between two of them."""
    known: dict[str, tuple[int, int]] = {"": (ord("O"), -1)}
    ids: list[tuple[int, int]] = [known[""]]
    for sequence in sequences:
        for tag in sequence:
            if tag not in known:
                prefix, kind = split_tag(tag)
                known[tag] = ord(prefix), kinds.setdefault(kind, len(kinds))
            ids.append(known[tag])
        ids.append(known[""])
    prefix, kind = np.array(ids).T
    is_inside = prefix != ord("O")
    here, before = slice(1, None), slice(None, -1)
    begins = is_inside[here] & (
        np.isin(prefix[here], [ord("B"), ord("S")])
        | np.isin(prefix[before], [ord("E"), ord("S"), ord("O")])
        | (kind[here] != kind[before])
    )
    goes_on = is_inside[here] & ~begins
    ends = is_inside[before] & ~goes_on
    begin, end = np.flatnonzero(begins), np.flatnonzero(ends)
    return np.stack([begin, end, kind[begin + 1]], axis=1)


def _figures(right: float, predicted: float, true: float) -> dict[str, float]:
    """Returns precision, recall and F1, where 0 / 0 is 0, and the number of true spans."""
    return {
        "precision": right / predicted if predicted else 0.0,
        "recall": right / true if true else 0.0,
        "f1": 2 * right / (predicted + true) if predicted + true else 0.0,
        "spans": true,
    }
