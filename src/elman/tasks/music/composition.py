"""A composed piece: what is printed and written of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import counted
from elman.data.music.keys import chord_name, key_of
from elman.data.music.piece import DRUMS, SYMBOLS, Piece
from elman.data.music.synthesis import samples_of, wav_of
from elman.data.read.midi import MIDI, midi_of
from elman.errors import InputError
from elman.pictures.music import draw_roll
from elman.train.files import write_atomically

DRAFTS = 8
"""Drafts of which the one that is most like a wanted key is kept."""


@dataclass(frozen=True, eq=False)
class Composition:
    """A piece, and how it was composed.

    Attributes:
        sounds: [T, 128] bool, with the primer.
        piece: its notes, in ticks of MIDI.
        primed: steps of the primer.
        bar: steps of a bar.
        seed: of the draws.
        temperature: of the draws.
        copied: most chords in a row that the training part has too, in any key.
    """

    sounds: np.ndarray
    piece: Piece
    primed: int
    bar: int
    seed: int
    temperature: float
    copied: int

    @property
    def key(self) -> str:
        """The key that its pitches are most like."""
        return str(key_of(self.sounds.sum(0)))

    @property
    def added(self) -> Piece:
        """The piece without the primer, from its first bar on."""
        begin = self.piece.length * self.primed // len(self.sounds)
        notes = self.piece.notes - begin * (np.arange(5) == 0)
        return self.piece.with_notes(notes[notes[:, 0] >= 0], self.piece.length - begin)

    @property
    def chords(self) -> int:
        """Chords of what was composed, each until something changes."""
        composed = self.sounds[self.primed :]
        return 1 + int((composed[1:] != composed[:-1]).any(1).sum())

    def lines(self) -> Iterator[str]:
        """Yields the chords of each bar on a line; a dash: the chord before goes on."""
        for number, begin in enumerate(range(0, len(self.sounds), self.bar), 1):
            names = [
                chord_name(np.flatnonzero(chord).tolist()) for chord in self.sounds[begin : begin + self.bar]
            ]
            shown = [
                "-" if k and name == before else name
                for k, (before, name) in enumerate(zip(["", *names], names, strict=False))
            ]
            yield f"{number:3}  {' '.join(shown)}\n"

    def summary(self, written: Sequence[Path]) -> str:
        """Returns a line about the piece, and where it was written."""
        where = f"{', '.join(map(str, written))}: " if written else ""
        bars = counted(-(-(len(self.sounds) - self.primed) // self.bar), "bar")
        return (
            f"{where}{bars}, {counted(len(self.piece), 'note')}, most like {self.key}; the longest run that "
            f"the training part has too, in any key: {self.copied} of {counted(self.chords, 'chord')}; "
            f"seed {self.seed}\n"
        )

    def json(self) -> dict[str, Any]:
        """Returns the notes, their unit, and the facts of the piece."""
        return {
            "notes": self.piece.notes[:, :4].tolist(),
            "fields": ["begin", "duration", "pitch", "velocity"],
            "instruments": [named(number) for number in self.piece.instrument.tolist()],
            "ticks_per_quarter": self.piece.ticks,
            "meter": list(self.piece.meter or ()),
            "tempo": self.piece.tempo,
            "steps": len(self.sounds),
            "steps_of_primer": self.primed,
            "key": self.key,
            "chords": self.chords,
            "longest_copy": self.copied,
            "temperature": self.temperature,
            "seed": self.seed,
        }

    def write(self, path: Path, title: str) -> None:
        """Writes the piece as the file's ending says. Raises InputError if it cannot be written."""
        kind = path.suffix.lower()
        if kind in MIDI:
            _write(path, lambda: midi_of(self.piece))
        elif kind == ".wav":
            _write(path, lambda: wav_of(samples_of(self.piece)))
        else:
            self.draw(path, f"{title}: {self.key}, seed {self.seed}")

    def draw(self, path: Path, title: str) -> None:
        """Draws the piano roll."""
        bar = self.piece.length / len(self.sounds) * self.bar
        draw_roll(self.piece, bar, path, title, self.primed / self.bar)


def named(instrument: int) -> int | str:
    """Returns a program of General MIDI, or what stands in its place by its name."""
    return {DRUMS: "drums", SYMBOLS: "chord symbols"}.get(instrument, instrument)


def _write(path: Path, content: Callable[[], bytes]) -> None:
    try:
        write_atomically(path, lambda temporary: temporary.write_bytes(content()))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
