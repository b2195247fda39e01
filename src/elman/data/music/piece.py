"""Pieces: notes in plain arrays, and the chords that sound at each step."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Self

import numpy as np

PITCHES = 128
"""Pitches of MIDI; 60 is the C in the middle of a piano."""
LOUDNESS = 80
"""Velocity of notes whose loudness is unknown."""
DRUMS, SYMBOLS = 128, 129
"""In place of an instrument: the voice's pitches are drums, or its notes sound chord symbols."""


@dataclass(frozen=True, eq=False)
class Piece:
    """The notes of a piece, by their beginning and pitch.

    Attributes:
        begin: [N] int64, ticks from the beginning of the piece.
        duration: [N] int64, ticks, at least 1.
        pitch: [N] int64 in [0, 127].
        velocity: [N] int64 in [1, 127].
        voice: [N] int64, number of the track or voice.
        length: ticks of the piece, with the silence after its last note.
        ticks: of a quarter note; None: unknown, each tick is a step.
        meter: (beats of a bar, the note that is a beat: 4 for a quarter); None: unknown.
        tempo: quarter notes a minute at the beginning; None: unknown.
        instruments: of each voice, by its number: a program of General MIDI from 0, DRUMS or SYMBOLS; voices
            beyond them have the first program.
        place: where it was read, for messages.
        part: part of the data that its file gives it to; "": none.
    """

    begin: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    voice: np.ndarray
    length: int
    ticks: int | None = None
    meter: tuple[int, int] | None = None
    tempo: float | None = None
    instruments: tuple[int, ...] = ()
    place: str = ""
    part: str = ""

    def __len__(self) -> int:
        return len(self.begin)

    @classmethod
    def of(cls, notes: np.ndarray, length: int, **facts: Any) -> Self:
        """Returns the piece of some notes in any order.

        Args:
            notes: [N, 5] int: begin, duration, pitch, velocity and voice of each.
            length: ticks.
            **facts: the other fields.
        """
        notes = notes.astype(np.int64).reshape(-1, 5)
        notes = notes[np.lexsort((notes[:, 4], notes[:, 2], notes[:, 0]))]
        begin, duration, pitch, velocity, voice = notes.T
        return cls(begin, duration, pitch, velocity, voice, length, **facts)

    @property
    def notes(self) -> np.ndarray:
        """[N, 5] begin, duration, pitch, velocity and voice of each note."""
        return np.stack([self.begin, self.duration, self.pitch, self.velocity, self.voice], 1)

    @property
    def bar(self) -> Fraction | None:
        """Quarter notes of a bar; None: unknown."""
        return None if self.meter is None else Fraction(4 * self.meter[0], self.meter[1])

    @property
    def instrument(self) -> np.ndarray:
        """[N] instrument of each note."""
        voices = int(self.voice.max(initial=-1)) + 1
        known = np.array([*self.instruments, *[0] * voices], np.int64)
        return np.asarray(known[self.voice])

    def transposed(self, semitones: int) -> Self:
        """Returns the piece in another key, without the notes that leave the range of MIDI; drums stay."""
        pitch = np.where(self.instrument == DRUMS, self.pitch, self.pitch + semitones)
        moved = self.notes
        moved[:, 2] = pitch
        return self.with_notes(moved[(pitch >= 0) & (pitch < PITCHES)])

    def pitched(self) -> Self:
        """Returns the piece without drums."""
        return self.with_notes(self.notes[self.instrument != DRUMS])

    def with_notes(self, notes: np.ndarray, length: int | None = None) -> Self:
        """Returns the piece with other notes [M, 5], ordered as its own, and another length if given."""
        names = ("begin", "duration", "pitch", "velocity", "voice")
        fields: dict[str, Any] = dict(zip(names, notes.T, strict=True))
        return replace(self, **fields, length=self.length if length is None else length)


def roll_of(piece: Piece, step: Fraction) -> np.ndarray:
    """Returns which pitches sound at each step, drums left out, [T, 128] bool.

    A note begins at the nearest step, and ends at the nearest one that is later than its beginning.

    Args:
        piece: the piece.
        step: quarter notes from one step to the next; without meaning if the piece's ticks are steps.
    """
    ticks = float(step * piece.ticks) if piece.ticks is not None else 1.0
    piece = piece.pitched()
    first = np.rint(piece.begin / ticks).astype(np.int64)
    last = np.maximum(np.rint((piece.begin + piece.duration) / ticks).astype(np.int64), first + 1)
    steps = max(int(np.rint(piece.length / ticks)), int(last.max(initial=1)))
    changes = np.zeros((steps + 1, PITCHES), np.int64)
    np.add.at(changes, (first, piece.pitch), 1)
    np.add.at(changes, (last, piece.pitch), -1)
    return np.asarray(changes.cumsum(0)[:-1] > 0)


def notes_of(roll: np.ndarray, cut: int = 0, voice: int = 0) -> np.ndarray:
    """Returns the notes [N, 5] of a roll [T, 128] in ticks of a step; see ``Piece.of``.

    A pitch that sounds at successive steps is one note, which ends at the latest at the next bar line.

    Args:
        roll: [T, 128] bool.
        cut: steps of a bar; 0: bar lines end no note.
        voice: of all notes.
    """
    before = np.zeros_like(roll)
    before[1:] = roll[:-1]
    if cut:
        before[::cut] = False
    after = np.zeros_like(roll)
    after[:-1] = before[1:] & roll[1:]
    pitch, begin = np.nonzero((roll & ~before).T)
    _, end = np.nonzero((roll & ~after).T)
    rest = np.full_like(begin, LOUDNESS), np.full_like(begin, voice)
    return np.stack([begin, end + 1 - begin, pitch, *rest], 1)


def held(roll: np.ndarray) -> np.ndarray:
    """Returns for how many steps each pitch has sounded without a pause, this one included: [T, P] int64."""
    steps = np.arange(1, len(roll) + 1)[:, None]
    silent = np.maximum.accumulate(np.where(roll, 0, steps), 0)
    return np.asarray(np.where(roll, steps - silent, 0))
