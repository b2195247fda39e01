"""Tunes in ABC notation."""

from fractions import Fraction

import numpy as np
import pytest

from elman.data.music.piece import roll_of
from elman.data.read.abc import read_abc
from elman.errors import InputError

pytest.importorskip("symusic", reason="needs elman[music]")
HEAD = "X:1\nT:a\nM:4/4\nL:1/4\nQ:1/4=96\nK:G\n"


def read(tmp_path, text):
    (tmp_path / "a.abc").write_text(text)
    return list(read_abc(tmp_path / "a.abc"))


def test_notes_have_the_key_the_lengths_and_the_tempo_that_are_written(tmp_path, capfd):
    (piece,) = read(tmp_path, HEAD + "F2 z G/2A/2|]\n")
    assert piece.notes[:, :3].tolist() == [[0, 960, 66], [1440, 240, 67], [1680, 240, 69]]
    assert (piece.ticks, piece.meter, round(piece.tempo)) == (480, (4, 4), 96)
    assert capfd.readouterr() == ("", "")


def test_chord_symbols_sound_until_the_next_one(tmp_path):
    (piece,) = read(tmp_path, HEAD + '"G"G2 "D7"F2|G4|]\n')
    steps = roll_of(piece, Fraction(1, 2))
    chords = [sorted({int(pitch) % 12 for pitch in np.flatnonzero(row)}) for row in steps]
    assert chords[:4] == [[2, 7, 11]] * 4
    assert chords[4:8] == [[0, 2, 6, 9]] * 4


def test_a_broken_tune_is_named_among_others(tmp_path, capfd):
    good, bad, other = read(
        tmp_path, HEAD + "G4|\n\nX: 2\nL:1/4\nG4|\n\n" + HEAD.replace("X:1", "X:3") + "G4|\n"
    )
    assert (good.place[-6:], other.place[-6:]) == ("tune 1", "tune 3")
    assert isinstance(bad, InputError)
    assert "a.abc: tune 2: no ABC notation: Error" in str(bad)
    assert capfd.readouterr() == ("", "")


def test_a_file_without_tunes_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.abc: holds no tune"):
        read(tmp_path, "CDEF|\n")


def test_carols(shared):
    pieces = list(read_abc(shared / "nottingham_abc" / "slip.abc"))
    assert len(pieces) == 11
    assert {piece.meter for piece in pieces} == {(9, 8)}
