"""MIDI files are read into pieces, and written so that symusic reads the same notes."""

import tarfile
from fractions import Fraction

import numpy as np
import pytest

from elman.data.music.piece import DRUMS, Piece, roll_of
from elman.data.read.midi import midi_of, piece_of_midi, read_midi
from elman.errors import InputError

symusic = pytest.importorskip("symusic", reason="needs elman[music]")
NOTES = [(0, 120, 60, 80, 0), (0, 480, 48, 70, 1), (120, 360, 60, 90, 0), (480, 1, 127, 1, 1)]


def test_what_is_written_is_read_again():
    piece = Piece.of(np.array(NOTES), 481, ticks=480, meter=(6, 8), tempo=90.0)
    again = piece_of_midi(midi_of(piece), "again")
    np.testing.assert_array_equal(again.notes, piece.notes)
    assert (again.ticks, again.meter, again.bar, round(again.tempo)) == (480, (6, 8), Fraction(3), 90)


def test_drums_are_told_from_pitches_and_the_longest_meter_counts(tmp_path):
    score = symusic.Score(480)
    score.time_signatures.extend([symusic.TimeSignature(0, 2, 4), symusic.TimeSignature(240, 3, 4)])
    for is_drum, pitch in ((True, 35), (False, 60)):
        track = symusic.Track(is_drum=is_drum)
        track.notes.append(symusic.Note(0, 960, pitch, 80))
        score.tracks.append(track)
    (tmp_path / "a.mid").write_bytes(score.dumps_midi())
    piece = read_midi(tmp_path / "a.mid")
    assert (piece.pitch.tolist(), piece.meter, piece.place) == ([35, 60], (3, 4), str(tmp_path / "a.mid"))
    assert (piece.instruments, piece.pitched().pitch.tolist()) == ((DRUMS, 0), [60])
    assert roll_of(piece, Fraction(1))[:, 35].sum() == 0
    assert piece_of_midi(midi_of(piece), "again").instruments == piece.instruments


@pytest.mark.parametrize("keep", [0, 10, 20, -5])
def test_a_damaged_file_is_named(tmp_path, keep):
    (tmp_path / "a.mid").write_bytes(midi_of(Piece.of(np.array(NOTES), 481, ticks=480))[:keep])
    with pytest.raises(InputError, match=r"a\.mid: no MIDI file, or damaged"):
        read_midi(tmp_path / "a.mid")


def test_a_file_without_notes_is_refused():
    with pytest.raises(InputError, match="empty: holds no note"):
        piece_of_midi(bytes(symusic.Score(480).dumps_midi()), "empty")


def test_a_folk_tune(shared):
    with tarfile.open(shared / "nottingham" / "nottingham_midi.tar.gz") as archive:
        file = archive.extractfile(next(m for m in archive if m.name.endswith("MIDI/ashover1.mid")))
        piece = piece_of_midi(file.read(), "ashover1.mid")
    assert (len(piece), piece.meter, set(piece.voice.tolist())) == (158, (3, 4), {0, 1})
    assert roll_of(piece, Fraction(1, 4)).sum(1).max() <= 5
