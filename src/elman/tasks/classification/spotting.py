"""Words in running sound: what the network learns of sound without words, and how it listens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.config import require
from elman.data.features.fbank import SHIFT
from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled, joined
from elman.data.labelled.sounds import noise_below
from elman.data.read.audio import Resampler
from elman.data.read.wave import arriving_samples
from elman.decode.spotting import HOP, Alarms, Spot, Spotter, most_an_hour
from elman.errors import InputError
from elman.tasks.classification.batches import fbank_of

if TYPE_CHECKING:
    from elman.tasks.classification.answers import LabelAnswers

NONE = "none of these"
"""The label of sound that holds none of the words."""

_STEP = round(HOP / SHIFT)  # frames from one window to the next
_SHORTEST = 30  # frames of a window
_LEARNT, _VALIDATED = 0.45, 0.5  # where the parts of each recording end; the rest counts false alarms
_TOGETHER = 500  # windows that are judged at once
_RATES = (1.0, 3.0, 10.0)  # false alarms an hour that the report shows


def with_background(
    examples: Mapping[str, Labelled], paths: Sequence[Path], columns: Columns, seed: int
) -> tuple[dict[str, Labelled], list[np.ndarray]]:
    """Adds sound that holds none of the words to training and validation part, under a label of its own.

    Of each recording, the first 45 % are cut into windows for training and the next 5 % for validation: at
    most as many as there are examples.

    Args:
        examples: the parts by name.
        paths: recordings, files or folders.
        columns: rate and number of bands.
        seed: seed of the choice.

    Returns:
        The parts; and the second half of each recording, frames [T, bins], which nothing is learnt from.

    Raises:
        InputError: see ``noise_below``; or the recordings have no window for a part.
    """
    sounds, window = noise_below(paths, columns, "--background"), window_of(examples["training"])
    random = np.random.default_rng(seed)
    parts = dict(examples)
    for name, begin, end in (("training", 0.0, _LEARNT), ("validation", _LEARNT, _VALIDATED)):
        given = parts[name]
        if not len(given):
            continue
        pieces = [*chain.from_iterable(_cut(_part(sound, begin, end), window) for sound in sounds)]
        if not pieces:
            raise InputError(
                f"--background: {paths[0]}: must be longer: no {name} window of {window * SHIFT:.2f} s"
            )
        chosen = np.sort(random.permutation(len(pieces))[: len(given)])
        places = [f"{paths[0]}: window {k}" for k in chosen]
        none = Labelled([pieces[k] for k in chosen], [(NONE,)] * len(chosen), places, given.features)
        weights = (*given.weights, *[1.0] * len(chosen)) if given.weights else ()
        parts[name] = replace(joined([given, none]), weights=weights)
    return parts, [part for sound in sounds if len(part := _part(sound, _VALIDATED, 1.0)) >= window]


def window_of(training: Labelled) -> int:
    """Returns the frames of a window: the median length of the words."""
    lengths = [
        len(item) for item, labels in zip(training.items, training.labels, strict=True) if labels != (NONE,)
    ]
    return max(_SHORTEST, int(np.median(lengths)))


def _part(sound: np.ndarray, begin: float, end: float) -> np.ndarray:
    return sound[round(begin * len(sound)) : round(end * len(sound))]


def _cut(sound: np.ndarray, window: int) -> list[np.ndarray]:
    return [sound[k : k + window] for k in range(0, len(sound) - window + 1, window)]


def words_of(answers: "LabelAnswers") -> list[int]:
    """Returns the columns of the labels that are words."""
    return [k for k, name in enumerate(answers.facts.scheme.names) if name != NONE]


def count_alarms(answers: "LabelAnswers", held: Sequence[np.ndarray], training: Labelled) -> Alarms:
    """Counts the words that are found in recordings that hold none."""
    window = window_of(training)
    found = [np.concatenate([*_judged(answers, sound, window)]) for sound in held]
    return Alarms.measured(found, words_of(answers), window)


def _judged(answers: "LabelAnswers", frames: np.ndarray, window: int) -> Iterator[np.ndarray]:
    """Yields probabilities [n, V] of windows of frames [T, bins], some at once."""
    begins = range(0, len(frames) - window + 1, _STEP)
    for k in range(0, len(begins), _TOGETHER):
        yield _probabilities(answers, [frames[b : b + window] for b in begins[k : k + _TOGETHER]])


def _probabilities(answers: "LabelAnswers", windows: list[np.ndarray]) -> np.ndarray:
    n = len(windows)
    part = Labelled(windows, [()] * n, [""] * n, answers.facts.scheme.features)
    return answers.probabilities(part).astype(np.float64)


def alarm_figures(alarms: Alarms) -> dict[str, Any]:
    """Returns thresholds by false alarms an hour, with what was counted and its upper bound."""
    rows = {}
    for rate in _RATES:
        threshold = alarms.threshold(rate)
        count = alarms.at(threshold) if threshold <= 1 else 0
        bound = most_an_hour(count, alarms.hours)
        rows[f"{rate:g}"] = {"threshold": threshold, "alarms": count, "at_most_an_hour": bound}
    return {"hours": alarms.hours, "window_seconds": alarms.window * SHIFT, "by_rate": rows}


def alarm_lines(found: Mapping[str, Any]) -> list[str]:
    """Returns the lines of a report about false alarms."""
    lines = [f"false alarms in {found['hours']:.2f} hours of --background that were not learnt:"]
    for rate, row in found["by_rate"].items():
        if row["threshold"] > 1:
            lines.append(f"  at most {rate} an hour: no threshold has so few")
            continue
        lines.append(
            f"  at most {rate} an hour: threshold {row['threshold']:.4f}, {row['alarms']} alarms, with 95 % "
            f"confidence less than {row['at_most_an_hour']:.1f} an hour"
        )
    return lines


class Listener:
    """Finds words in sound that arrives.

    Args:
        answers: of a run that was trained with ``--background``.
        rate: samples a second of the sound, Hz.
        alarms_per_hour: chooses the threshold; used if there is none.
        threshold: least probability of a word.

    Raises:
        InputError: the run knows no sound without words, or no threshold has so few false alarms.
    """

    def __init__(
        self, answers: "LabelAnswers", rate: int, alarms_per_hour: float, threshold: float | None
    ) -> None:
        alarms = answers.facts.alarms
        if alarms is None:
            raise InputError("--stream needs a run that was trained with --background")
        require("--alarms-per-hour", alarms_per_hour >= 0, "0 or more", alarms_per_hour)
        least = alarms.threshold(alarms_per_hour) if threshold is None else threshold
        if threshold is None and least > 1:
            raise InputError(
                f"--alarms-per-hour must be larger: no threshold had so few in {alarms.hours:.2f} hours. "
                f"Got {alarms_per_hour:g}."
            )
        require("--threshold", 0 <= least <= 1, "in [0, 1]", least)
        self._answers, self._window = answers, alarms.window
        self._convert = Resampler(rate, fbank_of(answers.config).rate)
        self._stream = fbank_of(answers.config).stream()
        self._spotter = Spotter(words_of(answers), least)
        self._frames = np.zeros((0, len(answers.facts.scheme.features)), np.float32)
        self._read = 0.0

    def take(self, samples: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yields the words that are certain with the next samples [N]."""
        yield from self._next(self._stream.take(self._convert(samples, last=False)))

    def end(self) -> Iterator[dict[str, Any]]:
        """Yields the words that were not certain yet."""
        rest = self._convert(np.zeros(0, np.float32), last=True)
        frames = [self._stream.take(rest), self._stream.end()]
        yield from self._next(np.concatenate(frames))
        last = self._spotter.end()
        if last is not None:
            yield self._answer(last)

    def _next(self, frames: np.ndarray) -> Iterator[dict[str, Any]]:
        self._read += len(frames) * SHIFT
        self._frames = np.concatenate([self._frames, frames])
        spots = [
            self._spotter.take(p)
            for judged in _judged(self._answers, self._frames, self._window)
            for p in judged
        ]
        self._frames = self._frames[len(spots) * _STEP :]
        yield from (self._answer(spot) for spot in spots if spot is not None)

    def _answer(self, spot: Spot) -> dict[str, Any]:
        # the mean of three windows is that of the one in the middle
        middle = (max(0, spot.window - 1) * _STEP + self._window / 2) * SHIFT
        return {
            "time": round(middle, 2),
            "label": self._answers.facts.scheme.names[spot.word],
            "probability": spot.probability,
            "heard": round(self._read, 2),
        }


def listen(
    answers: "LabelAnswers",
    file: Any,
    name: str,
    rate: int | None,
    alarms_per_hour: float,
    threshold: float | None,
) -> Iterator[dict[str, Any]]:
    """Yields the words in a WAV stream or raw samples as they come; see ``arriving_samples``.

    Each has the ``time`` of its middle and how much was ``heard`` when it was found, in seconds; its
    ``label``; and its ``probability``.
    """
    given, pieces = arriving_samples(file, name, rate)
    listener = Listener(answers, given, alarms_per_hour, threshold)
    for samples in pieces:
        yield from listener.take(samples)
    yield from listener.end()
