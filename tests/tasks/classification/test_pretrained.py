"""The classifier started from word vectors and from a language model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import SMALL, interrupt_at, text, timeless, weights
from tiny_classifier import GOOD, TINY, X

import elman
from elman.cli import main
from elman.errors import InputError
from elman.tasks.classification.task import SequenceClassifier


def without(name: str, options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}


def test_vectors_are_where_training_starts(here):
    lines = [f"{word} {k} {k / 2} -1" for k, word in enumerate(["good", "bad", "cat", "GOOD"])]
    Path("vectors.txt").write_text("\n".join(lines) + "\n")
    Path("a.csv").write_text(GOOD)
    options = without("embedding_size", TINY) | {"vectors": "vectors.txt"}
    task = SequenceClassifier(**options, freeze_vectors=True).train("a.csv", "run")
    assert task.config.embedding_size == 3
    embedding = task.model.embedding.weight.detach()
    row = {piece: k for k, piece in enumerate(task.vocabulary.pieces(np.arange(len(task.vocabulary))))}
    assert embedding[row["bad"]].tolist() == [1, 0.5, -1]
    assert embedding[row["cat"]].tolist() == [2, 1, -1]
    assert embedding[row["the"]].any()
    assert task.results["vectors"] | {"tokens": 0} == {"words": 3, "of": len(row), "tokens": 0}
    assert f"vectors for 3 of {len(row)} words" in task.report()
    free = SequenceClassifier(**options).train("a.csv")
    assert not torch.equal(free.model.embedding.weight[row["bad"]], embedding[row["bad"]])
    Path("vectors.txt").unlink()
    assert np.array_equal(elman.load("run").predict_proba(X), task.predict_proba(X))
    with pytest.raises(InputError, match=r"vectors.txt: No such file"):
        SequenceClassifier(**options).train("a.csv")
    Path("vectors.txt").write_text("nowhere 1 2 3\n")
    with pytest.raises(InputError, match=r"holds none of the .* words"):
        SequenceClassifier(**options).train("a.csv")
    Path("vectors.txt").write_text("good 1 2 3\n")
    for size in (7, 100):  # the latter is the default
        with pytest.raises(
            InputError, match=rf"--embedding-size must be 3, as in vectors.txt, or not given. Got {size}"
        ):
            SequenceClassifier(**options, embedding_size=size).train("a.csv")


@pytest.fixture
def pretrained(here):
    Path("a.csv").write_text(GOOD)
    options = SMALL | {"layers": 2, "embedding_size": 5, "level": "words", "cell": "gru", "hidden_size": 7}
    return elman.LanguageModel(**options).fit(texts=[*X, text()], out="lm")


def test_a_language_model_is_where_training_starts(here, pretrained):
    options = without("hidden_size", SMALL) | {"pretrained": Path("lm")}
    still = SequenceClassifier(**options | {"learning_rate": 1e-30}).train("a.csv")
    own, start = weights(still.model), weights(pretrained.model)
    shared = [name for name in own if name.startswith(("embedding.", "layer."))]
    assert len(shared) == 9
    assert all(torch.equal(own[name], start[name]) for name in shared)
    config = still.config
    assert (config.cell, config.hidden_size, config.layers, config.embedding_size) == ("gru", 7, 2, 5)
    assert (config.level, config.bidirectional, config.pooling) == ("words", False, "concat")
    tuned = SequenceClassifier(**options | {"learning_rate": 0.01}).train("a.csv", "run")
    moved = [name for name in shared if not torch.equal(weights(tuned.model)[name], start[name])]
    assert moved  # of two epochs the second trains the upper layer, and it alone
    assert all("_l1" in name for name in moved)
    at_once = SequenceClassifier(**options | {"learning_rate": 0.01, "unfreeze": "at-once"}).train("a.csv")
    assert not any(torch.equal(weights(at_once.model)[name], start[name]) for name in shared)
    for path in Path("lm").iterdir():
        path.unlink()
    assert np.array_equal(elman.load("run").predict_proba(X), tuned.predict_proba(X))


def test_words_that_the_language_model_does_not_know_are_learnt_from_the_mean_of_its_own(here, pretrained):
    rows = GOOD.splitlines()
    odd = [f"{row.rpartition(',')[0]} kumquat,{row.rpartition(',')[2]}" for row in rows[1:7]]
    once = odd[0].replace("kumquat", "hapax")
    Path("more.csv").write_text("\n".join([*rows, *odd, once]) + "\n")
    options = without("hidden_size", SMALL) | {"pretrained": Path("lm"), "split": (0.98, 0.01, 0.01)}
    still = SequenceClassifier(**options | {"learning_rate": 1e-30}).train("more.csv", "run")
    known = len(pretrained.vocabulary)
    assert still.vocabulary.pieces(np.arange(known)) == pretrained.vocabulary.pieces(np.arange(known))
    assert still.vocabulary.pieces(still.vocabulary.encode("kumquat")) == ["kumquat"]
    assert still.vocabulary.encode("hapax").tolist() == [still.vocabulary.unknown]
    table = weights(pretrained.model)["embedding.weight"]
    own = weights(still.model)["embedding.weight"]
    torch.testing.assert_close(own[:known], table)
    torch.testing.assert_close(own[still.vocabulary.encode("kumquat")[0]], table.mean(0))
    assert np.array_equal(elman.load("run").predict_proba(["a kumquat"]), still.predict_proba(["a kumquat"]))


def test_gradual_unfreezing_resumes_to_the_same_bits(here, pretrained, monkeypatch):
    options = without("hidden_size", SMALL) | {"pretrained": Path("lm"), "epochs": 4}
    SequenceClassifier(**options).train("a.csv", "whole")
    monkeypatch.setattr("elman.train.progress.Silent", lambda: interrupt_at(30))
    with pytest.raises(KeyboardInterrupt):
        SequenceClassifier(**options).train("a.csv", "run")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    elman.resume("run")
    assert timeless(here / "run") == timeless(here / "whole")


def test_a_default_that_is_given_as_a_flag_is_refused_alike(here, pretrained, capsys):
    for flags in (["--hidden-size", "128"], ["--embedding-size=100"]):
        assert main(["train", "classification", "a.csv", "--pretrained", "lm", *flags]) == 2
        assert f"{flags[0].partition('=')[0]} must be" in capsys.readouterr().err


def test_a_default_that_a_recipe_gives_is_refused_alike(here, pretrained, capsys):
    (here / "recipe.yaml").write_text("hidden-size: 128\n")
    assert main(["train", "classification", "a.csv", "--pretrained", "lm", "--config", "recipe.yaml"]) == 2
    assert "--hidden-size must be" in capsys.readouterr().err


def test_flags_that_contradict_the_language_model_are_refused(here, pretrained):
    for options, message in (
        ({"hidden_size": 9}, "--hidden-size must be 7, as in lm, or not given. Got 9"),
        ({"hidden_size": 128}, "--hidden-size must be 7, as in lm, or not given. Got 128"),
        ({"cell": "elman"}, "--cell must be 'gru', as in lm"),
        ({"level": "bytes"}, "--level must be 'words', as in lm"),
    ):
        with pytest.raises(InputError, match=message):
            SequenceClassifier(epochs=1, pretrained=Path("lm"), **options).train("a.csv")
    elman.SequenceRegressor(**SMALL).fit(np.zeros((9, 3, 1)), np.arange(9.0), out="run")
    with pytest.raises(
        InputError,
        match=r"--pretrained must be a run of language-model or classification. Got a run of regression: run",
    ):
        SequenceClassifier(pretrained=Path("run")).train("a.csv")
    with pytest.raises(InputError, match="nowhere: no such run folder"):
        SequenceClassifier(pretrained=Path("nowhere")).train("a.csv")


def test_words_start_from_their_co_occurrences(here):
    Path("a.csv").write_text(GOOD)
    still = TINY | {"learning_rate": 1e-30}
    task = SequenceClassifier(**still).train("a.csv")
    embedding = task.model.embedding.weight.detach()
    assert (embedding**2).mean(1)[1:] == pytest.approx(0.09, rel=1e-3)  # of one length, but the unknown word
    again = SequenceClassifier(**still).train("a.csv")
    assert torch.equal(again.model.embedding.weight, task.model.embedding.weight)
    random = SequenceClassifier(**still, embedding_init="random").train("a.csv")
    assert (random.model.embedding.weight.detach() ** 2).mean() == pytest.approx(0.01, rel=0.4)
    members = SequenceClassifier(**still, ensemble=2).train("a.csv").model.members
    assert torch.equal(members[0].embedding.weight, members[1].embedding.weight)
    assert torch.equal(members[0].embedding.weight, task.model.embedding.weight)
    letters = SequenceClassifier(**still, level="characters").train("a.csv")  # no words
    assert (letters.model.embedding.weight.detach() ** 2).mean() == pytest.approx(0.01, rel=0.4)
