"""Ridge regression against its definition, and its predictions of left-out examples against refitting."""

import numpy as np
import pytest
import torch

from elman.baselines.ridge import ridge

RANDOM = np.random.default_rng(0)


def made(examples: int, features: int) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    x = RANDOM.normal(3, 2, size=(examples, features)).astype(np.float32)
    y = x[:, :2] @ [[1.0, -1.0], [0.5, 2.0]] + RANDOM.normal(size=(examples, 2))
    return torch.from_numpy(x), y, RANDOM.uniform(0.5, 2, size=examples)


def solved(x: np.ndarray, y: np.ndarray, w: np.ndarray, deviation: np.ndarray, penalty: float) -> np.ndarray:
    """Solves the normal equations with a column of ones, which has no penalty: [F + 1, O]."""
    design = np.concatenate([x / deviation, np.ones((len(x), 1))], 1)
    penalties = np.diag([penalty] * x.shape[1] + [0.0])
    return np.linalg.solve(design.T @ (w[:, None] * design) + penalties, design.T @ (w[:, None] * y))


@pytest.mark.parametrize("features", [4, 30])
def test_it_is_the_least_of_its_definition_and_of_each_division(features):
    x, y, weights = made(20, features)
    fit = ridge(x, y, weights, [2.0])
    values, w = x.double().numpy(), weights / weights.mean()
    mean = np.average(values, axis=0, weights=w)
    deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=w))
    own = solved(values, y, w, deviation, 2.0)
    expected = np.concatenate([values / deviation, np.ones((20, 1))], 1) @ own
    np.testing.assert_allclose(fit.linear.logits(x).numpy(), expected, atol=2e-4)
    for k in range(20):
        others = np.arange(20) != k
        own = solved(values[others], y[others], w[others], deviation, 2.0)
        np.testing.assert_allclose(fit.left_out[k], [*(values[k] / deviation), 1.0] @ own, atol=1e-6)


def test_the_penalty_with_the_least_errors_of_left_out_examples_is_chosen():
    x, y, _ = made(30, 20)
    fits = {penalty: ridge(x, y, penalties=[penalty]).left_out for penalty in (0.01, 1.0, 30.0, 1e4)}
    errors = {penalty: np.square(y - left_out).sum() for penalty, left_out in fits.items()}
    assert ridge(x, y, penalties=[*fits]).penalty == min(errors, key=errors.__getitem__)


def test_a_constant_feature_and_an_example_without_weight_change_nothing():
    x, y, _ = made(20, 4)
    plain = ridge(x, y, penalties=[1.0])
    more = torch.cat([x, torch.full((20, 1), 7.0)], 1)
    fit = ridge(more, y, penalties=[1.0])
    np.testing.assert_allclose(fit.linear.logits(more), plain.linear.logits(x), atol=1e-5)
    absurd = np.concatenate([y, [[1e3, 1e3]]])
    light = ridge(torch.cat([x, x[:1]]), absurd, np.array([1.0] * 20 + [0.0]), [1.0])
    np.testing.assert_allclose(light.linear.logits(x), plain.linear.logits(x), atol=0.05)
