"""The notes, voices and chord symbols of pieces on a grid of steps."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from elman.data.music.piece import DRUMS, SYMBOLS, Piece, roll_of
from elman.data.music.symbols import symbol_of

NO_CHORD = "-"
"""In place of a chord symbol: none holds."""
DRUM_VOICE = "drums"
Meter = tuple[int, int]


class GridNote(NamedTuple):
    """A note on the grid; they are ordered as their events are.

    Attributes:
        begin: step.
        voice: number of its voice among the code's.
        depth: −pitch, so that the highest of a voice comes first.
        loudness: its velocity, as the code tells velocities apart.
        end: step, later than ``begin``.
    """

    begin: int
    voice: int
    depth: int
    loudness: int
    end: int


def is_told_by_events(piece: Piece) -> bool:
    """Whether a piece has what chords do not tell: drums, instruments, chord symbols or loudness."""
    own = piece.velocity[piece.instrument != SYMBOLS]
    return len({*piece.instrument.tolist()}) > 1 or DRUMS in piece.instrument or len({*own.tolist()}) > 1


def bar_steps(meter: Meter, step: Fraction) -> int:
    """Returns the steps of a bar."""
    return max(1, round(Fraction(4 * meter[0], meter[1]) / step))


def on_grid(piece: Piece, step: Fraction, stretch: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Returns the steps at which notes begin and end, [N] and [N]."""
    ticks = (float(step * piece.ticks) if piece.ticks is not None else 1.0) / stretch
    begin = np.rint(piece.begin / ticks).astype(np.int64)
    return begin, np.maximum(np.rint((piece.begin + piece.duration) / ticks).astype(np.int64), begin + 1)


def symbols_on_grid(piece: Piece, step: Fraction, stretch: float = 1.0) -> Iterator[tuple[int, str]]:
    """Yields the steps at which the chord symbol changes, and the symbol from there on."""
    own = piece.with_notes(piece.notes[piece.instrument == SYMBOLS])
    if not len(own):
        return
    held = NO_CHORD
    for number, chord in enumerate(roll_of(own, step / Fraction(stretch).limit_denominator(1000))):
        symbol = (symbol_of(np.flatnonzero(chord).tolist()) or held) if chord.any() else NO_CHORD
        if symbol != held:
            yield number, symbol
            held = symbol


def voices_of(piece: Piece) -> list[str | None]:
    """Returns the name of each voice that has notes, by its number; None for that of the chord symbols."""
    counts: Counter[int] = Counter()
    names: list[str | None] = []
    present = {*piece.voice.tolist()}
    for voice in range(max(present, default=-1) + 1):
        instrument = piece.instruments[voice] if voice < len(piece.instruments) else 0
        if instrument == SYMBOLS or voice not in present:
            names.append(None)
            continue
        names.append(DRUM_VOICE if instrument == DRUMS else f"{instrument}.{counts[instrument]}")
        counts[instrument] += 1
    return names


def order_of(voice: str) -> tuple[int, int]:
    """Returns the instrument of a voice, and which of its voices it is; voices are in this order."""
    program, _, which = voice.partition(".")
    return (DRUMS, 0) if voice == DRUM_VOICE else (int(program), int(which))


def instrument_of(voice: str) -> int:
    """Returns the instrument of a voice."""
    return order_of(voice)[0]
