"""What ``elman compose`` writes: notes that end, in range, and read back as they were."""

import json
import wave

import numpy as np
import pytest
from tiny_music import pieces

from elman.cli import main
from elman.data.music.keys import Key, way_to
from elman.data.read.midi import read_midi
from elman.errors import InputError

pytest.importorskip("symusic", reason="needs elman[music]")


@pytest.fixture
def primer(tmp_path):
    path = tmp_path / "primer.json"
    path.write_text(json.dumps(pieces(1, seed=5)))
    return path


def compose(run, *arguments):
    return main(["compose", str(run), *map(str, arguments)])


def test_a_file_reads_back_in_symusic_to_the_same_notes(model, tmp_path):
    composed = model.compose(6, temperature=1.5, seed=3)
    composed.write(tmp_path / "a.mid", "a")
    again = read_midi(tmp_path / "a.mid")
    assert len(again) > 0
    np.testing.assert_array_equal(again.notes, composed.piece.notes)
    assert (again.ticks, again.meter) == (composed.piece.ticks, composed.piece.meter)
    assert again.tempo == pytest.approx(composed.piece.tempo, rel=1e-3)


@pytest.mark.parametrize("temperature", [0, 1, 20])
def test_every_note_ends_with_its_bar_and_is_in_range(model, temperature):
    piece = model.compose(5, temperature=temperature, seed=1).piece
    bar = piece.ticks * 4
    assert piece.length == 5 * bar
    assert (piece.duration > 0).all()
    assert (piece.begin // bar == (piece.begin + piece.duration - 1) // bar).all()
    assert set(piece.pitch.tolist()) <= set(range(model.facts.lowest, model.facts.highest + 1))


def test_a_primer_begins_the_piece_and_is_moved_to_the_key(model, primer):
    (steps,) = json.loads(primer.read_text())
    composed = model.compose(2, primer=primer, seed=1)
    assert (composed.primed, len(composed.sounds)) == (len(steps), len(steps) + 2 * 4)
    heard = [np.flatnonzero(chord).tolist() for chord in composed.sounds[: len(steps)]]
    assert heard == [sorted({*step}) for step in steps]
    way, _ = way_to(composed.sounds[: len(steps)].sum(0), Key(2, False))
    moved = model.compose(2, primer=primer, key="D", seed=1)
    assert [np.flatnonzero(chord).tolist() for chord in moved.sounds[: len(steps)]] == [
        sorted({pitch + way for pitch in step}) for step in steps
    ]


def test_a_melody_is_harmonised_in_the_key(model, primer):
    (steps,) = json.loads(primer.read_text())
    composed = model.compose(melody=primer, key="D", seed=1)
    highest = [int(np.flatnonzero(chord).max()) for chord in composed.sounds]
    way = highest[0] - max(steps[0])
    assert highest == [max(step) + way for step in steps]
    assert (composed.sounds.sum(1) > 1).any()
    with pytest.raises(InputError, match="--primer and --melody exclude each other"):
        model.compose(melody=primer, primer=primer)


@pytest.mark.parametrize("key", ["E", "Gm"])
def test_a_draft_is_moved_to_the_key_that_is_asked_for(model, key):
    sounds = model.compose(8, key=key, seed=2).sounds
    assert way_to(sounds.sum(0), Key.parse(key))[0] == 0


def test_the_command_writes_what_the_endings_say(run, tmp_path, capsys):
    paths = [tmp_path / name for name in ("a.mid", "a.wav", "a.png")]
    assert compose(run, "--out", *paths, "--bars", "3", "--tempo", "90", "--seed", "1") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{paths[0]}, {paths[1]}, {paths[2]}: 3 bars, ")
    assert "the longest run that the training part has too, in any key: " in said
    with wave.open(str(paths[1])) as file:  # 12 quarter notes at 90 a minute, and the last one's end
        assert file.getnframes() / file.getframerate() == pytest.approx(12 * 60 / 90 + 0.08, abs=0.01)
    assert paths[2].exists()
    assert compose(run, "--out", paths[0], "--seed", "1") == 2
    assert f"--out must be files that do not exist, or --overwrite given. Got '{paths[0]}'" in (
        capsys.readouterr().err
    )
    assert compose(run, "--out", paths[0], "--seed", "2", "--overwrite") == 0


def test_chords_are_printed_a_bar_a_line(run, capsys):
    assert compose(run, "--bars", "3", "--seed", "1") == 0
    *bars, summary = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in bars] == ["1", "2", "3"]
    assert all(len(line.split()) == 5 for line in bars)
    assert summary.startswith("3 bars, ")


def test_json_has_the_notes_and_is_the_same_for_a_seed(run, capsys):
    answers = []
    for seed in (1, 1, 2):
        assert compose(run, "--bars", "2", "--seed", seed, "--json") == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1] != answers[2]
    assert answers[0]["steps"] == 8
    assert all(len(note) == len(answers[0]["fields"]) for note in answers[0]["notes"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bars", "0"], "--bars must be an int in [1, 10000]. Got 0."),
        (["--temperature", "-1"], "--temperature must be in [0, 100]"),
        (["--key", "H"], "--key must be a key such as C, F# or Bbm. Got 'H'."),
        (["--out", "a.mp3"], "--out must be files ending in .mid"),
        (["--out", "missing/a.mid"], "--out must be files in folders that exist"),
        (["--primer", "a.mid", "--melody", "a.mid"], "--primer and --melody exclude each other"),
        (["--melody", "missing.mid"], "missing.mid: no such file or folder"),
        (["--primer", "missing.mid"], "missing.mid: no such file or folder"),
    ],
)
def test_bad_options_are_refused_in_one_line(run, capsys, arguments, message):
    assert compose(run, *arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_broken_primer_is_named(model, tmp_path):
    (tmp_path / "a.mid").write_bytes(b"no music")
    with pytest.raises(InputError, match=r"a\.mid: no MIDI file, or damaged"):
        model.compose(1, primer=tmp_path / "a.mid")
