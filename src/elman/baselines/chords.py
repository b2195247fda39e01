"""Counting models of chords, baselines for music."""

from collections.abc import Sequence

import numpy as np

from elman.baselines.ngram import witten_bell_nats
from elman.data.music.piece import held

FREQUENCIES = "note frequencies"
HELD = "each note by how long it has sounded"
_LONGEST = 32  # steps of a held note that are told apart
_USUAL = 2.0  # notes that the mean of all pitches counts for, where one pitch has few
_ORDER = 3


def simple_chords(training: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> dict[str, float]:
    """Scores the chords of pieces by counts of other pieces, without the first step of each.

    - how often each pitch sounds;
    - how often it goes on after so many steps, or begins, given that it is silent;
    - trigrams of chords (Witten–Bell, see ``witten_bell_nats``), with the first in place of 1/V.

    Args:
        training: pieces [T, V] bool.
        test: likewise.

    Returns:
        mean nats per step of each method, by its name.
    """
    alone = -_frequencies(training, test)
    first = np.cumsum([0, *map(len, test)])[:-1]
    later = np.ones(len(alone), bool)
    later[first] = False
    total, count = _trigrams(training, test, np.exp(-alone))
    return {
        FREQUENCIES: float(alone[later].mean()),
        HELD: float(-_by_time(training, test)[later].mean()),
        f"n-grams of chords, order {_ORDER}": total / count,
    }


def _frequencies(training: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> np.ndarray:
    """Returns ln p of each test chord [M], its pitches independent, each with half a count more."""
    sounds, number = sum(roll.sum(0) for roll in training), sum(map(len, training))
    p = (sounds + 0.5) / (number + 1)
    return _log_p(np.concatenate(test), p)


def _by_time(training: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> np.ndarray:
    """Returns ln p of each test chord [M], each pitch given for how long it has sounded."""
    V = training[0].shape[1]
    pitch = np.arange(V)
    counts = np.zeros(2 * (_LONGEST + 1) * V, np.int64)
    for roll in training:
        contexts = (roll[1:] * (_LONGEST + 1) + _age(roll)) * V + pitch
        counts += np.bincount(contexts.ravel(), minlength=len(counts))
    counts = counts.reshape(2, _LONGEST + 1, V)
    all_pitches = counts.sum(2, keepdims=True) + 0.5
    usual = all_pitches / all_pitches.sum(0)
    p = (counts[1] + _USUAL * usual[1]) / (counts.sum(0) + _USUAL)
    every = [np.concatenate([np.zeros((1, V), np.int64), _age(roll)]) for roll in test]
    return _log_p(np.concatenate(test), p[np.concatenate(every), pitch])


def _age(roll: np.ndarray) -> np.ndarray:
    """Returns for how long each pitch has sounded before each step but the first, [T − 1, V]."""
    return np.minimum(held(roll)[:-1], _LONGEST)


def _log_p(chords: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(chords, np.log(p), np.log1p(-p)).sum(1))


def _trigrams(
    training: Sequence[np.ndarray], test: Sequence[np.ndarray], base: np.ndarray
) -> tuple[float, int]:
    """Returns the sum of nats over the test chords but the first ones, and their number."""
    known: dict[bytes, int] = {}
    packed = np.packbits(np.concatenate([*training, *test]), axis=1)
    tokens = np.array([known.setdefault(chord.tobytes(), len(known)) for chord in packed])
    size = sum(map(len, training))
    own, others = (np.cumsum([0, *map(len, rolls)])[:-1] for rolls in (training, test))
    return witten_bell_nats(tokens[:size], tokens[size:], len(known), _ORDER, own, others, base)
