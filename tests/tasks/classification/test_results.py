"""What the classifier reports, and real reviews."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_classifier import GOOD, X, fitted, trained

import elman
from elman.tasks.classification.task import SequenceClassifier


def test_the_temperature_is_fitted_on_validation_saved_and_used(here):
    Path("a.csv").write_text(GOOD)
    Path("noise.csv").write_text(
        "text,label\n" + "".join(f"{x} n{k},{'pos' if k % 3 else 'neg'}\n" for k, x in enumerate(X))
    )
    options = {"epochs": 6, "learning_rate": 0.02, "average": "none", "embedding_init": "random"}
    task = trained("a.csv", validation=(Path("noise.csv"),), **options)
    assert task.results["temperature"] == pytest.approx(float(task.model.temperature))
    assert task.results["temperature"] > 2  # the labels there are noise
    loaded = elman.load("run")
    assert float(loaded.model.temperature) == float(task.model.temperature)
    logits = loaded.answers.logits(loaded.read_alike(Path("a.csv"), with_labels=False))
    z = np.exp(logits / task.results["temperature"])
    np.testing.assert_allclose(loaded.predict_proba(X), z / z.sum(1, keepdims=True), rtol=1e-4)
    assert float(fitted().model.temperature) == 1.0


def test_results_hold_what_people_ask_for(here, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "elman.tasks.classification.answers.draw_confusion",
        lambda matrix, names, path, _: drawn.append((matrix.tolist(), names, path)),
    )
    Path("a.csv").write_text(GOOD)
    task = trained("a.csv", split=(0.4, 0.2, 0.4), epochs=1, hidden_size=1, learning_rate=1e-9)
    results = json.loads(Path("run/results.json").read_text())
    matrix = np.array(results["confusion"])
    assert matrix.sum() == results["test"]["examples"] == 24
    assert np.trace(matrix) / 24 == results["test"]["accuracy"]
    wrong = 24 - np.trace(matrix)
    assert len(results["mistakes"]) == min(10, wrong) > 0
    probabilities = [m["probability"] for m in results["mistakes"]]
    assert probabilities == sorted(probabilities, reverse=True)
    mistake = results["mistakes"][0]
    assert mistake["label"] != mistake["predicted"]
    assert mistake["text"] in X
    assert drawn == [(results["confusion"], ["neg", "pos"], Path("run/confusion.png"))]
    report = task.report()
    assert all(
        word in report for word in ("macro F1", "calibration error", "neg", "surest of", mistake["text"])
    )
    assert [*results["baselines"]] == ["most frequent label", "tf-idf + logistic regression"]


def test_without_scikit_learn_one_line_says_what_to_install(here, monkeypatch):
    import sys

    Path("a.csv").write_text(GOOD)
    modules = ("sklearn", "elman.baselines.logistic")
    for name in [name for name in sys.modules if name.startswith(modules)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    task = trained("a.csv")
    assert [*task.results["baselines"]] == ["most frequent label"]
    assert "pip install 'elman[text]'" in task.report()


def test_a_slice_of_real_reviews_is_learnt_better_than_the_majority(shared):
    """600 sentences of the Stanford treebank, and 300 others."""

    def read(name: str, number: int) -> tuple[list[str], list[int]]:
        lines = (shared / "sst" / name).read_text("utf-8").splitlines()[:number]
        return [line[2:] for line in lines], [int(line[0]) for line in lines]

    x, y = read("stsa.binary.train", 600)
    with warnings.catch_warnings():
        task = SequenceClassifier(hidden_size=32, epochs=5, word_split="spaces", seed=1).fit(x, y)
    new_x, new_y = read("stsa.binary.dev", 300)
    assert task.score(new_x, new_y) > max(np.mean(new_y), 1 - np.mean(new_y)) + 0.08
