"""Rows of a set, and the rules that all readers share.

A row is (label, text) or (source, target); sets of numbers hold sequences, series or recorded channels. What
is drawn is drawn by a generator of seed 0, so that a set is
the same on every machine.
"""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LEAST = 10  # examples of a label; rarer labels are left out where the labels are made here
Row = tuple[str, str]


class Rows(NamedTuple):
    """Training rows, and test rows or none."""

    train: list[Row]
    test: list[Row]


class Sequences(NamedTuple):
    """Training sequences, and test sequences or none: (label or number, values [T, I]) each."""

    train: list[tuple[str, np.ndarray]]
    test: list[tuple[str, np.ndarray]]


# name of a series: times on a regular grid, and values [N], NaN where one is missing
Series = dict[str, tuple[list[str], np.ndarray]]


@dataclass
class Channels:
    """What a machine recorded.

    Attributes:
        values: [N, D]; NaN where one is missing.
        labels: [N], 1 at an anomaly.
        train: rows at the start that a method may learn from.
        times: N times, or none.
    """

    values: np.ndarray
    labels: np.ndarray
    train: int
    times: list[str] | None = None


def drawn(rows: Iterable[Row], most: int | None = None) -> list[Row]:
    """Returns the rows in random order, at most some of them."""
    rows = list(rows)
    random.Random(0).shuffle(rows)
    return rows[:most]


def frequent(rows: Iterable[Row], labels: int | None = None) -> list[Row]:
    """Returns the rows without empty and repeated texts and rare labels; of the labels, the most frequent."""
    rows = list({text: (label, text) for label, text in rows if label and text}.values())
    counts = Counter(label for label, _ in rows).most_common(labels)
    kept = {label for label, count in counts if count >= LEAST}
    return [row for row in rows if row[0] in kept]


def one_line(text: str) -> str:
    """Returns the text with single spaces."""
    return " ".join(text.split())


def cut(pieces: Iterable[str], kilobytes: int) -> str:
    """Joins pieces of text until they have so many thousand bytes of UTF-8."""
    data = bytearray()
    for piece in pieces:
        data += piece.encode()
        if len(data) >= kilobytes * 1000:
            break
    return data[: kilobytes * 1000].decode(errors="ignore")


def pairs_of(pairs: Iterable[Row]) -> list[Row]:
    """Returns one pair for each source, of 2 to 300 characters, without those that are not translated."""
    once = {source: target for source, target in pairs if source != target}
    return [pair for pair in once.items() if all(2 <= len(text) <= 300 for text in pair)]
