"""The pieces of each part, and whether they are read as chords or as events."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from elman.config import flag, require
from elman.data.left import Left
from elman.data.music.files import read_pieces
from elman.data.music.grid import is_told_by_events
from elman.data.music.piece import Piece
from elman.data.split import PARTS, split_points, trained_on
from elman.errors import InputError
from elman.tasks.music.options import MusicConfig

_MOST = 0.5  # share of pieces from which on what they have is read
_OF_CHORDS, _OF_EVENTS = ("head", "note_units"), ("stretch",)


def sounding(paths: Sequence[Path], config: MusicConfig, left: Left) -> Iterator[Piece]:
    """Yields the pieces of files and folders that have notes; for chords, notes that are no drums."""
    for piece in read_pieces(paths, left, config.reading):
        if config.representation == "chords" and not len(piece.pitched()):
            left.out(f"{piece.place}: holds no note of a pitched instrument")
        elif len(piece):
            yield piece
        else:
            left.out(f"{piece.place}: holds no note")


def first_piece(path: Path, config: MusicConfig) -> Piece:
    """Returns the first piece of a file. Raises InputError if it cannot be read."""
    left = Left("skip", "piece")
    piece = next(sounding([path], config, left), None)
    if piece is None or left.reasons:
        raise InputError(left.reasons[0] if left.reasons else f"{path}: holds no piece")
    return piece


def of_part(pieces: Sequence[Piece], part: str) -> list[Piece]:
    """Returns the pieces that their files give to a part or, if there is none, those that they give to none.

    Raises:
        InputError: the files give all pieces to other parts.
    """
    own = [piece for piece in pieces if piece.part in (part, "")]
    if pieces and not own:
        raise InputError(f"{pieces[0].place}: its file has no {part} part")
    return own


def pieces_to_test(paths: Sequence[Path], config: MusicConfig) -> list[Piece]:
    """Reads the pieces of files or folders; of files with parts, those of the test part."""
    require("data", bool(paths), "at least one path", paths)
    left = Left(config.on_bad, "piece")
    pieces = of_part([*sounding(paths, config, left)], "test")
    left.tell(len(pieces))
    return pieces


def divided(config: MusicConfig, pieces: Mapping[str, Sequence[Piece]]) -> dict[str, list[Piece]]:
    """Returns the pieces of each part: of its own files, as files say, and drawn from the others."""
    own = [part for part in PARTS[1:] if part in pieces]
    shares = trained_on(config.split, own)
    fixed: dict[str, list[Piece]] = {part: [*pieces.get(part, ())] for part in PARTS}
    free = [piece for piece in pieces["training"] if piece.part in ("", *own)]
    fixed["training"] = [piece for piece in pieces["training"] if piece.part == "training"]
    for part in PARTS[1:]:
        if part not in own:
            fixed[part] = [piece for piece in pieces["training"] if piece.part == part]
    if not free:
        return fixed
    order = np.random.default_rng(config.seed).permutation(len(free))
    cuts = split_points(len(free), shares, "pieces")
    for part, rows in zip(PARTS, np.split(order, cuts), strict=True):
        fixed[part] += [free[k] for k in sorted(rows.tolist())]
    return fixed


def representation_of(pieces: Sequence[Piece]) -> Literal["chords", "events"]:
    """Returns events if at least half of the pieces have what chords do not tell, otherwise chords."""
    told = sum(map(is_told_by_events, pieces))
    return "events" if told and told >= _MOST * len(pieces) else "chords"


def check_named(representation: str, named: Sequence[str]) -> None:
    """Raises InputError if the user named an option of the other representation."""
    is_chords = representation == "chords"
    for name in named:
        if name in (_OF_EVENTS if is_chords else _OF_CHORDS):
            other = "events" if is_chords else "chords"
            raise InputError(f"{flag(name)} goes with --representation {other}. Got {representation}.")
