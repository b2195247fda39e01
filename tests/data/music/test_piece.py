"""Pieces as notes and as what sounds at each step."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.music.piece import Piece, held, notes_of, roll_of

ROLLS = st.lists(st.sets(st.integers(0, 127), max_size=4), min_size=1, max_size=20)


def roll(steps: list[set[int]]) -> np.ndarray:
    sounding = np.zeros((len(steps), 128), bool)
    for number, pitches in enumerate(steps):
        sounding[number, list(pitches)] = True
    return sounding


def piece(*notes: tuple[int, int, int], ticks: int = 480, length: int = 0) -> Piece:
    rows = [(begin, duration, pitch, 80, 0) for begin, duration, pitch in notes]
    return Piece.of(np.array(rows), max([length, *(b + d for b, d, _ in notes)]), ticks=ticks)


@settings(max_examples=25)
@given(ROLLS, st.integers(0, 5))
def test_a_roll_is_that_of_its_notes(steps, cut):
    sounding = roll(steps)
    notes = notes_of(sounding, cut)
    np.testing.assert_array_equal(roll_of(Piece.of(notes, len(steps)), Fraction(1, 4)), sounding)
    if cut:
        assert all(begin // cut == (begin + duration - 1) // cut for begin, duration, *_ in notes.tolist())


@settings(max_examples=25)
@given(ROLLS)
def test_held_counts_the_steps_since_a_pitch_began(steps):
    sounding, count = roll(steps), np.zeros(128, int)
    for row, counted in zip(sounding, held(sounding), strict=True):
        count = (count + 1) * row
        np.testing.assert_array_equal(counted, count)


def test_notes_begin_at_the_nearest_step_and_last_one_at_least():
    # a quarter of 480 ticks has four steps: 110 is nearest to step 1, 10 ticks would be none
    found = roll_of(piece((110, 10, 60), (240, 250, 62), length=720), Fraction(1, 4))
    assert [np.flatnonzero(row).tolist() for row in found] == [[], [60], [62], [62], [], []]


def test_a_pitch_that_two_voices_sound_ends_with_the_later():
    found = roll_of(piece((0, 120, 60), (0, 360, 60)), Fraction(1, 4))
    assert found[:, 60].tolist() == [True, True, True]


def test_transposed_notes_stay_within_midi():
    high = piece((0, 120, 60), (0, 120, 125)).transposed(3)
    assert (high.pitch.tolist(), len(high)) == ([63], 1)
    assert piece((0, 120, 60)).transposed(-61).notes.shape == (0, 5)


def test_notes_are_ordered_by_beginning_and_pitch():
    assert piece((120, 1, 50), (0, 1, 70), (0, 1, 60)).pitch.tolist() == [60, 70, 50]
