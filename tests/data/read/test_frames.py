"""Frames of pandas: what came in comes out."""

from datetime import date

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
    with pytest.raises(InputError, match=r"column 'ds': the time zone must have a name.* Got 'UTC\+02:00'"):
        to_polars(pd.DataFrame({"ds": pd.Series(pd.to_datetime(["2024-01-01T00:00+02:00"]))}))
