"""Keys: their names, and what pitches are most like."""

import numpy as np
import pytest

from elman.data.music.keys import Key, chord_name, key_of, way_to
from elman.errors import InputError

SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 11)


def sounding(tonic: int, steps: tuple[int, ...]) -> np.ndarray:
    """Each note of a scale once, and the tonic triad thrice."""
    counts = np.zeros(128)
    counts[[60 + tonic + step for step in steps]] = 1
    counts[[60 + tonic + steps[k] for k in (0, 2, 4)]] += 2
    return counts


@pytest.mark.parametrize(
    ("text", "key"), [("C", (0, False)), ("F#", (6, False)), ("Bbm", (10, True)), ("Cb minor", (11, True))]
)
def test_keys_are_read(text, key):
    assert Key.parse(text) == key


@pytest.mark.parametrize("text", ["H", "c", "", "C##", "C dorian"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(InputError, match="--key must be a key such as C, F# or Bbm"):
        Key.parse(text)


def test_all_keys_are_found_and_written_as_they_are_read():
    for tonic in range(12):
        for steps, is_minor in ((SCALE, False), (MINOR, True)):
            key = key_of(sounding(tonic, steps))
            assert key == (tonic, is_minor)
            assert Key.parse(str(key)) == key


def test_the_way_to_a_key_is_short():
    for tonic in range(12):
        way, fit = way_to(sounding(tonic, SCALE), Key(2, False))
        assert -5 <= way <= 6
        assert (tonic + way) % 12 == 2
        assert fit > 0.8


def test_chords_are_written_from_the_lowest_note():
    assert (chord_name([67, 60, 49]), chord_name([])) == ("C#3+C4+G4", ".")
