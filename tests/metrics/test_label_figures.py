"""Figures of labels, against numbers worked by hand and scikit-learn."""

import numpy as np
import pytest

from elman.metrics.calibration import fit_temperature, helpful_temperature, probabilities
from elman.metrics.label_figures import (
    calibration_error,
    confusion_matrix,
    decide,
    figures_by_label,
    indicator,
    label_figures,
    log_loss,
    surest_mistakes,
)

TRUTH = indicator(np.array([0, 0, 1, 1, 1, 2]), 4)
P = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.2, 0.6, 0.1, 0.1],
        [0.1, 0.8, 0.1, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.9, 0.0, 0.1, 0.0],
        [0.1, 0.2, 0.6, 0.1],
    ]
)


def test_figures_by_hand():
    figures = label_figures(TRUTH, P)
    assert figures["accuracy"] == 4 / 6
    assert figures["examples"] == 6
    # label 0: 1 of 2 said, 1 of 2 there; 1: 2 of 3, 2 of 3; 2: all; 3 never there nor said, so left out
    assert figures["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    nats = -np.log([0.7, 0.2, 0.8, 1.0, 1e-12, 0.6])
    assert figures["log_loss"] == pytest.approx(nats.mean())
    table = figures_by_label(TRUTH, P, list("abcd"))
    assert table["b"] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "examples": 3})
    assert table["d"] == {"precision": 0, "recall": 0, "f1": 0, "examples": 0}


def test_confusion_and_mistakes():
    matrix = confusion_matrix(TRUTH.argmax(1), P.argmax(1), 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert surest_mistakes(TRUTH, P, 10).tolist() == [4, 1]
    assert surest_mistakes(TRUTH, P, 1).tolist() == [4]


def test_against_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), 200)
    ids = rng.integers(4, size=200)
    figures = label_figures(indicator(ids, 4), p)
    assert figures["macro_f1"] == pytest.approx(metrics.f1_score(ids, p.argmax(1), average="macro"))
    assert figures["log_loss"] == pytest.approx(metrics.log_loss(ids, p))
    truth, q = rng.integers(2, size=(200, 3)), rng.random((200, 3))
    several = label_figures(truth, q, multi_label=True)
    assert several["accuracy"] == metrics.accuracy_score(truth, q > 0.5)
    assert several["macro_f1"] == pytest.approx(metrics.f1_score(truth, q > 0.5, average="macro"))
    assert several["log_loss"] == pytest.approx(metrics.log_loss(truth.ravel(), q.ravel()))


@pytest.mark.parametrize("said", [[0, 0, 2, 2], [0, 3, 2, 2]], ids=["absent", "predicted alone"])
def test_labels_without_examples_count_in_macro_f1_as_in_scikit_learn(said):
    metrics = pytest.importorskip("sklearn.metrics")
    ids = np.array([0, 0, 2, 0])
    figures = label_figures(indicator(ids, 4), indicator(np.array(said), 4).astype(float))
    assert figures["macro_f1"] == pytest.approx(metrics.f1_score(ids, said, average="macro"))


def test_calibration_error_by_hand():
    # two answers at 0.9, one right; two at 0.6, both right
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    truth = indicator(np.array([0, 1, 0, 0]), 2)
    assert calibration_error(truth, p) == pytest.approx((2 * 0.4 + 2 * 0.4) / 4)
    several = np.array([[0.9, 0.2]])  # sure by 0.9 and 0.8; the second is wrong
    assert calibration_error(np.array([[1, 1]]), several, multi_label=True) == pytest.approx((0.1 + 0.8) / 2)
    assert calibration_error(truth, indicator(np.array([0, 1, 0, 0]), 2).astype(float)) == 0


def test_probabilities_by_hand():
    logits = np.log(np.array([[1.0, 3.0]]))
    np.testing.assert_allclose(probabilities(logits), [[0.25, 0.75]])
    np.testing.assert_allclose(probabilities(2 * logits, 2.0), [[0.25, 0.75]])
    np.testing.assert_allclose(probabilities(logits, multi_label=True), [[0.5, 0.75]])
    huge = np.array([[1e4, -1e4]])
    assert probabilities(huge).tolist() == probabilities(huge, multi_label=True).tolist() == [[1, 0]]


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("multi_label", [False, True])
def test_the_temperature_that_made_the_data_is_found(temperature, multi_label):
    rng = np.random.default_rng(1)
    logits = 2 * rng.normal(size=(20000, 3))
    p = probabilities(logits, multi_label=multi_label)
    if multi_label:
        truth = (rng.random(p.shape) < p).astype(int)
    else:
        truth = indicator((p.cumsum(1) < rng.random((len(p), 1))).sum(1).clip(0, 2), 3)
    found = fit_temperature(truth, logits * temperature, multi_label=multi_label)
    assert found == pytest.approx(temperature, rel=0.05)
    before, after = (
        calibration_error(
            truth,
            probabilities(logits * temperature, t, multi_label=multi_label),
            multi_label=multi_label,
        )
        for t in (1.0, found)
    )
    assert after < 0.02
    assert temperature == 1.0 or before > 0.05
    losses = [
        log_loss(
            truth, probabilities(logits * temperature, t, multi_label=multi_label), multi_label=multi_label
        )
        for t in (found * 0.97, found, found * 1.03)
    ]
    assert min(losses) == losses[1]


def test_decisions():
    assert decide(P[:2], multi_label=False).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]
    assert decide(np.array([[0.6, 0.5, 0.9]]), multi_label=True).tolist() == [[1, 0, 1]]


def test_a_temperature_that_helps_nothing_is_left_at_1():
    assert fit_temperature(indicator(np.array([0, 1]), 2), np.zeros((2, 2))) == 1.0


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_temperature_is_kept_only_where_it_helps_others(multi_label):
    rng = np.random.default_rng(1)
    logits = 2 * rng.normal(size=(400, 3))
    p = probabilities(logits, multi_label=multi_label)
    if multi_label:
        truth = (rng.random(p.shape) < p).astype(int)
    else:
        truth = indicator((p.cumsum(1) < rng.random((len(p), 1))).sum(1).clip(0, 2), 3)
    assert fit_temperature(truth, logits, multi_label=multi_label) != 1  # what is best here is chance
    assert helpful_temperature(truth, logits, multi_label=multi_label) == 1
    kept = helpful_temperature(truth, 4 * logits, multi_label=multi_label)
    assert kept == fit_temperature(truth, 4 * logits, multi_label=multi_label)
    assert kept == pytest.approx(4, rel=0.2)
    assert helpful_temperature(truth[:1], logits[:1], multi_label=multi_label) == 1


def test_examples_without_a_mistake_do_not_make_it_as_cold_as_can_be():
    truth = indicator(np.arange(20) % 2, 2)
    assert 0.05 < fit_temperature(truth, truth * 1.0) < helpful_temperature(truth, truth * 9.0) <= 20
