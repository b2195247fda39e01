"""Frames of pandas: what came in comes out."""

from datetime import date, datetime

import polars as pl
import pytest

from elman.data.read.frames import like, to_polars
from elman.errors import InputError

pd = pytest.importorskip("pandas")
DAYS = pd.date_range("2024-03-30", periods=3, freq="D")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(DAYS.tz_localize("Europe/Berlin")),
        pd.Series(DAYS.as_unit("ns")),
        pd.Series([1, 2, 1], dtype="category"),
        pd.Series([7, 8, 9], dtype="int32"),
        pd.Series([date(2024, 1, day) for day in (1, 2, 3)], dtype=object),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_come_back_in_their_types(column):
    frame = pd.DataFrame({"ds": column, "y": [1.0, 2, 3]})
    found = like(to_polars(frame), frame.head(1))
    pd.testing.assert_frame_equal(found, frame)


def test_categories_are_no_numbers():
    assert to_polars(pd.DataFrame({"shop": pd.Series([1, 2], dtype="category")}))["shop"].dtype == pl.String


def test_what_cannot_be_read_is_named():
    frame = pd.DataFrame([[1, 2]], columns=["y", "y"])
    with pytest.raises(InputError, match=r"df: has the column 'y' twice"):
        to_polars(frame)


@pytest.mark.parametrize(
    ("times", "read"),
    [
        (pd.date_range("2024-01-01", periods=3, tz="+05:30"), "2024-01-02T00:00:00+05:30"),
        (pd.period_range("2024-01", periods=3, freq="M"), datetime(2024, 2, 1)),
        (pd.Series(list(pd.period_range("2024", periods=3, freq="Q")), dtype=object), datetime(2024, 4, 1)),
    ],
    ids=["offset", "periods", "objects"],
)
def test_offsets_and_periods_come_back(times, read):
    frame = pd.DataFrame({"ds": times})
    found = to_polars(frame)
    assert found["ds"][1] == read
    assert like(found, frame)["ds"].tolist() == frame["ds"].tolist()
