"""Ranges and their agreement, by hand."""

import numpy as np
import pytest

from elman.metrics.ranges import point_scores, range_scores, runs


def mask(text: str) -> np.ndarray:
    return np.array([letter == "x" for letter in text])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("", []), ("...", []), ("x", [(0, 0)]), ("xx.x", [(0, 1), (3, 3)]), (".xx..xxx", [(1, 2), (5, 7)])],
)
def test_runs(text, wanted):
    assert runs(mask(text)) == wanted


def test_points_by_hand():
    found, real = mask("..xxxx....x"), mask("....xxxxx..")
    assert point_scores(found, real) == {
        "precision": pytest.approx(2 / 5),
        "recall": pytest.approx(2 / 5),
        "f1": pytest.approx(2 / 5),
    }
    assert point_scores(mask("x..."), mask("xxx.")) == {
        "precision": 1,
        "recall": pytest.approx(1 / 3),
        "f1": pytest.approx(1 / 2),
    }


def test_nothing_found_or_nothing_there():
    none = {"precision": 0, "recall": 0, "f1": 0}
    for found, real in (("...", "x.."), ("x..", "..."), ("...", "..."), ("x..", ".x.")):
        assert point_scores(mask(found), mask(real)) == none
        assert set(range_scores(runs(mask(found)), runs(mask(real))).values()) == {0}


def test_ranges_by_hand():
    # one window met twice, one not; of three ranges found one meets none
    found = range_scores([(0, 2), (10, 10), (15, 17)], [(9, 15), (30, 40)])
    assert found == {
        "range_precision": pytest.approx(2 / 3),
        "range_recall": pytest.approx(1 / 2),
        "range_f1": pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2)),
    }
    assert range_scores([(3, 3)], [(3, 3)]) == {"range_precision": 1, "range_recall": 1, "range_f1": 1}
    assert range_scores([(4, 5)], [(3, 3), (6, 6)])["range_f1"] == 0
