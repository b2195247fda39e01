"""The windowed Gaussian against a loop that keeps its window."""

import numpy as np
import pytest

from elman.baselines.windowed_gaussian import windowed_gaussian
from elman.metrics.normal_tail import tail_decades


def by_loop(values: np.ndarray, window: int, step: int) -> list[float]:
    kept: list[float] = []
    waiting: list[float] = []
    scores = []
    mean = deviation = 0.0
    for k, value in enumerate(values.tolist()):
        scores.append(tail_decades(abs(value - mean) / deviation) if k else 0.0)
        if len(kept) < window:
            kept.append(value)
        else:
            waiting.append(value)
            if len(waiting) < step:
                continue
            kept, waiting = kept[step:] + waiting, []
        mean, deviation = float(np.mean(kept)), float(np.std(kept)) or 1e-6
    return scores


@pytest.mark.parametrize(("window", "step"), [(6400, 100), (50, 1), (50, 7), (20, 20)])
def test_against_a_loop(window, step):
    values = np.random.default_rng(0).normal(1e4, 2, 300)
    np.testing.assert_allclose(
        windowed_gaussian(values, window, step), by_loop(values, window, step), rtol=1e-5, atol=1e-7
    )


def test_constants_and_missing_values():
    assert windowed_gaussian(np.full(20, 3.5)).tolist() == [0, *[pytest.approx(0.30103)] * 19]
    assert windowed_gaussian(np.array([1.0, 1.0, 1.5]))[2] > 1e9
    assert windowed_gaussian(np.full(5, np.nan)).tolist() == [0] * 5
    gaps = np.array([np.nan, 1.0, np.nan, 2.0, 0.5, np.nan, 9.0])
    known = ~np.isnan(gaps)
    found = windowed_gaussian(gaps)
    assert found[known].tolist() == windowed_gaussian(gaps[known]).tolist()
    assert found[~known].tolist() == [0, 0, 0]


def test_the_future_changes_nothing():
    values = np.random.default_rng(1).normal(size=200)
    changed = np.append(values[:120], 1e6 * values[120:])
    assert windowed_gaussian(values, 50, 9)[:120].tolist() == windowed_gaussian(changed, 50, 9)[:120].tolist()
