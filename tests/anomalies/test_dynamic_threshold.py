"""The offline form: its parts by hand, and what it makes of clear cases."""

import numpy as np
import pytest

from elman.anomalies.dynamic_threshold import (
    Thresholded,
    _pruned,
    _smooth,
    _threshold,
    _with_edges,
    dynamic_threshold,
)
from elman.metrics.ranges import runs


def noise(rows: int = 600, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=rows) * 0.2


def test_smoothing_by_hand():
    # span 3: each weighs half of the one after it
    np.testing.assert_allclose(_smooth(np.array([1.0, 4, 0]), 3), [1, (0.5 + 4) / 1.5, (0.25 + 2 + 0) / 1.75])
    np.testing.assert_allclose(_smooth(np.array([2.0, np.nan, 4]), 1), [2, 2, 4])
    assert _smooth(np.array([np.nan, 3.0]), 5).tolist() == [0, 3]


def test_the_threshold_is_the_one_of_greatest_worth():
    random = np.random.default_rng(0)
    for _ in range(20):
        window = np.abs(random.standard_t(3, 300))

        def worth(z: float, window: np.ndarray = window) -> float:
            above = window > window.mean() + z * window.std()
            rest = window[~above]
            drop = 1 - rest.mean() / window.mean() + 1 - rest.std() / window.std()
            return drop / (above.sum() + len(runs(above)) ** 2) if above.any() else -1.0

        best = max(np.arange(2.5, 12, 0.5), key=worth)
        assert worth((_threshold(window) - window.mean()) / window.std() - 1e-9) == pytest.approx(worth(best))


def test_pruning_by_hand():
    # peaks 9, 8, 5 above, 2 below the threshold of 3: shares 1/9, 3/8, 3/5
    window = np.array([0.0, 8, 8, 1, 9, 2, 5, 0])
    assert runs(_pruned(window, 3, 0.13)) == [(1, 2), (4, 4), (6, 6)]
    # 4.8 is too near to 5 for the last one to stand, but 8 is not
    window[5] = 4.8
    assert runs(_pruned(window, 4.9, 0.13)) == [(1, 2), (4, 4)]
    assert runs(_pruned(window, 4.9, 0.5)) == []
    assert runs(_pruned(np.zeros(5), 3, 0.13)) == []


def test_what_stands_out_is_found_and_where_it_is():
    errors = noise()
    errors[400:410] += 4
    found = dynamic_threshold(errors)
    assert found.ranges == [(400, 409)]
    assert found.strength[400:410].max() > 1 > 0 > found.strength[:399].max()


@pytest.mark.parametrize("rows", [1, 2, 3, 10])
@pytest.mark.parametrize("size", [3, -6])
def test_a_range_has_the_edges_of_its_errors(rows, size):
    errors = noise()
    errors[400 : 400 + rows] = size
    assert dynamic_threshold(errors).ranges == [(400, 399 + rows)]
    errors[399] = np.nan
    assert dynamic_threshold(errors).ranges == [(400, 399 + rows)]


def test_edges_by_hand():
    sizes = np.array([5.0, 1, 1, 4, 9, 1, 1, 5, 1, 1, 1])
    epsilon = np.full(11, 3.0)
    # begins up to 2 earlier, not in the range before; ends with the last error; without any, it stays
    assert _with_edges([(5, 6)], sizes, epsilon, 2) == [(3, 4)]
    assert _with_edges([(0, 4), (5, 9)], sizes, epsilon, 2) == [(0, 4), (7, 7)]
    assert _with_edges([(9, 10)], sizes, epsilon, 1) == [(9, 10)]


def test_a_range_is_shortened_by_few_rows_that_are_usual_after_all():
    found = Thresholded(*np.full((3, 30), 2.0), [(2, 4), (6, 14), (20, 21)])
    errors = np.zeros(30)
    errors[2], errors[21] = -3, np.nan
    assert found.shortened(errors, 3).ranges == [(2, 2), (6, 11), (20, 21)]
    assert found.shortened(np.zeros(30), 3).ranges == [(6, 11)]


def test_noise_alone_seldom_has_any():
    found = [len(dynamic_threshold(noise(seed=seed)).ranges) for seed in range(20)]
    assert sum(found) <= 5
    assert sum(len(dynamic_threshold(noise(seed=seed), prune=0.0).ranges) for seed in range(20)) > 15


@pytest.mark.parametrize("errors", [np.zeros(50), np.full(50, 0.3), np.full(50, np.nan), np.zeros(1)])
def test_what_never_changes_has_none(errors):
    assert dynamic_threshold(errors).ranges == []


def test_small_errors_count_for_nothing():
    errors = np.zeros(300)
    errors[100] = 0.04
    assert dynamic_threshold(errors, 1).ranges == []
    errors[100] = 0.06
    assert dynamic_threshold(errors, 1).ranges == [(100, 100)]


def test_the_sign_does_not_matter_and_gaps_are_bridged():
    errors = noise()
    errors[300:305] = -5
    wanted = dynamic_threshold(errors)
    assert len(wanted.ranges) == 1
    assert dynamic_threshold(-errors).ranges == wanted.ranges
    errors[302] = np.nan
    assert dynamic_threshold(errors).ranges == wanted.ranges


def test_a_threshold_is_of_its_history_alone():
    errors = noise(2000)
    errors[200:204] += 30
    errors[1500:1504] += 3
    long, short = dynamic_threshold(errors, history=5000), dynamic_threshold(errors, history=300)
    assert [first // 100 for first, _ in long.ranges] == [2]
    assert [first // 100 for first, _ in short.ranges] == [2, 15]
    changed = errors.copy()
    changed[1600:] *= 50
    assert dynamic_threshold(changed, history=300).ranges[:2] == short.ranges


def test_what_is_missing_at_the_beginning_is_left_out():
    errors = noise()
    errors[400:404] += 6
    wanted = dynamic_threshold(errors)
    later = dynamic_threshold(np.concatenate([np.full(100, np.nan), errors]))
    assert later.ranges == [(first + 100, last + 100) for first, last in wanted.ranges] != []
    assert later.threshold[100:].tolist() == wanted.threshold.tolist()
    assert not later.threshold[:100].any()
