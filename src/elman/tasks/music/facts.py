"""Facts that a composer learns from its training data."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Self

import numpy as np

from elman.config import require
from elman.data.music.batches import Roll
from elman.data.music.events import EventCode
from elman.data.music.piece import PITCHES, Piece, notes_of, roll_of
from elman.data.tokens.vocab import EventVocabulary
from elman.errors import InputError
from elman.tasks.music.options import MusicConfig
from elman.tasks.shared.facts import TaskFacts

_METER = (4, 4)
_STEPS = 16  # of a bar of a piano roll
_SIXTEENTHS = 4  # of a quarter note
_TEMPO = 100.0
_TICKS = 480  # of a quarter note in what is written, at least


@dataclass(frozen=True)
class MusicFacts(TaskFacts):
    """How long steps and bars are, how fast pieces are played, and between which pitches.

    Attributes:
        meter: the most common one: beats of a bar, and the note that is a beat (4: a quarter).
        steps_per_bar: steps of a bar of this meter.
        tempo: median of the pieces, quarter notes a minute.
        lowest: lowest pitch.
        highest: highest pitch.
        events: names of the events; empty where pieces are chords.
        ranges: lowest and highest pitch of each voice of the events.
    """

    meter: tuple[int, int]
    steps_per_bar: int
    tempo: float
    lowest: int
    highest: int
    events: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Checks every value."""
        beats, beat = self.meter
        fits = 1 <= beats <= 255 and beat in (1, 2, 4, 8, 16, 32, 64)
        require("meter", fits, "beats in [1, 255], and the note of a beat", self.meter)
        require("steps_per_bar", 1 <= self.steps_per_bar <= 10**4, "in [1, 1e4]", self.steps_per_bar)
        require("tempo", 1 <= self.tempo <= 10**4, "in [1, 1e4]", self.tempo)
        require(
            "lowest", 0 <= self.lowest <= self.highest < 128, "a pitch up to the highest one", self.lowest
        )
        if self.events and len(self.ranges) != len(self.code.voices):
            raise InputError(f"ranges must be those of {len(self.code.voices)} voices")

    @classmethod
    def learn(cls, config: MusicConfig, training: Sequence[Piece]) -> Self:
        """Learns the facts of the training part."""
        meters = Counter({_METER: 0})
        for piece in training:
            if piece.meter is not None:
                meters[piece.meter] += piece.length
        meter = max(meters, key=lambda name: meters[name])
        usual = max(1, int(Fraction(4 * meter[0], meter[1]) * _SIXTEENTHS)) if meters[meter] else _STEPS
        tempos = [piece.tempo for piece in training if piece.tempo is not None]
        pitches = np.concatenate([[], *(piece.pitched().pitch for piece in training)])
        tempo = float(np.clip(np.median(tempos), 10, 1000)) if tempos else _TEMPO
        steps = config.steps_per_bar or usual
        low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (0, PITCHES - 1)
        return cls(meter, steps, tempo, low, high)

    def with_events(self, events: tuple[str, ...], training: Sequence[Piece]) -> Self:
        """Returns the facts with the names of events, and the ranges of their voices in some pieces."""
        code = EventCode(events, self.step)
        ranges = code.ranges(map(code.encode, training)).clip(0, PITCHES - 1)
        return replace(self, events=events, ranges=tuple((low, high) for low, high in ranges.tolist()))

    @cached_property
    def code(self) -> EventCode:
        """How pieces are written as events."""
        return EventCode(self.events, self.step)

    @property
    def vocabulary(self) -> EventVocabulary:
        """The events as tokens."""
        return self.code.vocabulary

    @property
    def ngrams(self) -> None:
        """No counts are mixed into what is predicted."""

    @property
    def step(self) -> Fraction:
        """Quarter notes from one step to the next."""
        return Fraction(4 * self.meter[0], self.meter[1] * self.steps_per_bar)

    def roll(self, piece: Piece) -> Roll:
        """Returns what sounds at each step of a piece."""
        bar = self.steps_per_bar if piece.bar is None else round(piece.bar / self.step)
        return Roll(roll_of(piece, self.step), max(1, bar))

    def piece(self, sounds: np.ndarray, tempo: float | None = None) -> Piece:
        """Returns the notes of a roll [T, 128], in ticks of MIDI; each ends at the latest with its bar."""
        ticks = math.lcm(_TICKS, self.step.denominator)
        step = int(self.step * ticks)
        notes = notes_of(sounds, self.steps_per_bar) * np.array([step, step, 1, 1, 1])
        return Piece.of(notes, step * len(sounds), ticks=ticks, meter=self.meter, tempo=tempo or self.tempo)
