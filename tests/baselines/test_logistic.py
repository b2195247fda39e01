"""Logistic regression: what it learns, from training alone, and how strong it is."""

import math

import numpy as np
import pytest

from elman.metrics.label_figures import indicator

pytest.importorskip("sklearn")
from elman.baselines.logistic import logistic, tfidf_logistic

GOOD, BAD = (
    ["a lovely film", "lovely acting", "such a lovely day"],
    ["a dull film", "dull acting", "how dull"],
)


def test_words_are_learnt_and_nothing_of_the_test_part():
    truth = indicator(np.array([1, 1, 1, 0, 0, 0]), 2)
    p = tfidf_logistic([GOOD + BAD, [], ["lovely", "dull", "film"]], (truth, truth[:0]))
    assert p[0, 1] > 0.6 > 0.4 > p[1, 1]
    assert p[2, 1] == pytest.approx(0.5, abs=0.05)
    alone = tfidf_logistic([GOOD + BAD, [], ["lovely"]], (truth, truth[:0]))
    assert alone[0].tolist() == p[0].tolist()


def test_the_strength_is_chosen_on_validation():
    truth = indicator(np.array([1, 1, 1, 0, 0, 0]), 2)
    right, wrong = (
        tfidf_logistic([GOOD + BAD, ["lovely", "dull"], ["lovely"]], (truth, indicator(np.array(ids), 2)))[
            0, 1
        ]
        for ids in ([1, 0], [0, 1])
    )
    assert right > 0.9  # the least regularised
    assert wrong < 0.75


def test_several_labels_even_one_that_never_varies():
    truth = np.array([[1, 0, 1]] * 3 + [[0, 1, 1]] * 3)
    p = tfidf_logistic([GOOD + BAD, [], ["lovely", "dull"]], (truth, truth[:0]), multi_label=True)
    assert (p[:, :2] > 0.5).tolist() == [[True, False], [False, True]]
    assert (p[:, 2] > 0.9).all()


def test_numbers_of_any_unit():
    x = np.random.default_rng(0).normal(size=(80, 3))
    truth = indicator((x[:, 1] > 0).astype(int), 2)
    for unit in (1.0, 1e6):
        p = logistic([x[:60] * unit, x[60:70] * unit, x[70:] * unit], (truth[:60], truth[60:70]))
        assert (p.argmax(1) == truth[70:].argmax(1)).mean() >= 0.9
    constant = x * [1, 1, 0]
    assert np.isfinite(logistic([constant, constant[:0], constant], (truth, truth[:0]))).all()
    assert math.isclose(p.sum(), 10)
