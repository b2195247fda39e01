"""Errors after gaps are compared with errors after such gaps; files and streams agree to the last bit."""

import numpy as np
import pytest
from tiny import rhythm_values
from tiny_detector import fitted

from elman.anomalies.follow import Follower
from elman.anomalies.gaps import Gaps, comparable


def with_gaps(values: np.ndarray, length: int, every: int, columns: slice | int = slice(None)) -> np.ndarray:
    values = values.copy()
    for start in range(every, len(values) - length, every):
        values[start : start + length, columns] = np.nan
    return values


def test_without_gaps_errors_stay_as_they_are():
    errors = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    assert comparable(errors, errors) is errors
    gaps = Gaps(3)
    assert all(gaps.push(row, ~np.isnan(row)) is row for row in errors)


@pytest.mark.parametrize(("length", "every"), [(1, 2), (1, 10), (3, 20), (9, 10), (12, 30)])
def test_errors_after_gaps_get_the_spread_of_the_others(length, every):
    """Errors are five times as wide while a column recovers; one value is faulty."""
    random = np.random.default_rng(1)
    values = with_gaps(np.zeros((8_000, 2)), length, every)
    values[:, 1] = 0
    recover, wide = 0, np.zeros(len(values), dtype=bool)
    for row, gap in enumerate(np.isnan(values[:, 0])):
        wide[row] = recover > 0
        recover = min(max(recover + (1 if gap else -1), 0), 31)
    errors = random.normal(size=values.shape) * np.where(wide, 5, 1)[:, None] + np.where(
        np.isnan(values), np.nan, 0
    )
    errors[4_000, 0] = 1e6 if not np.isnan(errors[4_000, 0]) else np.nan
    found = comparable(errors, values)
    assert np.array_equal(found[:, 1], errors[:, 1])  # each column by its own gaps
    later = found[4_001:, 0]
    later, kind = later[~np.isnan(later)], wide[4_001:][~np.isnan(later)]
    if not kind.all():
        assert later[kind].std() == pytest.approx(later[~kind].std(), rel=0.15)
    assert len(later) == (~np.isnan(errors[4_001:, 0])).sum()  # nothing is left out for good


def test_the_first_errors_of_a_kind_are_left_out():
    values = np.zeros((60, 1))
    values[40:44] = np.nan
    errors = np.ones((60, 1)) + np.where(np.isnan(values), np.nan, 0)
    found = comparable(errors, values)[:, 0]
    assert np.flatnonzero(np.isnan(found)).tolist() == list(range(40, 48))


def test_a_forecaster_reads_what_it_expected_in_a_gap_and_an_autoencoder_the_last_value():
    class Echo:
        """Expects the last value and one more."""

        def step(self, values):
            read.append(float(values[0]))
            return values + 1

    for lagged, expected in ((True, [0, 5, 6, 7, 9]), (False, [5, 5, 5, 9, 2])):
        read: list[float] = []
        follower = Follower(Echo(), 1, lagged=lagged)
        for seen in (5, np.nan, np.nan, 9, 2):
            follower.step(np.array([seen], dtype=np.float32), np.zeros(0, dtype=np.float32))
        assert read == expected


@pytest.mark.parametrize("columns", [slice(None), 0])
@pytest.mark.parametrize("length", [1, 3, 14])
def test_no_more_alarms_after_gaps_than_elsewhere_and_a_stream_agrees(detector, columns, length):
    rows = rhythm_values(1200, seed=3)
    whole = detector.analyse(rows)[0].scores
    values = with_gaps(rows, length, 40, columns)
    (analysis,) = detector.analyse(values)
    assert (whole >= 4).sum() == 0
    assert (analysis.scores >= 4).sum() == 0
    assert analysis.anomalies("dynamic") == []
    stream = detector.stream()
    assert [stream.push(row).score for row in values] == analysis.scores.tolist()
    # what is odd is still found, between the gaps and where they end
    for start in (700, 716):
        odd = values.copy()
        odd[start : start + 12] += 3
        assert detector.analyse(odd)[0].scores[start : start + 12].max() > 5


@pytest.fixture(scope="module")
def detector():
    return fitted(rhythm_values(400), hidden_size=16, epochs=30, stride=5, batch_size=16)
