"""What a composer is trained on and how it is measured."""

import json
import math

import numpy as np
import pytest
from tiny import same_bits, weights
from tiny_music import pieces, rolls

from elman import MusicModel
from elman.data.left import Left
from elman.data.music.files import read_pieces
from elman.data.music.piece import Piece
from elman.data.read.midi import midi_of
from elman.errors import InputError


def parts_of(model):
    return {part: len(rolls) for part, rolls in model.data.rolls.items()}


@pytest.fixture
def quick(options):
    return options | {"epochs": 1, "note_units": 4, "hidden_size": 4}


def test_the_parts_of_a_file_are_kept(tmp_path, quick):
    content = {"train": pieces(9), "valid": pieces(4, 1), "test": pieces(3, 2)}
    (tmp_path / "a.json").write_text(json.dumps(content))
    model = MusicModel(**quick).train(tmp_path / "a.json")
    assert parts_of(model) == {"training": 9, "validation": 4, "test": 3}
    assert model.evaluate(tmp_path / "a.json")["pieces"] == 3


def test_parts_with_files_of_their_own(tmp_path, quick):
    for name, number in (("a", 10), ("b", 4), ("c", 3)):
        (tmp_path / f"{name}.json").write_text(rolls(number, seed=number))
    own = {"validation": (tmp_path / "b.json",), "test": (tmp_path / "c.json",)}
    model = MusicModel(**quick | own).train(tmp_path / "a.json")
    assert parts_of(model) == {"training": 10, "validation": 4, "test": 3}


def test_broken_and_silent_pieces_stop_the_run_or_are_left_out(tmp_path, quick, caplog):
    caplog.set_level("INFO", "elman")
    (tmp_path / "a.json").write_text(json.dumps([*pieces(10), [[], []], [[60], ["x"]]]))
    with pytest.raises(InputError, match=r"a\.json: piece 11: holds no note; --on-bad skip leaves"):
        MusicModel(**quick).train(tmp_path / "a.json")
    model = MusicModel(**quick | {"on_bad": "skip"}).train(tmp_path / "a.json")
    assert sum(parts_of(model).values()) == 10
    assert "2 pieces left out: " in caplog.text


def test_nats_are_those_of_every_step_but_the_first_of_each_piece(model, run):
    model.model.eval()
    paths = [run.parent / "other.json"]
    every = [model.facts.roll(piece) for piece in read_pieces(paths, Left("stop", "piece"))]
    total = steps = 0.0
    for roll in every:
        alone = model.answers.figures([roll])
        total += alone["nats_per_step"] * (len(roll.sounds) - 1)
        steps += len(roll.sounds) - 1
    assert model.evaluate(paths)["nats_per_step"] == pytest.approx(total / steps, rel=1e-5)


def test_a_model_of_independent_notes_has_nats_per_step_too(tmp_path, quick):
    (tmp_path / "a.json").write_text(rolls())
    results = MusicModel(**quick | {"head": "independent"}).train(tmp_path / "a.json").results
    assert 0 < results["test"]["nats_per_step"] < 128 * math.log(2)


def test_the_meter_and_the_tempo_of_files_decide_steps_and_bars(tmp_path, quick):
    pytest.importorskip("symusic", reason="needs elman[music]")
    for number in range(10):
        notes = np.array([(240 * k, 240, 60 + (k * number) % 12, 80, 0) for k in range(12)])
        piece = Piece.of(notes, 2880, ticks=480, meter=(6, 8), tempo=72.0)
        (tmp_path / f"{number}.mid").write_bytes(midi_of(piece))
    model = MusicModel(**quick | {"steps_per_bar": None}).train(tmp_path)
    facts = model.facts
    assert (facts.meter, facts.steps_per_bar, round(facts.tempo)) == ((6, 8), 12, 72)
    composed = model.compose(2, seed=1)
    assert (composed.piece.length, composed.piece.ticks, len(composed.sounds)) == (6 * 480, 480, 24)


def test_a_run_goes_on_from_another(tmp_path, run, quick):
    (tmp_path / "a.json").write_text(rolls(10, seed=3))
    with pytest.raises(InputError, match="--head must be 'joint', as in"):
        MusicModel(pretrained=run, head="independent").train(tmp_path / "a.json")
    model = MusicModel(pretrained=run, epochs=1, split=(0.6, 0.2, 0.2)).train(tmp_path / "a.json")
    assert (model.config.cell, model.config.note_units) == ("gru", 6)


def test_pieces_in_memory_are_those_of_a_file(tmp_path, quick):
    (tmp_path / "a.json").write_text(rolls())
    of_file = MusicModel(**quick).fit(tmp_path / "a.json")
    arrays = [roll for part in of_file.data.rolls.values() for roll in part]
    model = MusicModel(**quick).fit(pieces=pieces())
    assert same_bits(weights(model.model), weights(of_file.model))
    figures = model.evaluate(tmp_path / "a.json")
    assert model.evaluate(pieces=pieces()) == figures
    assert model.evaluate(pieces=[roll.sounds for roll in arrays])["nats_per_step"] == pytest.approx(
        figures["nats_per_step"]
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[[60]], [["C"]]], "piece 1: step 1: must be a list of whole numbers"),
        ([np.zeros((3, 88))], r"piece 0: must have the shape \[T, 128\]. Got \[3, 88\]"),
        ([[[], []]], "piece 0: holds no note"),
        (None, r"give either data \(files\) or pieces. Got neither."),
    ],
)
def test_bad_pieces_in_memory_are_named(quick, given, message):
    with pytest.raises(InputError, match=message):
        MusicModel(**quick).fit(pieces=given)


def test_batches_of_long_pieces_have_fewer(tmp_path, quick):
    (tmp_path / "a.json").write_text(rolls(10))
    (tmp_path / "b.json").write_text(json.dumps([piece * 30 for piece in pieces(10)]))
    del quick["batch_size"]
    sizes = [MusicModel(**quick | {"window": 256}).fit(tmp_path / f"{name}.json").config for name in "ab"]
    assert [config.batch_size for config in sizes] == [8, 4]


def test_the_report_says_where_a_simple_method_is_ahead_and_what_to_try(model):
    results = json.loads(json.dumps(model.results))
    results["baselines"]["note frequencies"]["nats_per_step"] = 0.01
    assert "the model is behind note frequencies by" in model.answers.report(results)
    model.config = MusicModel(transpose=0, head="independent").config
    tried = [remedy.flags for remedy in model.answers.proposals(results)]
    assert tried == ["--head joint", "--transpose 6"]
