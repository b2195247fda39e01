"""Linear classifiers of sparse rows, beside scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from elman.baselines.linear import logistic_regression, naive_bayes
from elman.baselines.text_features import Rows


def made(classes: int, seed: int = 0) -> tuple[Rows, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=80)
    x = rng.random((80, 12)) * (rng.random((80, 12)) > 0.5)
    x[np.arange(80), y] += 0.5
    lengths = (x > 0).sum(1)
    at, columns = np.nonzero(x)
    starts = torch.from_numpy(np.concatenate([[0], lengths.cumsum()]))
    values = torch.from_numpy(x[at, columns].astype(np.float32))
    return Rows(starts, torch.from_numpy(columns), values, 12), x, y


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("strength", [0.1, 10.0])
def test_the_regression_is_scikit_learns(classes, strength):
    rows, x, y = made(classes)
    ours = logistic_regression(rows, torch.from_numpy(np.eye(classes)[y]), strength)
    p = ours.logits(rows).softmax(1).numpy()
    # of two classes scikit-learn fits one row of weights, which costs twice what two of half the size cost
    theirs = LogisticRegression(C=2 * strength if classes == 2 else strength, max_iter=1000, tol=1e-8)
    np.testing.assert_allclose(p, theirs.fit(x, y).predict_proba(x), atol=1e-2)


def test_weights_count_as_repeated_examples():
    rows, _, y = made(3)
    truth = torch.from_numpy(np.eye(3)[y])
    index = np.concatenate([np.arange(80), np.arange(20)])
    weights = torch.ones(80)
    weights[:20] = 2
    for fit, most in ((logistic_regression, 1e-2), (naive_bayes, 1e-5)):
        arguments = (10.0,) if fit is logistic_regression else ()
        weighted = fit(rows, truth, *arguments, weights=weights)
        repeated = fit(rows.rows(index), truth[index], *arguments)
        difference = weighted.logits(rows).softmax(1) - repeated.logits(rows).softmax(1)
        assert difference.abs().max() < most


def test_each_of_several_labels_has_a_regression():
    rows, x, y = made(3)
    truth = np.stack([y == 0, y < 2, x[:, 5] > 0.5], 1).astype(np.int64)
    ours = logistic_regression(rows, torch.from_numpy(truth), 10.0, multi_label=True)
    p = ours.logits(rows).sigmoid().numpy()
    bayes = naive_bayes(rows, torch.from_numpy(truth), multi_label=True).logits(rows)
    for k in range(3):
        theirs = LogisticRegression(C=10.0, max_iter=1000).fit(x, truth[:, k])
        np.testing.assert_allclose(p[:, k], theirs.predict_proba(x)[:, 1], atol=1e-2)
    assert ((bayes[:, 0] > 0).numpy() == (truth[:, 0] == 1)).mean() > 0.6


def test_naive_bayes_is_scikit_learns():
    rows, x, y = made(4)
    ours = naive_bayes(rows, torch.from_numpy(np.eye(4)[y]))
    theirs = MultinomialNB().fit(x, y)
    # but for the prior, which ours smooths too
    logits = (ours.logits(rows) - ours.bias).numpy()
    expected = theirs.predict_joint_log_proba(x) - theirs.class_log_prior_
    np.testing.assert_allclose(logits, expected, atol=1e-4)
