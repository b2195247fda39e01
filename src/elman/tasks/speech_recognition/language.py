"""The language model of a recogniser: n-grams of its training transcripts, chosen on the validation part."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from elman.config import from_json, read_json, require
from elman.decode.ctc import PrefixBeam, Scorer
from elman.decode.language import Letters, Ngrams, Words
from elman.metrics.error_rate import errors
from elman.train import files

FILE = "language.json"
"""The file of the language model in a run folder."""

Kind = Literal["letters", "words"]
USUAL: dict[Kind, tuple[float, float]] = {"letters": (0.5, 0.5), "words": (1.0, 1.0)}
"""Usual weight of a language model, with which its choice begins, and what each letter or word adds."""

_LARGEST_JSON = 1 << 28  # bytes
_ORDER = {"letters": 6, "words": 3}
_ALPHAS = {"letters": (0.3, 0.8), "words": (0.5, 1.5, 2.5)}
_BETAS = {"letters": (0.0, 1.0), "words": (0.0, 2.0, 3.0)}
_OFTEN = 10  # times that a word of few occurs
_MOST = 200  # recordings that decide
_MOST_WEIGHT = 100.0


@dataclass(frozen=True)
class Language:
    """Which language model is used, and the texts that it was learnt from.

    Attributes:
        kind: n-grams of letters; or of words, and only the words of the texts.
        alpha: weight of the language model.
        beta: what each letter or word adds.
        texts: different texts, sorted.
        times: how often each occurs.
    """

    kind: Kind
    alpha: float
    beta: float
    texts: tuple[str, ...]
    times: tuple[int, ...]

    def __post_init__(self) -> None:
        """Checks every value."""
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            require(name, abs(value) <= _MOST_WEIGHT, f"at most {_MOST_WEIGHT:g}", value)
        fits = len(self.times) == len(self.texts) > 0 and min(self.times) > 0
        require("times", fits, "a number from 1 on for each text, at least one", len(self.times))
        require("texts", sum(self.times) <= 10**7, "at most 10,000,000 with repeats", sum(self.times))

    @classmethod
    def of(cls, kind: Kind, texts: Sequence[str]) -> Self:
        """Returns a language model of texts, with usual weights."""
        counts = sorted(Counter(texts).items())
        return cls(kind, *USUAL[kind], tuple(text for text, _ in counts), tuple(n for _, n in counts))

    def weighted(self, alpha: float, beta: float) -> Self:
        """Returns the same language model with other weights."""
        return type(self)(self.kind, alpha, beta, self.texts, self.times)

    @property
    def words(self) -> set[str]:
        """The words of the texts."""
        return {word for text in self.texts for word in text.split()}

    def scorer(self, symbols: str) -> Scorer:
        """Returns what the search asks.

        Args:
            symbols: the alphabet; texts and words with other characters are left out.
        """
        ids = {symbol: k for k, symbol in enumerate(symbols)}
        order = _ORDER[self.kind]
        items = [(text, n) for text, n in zip(self.texts, self.times, strict=True) if ids.keys() >= {*text}]
        if self.kind == "letters":
            tokens = {tuple(ids[c] + 1 for c in text): n for text, n in items}
            return Letters(Ngrams(tokens, len(symbols), order), self.alpha, self.beta)
        words = [word for word in sorted(self.words) if ids.keys() >= {*word}]
        numbers = {word: k for k, word in enumerate(words, 1)}
        of_words = {tuple(numbers[word] for word in text.split()): n for text, n in items}
        spelled = [[ids[c] for c in word] for word in words]
        space = ids.get(" ", len(symbols))  # without a space every text is a word
        return Words(spelled, space, Ngrams(of_words, len(words), order), self.alpha, self.beta)

    def save(self, path: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes the language model as JSON."""
        files.write_json(path, vars(self), check)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what ``save`` wrote. Raises InputError if it is damaged."""
        return from_json(cls, read_json(path, _LARGEST_JSON), str(path))


def read_text(log_p: np.ndarray, symbols: str, scorer: Scorer | None, beam: int) -> str:
    """Returns the best text of one recording's log-probabilities [S, V + 1] by prefix beam search."""
    search = PrefixBeam(len(symbols), scorer, beam)
    search.push(log_p)
    return " ".join("".join(symbols[k] for k in search.best()[0].symbols).split())


def is_closed(training: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether texts have only words that training texts have, where a word occurs ten times on average."""
    known = Counter(word for text in training for word in text.split())
    is_often = known.total() >= _OFTEN * len(known)
    return is_often and all(word in known for text in texts for word in text.split())


def choose(
    kinds: Sequence[Kind],
    training: Sequence[str],
    symbols: str,
    probabilities: Sequence[np.ndarray],
    texts: Sequence[str],
    beam: int,
) -> tuple[Language | None, list[dict[str, Any]]]:
    """Returns the language model and weights with the fewest word errors on other recordings.

    Args:
        kinds: to choose from.
        training: texts to learn from.
        symbols: the alphabet.
        probabilities: log-probabilities [S, V + 1] of each of these recordings.
        texts: what they say.
        beam: prefixes kept at each step.

    Returns:
        The language model, or None if the sound alone errs less, or as little and the words are not few
        (see ``is_closed``); and what was tried.
    """
    some = slice(min(len(texts), _MOST))
    probabilities, texts = probabilities[some], texts[some]
    tried: list[dict[str, Any]] = []

    def rate(language: Language | None, name: str) -> float:
        scorer = None if language is None else language.scorer(symbols)
        found = [read_text(log_p, symbols, scorer, beam) for log_p in probabilities]
        words, letters = (errors(texts, found, unit).rate for unit in ("words", "characters"))
        weights = {} if language is None else {"alpha": language.alpha, "beta": language.beta}
        tried.append({"language": name, **weights, "word_error_rate": words, "character_error_rate": letters})
        return words + letters / 1000  # of equally many wrong words, those with fewer wrong letters

    best, least = None, rate(None, "none") if texts else math.inf
    for kind in kinds if texts else ():
        own = Language.of(kind, training)
        own_rate = rate(own, kind)
        for which, values in enumerate((_ALPHAS[kind], _BETAS[kind])):
            for value in values:
                weights = (value, own.beta) if which == 0 else (own.alpha, value)
                other = own.weighted(*weights)
                other_rate = rate(other, kind)
                if other_rate < own_rate:
                    own, own_rate = other, other_rate
        if own_rate < least or (own_rate == least and kind == "words" and is_closed(training, texts)):
            best, least = own, own_rate
    return best, tried
