"""How the training sources are written, so that a text unlike them is noticed and told."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from elman.baselines.counts import NgramCounts
from elman.config import shown
from elman.data.tokens.vocab import CharacterVocabulary
from elman.errors import InputError
from elman.tasks.shared.arrays import reading_arrays, save_arrays
from elman.tasks.shared.ngrams import arrays_of, counts_of

FILE = "sources.safetensors"
_ORDER = 3  # of the n-grams of characters; longer ones tell no more of a few thousand sentences
_END = "\n"  # before and behind a text, which is one line
_FEWEST = 20  # texts from which there are habits
_MOST = 1_000_000  # characters that are read
_BEYOND = 4.0  # standard deviations of the first text
_EXCESS = 1.4  # times the nats of a character from which a text is not only about another subject
_STRANGE = 0.2  # share of a text's characters that no source has
_EXCEPTION = 0.005  # share of the sources up to which a way of writing is an exception
_LEAST_LETTERS = 6  # without which the case of a text says nothing
_LEAST_CHARACTERS = 15  # without which their order says nothing: a name or an abbreviation
_SHOWN = 20  # characters of a message


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What characters the sources of the training part have, and in which order.

    A text's surprise is its nats by an n-gram model of the sources' characters less what so many characters
    cost there on average; its variance grows with the number of characters.

    Attributes:
        vocabulary: the characters and the line end, and a token for all others.
        counts: of their n-grams.
        mean: nats of a character in sources that were not counted.
        spread: standard deviation of the surprise of one character.
        capitals: share of the sources whose letters are all capitals.
        smalls: share of the sources with letters, none of which is a capital.
        letterless: share of the sources without a letter.

    Raises:
        InputError: a number is out of its range.
    """

    vocabulary: CharacterVocabulary
    counts: NgramCounts
    mean: float
    spread: float
    capitals: float
    smalls: float
    letterless: float

    def __post_init__(self) -> None:
        for name in ("mean", "spread"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} must be a number of at least 0. Got {shown(getattr(self, name))}.")
        for name in ("capitals", "smalls", "letterless"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be in [0, 1]. Got {shown(getattr(self, name))}.")

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self | None:
        """Learns the habits of the training sources; None if there are too few to have any."""
        texts = _some(texts)
        if len(texts) < _FEWEST:
            return None
        vocabulary = CharacterVocabulary(_END.join(texts), has_unknown=True)
        # what a text costs that was not counted: half of the texts tells of the other half
        costs, sizes = _costs(_count(texts[::2], vocabulary), vocabulary, texts[1::2])
        mean = float(costs.sum() / sizes.sum())
        ways = [_way(text) for text in texts]
        return cls(
            vocabulary=vocabulary,
            counts=_count(texts, vocabulary),
            mean=mean,
            spread=float(np.sqrt(((costs - mean * sizes) ** 2 / sizes).mean())),
            **{way: ways.count(way) / len(ways) for way in ("capitals", "smalls", "letterless")},
        )

    def save(self, path: Path) -> None:
        """Writes a safetensors file, atomically."""
        symbols = np.array([ord(symbol) for symbol in self.vocabulary.symbols], np.uint32)
        numbers = {name: np.array([getattr(self, name)]) for name in _NUMBERS}
        arrays = arrays_of(self.counts) | {"characters": symbols} | numbers
        save_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a file that ``save`` wrote; it need not be trusted.

        Raises:
            InputError: the file is damaged.
        """
        with reading_arrays(path, "the habits of this run's sources") as arrays:
            symbols = arrays.pop("characters")
            if symbols.ndim != 1 or symbols.dtype != np.uint32:
                raise InputError("characters must be a row of code points")
            numbers = {name: float(arrays.pop(name)[0]) for name in _NUMBERS}
            vocabulary = CharacterVocabulary("".join(map(chr, symbols.tolist())), has_unknown=True)
            return cls(vocabulary=vocabulary, counts=counts_of(arrays, len(vocabulary)), **numbers)

    def surprise(self, text: str) -> tuple[float, int]:
        """Returns the nats of a text that is not blank, and how many characters they are of."""
        costs, sizes = _costs(self.counts, self.vocabulary, [text])
        return float(costs[0]), int(sizes[0])

    def strangers(self, text: str) -> list[str]:
        """Returns the characters of a text, in order and with repeats, that no source has in either case."""
        lacking = [symbol for symbol in self.vocabulary.unknown_in(text) if not symbol.isspace()]
        other = set(self.vocabulary.unknown_in("".join(lacking).swapcase()))
        return [symbol for symbol in lacking if other.intersection(symbol.swapcase())]


_NUMBERS = ("mean", "spread", "capitals", "smalls", "letterless")


class Watch:
    """Reads texts one by one and warns once, of the first that is unlike the sources.

    Args:
        habits: of the sources; None: nothing is noticed.
        lowercase: whether the model reads all text in lower case, so that its case means nothing.
    """

    def __init__(self, habits: Habits | None, lowercase: bool = False) -> None:
        self._habits, self._lowercase = habits, lowercase
        self._texts, self._nats, self._characters = 0, 0.0, 0

    def look(self, text: str, name: str) -> None:
        """Reads a text; ``name`` is what the warning calls it."""
        if self._habits is None or not text.strip():
            return
        reason = self._reason(self._habits, text.lower() if self._lowercase else text)
        if reason:
            self._habits = None
            warnings.warn(
                f"{name} is unlike the training sources, so its translation may be poor: {reason}",
                stacklevel=4,
            )

    def _reason(self, habits: Habits, text: str) -> str | None:
        strangers = habits.strangers(text)
        share = len(strangers) / sum(not symbol.isspace() for symbol in text)
        if share > _STRANGE:
            found = shown("".join(dict.fromkeys(strangers))[:_SHOWN])
            return f"{share:.0%} of its characters stand in none of them: {found}"
        way, shares = (
            _way(text),
            {
                "capitals": ("it is written in capitals", habits.capitals),
                "smalls": ("it has no capitals", habits.smalls),
                "letterless": ("it has no letters", habits.letterless),
            },
        )
        if way and shares[way][1] <= _EXCEPTION and not (self._lowercase and way != "letterless"):
            what, usual = shares[way]
            return f"{what}, as {usual:.1%} of them are: {shown(text[:_SHOWN])}"
        return self._another_language(habits, text)

    def _another_language(self, habits: Habits, text: str) -> str | None:
        """Compares the nats of the text, and of all texts so far, with those of the sources."""
        nats, characters = habits.surprise(text)
        self._texts += 1
        self._nats += nats
        self._characters += characters
        # the more texts, the farther out the most unusual of them lies by chance
        limit = math.sqrt(_BEYOND**2 + 4 * math.log(self._texts))
        for total, size in ((nats, characters), (self._nats, self._characters)):
            beyond = total - habits.mean * size
            if size < _LEAST_CHARACTERS:
                continue
            if beyond > limit * habits.spread * math.sqrt(size) and total > _EXCESS * habits.mean * size:
                each, usual = (nat / math.log(2) for nat in (total / size, habits.mean))
                return (
                    f"its characters follow one another as in another language "
                    f"({each:.1f} bits a character by counts of the sources, which have {usual:.1f})"
                )
        return None


def _some(texts: Sequence[str]) -> list[str]:
    """Returns the first texts that are not blank, up to a number of characters; their order is random."""
    chosen, characters = [], 0
    for text in texts:
        if characters > _MOST:
            break
        if text.strip():
            chosen.append(text)
            characters += len(text)
    return chosen


def _tokens(texts: Sequence[str], vocabulary: CharacterVocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Returns texts end to end as tokens, each between two ends, and where each begins."""
    each = [vocabulary.encode(f"{_END}{text}{_END}") for text in texts]
    return np.concatenate(each), np.cumsum([0, *map(len, each[:-1])])


def _count(texts: Sequence[str], vocabulary: CharacterVocabulary) -> NgramCounts:
    tokens, starts = _tokens(texts, vocabulary)
    return NgramCounts.of(tokens.astype(np.int64), starts, len(vocabulary), _ORDER)


def _costs(
    counts: NgramCounts, vocabulary: CharacterVocabulary, texts: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the nats of each text, and the number of characters that they are of, with its end."""
    tokens, starts = _tokens(texts, vocabulary)
    *_, (p, _, _) = counts.probabilities(tokens.astype(np.int64), starts)
    nats = -np.log(p)
    nats[starts] = 0
    return np.add.reduceat(nats, starts), np.diff([*starts, len(tokens)]) - 1


def _way(text: str) -> str | None:
    """Names the way in which a text is written, if it has one of those that sources may lack."""
    letters = [symbol for symbol in text if symbol.isalpha()]
    if not letters:
        return "letterless"
    cased = [symbol for symbol in letters if symbol.lower() != symbol.upper()]
    if len(cased) < _LEAST_LETTERS:
        return None
    if all(map(str.isupper, cased)):
        return "capitals"
    return None if any(map(str.isupper, cased)) else "smalls"
