"""Pieces in memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.data.music.piece import PITCHES, Piece
from elman.data.read.rolls import piece_of_steps
from elman.errors import InputError


def pieces_in_memory(pieces: Sequence[Any]) -> list[Piece]:
    """Returns pieces from lists or arrays.

    Args:
        pieces: each a list of steps, which are lists of the pitches that sound; or an array [T, 128] that is
            not 0 where a pitch sounds.

    Raises:
        InputError: a piece is something else, or holds no note.
    """
    found = []
    for number, given in enumerate(pieces):
        place, steps = f"piece {number}", given
        if isinstance(given, np.ndarray):
            if given.ndim != 2 or given.shape[1] != PITCHES:
                raise InputError(f"{place}: must have the shape [T, {PITCHES}]. Got {list(given.shape)}.")
            steps = [np.flatnonzero(step).tolist() for step in given]
        found.append(piece_of_steps(steps, place))
        if not len(found[-1]):
            raise InputError(f"{place}: holds no note")
    return found
