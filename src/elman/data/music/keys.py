"""Keys: their names, and the one that pitches are most like."""

import re
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from elman.config import require

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Names of the twelve pitch classes from C up."""
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_KEY = re.compile(r"([A-G])([#♯b♭]?)(m|min|minor| minor|maj|major| major|)")

# how well each semitone above the tonic fits a major and a minor key (Krumhansl & Kessler 1982)
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


class Key(NamedTuple):
    """A major or minor key.

    Attributes:
        tonic: semitones above C.
        is_minor: whether it is a minor key.
    """

    tonic: int
    is_minor: bool

    @classmethod
    def parse(cls, text: str, option: str = "--key") -> Self:
        """Reads a key such as C, F# or Bbm. Raises InputError for anything else."""
        match = _KEY.fullmatch(text.strip())
        require(option, match is not None, "a key such as C, F# or Bbm", text)
        assert match is not None
        letter, sign, mode = match.groups()
        return cls((_LETTERS[letter] + _SIGNS[sign]) % 12, mode.strip() in ("m", "min", "minor"))

    def __str__(self) -> str:
        return NAMES[self.tonic] + "m" * self.is_minor


def likeness(sounding: np.ndarray) -> np.ndarray:
    """Returns how like each key some pitches are: the correlation with its profile, [2, 12].

    Args:
        sounding: [128] for how long each pitch sounds.

    Source: Krumhansl 1990, Cognitive Foundations of Musical Pitch, chapter 4.
    """
    classes = np.bincount(np.arange(len(sounding)) % 12, sounding, minlength=12)
    profiles = np.stack([[np.roll(of, k) for k in range(12)] for of in (_MAJOR, _MINOR)])
    own, others = classes - classes.mean(), profiles - profiles.mean(-1, keepdims=True)
    sizes = np.linalg.norm(own) * np.linalg.norm(others, axis=-1)
    return np.asarray(others @ own / np.maximum(sizes, 1e-12))


def key_of(sounding: np.ndarray) -> Key:
    """Returns the key that some pitches are most like; see ``likeness``."""
    mode, tonic = np.unravel_index(int(likeness(sounding).argmax()), (2, 12))
    return Key(int(tonic), bool(mode))


def way_to(sounding: np.ndarray, key: Key) -> tuple[int, float]:
    """Returns by how many semitones, −5 to 6, pitches must be moved to be in a key, and their likeness then.

    Args:
        sounding: as for ``likeness``.
        key: the key; of the pitches' own keys, those of its mode count.
    """
    of_mode = likeness(sounding)[int(key.is_minor)]
    tonic = int(of_mode.argmax())
    return (key.tonic - tonic + 5) % 12 - 5, float(of_mode[tonic])


def pitch_name(pitch: int) -> str:
    """Returns a pitch's name: 60 → C4."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def chord_name(pitches: Sequence[int]) -> str:
    """Returns the names of a chord's pitches from the lowest up: C3+E4+G4; a dot for silence."""
    return "+".join(pitch_name(int(pitch)) for pitch in sorted(pitches)) or "."
