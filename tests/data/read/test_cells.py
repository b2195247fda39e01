"""Cells as numbers: markers of missing values, decimal marks, columns and single cells alike."""

import math

import polars as pl
import pytest

from elman.data.read.cells import number_of, numbers_of
from elman.data.read.reading import Reading
from elman.errors import InputError


def values(*cells, **reading):
    found = numbers_of(pl.Series(cells), Reading(**reading))
    return found.values.to_list(), found.missing.to_list()


@pytest.mark.parametrize("marker", ["", "NA", "n/a", "#N/A", "NaN", "NULL", "none", "-", "–", " ? ", None])
def test_the_usual_markers_are_missing(marker):
    assert values("1", marker) == ([1.0, None], [False, True])
    assert math.isnan(number_of(marker))


def test_further_markers_are_named_by_the_user():
    assert values("-999", "7", "NA", missing=("-999",)) == ([None, 7.0, None], [True, False, True])
    assert values(-999, 7, missing=("-999",)) == ([None, 7.0], [True, False])
    assert math.isnan(number_of(-999, Reading(missing=("-999",))))
    assert number_of("-999") == -999


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (" 0.5", 0.5),
        ("+3", 3),
        (".5", 0.5),
        ("2.", 2),
        ("1e-3", 0.001),
        ("True", 1),
        ("FALSE", 0),
        ("\t4", 4),
        ("−7.5", -7.5),
        ("– 3", -3),
        ("－3", -3),
        ("12-", -12),
        ("1,250.50-", -1250.5),
        ("€5−", -5),
    ],
)
def test_a_column_and_a_single_cell_are_read_alike(cell, number):
    assert values(cell)[0] == [number] == [number_of(cell)]


@pytest.mark.parametrize(
    "cell", ["x", "1-2-", "2010-11", "A-", "1_000", "0x10", "1 2", "--5", "1e", "٣", "12:30", "yes"]
)
def test_what_is_no_number_is_none_in_a_column_and_alone(cell):
    assert values(cell) == ([None], [False])
    with pytest.raises(ValueError, match="must be a number"):
        number_of(cell)


def test_commas_are_whatever_fits_every_cell():
    assert values("1,5", "2", "-0,25")[0] == [1.5, 2, -0.25]
    assert values("1,234.5", "12")[0] == [1234.5, 12]
    assert values("1.234,5", "0,5", "12")[0] == [1234.5, 0.5, 12]
    assert values("1,5", "1.5")[0] == [None, 1.5]
    assert values("1,234", "5", decimal=",")[0] == [1.234, 5]
    assert values("1,234", "5", decimal=".")[0] == [1234, 5]
    assert values("1.234", decimal=",")[0] == [1234]
    assert numbers_of(pl.Series(["1,234", "5"])).two_ways
    assert numbers_of(pl.Series(["7.250", "5"])).two_ways
    assert (number_of("7.250"), number_of("7.250", Reading(decimal=","))) == (7.25, 7250)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("separator", "ab"),
        ("separator", '"'),
        ("decimal", ";"),
        ("encoding", "klingon"),
        ("encoding", "base64"),
    ],
)
def test_what_cannot_be_a_reading_is_refused(option, value):
    with pytest.raises(InputError, match=f"--{option} must be"):
        Reading(**{option: value})


def test_separators_have_names():
    assert [Reading(name).delimiter for name in (None, "tab", "bar", ";")] == [None, "\t", "|", ";"]
