"""Finds words in running sound, from the probabilities of windows that follow one another."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import NamedTuple

import numpy as np

from elman.config import is_finite
from elman.errors import InputError

HOP = 0.1
"""Seconds from one window to the next."""
_SMOOTHED = 3  # windows whose probabilities are averaged
_WAIT = 3  # windows after a peak until it is certain
_APART = 7  # least windows from one word to the next
_GRID = 1 / (1 + np.exp(-np.linspace(-2.0, 12.0, 141)))  # thresholds that are tried
_CONFIDENCE = 0.95
_LONGEST = 100_000  # frames of a window


class Spot(NamedTuple):
    """A word that was found.

    Attributes:
        window: number of the window in which it is most probable.
        word: its column.
        probability: its mean probability over three windows.
    """

    window: int
    word: int
    probability: float


class Spotter:
    """Takes windows one after the other; a word is found where its probability has a peak.

    A peak is certain, and answered, three windows later or when the probability falls, and at least seven
    windows after the word before.

    Args:
        words: columns that are words; the others are none.
        threshold: least probability of a peak.
    """

    def __init__(self, words: Sequence[int], threshold: float) -> None:
        self._words, self._threshold = np.asarray(words), threshold
        self._recent: deque[np.ndarray] = deque(maxlen=_SMOOTHED)
        self._number, self._last = -1, -_APART
        self._before = 0.0
        self._peak: Spot | None = None

    def take(self, p: np.ndarray) -> Spot | None:
        """Returns the word that is certain with the next window's probabilities [V]; None: no word is."""
        self._recent.append(p)
        mean = np.mean(self._recent, axis=0)[self._words]
        best = int(mean.argmax())
        return self.take_best(int(self._words[best]), float(mean[best]))

    def take_best(self, word: int, probability: float) -> Spot | None:
        """As ``take``, with the most probable word and its mean probability over three windows."""
        self._number += 1
        now = Spot(self._number, word, probability)
        rises, self._before = now.probability > self._before, now.probability
        peak, may = self._peak, rises and now.window - self._last >= _APART
        if peak is None or now.probability > peak.probability:
            self._peak = now if may and now.probability >= self._threshold else peak
            return None
        if now.probability == peak.probability and now.window - peak.window < _WAIT:
            return None
        return self.end()

    def end(self) -> Spot | None:
        """Returns the word that was not certain when the sound ended, if any."""
        peak, self._peak = self._peak, None
        self._last = self._last if peak is None else peak.window
        return peak


def spots(p: np.ndarray, words: Sequence[int], threshold: float) -> list[Spot]:
    """Returns the words in windows [T, V]."""
    return _spots(_best(p, words), threshold)


def _best(p: np.ndarray, words: Sequence[int]) -> list[tuple[int, float]]:
    """Returns the most probable word of each window, and its mean probability over three windows."""
    sums = np.cumsum(np.pad(p[:, words], ((_SMOOTHED, 0), (0, 0))), axis=0)
    counts = np.minimum(np.arange(len(p)) + 1, _SMOOTHED)
    mean = (sums[_SMOOTHED:] - sums[:-_SMOOTHED]) / counts[:, None]
    best = mean.argmax(1)
    return [*zip(np.asarray(words)[best].tolist(), mean.max(1).tolist(), strict=True)]


def _spots(best: Sequence[tuple[int, float]], threshold: float) -> list[Spot]:
    spotter = Spotter((), threshold)
    found = [*starmap(spotter.take_best, best), spotter.end()]
    return [spot for spot in found if spot is not None]


@dataclass(frozen=True)
class Alarms:
    """How many words were found in sound that holds none, by threshold.

    Attributes:
        window: frames of a window.
        hours: length of the sound.
        thresholds: rising.
        counts: words found with each.

    Raises:
        InputError: the numbers contradict each other.
    """

    window: int
    hours: float
    thresholds: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        """Checks the numbers, which may come from an untrusted file."""
        fits = (
            1 <= self.window <= _LONGEST
            and is_finite(self.hours)
            and self.hours > 0
            and len(self.thresholds) == len(self.counts) > 0
            and all(0 <= threshold <= 1 for threshold in self.thresholds)
            and list(self.thresholds) == sorted(self.thresholds)
            and all(count >= 0 for count in self.counts)
        )
        if not fits:
            raise InputError("false alarms must be counts by rising thresholds, in some hours of sound")

    @classmethod
    def measured(cls, sounds: Sequence[np.ndarray], words: Sequence[int], window: int) -> "Alarms":
        """Counts the words in sounds that hold none, each the probabilities of its windows [T, V]."""
        best = [_best(p, words) for p in sounds]
        counts = [sum(len(_spots(each, threshold)) for each in best) for threshold in _GRID]
        return cls(window, sum(map(len, sounds)) * HOP / 3600, tuple(_GRID.tolist()), tuple(counts))

    def threshold(self, an_hour: float) -> float:
        """Returns the least threshold with at most so many false alarms an hour; above 1 if none has."""
        few = [
            t for t, count in zip(self.thresholds, self.counts, strict=True) if count <= an_hour * self.hours
        ]
        return few[0] if few else math.nextafter(1.0, 2.0)

    def at(self, threshold: float) -> int:
        """Returns the number of false alarms with the largest threshold that is not above this one."""
        below = [c for t, c in zip(self.thresholds, self.counts, strict=True) if t <= threshold]
        return below[-1] if below else self.counts[0]


def most_an_hour(count: int, hours: float) -> float:
    """Returns the rate an hour that is not exceeded with 95 % confidence, after so many events in some hours.

    The number of events has a Poisson distribution.
    """

    def at_most(mean: float) -> float:
        """Probability of so many events, or fewer."""
        logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1)]
        return sum(map(math.exp, logs))

    low, high = 1e-9, 10.0 + 10 * count
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(middle) > 1 - _CONFIDENCE else (low, middle)
    return high / hours
