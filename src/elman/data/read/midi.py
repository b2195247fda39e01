"""MIDI files: read into pieces, and written."""

from pathlib import Path
from typing import Any

import numpy as np

from elman.data.music.piece import DRUMS, SYMBOLS, Piece
from elman.data.read.opening import read_bytes
from elman.errors import InputError
from elman.registry import LazyModule

symusic: Any = LazyModule("symusic")

MIDI = (".mid", ".midi")
"""File endings of MIDI."""
_LONGEST = 4 * 3600  # quarter notes of a piece; more come from damaged files
_SYMBOLS = "chord symbols"


def read_midi(path: Path) -> Piece:
    """Reads the notes of a MIDI file. A voice is a track.

    Raises:
        InputError: the file cannot be read, is no MIDI file or damaged, or holds no note.
    """
    return piece_of_midi(b"".join(read_bytes(path)), str(path))


def piece_of_midi(data: bytes, place: str, late: int = 0) -> Piece:
    """Returns the piece of a MIDI file's bytes.

    Args:
        data: the bytes.
        place: where they were read, for messages.
        late: ticks by which every note begins too late, as abc2midi writes them.

    Raises:
        InputError: as for ``read_midi``.
    """
    try:
        score = symusic.Score.from_midi(data)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{place}: no MIDI file, or damaged: {_reason(error)}") from None
    notes = [np.zeros((0, 5), np.int64)]
    for voice, track in enumerate(score.tracks):
        of_track = track.notes.numpy()
        own = np.stack([of_track[name] for name in ("time", "duration", "pitch", "velocity")], 1)
        notes.append(np.insert(own.astype(np.int64), 4, voice, axis=1))
    found = np.concatenate(notes)
    found[:, 0] -= late
    found[:, 1] += late
    found = found[found[:, 1] > 0]
    if not len(found):
        raise InputError(f"{place}: holds no note")
    ticks, length = score.ticks_per_quarter, int((found[:, 0] + found[:, 1]).max())
    valid = ticks > 0 and found[:, :4].min() >= 0 and found[:, 2:4].max() < 128 and length <= _LONGEST * ticks
    if not valid:
        raise InputError(f"{place}: damaged: its notes must have times up to {_LONGEST:,} quarter notes")
    tempo = score.tempos[0].qpm if len(score.tempos) else None
    return Piece.of(
        found,
        length,
        ticks=ticks,
        meter=_meter(score.time_signatures, length),
        tempo=tempo,
        instruments=tuple(map(_instrument, score.tracks)),
        place=place,
    )


def _instrument(track: Any) -> int:
    """Returns a track's program, or what stands in its place."""
    if track.name == _SYMBOLS:
        return SYMBOLS
    return DRUMS if track.is_drum else min(127, max(0, int(track.program)))


def _reason(error: Exception) -> str:
    """Returns the first line of what the reader says."""
    return str(error).splitlines()[0].removeprefix("MiniMidi: ").removesuffix(": iostream error")


def _meter(signatures: Any, length: int) -> tuple[int, int]:
    """Returns the meter that most of a piece has; 4/4 if none is written."""
    lasts: dict[tuple[int, int], int] = {}
    ends = [each.time for each in signatures[1:]] + [length]
    for each, end in zip(signatures, ends, strict=True) if len(signatures) else ():
        name = (each.numerator, each.denominator)
        lasts[name] = lasts.get(name, 0) + max(0, end - each.time)
    lasts = {name: time for name, time in lasts.items() if min(name) > 0}
    return max(lasts, key=lambda name: lasts[name]) if lasts else (4, 4)


def midi_of(piece: Piece) -> bytes:
    """Returns a MIDI file of a piece: a track for each voice, its meter and its tempo.

    Raises:
        ValueError: a tick of the piece has no length.
    """
    if piece.ticks is None:
        raise ValueError("a piece whose ticks have no length cannot be written as MIDI")
    score = symusic.Score(piece.ticks)
    score.tempos.append(symusic.Tempo(0, piece.tempo or 120.0))
    score.time_signatures.append(symusic.TimeSignature(0, *(piece.meter or (4, 4))))
    for voice in np.unique(piece.voice):
        instrument = piece.instruments[voice] if voice < len(piece.instruments) else 0
        track = symusic.Track(
            name=_SYMBOLS if instrument == SYMBOLS else "",
            program=instrument if instrument < DRUMS else 0,
            is_drum=instrument == DRUMS,
        )
        for begin, duration, pitch, velocity, _ in piece.notes[piece.voice == voice].tolist():
            track.notes.append(symusic.Note(begin, duration, pitch, velocity))
        score.tracks.append(track)
    return bytes(score.dumps_midi())
