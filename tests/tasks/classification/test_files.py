"""The classifier on files and folders of every form, and on parts from files of their own."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny import interrupt_at, reviews, same_bits, timeless, weights
from tiny_classifier import GOOD, X, Y, numbers, sequence_table, trained

import elman
from elman.data.labelled.examples import Labelled
from elman.data.labelled.files import READERS, Reader
from elman.errors import InputError
from elman.tasks.classification.answers import LabelAnswers
from elman.tasks.classification.task import SequenceClassifier


def write_forms(folder: Path) -> None:
    """The same 60 reviews as files of every kind."""
    import polars as pl

    frame = pl.DataFrame({"text": X, "label": Y})
    frame.write_csv(folder / "a.csv")
    frame.write_csv(folder / "a.tsv", separator="\t")
    frame.write_ndjson(folder / "a.jsonl")
    frame.write_parquet(folder / "a.parquet")
    (folder / "a.txt").write_text("".join(f"{y} {x}\n" for x, y in zip(X, Y, strict=True)))
    (folder / "a.tabs").write_text("".join(f"{y}\t{x}\r\n" for x, y in zip(X, Y, strict=True)))
    (folder / "a.fasttext").write_text("".join(f"__label__{y} {x}\n" for x, y in zip(X, Y, strict=True)))


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "txt", "tabs", "fasttext"])
def test_every_form_of_file_gives_the_same_model(here, form):
    write_forms(here)
    wanted = trained("a.csv", out=None, epochs=1)
    assert same_bits(weights(trained(f"a.{form}", out=None, epochs=1).model), weights(wanted.model))


def test_a_folder_a_label(here):
    for k, (x, y) in enumerate(zip(X, Y, strict=True)):
        (here / "data" / y).mkdir(parents=True, exist_ok=True)
        (here / "data" / y / f"{k:03}.txt").write_text(x)
    (here / "data" / "readme.txt").write_text("not read")
    task = trained("data", epochs=15, learning_rate=0.02)
    assert task.classes_.tolist() == ["neg", "pos"]
    assert task.results["test"]["examples"] == 6
    assert task.evaluate("data")["accuracy"] > 0.9
    assert all("data/" in m["place"] for m in task.results["mistakes"])


def test_folders_of_arrays_and_npz(here):
    x, y, lengths = numbers()
    for k, (one, name, n) in enumerate(zip(x, y, lengths, strict=True)):
        (here / "data" / name).mkdir(parents=True, exist_ok=True)
        np.save(here / "data" / name / f"{k:03}.npy", one[:n])
    order = np.argsort(y, kind="stable")
    np.savez("a.npz", x=x[order], y=y[order], lengths=lengths[order])
    folder, npz = trained("data", out=None), trained("a.npz", out="run")
    assert same_bits(weights(folder.model), weights(npz.model))
    np.save("new.npy", x[:4])
    assert len(npz.label(npz.read_alike("new.npy", with_labels=False))) == 4
    assert [*npz.results["baselines"]] == [
        "most frequent label",
        "MiniRocket + ridge",
        "logistic regression on mean and last step",
    ]


def test_a_kind_of_file_joins_by_one_row(here, monkeypatch):
    def samples(path):
        return np.frombuffer(path.read_bytes(), np.uint8).astype(float)[:, None] / 128 - 1

    def recording(path, columns, with_labels):
        return Labelled([samples(path)], [()], [str(path)], ("x0",))

    monkeypatch.setitem(READERS, ".raw", Reader(recording, samples))
    for k in range(40):
        name = ("low", "high")[k % 2]
        (here / "data" / name).mkdir(parents=True, exist_ok=True)
        level = 40 + 160 * (k % 2) + k
        (here / "data" / name / f"{k:02}.raw").write_bytes(bytes([level, level + 1, level] * (1 + k % 3)))
    task = trained("data", epochs=15, learning_rate=0.02)
    assert task.results["test"]["accuracy"] == 1
    assert [*task.results["baselines"]] == [
        "most frequent label",
        "MiniRocket + ridge",
        "logistic regression on mean and last step",
    ]
    (answer,) = task.classify("data/high/39.raw")
    assert answer["label"] == "high"


def test_a_table_with_one_row_a_step(here):
    Path("steps.csv").write_text(sequence_table())
    task = trained("steps.csv", epochs=15, learning_rate=0.02, pooling="last")
    assert task.evaluate("steps.csv")["accuracy"] > 0.9
    assert task.facts.scheme.features == ("a", "b")
    loaded = elman.load("run")
    said = loaded.verb(data=Path("steps.csv"))
    assert len(list(said.text(loaded))) == 60


def test_the_columns_that_were_found_are_kept_with_the_run(here):
    Path("steps.csv").write_text(sequence_table().replace("unique_id,ds,a,b,label", "trip,step,a,b,kind"))
    task = trained("steps.csv")
    assert (task.config.id_column, task.config.time_column, task.config.label_column) == (
        "trip",
        "step",
        "kind",
    )
    assert task.facts.scheme.features == ("a", "b")
    Path("new.csv").write_text("step,trip,b,a\n2,x,1,2\n1,x,3,4\n1,y,5,6\n")
    loaded = elman.load("run")
    assert [answer["name"] for answer in loaded.classify("new.csv")] == ["x", "y"]


def test_pairs_and_several_labels_from_tables(here):
    rows = "".join(
        f"{x},{x[::-1]},{y};{'odd' if k % 2 else ''}\n" for k, (x, y) in enumerate(zip(X, Y, strict=True))
    )
    Path("a.csv").write_text("one,two,tags\n" + rows)
    task = trained(
        "a.csv",
        text_column="one",
        pair_column="two",
        label_column="tags",
        label_separator=";",
        split=(0.7, 0.2, 0.1),
    )
    assert task.classes_.tolist() == ["neg", "odd", "pos"]
    assert (task.scheme.texts, task.scheme.multi_label) == (2, True)
    assert set(task.evaluate("a.csv")) == set(task.results["test"])
    assert not (here / "run" / "confusion.png").exists()
    assert "labels" in task.results
    Path("lists.jsonl").write_text(
        "".join(
            json.dumps({"text": x, "label": [y, "odd"][: 1 + k % 2]}) + "\n"
            for k, (x, y) in enumerate(zip(X, Y, strict=True))
        )
    )
    with pytest.raises(InputError, match="--folds must be 0 if examples have several labels"):
        trained("lists.jsonl", folds=2, out=None)
    assert trained("lists.jsonl", out=None).classes_.tolist() == ["neg", "odd", "pos"]
    Path("f.txt").write_text("".join(f"__label__{y} __label__odd {x}\n" for x, y in zip(X, Y, strict=True)))
    assert trained("f.txt", out=None).classes_.tolist() == ["neg", "odd", "pos"]


def test_parts_may_come_from_files_of_their_own(here):
    Path("a.csv").write_text(GOOD)
    Path("b.csv").write_text(reviews(10, seed=1))
    Path("c.csv").write_text(reviews(14, seed=2))
    task = trained("a.csv", validation=("b.csv",), test=(Path("c.csv"),))
    assert (task.results["validation"]["examples"], task.results["test"]["examples"]) == (10, 14)
    assert task.results["test"] == task.evaluate("c.csv")
    shared = trained("a.csv", test=(Path("c.csv"),), out=None)
    assert shared.results["validation"]["examples"] == 6  # a tenth, as without a file
    Path("d.csv").write_text("text,label\na cat sat,so-so\n")
    with pytest.raises(InputError, match=r"d.csv: row 2: label 'so-so' is not in the training part"):
        trained("a.csv", test=(Path("d.csv"),), out=None)


def test_what_stands_in_two_parts_is_told_in_one_line(here):
    Path("a.csv").write_text(GOOD)
    Path("b.csv").write_text("\n".join(GOOD.splitlines()[:4]) + "\na new one,pos\n")
    with pytest.warns(
        UserWarning, match=r"^3 of the 4 examples of the test part .* the first: b.csv: row 2$"
    ):
        trained("a.csv", split=(1.0, 0.0, 0.0), test=(Path("b.csv"),), out=None)


@pytest.mark.parametrize("number", [2, 3])
def test_cross_validation_tests_every_example_once(here, monkeypatch, number):
    Path("a.csv").write_text(GOOD)
    tested = []
    original = LabelAnswers._details

    def spy(self, test, logits, p):
        tested.extend(test.places)
        return original(self, test, logits, p)

    monkeypatch.setattr(LabelAnswers, "_details", spy)
    task = trained("a.csv", folds=number, epochs=1)
    assert sorted(tested) == sorted(f"a.csv: row {k}" for k in range(2, 62))
    folds = task.results["folds"]["this model"]
    assert len(folds["accuracy"]) == number
    assert folds["mean"] == pytest.approx(np.mean(folds["accuracy"]))
    assert folds["deviation"] == pytest.approx(np.std(folds["accuracy"]))
    assert set(task.results["folds"]) == {*task.results["baselines"], "this model"}
    assert (
        folds["accuracy"][0]
        == task.results["test"]["accuracy"]
        == elman.load("run").results["test"]["accuracy"]
    )
    assert f"over {number} folds" in task.report()


def test_an_interrupted_cross_validation_goes_on_with_the_next_fold(here, monkeypatch):
    Path("a.csv").write_text(GOOD)
    whole = trained("a.csv", folds=4, epochs=1, out="whole").results["folds"]
    original, calls = SequenceClassifier._fit, []

    def stop(self, read, out, overwrite, show_progress):
        calls.append(out)
        if len(calls) == 4:  # the first is the run itself
            raise KeyboardInterrupt
        return original(self, read, out, overwrite, show_progress)

    monkeypatch.setattr(SequenceClassifier, "_fit", stop)
    with pytest.raises(KeyboardInterrupt):
        trained("a.csv", folds=4, epochs=1)
    assert len(json.loads(Path("run/folds.json").read_text())) == 3
    assert elman.resume("run").results["folds"] == whole
    assert len(calls) == 5


@pytest.mark.parametrize("form", ["texts", "numbers", "several"])
def test_an_interrupted_run_goes_on_to_the_same_bits(here, monkeypatch, form):
    Path("texts.csv").write_text(GOOD)
    Path("numbers.csv").write_text(sequence_table())
    Path("several.csv").write_text(GOOD.replace(",pos", ",pos;x"))
    options = {"label_separator": ";"} if form == "several" else {}
    whole = trained(f"{form}.csv", out="whole", **options)
    monkeypatch.setattr("elman.train.progress.Silent", lambda: interrupt_at(7))
    with pytest.raises(KeyboardInterrupt):
        trained(f"{form}.csv", **options)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    resumed = elman.resume("run")
    assert timeless(here / "run") == timeless(here / "whole")
    assert resumed.results["test"] == whole.results["test"]
