"""Tails of the normal distribution by tables and by series."""

import math
from itertools import pairwise

import pytest

from elman.metrics.normal_tail import tail_decades


@pytest.mark.parametrize(
    ("z", "tail"),
    [(0, 0.5), (1, 0.158655254), (2, 0.0227501319), (3, 0.0013498980), (6, 9.865876e-10), (10, 7.619853e-24)],
)
def test_against_a_table(z, tail):
    assert tail_decades(z) == pytest.approx(-math.log10(tail), rel=1e-6)


def test_it_goes_on_rising_where_the_tail_underflows():
    grid = [k / 100 for k in range(-300, 10_000)]
    found = [tail_decades(z) for z in grid]
    assert all(a < b for a, b in pairwise(found))
    assert tail_decades(25 - 1e-9) == pytest.approx(tail_decades(25), rel=1e-6)
    assert math.isfinite(tail_decades(1e9))


def test_it_is_never_below_nothing():
    assert tail_decades(-math.inf) == 0
    assert tail_decades(-3) == pytest.approx(5.867e-4, rel=1e-3)
    assert tail_decades(0, among=3) == 0


def test_among_several():
    assert tail_decades(4, among=100) == pytest.approx(tail_decades(4) - 2)
