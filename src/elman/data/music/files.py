"""Pieces from files and folders, each with the part of the data that it is for."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from elman.config import listed
from elman.data.left import Left
from elman.data.music.piece import Piece
from elman.data.read.abc import ABC, read_abc
from elman.data.read.folders import files_below
from elman.data.read.midi import MIDI, read_midi
from elman.data.read.opening import kind_of
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.rolls import ROLLS, read_rolls
from elman.errors import InputError

MUSIC = (*MIDI, *ABC, *ROLLS)
"""File endings of music."""


def read_pieces(paths: Iterable[Path], left: Left, reading: Reading = PLAIN) -> Iterator[Piece]:
    """Yields the pieces of files and folders.

    Args:
        paths: files (``MUSIC``, which may be packed), or folders of them at any depth.
        left: refuses or counts files, tunes and pieces that cannot be read.
        reading: encoding of ABC notation.

    Raises:
        InputError: a path does not exist, or holds no music; or see ``Left``.
    """
    for path in _files(paths):
        for piece in _of_file(path, reading):
            if isinstance(piece, InputError):
                left.out(str(piece))
            else:
                yield piece


def _of_file(path: Path, reading: Reading) -> Iterator[Piece | InputError]:
    """Yields the pieces of a file, and the error of each that cannot be read."""
    kind = kind_of(path)
    try:
        if kind in MIDI:
            yield read_midi(path)
        elif kind in ABC:
            yield from read_abc(path, reading)
        else:
            yield from read_rolls(path)
    except InputError as error:
        yield error


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yields the files of music among files and folders."""
    for path in paths:
        if path.is_dir():
            found: Sequence[Path] = [file for file in files_below(path) if kind_of(file) in MUSIC]
            if not found:
                raise InputError(f"{path}: holds no music ({listed(MUSIC)})")
            yield from found
        elif not path.exists():
            raise InputError(f"{path}: no such file or folder")
        elif kind_of(path) not in MUSIC:
            raise InputError(f"{path}: must be music, a file ending in {listed(MUSIC)}")
        else:
            yield path
