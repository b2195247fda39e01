"""Manifests and folders of recordings."""

import csv
import json

import numpy as np
import pytest
from sounds import tone, write_sound

from elman.data.read.recordings import Recording, read_manifest, tell_clipped
from elman.errors import InputError

RATE = 8_000


@pytest.fixture
def clips(tmp_path):
    for k in range(3):
        write_sound(tmp_path / "clips" / f"{k}.wav", tone(300 + 100 * k, 1.0), RATE)
    return tmp_path


def write_rows(path, rows, separator=","):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_tables_of_all_kinds_name_recordings(clips):
    rows = [{"audio_filepath": f"clips/{k}.wav", "duration": 1.0, "text": f"word {k}"} for k in range(3)]
    lines = clips / "a.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for path in (write_rows(clips / "a.csv", rows), write_rows(clips / "a.tsv", rows, "\t"), lines):
        recordings = read_manifest(path)
        assert [r.path for r in recordings] == [clips / "clips" / f"{k}.wav" for k in range(3)]
        assert [r.text for r in recordings] == ["word 0", "word 1", "word 2"]
        assert {(r.begin, r.end) for r in recordings} == {(0.0, None)}  # the file's own length
    assert read_manifest(clips / "a.csv")[1].place == f"{clips / 'a.csv'}: row 3"


def test_paths_may_begin_in_a_folder_beside_the_manifest(clips):
    path = write_rows(clips / "train.tsv", [{"path": "1.wav", "sentence": "yes"}], "\t")
    (recording,) = read_manifest(path)
    assert (recording.path, recording.text) == (clips / "clips" / "1.wav", "yes")


@pytest.mark.parametrize(
    "row",
    [
        {"start": 0.25, "end": 0.75},
        {"offset": 0.25, "duration": 0.5},
        {"start_sample": 2_000, "samples": 4_000},
        {"start_sample": 2_000, "end_sample": 6_000},
    ],
)
def test_parts_are_given_in_seconds_or_samples(clips, row):
    path = write_rows(clips / "a.csv", [{"path": "clips/1.wav", "label": "b", **row}])
    (recording,) = read_manifest(path)
    assert (recording.begin, recording.end, recording.text) == (0.25, 0.75, "b")
    whole = Recording(recording.path).read(RATE).samples
    assert np.array_equal(recording.read(RATE).samples, whole[2_000:6_000])


def test_what_is_wrong_with_a_manifest_is_named(clips):
    path = write_rows(clips / "a.csv", [{"path": "clips/9.wav", "text": "b"}])
    with pytest.raises(InputError, match=r"a.csv: row 2: .*clips/9.wav: no such file$"):
        read_manifest(path)
    with pytest.raises(InputError, match=r"a.csv: has no column 'said'; columns: path, text$"):
        read_manifest(path, "said")
    path = write_rows(clips / "b.csv", [{"name": "x", "text": "b"}])
    with pytest.raises(InputError, match=r"b.csv: has no column of sound files \(.wav, "):
        read_manifest(path)
    path = write_rows(clips / "c.csv", [{"path": "clips/1.wav", "start": "soon"}])
    with pytest.raises(InputError, match=r"c.csv: row 2, column 'start': must be a finite number"):
        read_manifest(path)
    path = write_rows(clips / "d.csv", [{"path": "clips/1.wav", "start": 0.5, "end": 1.5}])
    with pytest.raises(
        InputError, match=r"d.csv: row 2: .*1.wav: a part must lie in its 1.000 s.*0.5 to 1.5"
    ):
        read_manifest(path)[0].read(RATE)


def test_clipped_recordings_are_told_in_one_line(clips, caplog):
    caplog.set_level("INFO")
    loud = write_sound(clips / "loud.wav", np.clip(tone(100, level=2.0), -1, 1), RATE)
    assert Recording(loud).read(RATE).is_clipped
    assert not Recording(clips / "clips" / "0.wav").read(RATE).is_clipped
    tell_clipped([])
    tell_clipped(["a.wav", "b.wav"])
    assert caplog.messages == ["2 recordings are clipped at full scale; the first: a.wav"]
