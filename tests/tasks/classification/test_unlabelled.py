"""The classifier that learns from texts without labels, and as a language model first."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import interrupt_at, reviews, timeless, weights
from tiny_classifier import GOOD, TINY, X, Y, numbers, said, texts, trained

import elman
from elman.cli import main
from elman.data.tokens.cooccurrences import cooccurrence_vectors
from elman.errors import InputError
from elman.tasks.classification.task import SequenceClassifier
from elman.train.progress import Silent

LM = {"pretraining": "language-model"}
OTHERS = [line.partition(",")[0] for line in reviews(90, 1).splitlines()[1:]]


@pytest.fixture
def files(here):
    Path("a.csv").write_text(GOOD)
    Path("u.txt").write_text("".join(f"{text} unseen\n" for text in OTHERS))
    return here


def test_embedding_and_layer_start_from_what_was_learnt(files):
    still = {"learning_rate": 1e-30, "epochs": 1}
    Path("known.txt").write_text("".join(f"{text}\n" for text in OTHERS))
    alone, known = trained("a.csv", out=None, **still), LM | {"unlabelled": (Path("known.txt"),)}
    start, own = weights(alone.model), weights(trained("a.csv", out=None, **still, **known).model)
    moved = {name for name in start if not torch.allclose(start[name], own[name])}
    assert moved == {name for name in start if name.startswith(("embedding.", "layer."))}
    first = trained("a.csv", unlabelled=(Path("u.txt"),), **still)
    assert first.vocabulary.pieces(first.vocabulary.encode("unseen")) == ["unseen"]
    assert alone.vocabulary.encode("unseen").tolist() == [alone.vocabulary.unknown]
    assert np.array_equal(elman.load("run").predict_proba(X), first.predict_proba(X))


def test_the_language_is_learnt_and_reported(files, capsys):
    task = trained("a.csv", unlabelled=(Path("u.txt"),), epochs=15, learning_rate=0.02, **LM)
    found = task.results["pretraining"]
    assert task.results["unlabelled"] == len(set(OTHERS))
    assert found["epochs"] == 10
    assert 1 < found["perplexity"] < len(task.vocabulary)
    history = [json.loads(line) for line in Path("run/pretraining-history.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in history if line["kind"] == "validation"]
    assert losses[-1] < losses[0]
    assert np.exp(min(losses)) == pytest.approx(found["perplexity"])
    assert task.score(X, Y) > 0.9
    shown = said(capsys, "show", "run")
    assert f"words of {len(set(OTHERS))} texts without labels are known as well" in shown
    assert "pre-trained as a language model; 10 epochs" in shown
    assert "pre-training  " in shown
    assert "unlabelled texts;" in shown
    assert not [path.name for path in Path("run").glob("pretraining-*.safetensors")]
    assert said(capsys, "classify", "run", "--text", X[0], "--explain").startswith(Y[0])


def test_words_start_from_what_stands_near_them_in_all_texts(files):
    still = {"learning_rate": 1e-30, "epochs": 1, "embedding_size": 4}
    task = trained("a.csv", unlabelled=(Path("u.txt"),), **still)
    words = [text.split() for text, *_ in task.data.examples["training"].items]
    encoded = [task.vocabulary.encode(" ".join(text)) for text in words]
    encoded += [task.vocabulary.encode(text) for text in task.data.unlabelled]
    vectors, found = cooccurrence_vectors(encoded, len(task.vocabulary), 4, without=[task.vocabulary.unknown])
    own = weights(task.model)["embedding.weight"].numpy()
    np.testing.assert_allclose(own[found], 0.3 * vectors[found], rtol=1e-5, atol=1e-6)
    assert found[task.vocabulary.encode("unseen")].all()
    assert "pretraining" not in task.results
    assert not Path("run/pretraining-history.jsonl").exists()


def test_the_training_part_alone_can_be_learnt_first(files):
    task = trained("a.csv", epochs=1, **LM)
    assert task.results["pretraining"]["epochs"] == 10
    assert "unlabelled" not in task.results


@pytest.mark.parametrize("phase", ["pre-training", "training"])
def test_an_interrupted_run_resumes_to_the_same_bits(files, phase, monkeypatch):
    options = TINY | LM | {"unlabelled": (Path("u.txt"),), "average": "none"}
    SequenceClassifier(**options).train("a.csv", "whole")
    # the loop of the training gets its progress first, and is then told of by the second
    shown = iter([Silent(), interrupt_at(20)] if phase == "pre-training" else [interrupt_at(20)])
    monkeypatch.setattr("elman.train.progress.Silent", lambda: next(shown, Silent()))
    with pytest.raises(KeyboardInterrupt, match="continue with: elman resume run"):
        SequenceClassifier(**options).train("a.csv", "run")
    monkeypatch.undo()
    monkeypatch.chdir(files)
    assert Path("run/checkpoint.safetensors").exists() == (phase == "training")
    Path("u.txt").unlink()
    elman.resume("run")
    left, whole = timeless(files / "run"), timeless(files / "whole")
    for results in (left["results"], whole["results"]):
        results["pretraining"]["seconds"] = 0
    assert left == whole


def test_texts_of_the_test_part_are_not_read(files, capsys):
    Path("t.csv").write_text("text,label\nthe good zebra ran,pos\na bad zebra sat,neg\n")
    Path("u.txt").write_text("The good zebra ran\n" + Path("u.txt").read_text())
    flags = ["--hidden-size", "4", "--epochs", "1", "--min-count", "1", "--test", "t.csv", "--out", "run"]
    assert main(["train", "classification", "a.csv", "--unlabelled", "u.txt", *flags]) == 0
    assert "1 of the test part; the first: u.txt: line 1" in capsys.readouterr().err
    vocabulary = json.loads(Path("run/vocabulary.json").read_text())["words"]
    assert "zebra" not in vocabulary
    assert "unseen" in vocabulary


def test_with_members_n_grams_pairs_vectors_and_other_levels(files):
    unlabelled = [f"{text} unseen" for text in OTHERS]
    still = TINY | LM | {"learning_rate": 1e-30, "epochs": 1}
    several = SequenceClassifier(**still, ensemble=2).fit(X, Y, unlabelled=unlabelled).model.each
    first, second = (weights(member) for member in several)
    assert torch.equal(first["layer.weight_hh_l0_reverse"], second["layer.weight_hh_l0_reverse"])
    assert not torch.equal(first["head.weight"], second["head.weight"])
    joined = SequenceClassifier(**TINY | LM | {"ngrams": "words"}).fit(
        X, Y, unlabelled=unlabelled, validation=texts(20, 5)
    )
    assert joined.results["ngrams"]["kinds"] == ["words"]
    assert joined.results["pretraining"]["epochs"] == 10
    pairs = SequenceClassifier(**TINY | LM).fit([(x, x) for x in X], Y, unlabelled=unlabelled)
    assert pairs.predict([(X[0], X[0])]).shape == (1,)
    Path("vectors.txt").write_text("good 1 2 3\nbad 3 2 1\n")
    frozen = {"vectors": Path("vectors.txt"), "freeze_vectors": True, "embedding_size": 3}
    kept = SequenceClassifier(**TINY | LM | frozen).fit(X, Y, unlabelled=unlabelled)
    row = kept.vocabulary.encode("good")[0]
    assert weights(kept.model)["embedding.weight"][row].tolist() == [1, 2, 3]
    for options in ({"level": "characters"}, {"level": "bytes", "bidirectional": False, "layers": 2}):
        task = SequenceClassifier(**TINY | LM | options).fit(X, Y, unlabelled=unlabelled)
        assert task.results["pretraining"]["epochs"] == 10


def test_cross_validation_learns_the_language_in_each_fold(files, monkeypatch):
    from elman.tasks.classification import pretraining

    read = []
    pretrain = pretraining.pretrain

    def watched(members, data, *rest):
        read.append((data.unlabelled, {text for (text,) in data.examples["test"].items}))
        return pretrain(members, data, *rest)

    monkeypatch.setattr(pretraining, "pretrain", watched)
    trained("a.csv", unlabelled=(Path("u.txt"),), folds=2, epochs=1, **LM)
    assert len(read) == 2
    assert read[0][0] == read[1][0]
    assert not any(set(unlabelled) & tested for unlabelled, tested in read)


def test_time_is_shared(files, monkeypatch):
    from elman.train.loop import Loop

    limits = []
    run = Loop.run
    monkeypatch.setattr(
        Loop, "run", lambda self, *a: limits.append(self.options.max_minutes) or run(self, *a)
    )
    trained("a.csv", out=None, unlabelled=(Path("u.txt"),), max_minutes=10.0, epochs=1, **LM)
    trained("a.csv", out=None, max_minutes=10.0, epochs=1)
    assert limits == pytest.approx([4.0, 6.0, 10.0])


def test_what_cannot_be_is_refused(files, capsys):
    x, y, lengths = numbers()
    with pytest.raises(InputError, match="--unlabelled is for texts"):
        SequenceClassifier(**TINY | {"unlabelled": (Path("u.txt"),)}).fit(x, y, lengths)
    with pytest.raises(InputError, match="unlabelled must be given once"):
        SequenceClassifier(**TINY, unlabelled=(Path("u.txt"),)).fit(X, Y, unlabelled=["a b"])
    with pytest.raises(InputError, match="no text has two tokens"):
        SequenceClassifier(**TINY | LM).fit(["good", "bad"], ["a", "b"], unlabelled=["one"])
    with pytest.raises(InputError, match="--pretraining is for texts"):
        SequenceClassifier(**TINY | LM).fit(x, y, lengths)
    for options in ({"level": "characters"}, {"embedding_init": "random"}):
        with pytest.raises(InputError, match="--unlabelled needs --pretraining language-model if"):
            SequenceClassifier(**TINY | options).fit(X, Y, unlabelled=OTHERS)
    for options, message in (
        ({"layers": 2} | LM, "--pretraining with several --layers needs --no-bidirectional"),
        ({"pretrained": Path("run")}, "--unlabelled and --pretrained exclude each other"),
        ({"pretrained": Path("run"), "unlabelled": ()} | LM, "--pretraining and --pretrained exclude"),
    ):
        with pytest.raises(InputError, match=message):
            SequenceClassifier(**{"unlabelled": (Path("u.txt"),)} | options)
    Path("same.txt").write_text("".join(f"{text}\n" for text in X))
    assert main(["train", "classification", "a.csv", "--unlabelled", "same.txt", "--out", "new"]) == 2
    assert f"all of its {len(X)} texts are texts with labels" in capsys.readouterr().err
    assert not Path("new").exists()
