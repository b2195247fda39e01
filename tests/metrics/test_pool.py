"""The weights of a pool of classifiers."""

import numpy as np
import pytest

from elman.metrics.calibration import probabilities
from elman.metrics.label_figures import indicator, log_loss
from elman.metrics.pool import fit_pool


def made(number: int, multi_label: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(number, 3)) * 2
    if multi_label:
        truth = (rng.random((number, 3)) < probabilities(z, multi_label=True)).astype(int)
    else:
        p = probabilities(z)
        truth = indicator((rng.random((number, 1)) > p.cumsum(1)).sum(1).clip(max=2), 3)
    return truth, z, rng.normal(size=(number, 3))


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_one_that_knows_gets_the_weight_that_calibrates_it(multi_label):
    truth, z, noise = made(20_000, multi_label)
    weights = fit_pool(truth, [z * 4, noise], [0.5, 0.5], multi_label=multi_label)
    assert weights[0] == pytest.approx(0.25, rel=0.1)
    assert weights[1] < 0.05
    pooled = weights[0] * z * 4 + weights[1] * noise
    losses = [
        log_loss(truth, probabilities(x, multi_label=multi_label), multi_label=multi_label)
        for x in (pooled, z)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.01)


def test_few_examples_change_little_and_none_change_nothing():
    truth, z, noise = made(4)
    np.testing.assert_allclose(fit_pool(truth[:0], [z[:0], noise[:0]], [0.5, 1.0]), [0.5, 1.0])
    weights = fit_pool(truth, [z, noise], [0.5, 0.5])
    assert (weights > 0.05).all()
    assert (weights < 5).all()


def test_no_weight_is_negative():
    truth, z, noise = made(500)
    assert 0 < fit_pool(truth, [-z, noise], [0.5, 0.5])[0] < 0.1
