"""The classifier under scikit-learn's scores and searches: labels, indicators and weights."""

import json

import numpy as np
import pytest
from tiny_classifier import TINY, X, Y, fitted, learnt, texts

import elman
from elman.errors import InputError
from elman.tasks.classification.task import SequenceClassifier

sklearn = pytest.importorskip("sklearn")
metrics = pytest.importorskip("sklearn.metrics")
selection = pytest.importorskip("sklearn.model_selection")

KINDS = ["array", "csr_matrix", "frame"]
SAYS = [sorted({k % 3, k % 5}) for k in range(60)]
WORDS = [" ".join(["x", *(f"says{label}" for label in labels), "y"]) for labels in SAYS]
INDICATOR = np.array([[label in labels for label in range(6)] for labels in SAYS], int)  # nobody says 5


@pytest.mark.parametrize("names", [["9", "10"], ["1.5", "1e3"], [9, 10]])
def test_columns_are_where_scikit_learn_looks_for_them(names):
    y = np.array([names[label == "pos"] for label in Y])
    task = learnt(y=y)
    assert task.classes_.tolist() == np.unique(y).tolist()
    p = task.predict_proba(X)
    assert metrics.roc_auc_score(y == task.classes_[1], p[:, 1]) > 0.95
    assert metrics.log_loss(y, p) == pytest.approx(task.evaluate(X=X, y=y)["log_loss"])
    assert selection.cross_val_score(task, X, y, cv=2, scoring="roc_auc").min() > 0.9


def test_a_calibrated_classifier_can_be_made_of_it():
    calibration = pytest.importorskip("sklearn.calibration")
    y = np.array(["10" if label == "pos" else "9" for label in Y])
    both = calibration.CalibratedClassifierCV(SequenceClassifier(**TINY), cv=2).fit(X, y)
    assert both.classes_.tolist() == ["10", "9"]


def test_a_class_that_training_lacks_counts_as_wrong():
    x, y = [*X, "an odd film"], np.array([*Y, "odd"])
    task = learnt()
    assert task.score(x, y) == pytest.approx(task.score(X, Y) * 60 / 61)
    figures, known = task.evaluate(X=x, y=y), task.evaluate(X=X, y=Y)
    assert figures["examples_with_unknown_labels"] == 1
    assert figures["log_loss"] == known["log_loss"]  # of the examples whose label it knows
    assert figures["macro_f1"] < known["macro_f1"] * 2 / 3 + 1e-9
    assert "examples_with_unknown_labels" not in known
    assert task.evaluate(X=["odd"], y=["odd"])["log_loss"] is None
    groups = np.repeat([0, 1, 2], [30, 30, 1])
    scores = selection.cross_val_score(task, x, y, groups=groups, cv=selection.LeaveOneGroupOut())
    assert scores[2] == 0
    assert not np.isnan(scores).any()


def test_a_file_with_no_known_label_is_refused(tmp_path):
    task = fitted(epochs=1)
    path = tmp_path / "other.csv"
    path.write_text("text,label\na film,Pos\na play,Neg\n")
    with pytest.raises(InputError, match="label 'Pos' is not in the training part; its labels are neg, pos"):
        task.evaluate(path)
    path.write_text("text,label\na film,Pos\na play,neg\n")
    assert json.loads(json.dumps(task.evaluate(path)))["examples_with_unknown_labels"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_indicator_comes_back_as_an_indicator(tmp_path, kind):
    given = {
        "array": lambda y: y,
        "csr_matrix": lambda y: pytest.importorskip("scipy.sparse").csr_matrix(y),
        "frame": lambda y: pytest.importorskip("pandas").DataFrame(y, columns=[*"fedcba"]),
    }[kind](INDICATOR)
    task = learnt(WORDS, given, epochs=30)
    assert task.classes_.tolist() == ([*"fedcba"] if kind == "frame" else [*range(6)])
    task.save(tmp_path / "run")
    for one in (task, elman.load(tmp_path / "run")):
        predicted = one.predict(WORDS)
        assert hasattr(predicted, "toarray") == (kind == "csr_matrix")
        assert predicted.shape == INDICATOR.shape
        assert metrics.f1_score(given, predicted, average="micro") > 0.9
        assert one.score(WORDS, given) == one.score(WORDS, INDICATOR)  # columns by their position


def test_searches_score_several_labels():
    task = learnt(WORDS, INDICATOR, epochs=20)
    scores = selection.cross_val_score(task, WORDS, INDICATOR, cv=2, scoring="f1_micro")
    assert scores.min() > 0.8


def test_a_column_without_a_1_is_never_predicted():
    task = learnt(WORDS, INDICATOR, class_weights="balanced")
    assert not task.predict(WORDS)[:, 5].any()


def test_an_indicator_has_the_columns_of_its_own_order():
    task = learnt(WORDS, INDICATOR[:, ::-1].copy(), epochs=30)
    assert (task.predict(WORDS) == INDICATOR[:, ::-1]).all(1).mean() > 0.9


def test_weights_decide_between_labels_that_contradict_each_other():
    x, y = ["same words"] * 40, ["rare"] * 8 + ["usual"] * 32
    options = {"epochs": 10, "learning_rate": 0.05, "batch_size": 20, "dropout": 0.0}
    task = SequenceClassifier(**TINY | options)
    shares = [
        task.fit(x, y, sample_weight=weights).predict_proba(x[:1])[0, 0]
        for weights in (None, [4.0] * 8 + [1.0] * 32, [40] * 8 + [10] * 32, [0] * 8 + [1] * 32)
    ]
    assert shares == pytest.approx([0.2, 0.5, 0.5, 0.0], abs=0.15)
    assert task.predict(x[:1])[0] == "usual"
    assert task.score(x, y, sample_weight=[2.0] * 8 + [1.0] * 32) == pytest.approx(32 / 48)


def test_weights_survive_in_the_run_folder(tmp_path):
    weights = np.linspace(0, 2, 60)
    fitted_ = SequenceClassifier(**TINY).fit(X, Y, sample_weight=weights, out=tmp_path / "run")
    opened = elman.load(tmp_path / "run").opened_data().examples
    assert opened["training"].weights == pytest.approx(weights)
    assert opened["validation"].weights == ()
    assert fitted_.opened_data().examples["training"].rows(np.array([1])).weights == (weights[1],)


@pytest.mark.parametrize("weights", [[1] * 59, [1] * 59 + [-1], [1] * 59 + [float("nan")], [0] * 60, "heavy"])
def test_other_weights_are_refused(weights):
    task = SequenceClassifier(**TINY)
    with pytest.raises(InputError, match="sample_weight must be 60 finite numbers from 0 on"):
        task.fit(X, Y, sample_weight=weights)
    new_x, new_y = texts(seed=1)
    with pytest.raises(InputError, match="sample_weight must be 60 finite numbers from 0 on"):
        fitted(epochs=1).score(new_x, new_y, sample_weight=weights)
