"""Tunes in ABC notation, of which a file holds any number."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.music.piece import LOUDNESS, SYMBOLS, Piece
from elman.data.read.midi import piece_of_midi
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.text import read_text
from elman.errors import InputError
from elman.registry import LazyModule

symusic: Any = LazyModule("symusic")

ABC = (".abc",)
"""File endings of ABC notation."""
_TUNE = re.compile(r"^(?=X:)", re.MULTILINE)
_KEY = re.compile(r"^K:.*$", re.MULTILINE)
_METER = re.compile(r"^M:\s*(\d+)/(\d+)", re.MULTILINE)
_LONGEST = 60  # seconds that a tune may take
_LATE = 1  # tick by which abc2midi begins each note late
_MARK = 127  # a program that no tune has, by which the track of the chord symbols is known


def read_abc(path: Path, reading: Reading = PLAIN) -> Iterator[Piece | InputError]:
    """Yields the tunes of a file; for one that cannot be read, the error that names it.

    Chord symbols sound until the next one, in a voice of their own. No note is louder than another.

    Args:
        path: the file.
        reading: its encoding.

    Raises:
        InputError: the file cannot be read, or holds no tune.
    """
    head, *tunes = _TUNE.split("".join(read_text(path, in_lines=True, reading=reading)))
    if not tunes:
        raise InputError(f"{path}: holds no tune, which begins with a line X: and a number")
    with tempfile.TemporaryDirectory(prefix="elman-abc-") as folder:
        for tune in tunes:
            number = tune.partition("\n")[0].removeprefix("X:").strip()
            try:
                yield _tune(head + tune, f"{path}: tune {number}", Path(folder))
            except InputError as error:
                yield error


def _tune(text: str, place: str, folder: Path) -> Piece:
    """Reads a tune by way of the MIDI file that abc2midi, a program within symusic, makes of it."""
    written, made = folder / "tune.abc", folder / "tune.mid"
    written.write_text(_KEY.sub(_sustained(text), text, count=1), "utf-8")
    made.unlink(missing_ok=True)
    symusic.Score  # noqa: B018 - importing it says where the program is
    command = [os.environ["SYMUSIC_ABC2MIDI"], str(written), "-silent", "-o", str(made)]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_LONGEST, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"{place}: took longer than {_LONGEST} s to read") from None
    if not made.exists():
        said = ran.stdout.decode("utf-8", "replace").splitlines()
        errors = [line for line in said if line.startswith("Error")]
        raise InputError(f"{place}: no ABC notation: {(errors or said or ['no notes'])[0]}")
    piece = piece_of_midi(made.read_bytes(), place, _LATE)
    return replace(
        piece,
        velocity=np.full_like(piece.velocity, LOUDNESS),
        instruments=tuple(SYMBOLS if program == _MARK else program for program in piece.instruments),
    )


def _sustained(text: str) -> str:
    r"""Returns the key line and one that makes chord symbols sound at each eighth of a bar."""
    meter = _METER.search(text)
    eighths = max(1, 8 * int(meter[1]) // max(1, int(meter[2]))) if meter else 8
    return rf"\g<0>\n%%MIDI chordprog {_MARK}\n%%MIDI gchord {'c' * min(eighths, 32)}"
