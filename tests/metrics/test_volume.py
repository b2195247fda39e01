"""Areas and volumes under precision over recall: by hand, and against the field's own packages."""

import numpy as np
import pytest

from elman.metrics.volume import auc_pr, vus_pr, width_of


def labels(rows: int, *ranges: tuple[int, int]) -> np.ndarray:
    flags = np.zeros(rows, dtype=bool)
    for first, last in ranges:
        flags[first : last + 1] = True
    return flags


def test_the_area_by_hand():
    real = np.array([0, 1, 0, 1, 0], dtype=bool)
    # ranks: a label, none, a label and another row together
    assert auc_pr(np.array([2.0, 3, 0, 1, 1]), real) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 4)
    assert auc_pr(np.ones(5), real) == 2 / 5
    assert auc_pr(real.astype(float), real) == 1


def test_the_volume_by_hand():
    real = labels(100, (40, 49))
    # the whole range first, so that every threshold below it adds nothing to the recall
    assert vus_pr(real.astype(float), real, 0) == pytest.approx(1)
    # all rows at once: precision is the share of labels, and with margins 2 (√½) more for w = 2
    extra = 2 * np.sqrt(1 / 2)
    both = 0.1, min(1, (10 + extra) / (10 + extra / 2)) * (10 + extra) / 100
    assert vus_pr(np.ones(100), real, 2) == pytest.approx((2 * both[0] + both[1]) / 3)


def test_a_score_beside_the_range_counts_with_margins_alone():
    real, late = labels(300, (100, 109)), labels(300, (110, 119)).astype(float)
    assert vus_pr(late, real, 40) > 3 * vus_pr(late, real, 0)


def cases():
    random = np.random.default_rng(0)
    yield labels(500, (100, 140)), random.normal(size=500)
    yield labels(700, (0, 9), (30, 34), (60, 60), (690, 699)), random.normal(size=700).round(1)
    real = labels(400, (50, 60), (75, 90), (300, 301))
    yield real, real + random.normal(size=400)
    yield real, np.zeros(400)


@pytest.mark.parametrize("width", [0, 1, 7, 40])
def test_the_volume_is_that_of_its_authors(width):
    authors = pytest.importorskip("TSB_AD.evaluation.basic_metrics", reason="needs the package TSB-AD")
    for real, scores in cases():
        expected = authors.generate_curve(real.astype(int), scores, width)[-1]
        assert vus_pr(scores, real, width) == pytest.approx(expected, rel=1e-9)


def test_the_area_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    for real, scores in cases():
        assert auc_pr(scores, real) == pytest.approx(metrics.average_precision_score(real, scores))


@pytest.mark.parametrize(("period", "expected"), [(24, 24), (7, 7), (350, 125)])
def test_the_width_is_the_strongest_period(period, expected):
    rows = np.arange(2000)
    column = np.sin(2 * np.pi * rows / period) + 0.1 * np.random.default_rng(0).normal(size=2000)
    column[100:110] = np.nan
    assert abs(width_of(column) - expected) <= 1
    assert width_of(np.full(50, np.nan)) == width_of(np.ones(50)) == width_of(np.arange(2)) == 125


def test_the_width_is_that_of_tsb_ad():
    windows = pytest.importorskip("TSB_AD.utils.slidingWindows", reason="needs TSB-AD and what it imports")
    random = np.random.default_rng(1)
    for column in (np.sin(np.arange(900) / 5), random.normal(size=600), random.normal(size=600).cumsum()):
        assert width_of(column) == windows.find_length_rank(column[:, None], rank=1)
