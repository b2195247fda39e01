"""Files and folders of music: broken ones are named, and skipped or stop the work."""

import gzip
import json

import pytest

from elman.data.left import Left
from elman.data.music.files import read_pieces
from elman.errors import InputError

pytest.importorskip("symusic", reason="needs elman[music]")
TUNE = "X:{}\nT:a\nM:4/4\nL:1/4\nK:C\nCDEF|\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.json").write_text("[[60], [62, 64]]")
    (tmp_path / "b.mid").write_bytes(b"MThd, but no more")
    (tmp_path / "c.abc").write_text(TUNE.format(1) + "\nX:2\nL:1/4\nCDEF|\n\n" + TUNE.format(3))
    (tmp_path / "d.json.gz").write_bytes(gzip.compress(json.dumps({"test": [[[60]], [["C4"]]]}).encode()))
    (tmp_path / "e.txt").write_text("no music")
    return tmp_path


def test_a_broken_file_stops_the_work(folder):
    with pytest.raises(InputError, match=r"b\.mid: no MIDI file, or damaged: .*; --on-bad skip leaves such"):
        list(read_pieces([folder], Left("stop", "piece")))


def test_broken_files_are_skipped_and_named(folder, caplog):
    caplog.set_level("INFO", "elman")
    left = Left("skip", "piece")
    pieces = list(read_pieces([folder], left))
    left.tell(len(pieces))
    places = [piece.place.rpartition("/")[2] for piece in pieces]
    assert places == ["a.json: piece 1", "c.abc: tune 1", "c.abc: tune 3", "d.json.gz: test piece 1"]
    assert [piece.part for piece in pieces] == ["", "", "", "test"]
    said = caplog.text
    assert "3 pieces left out: " in said
    for broken in ("b.mid", "c.abc: tune 2", "d.json.gz: test piece 2: step 1"):
        assert broken in said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.mid", "no such file"),
        ("e.txt", r"must be music, a file ending in \.mid"),
        ("none", "no music"),
    ],
)
def test_what_is_no_music_is_refused(folder, name, message):
    (folder / "none").mkdir()
    (folder / "none" / "x.txt").touch()
    with pytest.raises(InputError, match=message):
        list(read_pieces([folder / name], Left("skip", "piece")))
