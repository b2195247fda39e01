"""Covariates: scaled and numbered by what the training part holds, and by nothing else."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.series.covariates import (
    Column,
    Covariates,
    Sizes,
    column_from_json,
    covariates_from_json,
    encode,
)
from elman.data.series.panel import Columns, Panel
from elman.data.series.read import make_panel
from elman.errors import InputError

NAN = float("nan")
COLUMNS = Columns(known=("price", "day"), past=("rain",), static=("shop", "size"))


def panel(**changes: list) -> Panel:
    table = {
        "unique_id": ["a"] * 4 + ["b"] * 2,
        "ds": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-01", "2024-01-02"],
        "y": [1.0, 2, 3, None, 5, 6],
        "price": [1.0, 3, 100, 100, 5, None],
        "day": ["x", "y", "new", "x", "y", None],
        "rain": ["wet", "dry", "wet", None, "dry", "wet"],
        "shop": ["N"] * 4 + ["S"] * 2,
        "size": [10] * 4 + [30] * 2,
    }
    return make_panel([(pl.DataFrame(table | changes), Path("df"))], COLUMNS)


def measured(**changes: list) -> Covariates:
    return Covariates.measured(panel(**changes), np.array([2, 2]), COLUMNS, calendar=True)


def test_columns_are_measured_on_the_training_part_alone():
    found = measured()
    assert found.known[0] == Column("price", 3.0, pytest.approx(np.std([1, 3, 5])))
    assert found.known[1].categories == ("x", "y")
    assert found.static == (Column("shop", categories=("N", "S")), Column("size", 20.0, 10.0))
    later = measured(price=[1.0, 3, -7, NAN, 5, None], day=["x", "y", "z", "z", "y", None])
    assert later == found


def test_numbers_and_codes_by_hand():
    found = measured()
    longer = panel().extended(np.array([5, 2]))
    encoded = encode(longer, found, np.array([2, 0]))
    scale = np.std([1, 3, 5])
    price = encoded.known[:, :2]
    np.testing.assert_allclose(price[:, 0], np.array([-2, 0, 97, 97, 0, 2, 0]) / scale, rtol=1e-6)
    assert price[:, 1].tolist() == [1, 1, 1, 1, 0, 1, 0]  # whether it is there
    assert encoded.known[:, 2:4].tolist() == [[-1, 1]] * 5 + [[1, 1]] * 2  # size
    assert encoded.known_codes.tolist() == [[1, 1], [2, 1], [0, 1], [1, 1], [0, 1], [2, 2], [0, 2]]
    assert encoded.past_codes[:, 0].tolist() == [2, 1, 2, 0, 0, 1, 2]
    assert encoded.past.shape == (7, 0)
    assert np.array_equal(encoded.y, [1, 2, 3, NAN, NAN, 5, 6], equal_nan=True)
    assert encoded.series.tolist() == [2, 0]
    sizes = found.sizes(panel().frequency)
    assert sizes == Sizes(2 + 2 + 6, 0, (3, 3), (3,))
    assert encoded.known.shape[1] == sizes.known


def test_the_calendar_is_left_out_on_request_and_for_integers():
    found = Covariates.measured(panel(), np.array([2, 2]), COLUMNS, calendar=False)
    assert found.sizes(panel().frequency).known == 4
    integers = panel(ds=[1, 2, 3, 4, 1, 2])
    assert not Covariates.measured(integers, np.array([2, 2]), COLUMNS, calendar=True).calendar


def test_a_constant_or_empty_column_is_scaled_by_one():
    assert Column.measured("c", np.array([4.0, 4, NAN])) == Column("c", 4.0, 1.0)
    assert Column.measured("c", np.array([NAN])) == Column("c", 0.0, 1.0)
    assert Column.measured("c", np.array(["", ""])).codes(np.array(["", "x"])).tolist() == [0, 0]


def test_texts_where_numbers_were_are_refused():
    found = measured()
    with pytest.raises(InputError, match=r"column 'price' must hold numbers, as in training. Got 'cheap'"):
        encode(panel(price=["1", "cheap", "dear", "", "3", "dear"]), found, np.zeros(2, int))
    # numbers where texts were are their names
    assert encode(panel(day=[1, 2, 3, 4, 5, 6]), found, np.zeros(2, int)).known_codes[:, 0].max() == 0


def test_they_come_back_from_json():
    found = measured()
    assert covariates_from_json(found.to_json(), "config.json") == found


@pytest.mark.parametrize(
    "obj",
    [
        None,
        {"name": 1, "mean": 0.0, "scale": 1.0},
        {"name": "a"},
        {"name": "a", "mean": 0.0},
        {"name": "a", "mean": 0.0, "scale": 0.0},
        {"name": "a", "mean": 0.0, "scale": -1.0},
        {"name": "a", "mean": float("nan"), "scale": 1.0},
        {"name": "a", "mean": True, "scale": 1.0},
        {"name": "a", "mean": 10**400, "scale": 1.0},
        {"name": "a", "categories": ["b", "a"]},
        {"name": "a", "categories": ["a", "a"]},
        {"name": "a", "categories": [1]},
        {"name": "a", "categories": "ab"},
        {"name": "a", "categories": [], "mean": 0.0},
    ],
    ids=str,
)
def test_other_json_is_refused(obj):
    with pytest.raises(InputError, match=r"^config.json: "):
        column_from_json(obj, "config.json")


@pytest.mark.parametrize("change", [{"known": None}, {"calendar": 1}, {"more": []}], ids=str)
def test_other_lists_are_refused(change):
    with pytest.raises(InputError, match=r"^config.json: covariates"):
        covariates_from_json(measured().to_json() | change, "config.json")


def test_numbers_are_the_categories_that_look_like_them():
    shops = ["1234567", "1234568"]
    found = measured(shop=[shops[0]] * 4 + [shops[1]] * 2)
    codes = [
        encode(panel(shop=values), found, np.array([1, 2])).known_codes[:, 1].tolist()
        for values in (
            [shops[0]] * 4 + [shops[1]] * 2,
            [1234567] * 4 + [1234568] * 2,
            [7] * 4 + [1234567] * 2,
        )
    ]
    assert codes == [[1] * 4 + [2] * 2, [1] * 4 + [2] * 2, [0] * 4 + [1] * 2]


def test_every_feature_has_a_name():
    known, past = measured().features(panel().frequency, 2)
    assert known[:5] == ["price", "price is there", "size", "size is there", "time of year, sine"]
    assert known[-5:] == ["time of month, cosine", "day 1", "day 2", "shop 1", "shop 2"]
    assert past == ["rain 1", "rain 2"]
