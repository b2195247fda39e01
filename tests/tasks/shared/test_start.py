"""Training that starts from a trained run of the same task."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import PLAIN, SMALL, interrupt_at, rhythm, sales, sentences, table, text, timeless, weights
from tiny_classifier import numbers, sequence_table

import elman
from elman.cli import main
from elman.errors import InputError

STILL = {"epochs": 1, "learning_rate": 1e-9, "batch_size": 4}
"""Options of a training that moves nothing, so that its first loss is that of its start."""
STREAM = {"hidden_size": 16, "batch_size": 4, "bptt": 20}
PAIRS = {
    "hidden_size": 8,
    "embedding_size": 6,
    "level": "words",
    "split": (0.8, 0.1, 0.1),
    "min_count": 1,
    "epochs": 12,
}
SERIES = {
    "hidden_size": 8,
    "horizon": 3,
    "known_future": ("price",),
    "past": ("weather",),
    "static": ("shop",),
    "batch_size": 8,
    "ensemble": 1,
    "combination": "none",
}
UNCOMBINED = {"combination": "none"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def first_loss(task: Any) -> float:
    return next(line["loss"] for line in task.history if line["kind"] == "train")


CASES: dict[str, tuple[Any, str, str, str, dict[str, Any], dict[str, Any]]] = {
    "forecasting": (
        elman.Forecaster,
        "csv",
        sales(4),
        sales(5, seed=3).replace(",A", ",C").replace("s4", "new"),
        SERIES,
        UNCOMBINED,
    ),
    "es-rnn": (
        elman.Forecaster,
        "csv",
        sales(4),
        sales(5, seed=3).replace(",A", ",C").replace("s4", "new"),
        SERIES | {"model": "es-rnn", "ensemble": 2},
        UNCOMBINED,
    ),
    "recursive": (
        elman.Forecaster,
        "csv",
        sales(4),
        sales(5, seed=3),
        SERIES | {"model": "recursive", "paths": 5},
        UNCOMBINED | {"paths": 5},
    ),
    "translation": (
        elman.Translator,
        "tsv",
        sentences(80),
        sentences(40, seed=3).replace("mat", "rug"),
        PAIRS,
        {"split": PAIRS["split"]},
    ),
    "translation of two vocabularies": (
        elman.Translator,
        "tsv",
        sentences(80),
        sentences(40, seed=3).replace("Matte", "Läufer"),
        PAIRS | {"shared_vocabulary": False, "level": "characters"},
        {"split": PAIRS["split"]},
    ),
    "regression": (
        elman.SequenceRegressor,
        "csv",
        table(60),
        table(30, seed=3),
        PLAIN | {"hidden_size": 8},
        {"rocket": "none", "augment": 0.0},
    ),
    "anomaly detection": (
        elman.AnomalyDetector,
        "csv",
        rhythm(300),
        rhythm(200, seed=4),
        {"hidden_size": 8, "window": 20},
        {"window": 20},
    ),
    "language model": (
        elman.LanguageModel,
        "txt",
        text(800),
        text(200, seed=3).replace("mat", "zebra ä"),
        STREAM,
        {"bptt": 20},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_first_loss_is_lower_than_from_nothing(name):
    kind, ending, text_of_run, new, options, again = CASES[name]
    Path(f"a.{ending}").write_text(text_of_run)
    Path(f"b.{ending}").write_text(new)
    kind(**{"epochs": 6, "batch_size": 4} | options).train(f"a.{ending}", "first")
    from_nothing = kind(**options | STILL).train(f"b.{ending}")
    task = kind(**again | STILL, pretrained="first").train(f"b.{ending}", "run")
    assert first_loss(task) < 0.97 * first_loss(from_nothing)
    for option in ("hidden_size", "embedding_size", "model", "known_future"):
        assert getattr(task.config, option, None) == getattr(elman.load("first").config, option, None)
    for path in Path("first").iterdir():  # the run has all that it needs
        path.unlink()
    assert weights(elman.load("run").model).keys() == weights(task.model).keys()


def test_new_characters_have_rows_of_their_own(here, caplog):
    before = elman.LanguageModel(**STREAM).fit(texts=[text()], out="first")
    with caplog.at_level(logging.INFO, "elman"):
        task = elman.LanguageModel(**STILL, pretrained="first").fit(texts=[text().replace("dog", "Żagiel")])
    assert " characters are new to first, and start as the mean of its own: '" in caplog.text
    old, new = before.vocabulary, task.vocabulary
    assert set(new.symbols) == set(old.symbols) | set("Żagiel")
    for name in ("embedding.weight", "head.weight", "head.bias"):
        table_of_run, own = weights(before.model)[name], weights(task.model)[name]
        for symbol in "cat":
            same = own[int(new.encode(symbol)[0])], table_of_run[int(old.encode(symbol)[0])]
            torch.testing.assert_close(*same)
        torch.testing.assert_close(own[int(new.encode("Ż")[0])], table_of_run.mean(0))
    assert task.unknown_in("Żagiel") == []


def test_rare_words_are_added_only_as_far_as_the_options_allow():
    elman.LanguageModel(**STREAM, level="words").fit(texts=[text()], out="first")
    new = text() + "zebra zebra lion\n"
    for options, expected in (
        ({}, {"zebra", "lion"}),
        ({"min_count": 2}, {"zebra"}),
        ({"vocab_size": 13}, {"zebra"}),
    ):
        task = elman.LanguageModel(**STILL, pretrained="first", **options).fit(texts=[new])
        known = set(elman.load("first").vocabulary.words)
        assert set(task.vocabulary.words) - known == expected
    with pytest.raises(
        InputError, match="--vocab-size must be at least 12, the tokens of first, or not given"
    ):
        elman.LanguageModel(**STILL, pretrained="first", vocab_size=11).fit(texts=[new])


@pytest.mark.parametrize("level", ["bytes", "subwords"])
def test_pieces_that_read_any_text_stay_as_they_are(level):
    before = elman.LanguageModel(**STREAM, level=level).fit(texts=[text()], out="first")
    task = elman.LanguageModel(**STILL, pretrained="first").fit(texts=[text().replace("dog", "Żagiel")])
    assert task.vocabulary == before.vocabulary
    for name, value in weights(task.model).items():
        torch.testing.assert_close(value, weights(before.model)[name])
    with pytest.raises(InputError, match=r"--vocab-size must be None, as in first, or not given\. Got 400"):
        elman.LanguageModel(**STILL, pretrained="first", vocab_size=400).fit(texts=[text()])


def test_an_interrupted_run_resumes_to_the_same_bits(here, monkeypatch):
    elman.LanguageModel(**STREAM).fit(texts=[text()], out="first")
    options = {"pretrained": "first", "epochs": 3, "batch_size": 4, "bptt": 20}
    new = text(seed=1)
    elman.LanguageModel(**options).fit(texts=[new], out="whole")
    monkeypatch.setattr("elman.train.progress.Silent", lambda: interrupt_at(5))
    with pytest.raises(KeyboardInterrupt):
        elman.LanguageModel(**options).fit(texts=[new], out="run")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    for path in Path("first").iterdir():
        path.unlink()
    elman.resume("run")
    assert timeless(here / "run") == timeless(here / "whole")


def test_options_that_contradict_the_run_are_refused(capsys):
    Path("a.txt").write_text(text())
    elman.LanguageModel(**STREAM, tied=True, embedding_size=16).train("a.txt", "first")
    for flags, message in (
        (["--hidden-size", "256"], "--hidden-size must be 16, as in first, or not given. Got 256."),
        (["--level", "words"], "--level must be 'characters', as in first, or not given. Got 'words'."),
        (["--cell", "gru"], "--cell must be 'lstm', as in first"),
        (["--lowercase"], "--lowercase must be False, as in first"),
    ):
        assert (
            main(["train", "language-model", "a.txt", "--pretrained", "first", "--out", "new", *flags]) == 2
        )
        assert message in capsys.readouterr().err
        assert not Path("new").exists()
    flags = ["--epochs", "1", "--bptt", "20", "--batch-size", "4"]
    assert main(["train", "language-model", "a.txt", "--pretrained", "first", "--out", "new", *flags]) == 0
    capsys.readouterr()
    assert main(["show", "new"]) == 0
    assert "pretrained first" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"must be a run of regression\. Got a run of language-model: first"):
        elman.SequenceRegressor(pretrained="first").fit(np.zeros((9, 3, 1)), np.arange(9.0))


def test_data_that_contradict_the_run_are_refused():
    Path("a.csv").write_text(sales())
    elman.Forecaster(**SERIES, model="direct", epochs=1).train("a.csv", "series")
    for options, message in (
        ({"horizon": 4}, "--horizon must be 3, as in series, or not given. Got 4"),
        ({"model": "recursive"}, "--model must be 'direct', as in series"),
        ({"known_future": ("weather",)}, r"--known-future must be \('price',\), as in series"),
    ):
        with pytest.raises(InputError, match=message):
            elman.Forecaster(pretrained="series", **options).train("a.csv")
    days = np.datetime64("2024-01-01") + np.arange(60)
    head = "unique_id,ds,y,price,weather,shop"
    rows = [f"s,{day},{k % 7},1,wet,A" for k, day in enumerate(days)]
    Path("days.csv").write_text("\n".join([head, *rows]) + "\n")
    with pytest.raises(InputError, match=r"the time between two steps must be 'MS', as in series. Got 'D'"):
        elman.Forecaster(pretrained="series").train("days.csv")
    rng = np.random.default_rng(0)
    elman.SequenceRegressor(**SMALL).fit(rng.normal(size=(9, 3, 2)), np.arange(9.0), out="run")
    with pytest.raises(InputError, match=r"the features must be \('x0', 'x1'\), as in run. Got \('x0',\)"):
        elman.SequenceRegressor(pretrained="run").fit(rng.normal(size=(9, 3, 1)), np.arange(9.0))
    elman.AnomalyDetector(**SMALL, window=5).fit(rng.normal(size=(60, 2)), out="rows")
    with pytest.raises(InputError, match=r"the columns must be .* as in rows"):
        elman.AnomalyDetector(pretrained="rows", window=5).fit(rng.normal(size=(60, 3)))


def test_a_classifier_of_numbers_keeps_its_output_layer_for_the_same_labels_only():
    Path("a.csv").write_text(sequence_table())
    before = elman.SequenceClassifier(**SMALL, ensemble=1, rocket="none").train("a.csv", "first")
    same = elman.SequenceClassifier(**STILL, rocket="none", pretrained="first").train("a.csv")
    Path("b.csv").write_text(sequence_table().replace("up", "high"))
    other = elman.SequenceClassifier(**STILL, rocket="none", pretrained="first").train("b.csv")
    old, kept, new = (weights(task.model) for task in (before, same, other))
    for name in old:
        if name != "temperature":
            torch.testing.assert_close(kept[name], old[name])
    assert not torch.equal(new["head.weight"], old["head.weight"])
    assert torch.equal(new["layer.weight_ih_l0"], old["layer.weight_ih_l0"])
    with pytest.raises(InputError, match="--pooling must be 'concat', as in first"):
        elman.SequenceClassifier(pretrained="first", pooling="max").train("b.csv")
    x, y, lengths = numbers()
    with pytest.raises(InputError, match=r"the features must be \('a', 'b'\), as in first"):
        elman.SequenceClassifier(pretrained="first").fit(x, y, lengths)


def test_a_run_without_its_first_checkpoint_is_not_resumed_from_nothing():
    elman.LanguageModel(**STREAM).fit(texts=[text()], out="first")
    elman.LanguageModel(**STILL, pretrained="first").fit(texts=[text()], out="run")
    for name in ("model.safetensors", "results.json"):
        Path("run", name).unlink()
    with pytest.raises(InputError, match="run: was stopped before its first checkpoint"):
        elman.resume("run")
