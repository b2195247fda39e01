"""Piano rolls in JSON: pieces as lists of steps, each a list of the pitches that sound."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import shown
from elman.data.music.piece import PITCHES, Piece, notes_of
from elman.data.read.text import read_text
from elman.errors import InputError

ROLLS = (".json",)
"""File endings of piano rolls."""
SILENT = -1
"""In place of a pitch: the voice is silent."""
_PARTS = {
    "train": "training",
    "training": "training",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def read_rolls(path: Path) -> Iterator[Piece | InputError]:
    """Yields the pieces of a file; for one that cannot be read, the error that names it.

    A file is a piece (a list of steps), a list of pieces, or an object with the lists train, valid and test.
    A step is a list of pitches. If all of a piece's steps are equally long and −1 stands for silence, each
    column is a voice.

    Raises:
        InputError: the file cannot be read, or is no JSON of this form.
    """
    try:
        content = json.loads("".join(read_text(path)))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: must be a JSON file: {error}") from None
    named = content if isinstance(content, dict) else {"": _pieces(content)}
    for name, pieces in named.items():
        if (name and name not in _PARTS) or not isinstance(pieces, list):
            raise InputError(
                f"{path}: must be a list of pieces, or an object with the lists train, valid and test. "
                f"Got {shown(name)}: {shown(pieces)}."
            )
        for number, steps in enumerate(pieces, 1):
            place = f"{path}: {name and name + ' '}piece {number}"
            try:
                yield piece_of_steps(steps, place, _PARTS.get(name, ""))
            except InputError as error:
                yield error


def _pieces(content: Any) -> Any:
    """Returns a list of pieces; a piece alone becomes one."""
    first = content[0] if isinstance(content, list) and content else None
    is_piece = isinstance(first, list) and all(not isinstance(pitch, list) for pitch in first)
    return [content] if is_piece and first else content


def piece_of_steps(steps: Any, place: str, part: str = "") -> Piece:
    """Returns the piece of a list of steps, each a list of pitches; raises InputError if one is another."""
    if not isinstance(steps, list) or not steps:
        raise InputError(f"{place}: must be a list of steps, each a list of pitches. Got {shown(steps)}.")
    for number, step in enumerate(steps, 1):
        fits = isinstance(step, list) and all(map(_is_pitch, step))
        if not fits:
            raise InputError(
                f"{place}: step {number}: must be a list of whole numbers in [0, 127], or −1 for a silent "
                f"voice. Got {shown(step)}."
            )
    has_voices = any(SILENT in step for step in steps) and len({len(step) for step in steps}) == 1
    voices = [[[pitch] for pitch in column] for column in zip(*steps, strict=True)] if has_voices else [steps]
    notes = np.concatenate([notes_of(_roll(own), voice=k) for k, own in enumerate(voices)])
    return Piece.of(notes, len(steps), place=place, part=part)


def _is_pitch(value: Any) -> bool:
    """Whether a value is a pitch or silence; some files write 60.0."""
    return type(value) in (int, float) and float(value).is_integer() and SILENT <= value < PITCHES


def _roll(steps: list[list[float]]) -> np.ndarray:
    """Returns [T, 128] bool of lists of pitches."""
    roll = np.zeros((len(steps), PITCHES), bool)
    for number, step in enumerate(steps):
        roll[number, [int(pitch) for pitch in step if pitch != SILENT]] = True
    return roll
