"""A composer of events: from files of a band to pieces that read back as they were."""

import json
import wave

import numpy as np
import pytest
from tiny_events import band

from elman import MusicModel, load
from elman.cli import main
from elman.data.music.keys import Key, way_to
from elman.data.music.piece import DRUMS, SYMBOLS
from elman.data.music.symbols import sounded
from elman.data.read.midi import midi_of, read_midi
from elman.errors import InputError

pytest.importorskip("symusic", reason="needs elman[music]")
OPTIONS = {
    "hidden_size": 6,
    "epochs": 1,
    "batch_size": 2,
    "window": 40,
    "transpose": 2,
    "split": (0.6, 0.2, 0.2),
    "steps_per_bar": 12,
}


def song(seed):
    """Two bars of a violin and a second one, drums and chord symbols."""
    random = np.random.default_rng(seed)
    chords = [("C", "F", "G7", "Am")[k] for k in random.integers(4, size=2)]
    notes = [(12 * bar, 12, pitch, 80, 3) for bar, name in enumerate(chords) for pitch in sounded(name)]
    notes += [(k, 3, int(60 + random.integers(12)), 80, 0) for k in range(0, 24, 3)]
    notes += [(k, 6, int(72 + random.integers(5)), 100, 2) for k in range(0, 24, 6)]
    return band(*notes, *((k, 1, 36, 100, 1) for k in range(0, 24, 6)), bars=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("band")
    (folder / "songs").mkdir()
    for seed in range(10):
        (folder / "songs" / f"{seed}.mid").write_bytes(midi_of(song(seed)))
    return folder


@pytest.fixture(scope="module")
def run(folder):
    MusicModel(**OPTIONS).train(folder / "songs", folder / "run")
    return folder / "run"


@pytest.fixture
def model(run):
    return load(run)


def test_what_chords_do_not_tell_is_read_as_events(model):
    assert model.config.representation == "events"
    assert "representation" in model.origin.sized
    results = model.results
    assert results["test"]["pieces"] == 2
    assert set(results["baselines"]) >= {"event frequency"}
    assert sum("in all keys" in name for name in results["baselines"]) == 1
    assert "nats per event" in model.report()


def test_a_run_that_is_loaded_again_has_the_same_figures(run, model, folder):
    assert load(run).evaluate(folder / "songs") == model.evaluate(folder / "songs")
    assert model.evaluate(folder / "songs")["pieces"] == 10
    notes = [len(roll.sounds) for part in model.opened_data().rolls.values() for roll in part]
    assert notes == [24] * 10


@pytest.mark.parametrize("temperature", [0, 1, 30])
def test_a_file_reads_back_to_the_same_notes_which_end_in_range(model, tmp_path, temperature):
    composed = model.compose(3, temperature=temperature, seed=5)
    piece = composed.piece
    assert (piece.length, len(composed.sounds)) == (3 * 3 * 480, 36)
    assert ((piece.begin + piece.duration) <= piece.length).all()
    own = piece.instrument == 40
    assert ((piece.pitch[own] >= 60) & (piece.pitch[own] <= 76)).all()
    assert {*piece.pitch[piece.instrument == DRUMS].tolist()} <= {36}
    if not len(piece):
        return
    composed.write(tmp_path / "a.mid", "a")
    again = read_midi(tmp_path / "a.mid")
    np.testing.assert_array_equal(again.notes, piece.notes)
    assert (again.ticks, again.meter, again.instruments) == (piece.ticks, piece.meter, piece.instruments)


def test_a_primer_goes_on(model, folder, tmp_path):
    primer = folder / "songs" / "3.mid"
    composed = model.compose(2, primer=primer, seed=1)
    assert (composed.primed, len(composed.sounds)) == (24, 48)
    begun = composed.piece.begin < 2 * 3 * 480
    given = read_midi(primer)
    assert sorted(zip(given.begin, given.pitch, strict=True)) == sorted(
        zip(composed.piece.begin[begun], composed.piece.pitch[begun], strict=True)
    )
    added = composed.added
    assert (len(added), added.length) == ((~begun).sum(), 2 * 3 * 480)


def test_a_draft_is_moved_to_the_key_but_for_its_drums(model):
    composed = model.compose(4, key="E", seed=2)
    assert way_to(composed.sounds.sum(0), Key.parse("E"))[0] == 0
    assert {*composed.piece.pitch[composed.piece.instrument == DRUMS].tolist()} <= {36}


def test_the_command_writes_notes_sound_and_a_picture(run, tmp_path, capsys):
    paths = [tmp_path / name for name in ("a.mid", "a.wav", "a.png")]
    assert main(["compose", str(run), "--bars", "2", "--seed", "1", "--json", "--out", *map(str, paths)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["instruments"]) == len(answer["notes"])
    assert {*answer["instruments"]} <= {40, "drums", "chord symbols"}
    with wave.open(str(paths[1])) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(sound).max() > 1000 * bool(answer["notes"])
    assert paths[2].exists()


def test_the_other_representation_can_be_asked_for(folder):
    model = MusicModel(**OPTIONS, representation="chords", note_units=4).train(folder / "songs")
    assert "nats_per_step" in model.results["test"]


def test_stretched_pieces_are_trained_on(folder, tmp_path):
    model = MusicModel(**OPTIONS, stretch=0.2).train(folder / "songs", tmp_path / "run")
    assert len(model.data.variants) == 5
    again = load(tmp_path / "run").opened_data()
    for own, other in zip(model.data.variants, again.variants, strict=True):
        assert [piece.tolist() for piece in own] == [piece.tolist() for piece in other]


def test_a_run_goes_on_from_another(folder, run):
    model = MusicModel(pretrained=run, epochs=1, split=(0.6, 0.2, 0.2)).train(folder / "songs")
    assert model.config.representation == "events"
    with pytest.raises(InputError, match="--representation must be 'events', as in"):
        MusicModel(pretrained=run, representation="chords").train(folder / "songs")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "joint"}, "--head goes with --representation chords. Got events."),
        (
            {"representation": "chords", "stretch": 0.1},
            "--stretch goes with --representation events. Got chords.",
        ),
        ({"stretch": 0.7}, r"--stretch must be in \[0, 0.5\]. Got 0.7."),
    ],
)
def test_options_of_the_other_representation_are_refused(folder, options, message):
    with pytest.raises(InputError, match=message):
        MusicModel(**OPTIONS | options).train(folder / "songs")


def test_a_melody_is_for_chords(model, folder):
    with pytest.raises(InputError, match="--melody goes with a model of chords"):
        model.compose(melody=folder / "songs" / "1.mid")


def test_damaged_events_are_named(run, tmp_path):
    import shutil

    shutil.copytree(run, tmp_path / "run")
    np.savez(tmp_path / "run" / "events.npz", tokens=np.arange(9), lengths=np.array([4]), parts=np.array([0]))
    with pytest.raises(InputError, match=r"events\.npz: must hold the events of a run's pieces"):
        load(tmp_path / "run")


def test_lead_sheets_have_their_symbols(shared):
    tune = shared / "nottingham_abc" / "slip.abc"
    model = MusicModel(**OPTIONS | {"steps_per_bar": None}).train(tune)
    assert (model.config.representation, model.facts.meter) == ("events", (9, 8))
    piece = model.compose(2, seed=1).piece
    assert SYMBOLS in {*model.facts.code.decode(model.data.pieces["training"][0]).instruments}
    assert piece.meter == (9, 8)
