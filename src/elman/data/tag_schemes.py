"""Tags that mark spans: their prefixes, their schemes, and which tag may follow which."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

Scheme = Literal["BIO", "IOB1", "IOBES"]
"""How prefixes mark spans.

BIO (also IOB2): B begins a span, I continues it.
IOB1: I is a span's word; B begins a span only right after another one of its type.
IOBES (also BIOES, BILOU, BMES): B begins, I continues and E ends a span of several words; S is a whole span.
"""
_MARKED = re.compile(r"([BIESLUM])(?:[-_](.+))?", re.DOTALL)
_PREFIXES = {"L": "E", "U": "S", "M": "I"}  # as BILOU and BMES name them
_NOISE = 0.01  # share of the pairs of a span's neighbouring tags that may break a scheme's rules


class Tag(NamedTuple):
    """A tag in parts.

    Attributes:
        prefix: B, I, E, S, or O outside spans.
        kind: type of the span; "_" if the tag names none.
    """

    prefix: str
    kind: str


OUTSIDE = Tag("O", "_")


def split_tag(tag: str) -> Tag:
    """Splits ``B-PER`` into prefix and type; a tag without a prefix is outside spans."""
    match = _MARKED.fullmatch(tag)
    return OUTSIDE if match is None else Tag(_PREFIXES.get(match[1], match[1]), match[2] or "_")


def are_spans(tags: Iterable[str]) -> bool:
    """Whether tags mark spans: each is O or has a prefix, and a span of several words could be marked.

    Tags without types, such as B and I, need both: a single letter may be any label.
    """
    own = set(tags) - {"O"}
    parts = {split_tag(tag) for tag in own}
    if not own or OUTSIDE in parts:
        return False
    return all(len(tag) > 1 for tag in own) or {"B", "I"} <= own or {"B", "E"} <= own


def scheme_of(sequences: Sequence[Sequence[str]]) -> Scheme | None:
    """Returns the scheme that sequences of tags follow; None if they mark no spans or follow none.

    A share of 0.01 of the pairs of neighbours may break the rules, as mistakes of annotators do.
    """
    pairs: Counter[tuple[int, int]] = Counter()
    numbers: dict[str, int] = {}
    edge = -1  # the row before a sequence and the column after it
    for sequence in sequences:
        ids = [numbers.setdefault(tag, len(numbers)) for tag in sequence]
        pairs.update(zip([edge, *ids], [*ids, edge], strict=True))
    tags = list(numbers)
    if not are_spans(tags):
        return None
    counts = np.zeros((len(tags) + 1, len(tags) + 1))
    counts[tuple(np.array(list(pairs)).T)] = list(pairs.values())
    is_outside = np.array([*(tag == "O" for tag in tags), True])
    counts[np.ix_(is_outside, is_outside)] = 0
    is_closing = any(split_tag(tag).prefix in "ES" for tag in tags)
    candidates: tuple[Scheme, ...] = ("IOBES",) if is_closing else ("BIO", "IOB1")
    broken = {scheme: float(counts[~permitted(tags, scheme)].sum()) for scheme in candidates}
    best = min(candidates, key=broken.__getitem__)
    return best if broken[best] <= _NOISE * counts.sum() else None


def permitted(tags: Sequence[str], scheme: Scheme | None) -> np.ndarray:
    """Returns which tag may follow which by the rules of a scheme; without one, all may.

    Args:
        tags: V names.
        scheme: of the tags.

    Shapes:
        → [V + 1, V + 1] bool: from row to column; the last row is the start of a sequence, the last column
        its end
    """
    parts = [*map(split_tag, tags), OUTSIDE]
    kinds = np.array([part.kind for part in parts])
    is_same = kinds[:, None] == kinds

    def has(prefixes: str) -> np.ndarray:
        return np.array([part.prefix in prefixes for part in parts])

    goes_on = has("BI")[:, None] & is_same  # from a tag after which a span of this type may go on
    if scheme == "BIO":
        return goes_on | ~has("I")
    if scheme == "IOB1":
        return goes_on | ~has("B")
    if scheme == "IOBES":
        return (goes_on & has("IE")) | ~(has("BI")[:, None] | has("IE"))
    return np.ones_like(is_same)
