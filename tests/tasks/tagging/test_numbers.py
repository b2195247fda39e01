"""A tagger of numbers: tables with a label in every row, arrays, frames, streams."""

import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tiny import activities

import elman
from elman.cli import main
from elman.data.tagged.sequences import Tagged
from elman.errors import InputError
from elman.tasks.tagging.batches import batches_of

OPTIONS = {
    "hidden_size": 8,
    "batch_size": 4,
    "epochs": 6,
    "learning_rate": 0.02,
    "window": 32,
    "dropout": 0.1,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run in one direction."""
    folder = tmp_path_factory.mktemp("activities")
    (folder / "train.csv").write_text(activities())
    options = {**OPTIONS, "bidirectional": False, "split": (0.6, 0.2, 0.2)}
    return elman.SequenceTagger(**options).train(folder / "train.csv", folder / "run")


def test_it_is_ahead_of_single_steps(run):
    results = run.results
    assert results["test"]["accuracy"] > results["baselines"]["most frequent tag"]["accuracy"]
    assert set(results["test"]) == {"accuracy", "macro_f1", "steps", "sequences"}
    assert results["test"]["steps"] == 60 * results["test"]["sequences"]
    assert (run.folder / "tags.png").is_file()
    assert "the worst sequences:" in run.report()
    assert elman.load(run.folder).facts == run.facts


def test_a_table_keeps_its_columns_and_order(run, tmp_path, capsys):
    text = activities(2, seed=5).splitlines()
    rows = [text[0], *reversed(text[1:])]
    (tmp_path / "new.csv").write_text("\n".join(rows) + "\n")
    assert main(["tag", str(run.folder), str(tmp_path / "new.csv"), "--probabilities"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{text[0]},predicted,predicted run,predicted sit,predicted walk"
    assert [line[: len(row)] for line, row in zip(lines, rows, strict=True)] == rows
    tags = [line.split(",")[5] for line in lines[1:]]
    assert main(["tag", str(run.folder), str(tmp_path / "new.csv"), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["sequences"]
    assert (second["name"], first["name"]) == ("p0", "p1")
    assert tags[::-1] == second["tags"] + first["tags"]
    assert sum(b - a for a, b in (each["steps"] for each in first["runs"])) == 60


def test_a_stream_equals_the_whole_sequence(run, capsys, monkeypatch):
    text = activities(2, seed=5)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    assert main(["tag", str(run.folder), "--stream"]) == 0
    lines = capsys.readouterr().out.splitlines()
    frame = pl.read_csv(io.StringIO(text))
    expected = [tag for tags in run.predict(frame) for tag in tags]
    assert lines[0].endswith(",activity,predicted")
    assert [line.rpartition(",")[2] for line in lines[1:]] == expected


def test_a_missing_number_of_a_stream_is_the_one_before(run):
    rows = ["x,y", "0.1,0.2", "0.1,0.2", "1.5,-1.4"]
    gap = ["x,y", "0.1,0.2", ",NA", "1.5,-1.4"]
    tags = [[line.rpartition(",")[2] for line in run.tag_stream(each)] for each in (rows, gap)]
    assert tags[0] == tags[1]


def test_arrays_of_unlike_length_and_unknown_tags():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in (20, 30, 25, 40)]
    y = [(x[:, 0] > 0).astype(int) for x in X]
    task = elman.SequenceTagger(**{**OPTIONS, "epochs": 40, "dropout": 0.0}).fit(X, y)
    assert task.score(X, y) > 0.95
    assert task.classes_ == (0, 1)
    assert {tag for tags in task.predict(X) for tag in tags} == {0, 1}
    with pytest.raises(InputError, match="must have numbers of the columns x0, x1, as in training"):
        task.predict([["a", "b"]])


def test_frames_are_read_as_tables_are():
    frame = pl.read_csv(io.StringIO(activities(6)))
    task = elman.SequenceTagger(**{**OPTIONS, "epochs": 1}).fit(frame)
    assert [len(tags) for tags in task.predict(frame.drop("activity"))] == [60] * 6
    assert task.predict_proba(pd.DataFrame(frame.to_dict(as_series=False)))[0].shape == (60, 3)


def test_long_sequences_are_cut_for_training_only(run):
    item, tags = np.arange(150.0).reshape(75, 2), ("sit", "") + ("run",) * 73
    part = Tagged([item], [tags], [()], ["here"], (), ("x", "y"))
    config, facts = run.config, run.facts
    pieces = list(batches_of(config, facts, part, seed=0).epoch())
    assert sum(batch.inputs.values.shape[1] for batch in pieces) == 4
    assert max(len(batch.inputs.values) for batch in pieces) == 32
    (whole,) = batches_of(config, facts, part).epoch()
    assert whole.inputs.lengths.tolist() == [75]
    assert whole.targets.weights[:3, 0].tolist() == [1, 0, 1]
    torch_first = whole.inputs.values[1, 0, 2:] - (whole.inputs.values[1] - whole.inputs.values[0])[0, :2]
    assert torch_first.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("x,z\n", "standard input: line 1: must name the columns x, y. 'y' is missing."),
        ("x,y\n1\n", "standard input: line 2: must have 2 cells, like the header. Got 1."),
        ("x,y\n1,a\n", "standard input: line 2, column 'y': must be a finite number. Got 'a'."),
    ],
)
def test_refuses_rows(run, rows, message):
    with pytest.raises(InputError) as error:
        list(run.tag_stream(rows.splitlines()))
    assert str(error.value) == message


def test_refuses_texts_and_other_columns(run, tmp_path, capsys):
    assert main(["tag", str(run.folder), "--text", "a b"]) == 2
    assert "needs a table and no --text: this model reads numbers" in capsys.readouterr().err
    (tmp_path / "new.csv").write_text("x,z,activity\n1,2,sit\n")
    with pytest.raises(InputError, match="has no column 'y'"):
        run.evaluate(tmp_path / "new.csv")
