"""The streaming form against its definition, with all the time in the world."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.anomalies.likelihood import Likelihood, likelihood_scores
from elman.metrics.normal_tail import tail_decades


def scores(errors: np.ndarray, **options: int) -> np.ndarray:
    return likelihood_scores(errors, Likelihood(errors.shape[1], **options))[0]


def by_definition(errors: np.ndarray, smoothing: int, history: int, repeat: int) -> np.ndarray:
    """Levels, their mean and deviation anew at every step; nothing is missing or extreme."""
    levels = np.full(errors.shape, np.nan)
    for t in range(smoothing - 1, len(errors)):
        levels[t] = errors[t - smoothing + 1 : t + 1].mean(0)
    plain = []
    for t, level in enumerate(levels):
        before = levels[max(0, t - history) : t]
        before = before[~np.isnan(before[:, 0])]
        if len(before) < 30:
            plain.append(0.0)
            continue
        beyond = np.abs(level) - np.abs(before.mean(0))
        z = np.maximum(beyond, 0) / np.maximum(before.std(0), 0.02)
        freedom = len(before) * 3 * smoothing / (2 * smoothing**2 + 1)
        deviates = (8 * freedom + 1) / (8 * freedom + 3) * np.sqrt(freedom * np.log1p(z**2 / freedom))
        plain.append(tail_decades(float(deviates.max()), 2 * errors.shape[1]))
    return np.array(
        [
            s if all(s > earlier for earlier in plain[max(0, t - repeat) : t]) else 0.0
            for t, s in enumerate(plain)
        ]
    )


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize(
    ("smoothing", "history", "repeat"), [(5, 8000, 10), (1, 60, 0), (3, 50, 1), (8, 64, 40)]
)
def test_against_the_definition(columns, smoothing, history, repeat):
    errors = np.random.default_rng(0).standard_t(6, (400, columns)) * 0.3
    found = scores(errors, smoothing=smoothing, history=history, repeat=repeat)
    np.testing.assert_allclose(
        found, by_definition(errors, smoothing, history, repeat), rtol=1e-9, atol=1e-12
    )
    assert found.max() > 1.5


@given(st.integers(1, 199), st.integers(0, 2**16), st.sampled_from([1, 2]))
def test_the_future_moves_no_score(t, seed, columns):
    random = np.random.default_rng(seed)
    errors = random.normal(size=(200, columns))
    other = np.concatenate([errors[:t], 1e3 * random.normal(size=(200 - t, columns))])
    options = {"smoothing": 4, "history": 50, "repeat": 6}
    assert scores(errors, **options)[:t].tolist() == scores(other, **options)[:t].tolist()


def test_what_stands_out_scores_and_its_column_is_blamed():
    errors = 0.1 * np.random.default_rng(0).normal(size=(300, 3))
    errors[200:205, 1] += 3
    found, blamed = likelihood_scores(errors, Likelihood(3))
    assert found[200] > 6
    assert found[:200].max() < 5
    assert blamed[200] == 1
    # it rises while the history knows nothing like it, and is not told again while it lasts
    assert found[201] > found[200]
    assert (found[205:210] == 0).all()


def test_noise_of_both_signs_averages_out_and_a_shift_does_not():
    quiet = np.random.default_rng(1).normal(size=(200, 1))
    shifted, noisy = quiet.copy(), quiet.copy()
    shifted[150:155] = 2.5
    noisy[150:155, 0] = [2.5, -2.5, 2.5, -2.5, 2.5]
    assert scores(shifted)[150:155].max() > 3 > 2 > scores(noisy)[150:155].max()


def test_missing_values_neither_score_nor_count():
    errors = np.random.default_rng(2).normal(size=(200, 2))
    gaps = errors.copy()
    gaps[100:120] = np.nan
    found = scores(gaps)
    assert (found[100:120] == 0).all()
    assert np.isfinite(found).all()
    # where nothing can be judged, no column is blamed
    _, blamed = likelihood_scores(gaps, Likelihood(2))
    assert (np.flatnonzero(blamed < 0) == [*range(34), *range(100, 120)]).all()
    # a column that is never there is as none, but for the number of columns
    alone = scores(errors[:, :1], repeat=0)
    with_nan = scores(np.column_stack([errors[:, 0], np.full(200, np.nan)]), repeat=0)
    np.testing.assert_allclose(with_nan, np.maximum(alone - math.log10(2), 0), atol=1e-12)
    assert (scores(np.full((100, 2), np.nan)) == 0).all()


def test_a_faulty_value_does_not_blind_it():
    errors = np.random.default_rng(3).normal(size=(1400, 1))
    errors[1300:1305] = 4
    wanted = scores(errors)[1300:1305].max()
    errors[1000] = 1e6
    assert wanted > scores(errors)[1300:1305].max() > 5


def test_no_rounding_error_piles_up():
    errors = np.random.default_rng(4).normal(size=(5000, 1)) * np.logspace(3, -3, 5000)[:, None]
    found = scores(errors, history=50, repeat=0)[4000:]
    np.testing.assert_allclose(found, by_definition(errors, 5, 50, 0)[4000:], rtol=1e-6, atol=1e-9)


def test_a_constant_error_is_no_anomaly():
    assert scores(np.full((200, 1), 0.7)).max() < 1
    assert scores(np.zeros((200, 1))).max() < 1


def noise(kind: str, rows: int, columns: int = 1) -> np.ndarray:
    random = np.random.default_rng(5)
    errors = (
        random.laplace(size=(rows, columns)) if kind == "laplace" else random.normal(size=(rows, columns))
    )
    if kind == "dependent":
        for row in range(1, rows):
            errors[row] += 0.8 * errors[row - 1]
    return errors


@pytest.mark.parametrize("kind", ["white", "dependent", "laplace"])
def test_a_score_is_as_improbable_as_it_says(kind):
    """Counts the rows of a long series with scores that 1 in 100 and 1 in 1,000 have; repeats count too."""
    found = scores(noise(kind, 20_000), repeat=0)[300:]
    often, seldom = ((found >= decades).mean() * 10**decades for decades in (2, 3))
    if kind == "laplace":  # heavier tails reach it more often, as the documentation says
        assert 1.2 < often < 2
        assert 2 < seldom < 5
    else:
        assert 0.7 < often < 1.2
        assert 0.4 < seldom < 1.5


def test_a_score_holds_from_the_first_rows_on():
    found = [scores(np.random.default_rng(seed).normal(size=(100, 1)), repeat=0) for seed in range(100)]
    assert np.mean(np.array(found)[:, 35:] >= 2) * 100 < 1
    assert np.max(found) > 1.5


def test_a_score_counts_all_columns():
    share = (scores(noise("white", 4000, 40), repeat=0)[300:] >= 2).mean() * 100
    assert 0.5 < share < 1.3
