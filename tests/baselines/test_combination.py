"""Weights of a combination of forecasts."""

import numpy as np
import pytest
import torch

from elman.baselines.combination import fit_weights, prior

NAN = float("nan")


def test_many_windows_find_the_best_weights():
    random = np.random.default_rng(0)
    # two methods err by the same amounts on opposite sides, a third by as much on its own
    opposite = random.normal(0, 1, (400, 6))
    errors = np.stack([opposite, -opposite, random.normal(0, 1, (400, 6))], axis=-1)
    shared, own = fit_weights(errors, np.arange(400) // 10)
    assert shared == pytest.approx([0.5, 0.5, 0], abs=0.04)
    assert own.shape == (40, 3)
    assert own.sum(1) == pytest.approx(np.ones(40))


@pytest.mark.parametrize(("windows", "power"), [(1, 1), (3, 2), (10**9, 4)])
def test_the_prior_trusts_the_errors_of_many_windows_more(windows, power):
    errors = np.array([1.0, 2, 4])
    weights = prior(torch.tensor(errors), windows).numpy()
    assert weights == pytest.approx(errors**-power / (errors**-power).sum())


def test_one_window_changes_little():
    errors = np.array([[[1.0, 2.0, 4.0]]])
    shared, _ = fit_weights(errors, [0])
    assert shared == pytest.approx([4 / 7, 2 / 7, 1 / 7], abs=0.05)


def test_a_method_that_is_right_gets_the_weight_of_its_series():
    random = np.random.default_rng(1)
    errors = random.normal(0, 1, (200, 3, 2))
    rows = np.repeat([0, 1], 100)
    errors[:100, :, 0] *= 0.01
    errors[100:, :, 1] *= 0.01
    shared, own = fit_weights(errors, rows)
    assert 0.2 < shared[0] < 0.8
    assert own[0, 0] > 0.9
    assert own[1, 1] > 0.9


def test_missing_targets_have_no_effect():
    random = np.random.default_rng(2)
    errors = random.normal(0, [1, 0.5], (30, 4, 2))
    errors[3, 2] = NAN
    gone = errors.copy()
    gone[7] = NAN
    first = fit_weights(gone, np.zeros(30, int))[0]
    gone[3, 2] = [NAN, 5.0]
    assert fit_weights(gone, np.zeros(30, int))[0] == pytest.approx(first)
    assert fit_weights(np.delete(gone, 7, 0), np.zeros(29, int))[0] == pytest.approx(first)
    assert fit_weights(np.full((2, 4, 3), NAN), [0, 0])[0] == pytest.approx([1 / 3] * 3)
    assert fit_weights(np.zeros((2, 4, 3)), [0, 1])[0] == pytest.approx([1 / 3] * 3)
