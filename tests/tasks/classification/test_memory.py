"""The classifier in scikit-learn's manner: texts, pairs and numbers in memory."""

import numpy as np
import pytest
from tiny import SMALL, same_bits, weights
from tiny_classifier import X, Y, fitted, learnt, numbers, texts

import elman
from elman.tasks.classification.task import SequenceClassifier


@pytest.mark.parametrize("level", ["words", "characters", "bytes", "subwords"])
def test_it_learns_texts_at_every_level(level):
    task = learnt(level=level, epochs=20, vocab_size=300 if level == "subwords" else None)
    new_x, new_y = texts(seed=1)
    assert task.score(new_x, new_y) > 0.9
    assert task.classes_.tolist() == ["neg", "pos"]
    p = task.predict_proba(new_x)
    assert p.shape == (60, 2)
    np.testing.assert_allclose(p.sum(1), 1)
    assert task.predict(new_x).tolist() == task.classes_[p.argmax(1)].tolist()


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention", "concat"])
def test_every_pooling_learns(pooling):
    assert learnt(pooling=pooling).score(*texts(seed=1)) > 0.9


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        ({"pos": 1, "neg": 0}, [0, 1]),
        ({"pos": 10, "neg": 9}, [9, 10]),
        ({"pos": True, "neg": False}, [False, True]),
        ({"pos": -0.5, "neg": 2.0}, [-0.5, 2.0]),
        ({"pos": "10", "neg": "9"}, ["10", "9"]),
        ({"pos": -2, "neg": -10}, [-10, -2]),
        ({"pos": "a", "neg": 0}, [0, "a"]),
        ({"pos": 2.5, "neg": 1}, [1, 2.5]),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [iter, lambda y: np.array(y, object)])
def test_labels_come_back_as_they_were_even_after_loading(tmp_path, given, classes, kind):
    task = fitted(y=kind([given[y] for y in Y]), epochs=1)
    task.save(tmp_path / "run")
    for one in (task, elman.load(tmp_path / "run")):
        assert one.classes_.tolist() == classes
        assert set(one.predict(X).tolist()) <= set(classes)
        for label in one.predict(X).tolist():
            assert type(label) is type(classes[classes.index(label)])
    assert 0 <= task.score(X, [given[y] for y in Y]) <= 1


def test_scikit_learn_can_clone_it():
    base = pytest.importorskip("sklearn.base")
    task = fitted(learning_rate=0.01)
    copy = base.clone(task)
    assert copy.get_params() == task.get_params()
    assert copy.model is None
    assert same_bits(weights(copy.fit(X, Y).model), weights(task.model))


def test_it_learns_numbers_and_what_is_past_the_end_does_not_count():
    x, y, lengths = numbers()
    task = learnt(x, y, lengths, pooling="last")
    new_x, new_y, new_lengths = numbers(seed=1)
    assert task.score(new_x, new_y, new_lengths) > 0.9
    past = np.arange(8) >= new_lengths[:, None]
    other = np.where(past[..., None], np.nan, new_x)
    np.testing.assert_array_equal(
        task.predict_proba(other, new_lengths), task.predict_proba(new_x, new_lengths)
    )


def test_pairs_are_compared():
    rng = np.random.default_rng(0)
    first, second = (rng.choice(["cat", "dog", "mat"], 300) for _ in range(2))
    pairs = [(f"the {a} ran", f"a {b} sat") for a, b in zip(first, second, strict=True)]
    y = first == second
    task = learnt(pairs[:200], y[:200], epochs=30, pooling="max", batch_size=16)
    assert task.score(pairs[200:], y[200:]) > 0.95
    assert task.predict([["the cat ran", "a cat sat"], ["the cat ran", "a mat sat"]]).tolist() == [
        True,
        False,
    ]


def test_several_labels_or_none():
    rng = np.random.default_rng(0)
    sets = [
        sorted(rng.choice(["a", "b", "c"], rng.integers(0, 4), replace=False).tolist()) for _ in range(200)
    ]
    words = [" ".join(["x", *(f"says{s}" for s in one), "y"]) for one in sets]
    for balanced in ("none", "balanced"):
        task = learnt(
            words[:150], sets[:150], epochs=30, batch_size=16, learning_rate=0.05, class_weights=balanced
        )
        assert task.score(words[150:], sets[150:]) > 0.9
        assert task.predict(["x saysa saysc y", "x y"]) == [["a", "c"], []]
        assert task.predict_proba(["x y"]).max() < 0.5


def test_rare_labels_count_as_much_when_balanced():
    rng = np.random.default_rng(0)
    x = [" ".join(rng.choice(["the", "cat", "ran"], 5)) for _ in range(200)]
    y = ["rare"] * 20 + ["usual"] * 180  # nothing in the text tells
    plain, balanced = (
        fitted(x, y, class_weights=w, epochs=8, learning_rate=0.02, batch_size=16)
        for w in ("none", "balanced")
    )
    assert plain.predict_proba(x)[:, 0].mean() == pytest.approx(0.1, abs=0.1)
    assert balanced.predict_proba(x)[:, 0].mean() == pytest.approx(0.5, abs=0.1)


def test_labels_are_known_by_their_value():
    y = [int(label == "pos") for label in Y]
    task = fitted(y=y, epochs=1)
    wanted = task.score(X, y)
    for same in (np.array(y, float), np.array(y, bool), np.array(y)[:, None], list(map(str, y)), iter(y)):
        assert task.score(X, same) == wanted
    assert task.score(X, [2] * 60) == 0  # never predicted


def test_an_indicator_is_learnt_as_several_labels():
    indicator = np.array([[label == "pos", label == "neg", True] for label in Y], int)
    task = fitted(y=indicator, epochs=1)
    assert (task.classes_.tolist(), task.scheme.multi_label) == ([0, 1, 2], True)
    assert task.score(X, indicator) == task.score(X, [np.flatnonzero(row) for row in indicator])


def test_no_more_is_read_than_asked_for():
    start, end = (fitted(max_length=3, keep=keep) for keep in ("start", "end"))
    long = "the cat ran on a big red mat"
    np.testing.assert_array_equal(start.predict_proba([long]), start.predict_proba(["the cat ran"]))
    np.testing.assert_array_equal(end.predict_proba([long]), end.predict_proba(["big red mat"]))
    assert not np.array_equal(start.predict_proba([long]), start.predict_proba(["the cat sat"]))
    x, y, lengths = numbers()
    short = fitted(x, y, lengths, max_length=2, keep="end")
    np.testing.assert_allclose(
        short.predict_proba(x[:1, :5]), short.predict_proba(x[:1, 3:5]), rtol=1e-5, atol=1e-6
    )


def test_numbers_far_from_zero_are_told_apart_as_well():
    X, y = np.random.default_rng(0).normal(size=(40, 5, 2)), [0, 1] * 20
    X[1::2, -1, 0] += 4
    near, far = (
        SequenceClassifier(**SMALL).fit(X + offset, y).predict_proba(X + offset) for offset in (0, 1e8)
    )
    np.testing.assert_allclose(near, far, atol=1e-4)
