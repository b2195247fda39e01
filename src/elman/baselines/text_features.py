"""N-grams of words or characters as sparse rows of tf-idf.

An n-gram is known by a 64-bit key of its content, so that a model of texts holds numbers and no strings.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import chain
from typing import Literal, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from elman.data.tokens.vocab.scripts import marks, spaceless

Kind = Literal["words", "characters"]
LENGTHS: dict[Kind, tuple[int, ...]] = {"words": (1, 2), "characters": (2, 3, 4, 5)}
"""Lengths of the n-grams of each kind; a space can only be the first or the last of characters."""
_BLOCK = 1_000_000  # characters that are cut at once
_PRIME = np.uint64(0x9E3779B97F4A7C15)


@cache
def word_pattern() -> str:
    """Returns the pattern of a word: letters of scripts without spaces, and punctuation, one by one."""
    alone = rf"[{spaceless()}][{marks()}]*"
    return rf"{alone}|(?:(?![{spaceless()}])\w)+|[^\w\s]"


@dataclass(frozen=True, eq=False)
class Rows:
    """A sparse matrix [N, F] by rows.

    Attributes:
        starts: [N + 1] place of each row's first entry among all entries; the last is their number.
        columns: [M] column of each entry.
        values: [M] value of each entry.
        width: F.
    """

    starts: Tensor
    columns: Tensor
    values: Tensor
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __matmul__(self, weights: Tensor) -> Tensor:
        """Returns the product with weights [F, V] → [N, V]."""
        return F.embedding_bag(
            self.columns,
            weights,
            self.starts,
            mode="sum",
            per_sample_weights=self.values.to(weights.dtype),
            include_last_offset=True,
        )

    @property
    def lengths(self) -> Tensor:
        """Number of entries of each row [N]."""
        return self.starts.diff()

    @property
    def T(self) -> "Rows":  # noqa: N802 - as a tensor has it
        """The transpose [F, N]."""
        order = self.columns.argsort(stable=True)
        rows = torch.arange(len(self)).repeat_interleave(self.lengths)
        starts = _starts(torch.bincount(self.columns, minlength=self.width))
        return Rows(starts, rows[order], self.values[order], len(self))

    def rows(self, index: np.ndarray) -> "Rows":
        """Returns the rows at these positions."""
        chosen = torch.from_numpy(np.asarray(index))
        lengths = self.lengths[chosen]
        starts = _starts(lengths)
        at = torch.arange(int(starts[-1])) + (self.starts[chosen] - starts[:-1]).repeat_interleave(lengths)
        return Rows(starts, self.columns[at], self.values[at], self.width)


class Occurrences(NamedTuple):
    """N-grams where they occur.

    Attributes:
        items: [M] number of the item.
        keys: [M] key of the n-gram.
        texts: [M] which text of the item; 0 unless items are pairs.
        begins: [M] place of its first character in the text; −1 is the space before the text.
        ends: [M] place after its last character.
    """

    items: np.ndarray
    keys: np.ndarray
    texts: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True, eq=False)
class Ngrams:
    """The n-grams of training texts.

    Attributes:
        kind: of words or of characters.
        keys: [F] their keys, rising.
        idf: [F] inverse document frequencies: ln((1 + N) / (1 + n)) + 1.

    Raises:
        ValueError: the keys do not rise, or there is not one finite number for each.
    """

    kind: Kind
    keys: np.ndarray
    idf: np.ndarray

    def __post_init__(self) -> None:
        if self.kind not in LENGTHS:
            raise ValueError(f"the kind must be one of {', '.join(LENGTHS)}")
        if self.keys.dtype != np.uint64 or self.keys.ndim != 1 or not (self.keys[1:] > self.keys[:-1]).all():
            raise ValueError("the keys must rise, 64 bits each")
        if self.idf.shape != self.keys.shape or not np.isfinite(self.idf).all():
            raise ValueError("there must be one finite number for each key")

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def learn(cls, kind: Kind, items: Sequence[tuple[str, ...]], most: int, fewest: int = 1) -> Self:
        """Collects the n-grams of texts.

        Args:
            kind: of words or of characters.
            items: N items of one text, or two.
            most: the most frequent ones are kept, by the number of items that have them.
            fewest: items that an n-gram must be in.
        """
        found = [_distinct(each.items, each.keys) for each in _blocks(kind, items)]
        keys, counts = np.unique(np.concatenate(found or [np.zeros(0, np.uint64)]), return_counts=True)
        kept = counts >= fewest
        keys, counts = keys[kept], counts[kept]
        if len(keys) > most:
            kept = np.sort(np.argsort(-counts, kind="stable")[:most])
            keys, counts = keys[kept], counts[kept]
        return cls(kind, keys, np.log((1 + len(items)) / (1 + counts)).astype(np.float32) + 1)

    def rows(self, items: Sequence[tuple[str, ...]]) -> Rows:
        """Returns tf-idf [N, F]: (1 + ln count) · idf, each row of length 1; of a text without n-grams, 0."""
        columns, values, lengths = [], [], []
        for block, size in zip(_blocks(self.kind, items), _sizes(items), strict=True):
            at, known = self.find(block.keys)
            cells, counts = np.unique(block.items[known] * len(self) + at[known], return_counts=True)
            rows, column = np.divmod(cells, max(len(self), 1))
            value = (1 + np.log(counts)).astype(np.float32) * self.idf[column]
            norms = np.sqrt(np.bincount(rows, value.astype(np.float64) ** 2, size))
            columns.append(column)
            values.append((value / norms[rows]).astype(np.float32))
            lengths.append(np.bincount(rows, minlength=size))
        none = np.zeros(0, np.int64)
        return Rows(
            _starts(torch.from_numpy(np.concatenate([none, *lengths]))),
            torch.from_numpy(np.concatenate([none, *columns])),
            torch.from_numpy(np.concatenate([none.astype(np.float32), *values])),
            len(self),
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns keys and frequencies by name, for a file."""
        return {"keys": self.keys, "idf": self.idf}

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the column of each key [M], and whether it is known [M]."""
        at = np.searchsorted(self.keys, keys).clip(max=max(len(self) - 1, 0))
        known = self.keys[at] == keys if len(self) else np.zeros(len(keys), bool)
        return at, known

    def occurrences(self, item: tuple[str, ...]) -> Occurrences:
        """Returns where n-grams occur in one item, known or not."""
        return _cut(self.kind, [item])


def _starts(lengths: Tensor) -> Tensor:
    """Returns where rows of these lengths start, and their end."""
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])


def _sizes(items: Sequence[tuple[str, ...]]) -> Iterator[int]:
    """Yields how many items are cut at once."""
    size = characters = 0
    for item in items:
        size, characters = size + 1, characters + sum(map(len, item))
        if characters >= _BLOCK:
            yield size
            size = characters = 0
    if size:
        yield size


def _blocks(kind: Kind, items: Sequence[tuple[str, ...]]) -> Iterator[Occurrences]:
    """Yields the n-grams of some items after others; each block numbers its items from 0."""
    begin = 0
    for size in _sizes(items):
        yield _cut(kind, items[begin : begin + size])
        begin += size


def _distinct(items: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Returns the keys of all items, each once for an item."""
    order = np.lexsort((keys, items))
    items, keys = items[order], keys[order]
    first = np.ones(len(keys), bool)
    first[1:] = (items[1:] != items[:-1]) | (keys[1:] != keys[:-1])
    return keys[first]


def _cut(kind: Kind, items: Sequence[tuple[str, ...]]) -> Occurrences:
    texts = [text.lower() for item in items for text in item]
    numbers = np.repeat(np.arange(len(items)), [len(item) for item in items])
    places = np.array([place for item in items for place in range(len(item))], np.int64)
    of, units, begins, ends, is_space = _words(texts) if kind == "words" else _characters(texts)
    gaps = np.concatenate([[0], np.cumsum(is_space)])  # spaces before each unit
    parts = []
    key = units.copy()
    for length in range(1, LENGTHS[kind][-1] + 1):
        if length > 1:  # the key of a longer n-gram follows from that of the n-gram without its last unit
            key = _mixed(key[:-1] * _PRIME + units[length - 1 :])
        if length in LENGTHS[kind]:
            first = np.arange(max(len(key), 0))
            last = first + length - 1
            whole = of[first] == of[last]
            # no space inside, and not spaces alone
            inside = gaps[last] - gaps[np.minimum(first + 1, last)]
            whole &= (inside == 0) & ~((length == 2) & is_space[first] & is_space[last])
            first, last = first[whole], last[whole]
            text = of[first]
            own = key[whole] ^ (places[text].astype(np.uint64) * _PRIME)  # of a first or second text
            parts.append((numbers[text], own, places[text], begins[first], ends[last]))
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Occurrences(*columns)


def _words(texts: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Returns text, key, begin and end of each word, and that none of them is a space."""
    pattern = re.compile(word_pattern())
    known: dict[str, int] = {}
    of: list[int] = []
    keys: list[int] = []
    begins: list[int] = []
    ends: list[int] = []
    for number, text in enumerate(texts):
        for match in pattern.finditer(text):
            word = match.group()
            if word not in known:
                known[word] = _hash(word)
            of.append(number)
            keys.append(known[word])
            begins.append(match.start())
            ends.append(match.end())
    own, first, last = (np.array(column, np.int64) for column in (of, begins, ends))
    return own, np.array(keys, np.uint64), first, last, np.zeros(len(keys), bool)


def _characters(texts: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Returns text, key, begin and end of each character, and whether it is a space.

    Each text has a space before and after it.
    """
    lengths = np.array([len(text) + 2 for text in texts], np.int64)
    whole = "".join(chain.from_iterable((" ", text, " ") for text in texts))
    codes = np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), np.uint32)
    distinct, at = np.unique(codes, return_inverse=True)
    is_space = np.array([chr(code).isspace() for code in distinct], bool)[at]
    of = np.repeat(np.arange(len(texts)), lengths)
    first = np.cumsum(lengths) - lengths
    begins = np.arange(len(codes)) - first[of] - 1
    keys = _mixed(np.where(is_space, np.uint64(32), codes.astype(np.uint64)))
    return of, keys, begins, begins + 1, is_space


def _hash(word: str) -> int:
    """Returns 64 bits that depend on the word alone, unlike Python's own hash."""
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _mixed(keys: np.ndarray) -> np.ndarray:
    """Spreads keys over 64 bits, one to one (the finaliser of splitmix64, Steele, Lea & Flood 2014)."""
    keys = (keys + _PRIME).astype(np.uint64)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
