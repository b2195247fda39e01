"""Chord symbols of lead sheets: their names, and the pitches that sound them."""

from collections.abc import Iterable

from elman.data.music.keys import NAMES

_LOWEST = 48  # the C below the middle one, from which on roots are sounded
_KINDS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "9": (0, 2, 4, 7, 10),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "5": (0, 7),
}
_BY_CLASSES = {intervals: kind for kind, intervals in _KINDS.items()}
SYMBOLS_BY_NAME = {f"{name}{kind}": (root, kind) for kind in _KINDS for root, name in enumerate(NAMES)}
"""The root (semitones above C) and kind of each symbol."""


def symbol_of(pitches: Iterable[int]) -> str | None:
    """Returns the symbol whose notes sound, however they are laid out; None for no known chord.

    The lowest pitch is the root if that makes a chord (C6, not Am7), otherwise another one (G for G/b): the
    bass of a symbol is not kept.
    """
    ordered = sorted(pitches)
    for root in ordered:
        kind = _BY_CLASSES.get(tuple(sorted({(pitch - root) % 12 for pitch in ordered})))
        if kind is not None:
            return f"{NAMES[root % 12]}{kind}"
    return None


def sounded(symbol: str) -> list[int]:
    """Returns the pitches that sound a symbol, its root in the octave below the middle C."""
    root, kind = SYMBOLS_BY_NAME[symbol]
    return [_LOWEST + root + interval for interval in _KINDS[kind]]


def moved(symbol: str, semitones: int) -> str:
    """Returns the symbol in another key."""
    root, kind = SYMBOLS_BY_NAME[symbol]
    return f"{NAMES[(root + semitones) % 12]}{kind}"
