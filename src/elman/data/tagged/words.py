"""Words as numbers: how they are looked up, their shapes and their characters."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from elman.data.tokens.vocab import TextVocabulary

SHAPES = ("other", "lower", "Initial", "CAPITALS", "mIxed", "123", "a1", "punctuation")
"""Shapes of words, by number; other: letters of a script without cases."""

_DIGIT = re.compile(r"\d")
_HALF = 12  # characters at each end of a word that are read


def looked_up(word: str) -> str:
    """Returns what stands for a word in a vocabulary: all digits are 0, and no space is within it."""
    word = _DIGIT.sub("0", word)
    return word if word.isprintable() and " " not in word else "_".join(word.split()) or "_"


def shape_of(word: str) -> int:
    """Returns the number of a word's shape."""
    has_digit, letters = _DIGIT.search(word) is not None, [c for c in word if c.isalpha()]
    if has_digit:
        return 6 if letters else 5
    if not letters:
        return 7 if all(unicodedata.category(c)[0] in "PSZ" for c in word) else 0
    cases = [c.isupper() for c in letters if c.isupper() or c.islower()]
    if not cases:
        return 0
    if all(cases):
        return 3 if len(cases) > 1 else 2
    if not any(cases):
        return 1
    return 2 if cases[0] and not any(cases[1:]) else 4


def word_numbers(words: Iterable[str], vocabulary: TextVocabulary) -> np.ndarray:
    """Returns the number of each word in a vocabulary that was learnt of ``looked_up`` words."""
    return vocabulary.encode(" ".join(map(looked_up, words)))


def spellings(words: Sequence[str], vocabulary: TextVocabulary, characters: TextVocabulary) -> np.ndarray:
    """Returns what is known of N distinct words: number, own number here, shape, characters.

    Of a longer word the first and the last characters are read.

    Shapes:
        → [N, 3 + L] int32, 0 past a word's end
    """
    table = np.zeros((len(words), 3 + 2 * _HALF), np.int32)
    table[:, 0] = word_numbers(words, vocabulary)
    table[:, 1] = np.arange(len(words))
    for row, word in zip(table, words, strict=True):
        read = word if len(word) <= 2 * _HALF else word[:_HALF] + word[-_HALF:]
        tokens = characters.encode(read)[: 2 * _HALF]
        row[2] = shape_of(word)
        row[3 : 3 + len(tokens)] = tokens
    return table
