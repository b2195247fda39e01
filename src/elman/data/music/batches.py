"""Batches of rolls: the chord before each step, how long its notes were held, and the place in the bar."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from elman.batch import Batch, Target
from elman.data.batches.buckets import buckets
from elman.data.batches.ragged import pad
from elman.data.music.piece import PITCHES, held

_PLACES = 48  # steps of a bar that are told apart
COLUMNS = 2 * PITCHES + _PLACES
"""Numbers that are read before each step."""
_LONG = 4  # log2 of the steps for which a note is usually held at most


class Roll(NamedTuple):
    """What sounds at each step of a piece.

    Attributes:
        sounds: [T, 128] bool.
        bar: steps of a bar.
    """

    sounds: np.ndarray
    bar: int

    def transposed(self, semitones: int) -> "Roll":
        """Returns the roll in another key, without the notes that leave the range of MIDI."""
        sounds = np.zeros_like(self.sounds)
        kept = slice(max(0, semitones), PITCHES + min(0, semitones))
        source = slice(max(0, -semitones), PITCHES + min(0, -semitones))
        sounds[:, kept] = self.sounds[:, source]
        return Roll(sounds, self.bar)


def inputs_of(sounds: np.ndarray, steps_held: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Returns what is read before each step, [T, ``COLUMNS``] float32.

    Args:
        sounds: [T, 128] bool, the chord before each step.
        steps_held: [T, 128] for how many steps each of its notes has sounded.
        place: [T] step of the bar that is predicted, from 0; steps after the 48th are read as the last.
    """
    in_bar = np.minimum(place, _PLACES - 1)[:, None] == np.arange(_PLACES)
    parts = [sounds, np.log2(1 + steps_held) / _LONG, in_bar]
    return np.concatenate(parts, axis=1, dtype=np.float32)


class Rolls:
    """Batches of rolls for a model that predicts each chord from those before it.

    Args:
        rolls: the pieces.
        batch_size: B.
        window: with a seed, steps that are read at once; longer pieces are cut into equal parts. 0: all.
        transpose: with a seed, each piece is moved by up to so many semitones at random.
        seed: determines each epoch's order and keys; None: longest first, for evaluation.

    Shapes:
        batches of inputs [T, B, ``COLUMNS``] with lengths [B], targets [T, B, 128], weights [T, B]
    """

    def __init__(
        self,
        rolls: Sequence[Roll],
        *,
        batch_size: int,
        window: int = 0,
        transpose: int = 0,
        seed: int | None = None,
    ) -> None:
        self._rolls, self._batch_size = rolls, batch_size
        self._transpose, self._seed = transpose, seed
        self._windows = [
            (number, begin, end)
            for number, roll in enumerate(rolls)
            for begin, end in _windows(len(roll.sounds), window if seed is not None else 0)
        ]
        self._lengths = np.array([end - begin for _, begin, end in self._windows], np.int64)
        self.steps = len(self.rows(0))

    def rows(self, number: int = 0) -> list[np.ndarray]:
        """Returns the windows of each batch of an epoch; in evaluation, the pieces."""
        return buckets(self._lengths, self._batch_size, self._seed, number)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Yields batches, starting at batch ``start``."""
        for batch, rows in enumerate(self.rows(number)[start:], start):
            shifts = np.zeros(len(rows), np.int64)
            if self._seed is not None and self._transpose:
                random = np.random.default_rng([self._seed, number, batch])
                shifts = random.integers(-self._transpose, self._transpose + 1, len(rows))
            pairs = [self._pair(int(k), int(shift)) for k, shift in zip(rows, shifts, strict=True)]
            inputs = pad([read for read, _ in pairs])
            chords = pad([sounds.astype(np.float32) for _, sounds in pairs])
            assert inputs.lengths is not None
            weights = (torch.arange(len(inputs.values))[:, None] < inputs.lengths).float()
            yield Batch(inputs, Target(chords.values, weights))

    def _pair(self, window: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns what is read and what sounds in a window."""
        number, begin, end = self._windows[window]
        roll = self._rolls[number].transposed(shift)
        before = np.concatenate([np.zeros((1, PITCHES), bool), roll.sounds[: end - 1]])
        place = np.arange(begin, end) % roll.bar
        read = inputs_of(before[begin:], held(before)[begin:], place)
        return read, roll.sounds[begin:end]


def _windows(length: int, most: int) -> list[tuple[int, int]]:
    """Returns where the equal parts of a piece begin and end."""
    number = max(1, -(-length // most)) if most else 1
    cuts = [round(length * k / number) for k in range(number + 1)]
    return list(pairwise(cuts))
