"""A band's piece, with all that events tell."""

from fractions import Fraction

import numpy as np

from elman.data.music.events import EventCode
from elman.data.music.piece import DRUMS, SYMBOLS, Piece
from elman.data.music.symbols import sounded

STEP = Fraction(1, 4)
TICK = 120  # ticks of a step, where a quarter note has 480


def band(*notes: tuple[int, int, int, int, int], meter=(3, 4), bars: int = 1) -> Piece:
    """A violin, drums, a second violin and chord symbols; begin and duration in steps."""
    rows = np.array(notes).reshape(-1, 5) * np.array([TICK, TICK, 1, 1, 1])
    instruments = (40, DRUMS, 40, SYMBOLS)
    return Piece.of(rows, bars * 12 * TICK, ticks=480, meter=meter, instruments=instruments)


SONG = band(
    *((0, 12, pitch, 80, 3) for pitch in sounded("Am7")),
    *((12, 3, pitch, 80, 3) for pitch in sounded("D7")),
    (0, 6, 69, 80, 0),
    (0, 2, 64, 100, 2),
    (0, 1, 36, 80, 1),
    (9, 15, 72, 80, 0),
    bars=2,
)


def code_of(*pieces: Piece, transpose: int = 0) -> EventCode:
    return EventCode.learn(pieces, STEP, (4, 4), transpose)
