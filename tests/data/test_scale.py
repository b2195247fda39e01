"""Scales by hand, and what a run folder may hold of them."""

import numpy as np
import pytest

from elman.data.scale import check_numbers, scaled, standard, written
from elman.errors import InputError


def test_means_and_deviations_by_hand():
    values = np.array([[1, 5, np.nan, np.nan], [3, 5, 2, np.nan], [5, 5, 6, np.nan]], np.float32)
    mean, scale = standard(values)
    assert mean == [3, 5, 4, 0]
    assert scale == pytest.approx([np.sqrt(8 / 3), 1, 2, 1])


def test_a_constant_keeps_its_unit_whatever_its_rounding():
    assert standard(np.full((1000, 1), 20.1, np.float32))[1] == [1]
    assert standard(np.full((1000, 1), 1e30, np.float32))[1] == [1]
    mean, scale = standard(np.array([[1e25], [3e25]], np.float32))
    assert (mean, scale) == ([pytest.approx(2e25)], [pytest.approx(1e25)])


def test_no_deviation_is_lost_beside_a_large_mean():
    values = np.array([[1.0], [2.0], [6.0], [np.nan]])
    for offset in (1e6, -1e9, 2.0**40):
        mean, scale = standard(values + offset)
        assert mean == [offset + 3]
        assert scale == pytest.approx([np.sqrt(14 / 3)])
        np.testing.assert_array_equal(
            scaled(values + offset, np.array(mean), np.array(scale)),
            scaled(values, np.array([3.0]), np.array(scale)),
        )


def test_numbers_are_written_to_the_digits_of_their_deviation():
    assert written(1.23456789, 0.0, 1.0, 4) == "1.235"
    assert written(1e9 + 1.25, 1e9, 1.0, 6) == "1000000001.25"
    assert written(-1e9 - 1.25, -1e9, 0.5, 4) == "-1000000001.25"
    assert written(123456.0, 0.0, 1e5, 3) == "1.23e+05"
    assert float(written(0.1, 1e30, 1.0, 6)) == 0.1


def test_values_are_brought_to_the_scale_and_never_out_of_range():
    found = scaled(np.array([[3.0, np.nan], [-3e38, 3e38]]), np.array([1.0, 0]), np.array([4.0, 1e-37]))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([[0.5, np.nan], [-1e6, 1e6]], np.float32))


@pytest.mark.parametrize("values", [(), (1.0,), (0.0, 1.0), (float("nan"), 1.0), (1e39, 1.0), (-1.0, 1.0)])
def test_scales_that_float32_does_not_hold_are_refused(values):
    with pytest.raises(InputError, match=r"^scale must be 2 numbers in \[1e-37, 3.4e\+38\]\. Got \["):
        check_numbers("scale", values, 2)
    check_numbers("scale", (1.0, 1e-37), 2)


def test_a_mean_may_be_negative_but_not_infinite():
    check_numbers("mean", (-1.0, 0.0), 2)
    with pytest.raises(
        InputError, match=r"^mean must be 1 numbers in \[-3\.4e\+38, 3\.4e\+38\]\. Got \[-inf\]\."
    ):
        check_numbers("mean", (-float("inf"),), 1)
