"""Long tables: read right, or refused in a line that names file, row, series and value."""

import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.series.panel import Columns, Panel
from elman.data.series.read import make_panel, read_panel
from elman.data.series.store import panel_arrays, panel_from_arrays
from elman.errors import InputError

TABLE = """unique_id,ds,y,price,shop
B,2024-01-02,5,1,x
A,2024-01-01,1,,y
B,2024-01-03,6,2,x
A,2024-01-02,,3,y
A,2024-01-03,3,4,y
A,2024-01-04,,5,y
"""
PLAIN = Columns()
COLUMNS = Columns(known=("price",), static=("shop",))


def written(folder: Path, content: str, name: str = "data.csv") -> Path:
    (folder / name).write_text(content)
    return folder / name


def read(folder: Path, content: str, columns: Columns = PLAIN, freq: str | None = None) -> Panel:
    return read_panel([written(folder, content)], columns, freq)


def check(panel: Panel) -> None:
    """That this is TABLE."""
    assert panel.ids == ["B", "A"]
    assert str(panel.frequency) == "D"
    assert panel.begins.tolist() == [0, 2, 6]
    assert panel.lengths.tolist() == [2, 3]  # the last row of A has no target: it is its future
    assert np.array_equal(panel.y, [5, 6, 1, np.nan, 3, np.nan], equal_nan=True)
    assert np.array_equal(panel.covariates["price"], [1, 2, np.nan, 3, 4, 5], equal_nan=True)
    assert panel.static["shop"].tolist() == ["x", "y"]
    times = panel.ds(panel.times(np.array([0, 1]), np.array([2, 0])))
    assert times.cast(pl.String).to_list() == ["2024-01-04", "2024-01-01"]


def test_a_table(tmp_path):
    check(read(tmp_path, TABLE, COLUMNS))
    frame = pl.read_csv(tmp_path / "data.csv")
    frame.write_parquet(tmp_path / "data.parquet")
    check(read_panel([tmp_path / "data.parquet"], COLUMNS))
    frame.write_ndjson(tmp_path / "data.jsonl")
    check(read_panel([tmp_path / "data.jsonl"], COLUMNS))
    dated = frame.with_columns(pl.col("ds").str.to_date())
    check(make_panel([(dated, Path("df"))], COLUMNS))
    head, *rows = TABLE.splitlines(keepends=True)
    parts = [
        written(tmp_path, head + "".join(part), f"{k}.csv") for k, part in enumerate((rows[:2], rows[2:]))
    ]
    check(read_panel(parts, COLUMNS))


def test_columns_go_by_the_names_given(tmp_path):
    text = TABLE.replace("unique_id,ds,y", "store,day,sold")
    found = read(tmp_path, text, Columns("store", "day", "sold", ("price",), (), ("shop",)))
    check(found)


@pytest.mark.parametrize(
    "times",
    [
        ("2024-01", "2024-02", "2024-03"),
        ("2024-01-01 00:00", "2024-02-01 00:00", "2024-03-01 00:00"),
        ("2024-01-01T00:00:00", "2024-02-01T00:00:00", "2024-03-01T00:00:00.000"),
        ("2024-01-01T01:00:00+01:00", "2024-02-01T00:00:00+00:00", "2024-03-01T00:00:00Z"),
    ],
)
def test_ways_of_writing_dates(tmp_path, times):
    rows = "".join(f"a,{time},1\n" for time in times)
    panel = read(tmp_path, "unique_id,ds,y\n" + rows)
    assert str(panel.frequency) == "MS"
    assert str(panel.ds(panel.starts)[0])[:7] == "2024-01"


def test_integers_are_times_too(tmp_path):
    panel = read(tmp_path, "unique_id,ds,y\n7,10,1\n7,12,2\n7,14,3\n")
    assert (panel.ids, str(panel.frequency), panel.integers) == (["7"], "2", True)
    assert panel.ds(panel.times(np.array([0]), np.array([3]))).to_list() == [16]


def test_gaps_are_missing_values_and_named(tmp_path):
    with pytest.warns(UserWarning, match=r"row 4: unique_id 'a' has no row for the step before; .* \(2 such"):
        panel = read(tmp_path, "unique_id,ds,y\na,1,1\na,2,2\na,5,3\nb,3,4\nb,4,5\n")
    assert np.array_equal(panel.y, [1, 2, np.nan, np.nan, 3, 4, 5], equal_nan=True)


def test_a_covariate_with_a_stray_cell_is_read_as_categories_and_named(tmp_path):
    rows = "".join(f"A,2024-01-{day:02},{day},{day / 4}\n" for day in range(1, 11))
    columns = Columns(past=("wind",))
    stray = "wind would be numbers but for 'calm' in row 12 .*, so it is read as categories"
    with pytest.warns(UserWarning, match=stray) as said:
        panel = read(tmp_path, f"unique_id,ds,y,wind\n{rows}A,2024-01-11,11,calm\n", columns)
    assert panel.covariates["wind"].dtype.kind == "U"
    assert len(said) == 1
    few = rows.replace(",1.", ",calm").replace(",2.", ",calm")  # names and no column of numbers
    assert read(tmp_path, f"unique_id,ds,y,wind\n{few}", columns).covariates["wind"].dtype.kind == "U"


def test_unsorted_rows_are_sorted_and_named(tmp_path):
    with pytest.warns(
        UserWarning,
        match=r"row 3: unique_id 'a' has an earlier ds than the row before; rows are sorted \(1 such",
    ):
        panel = read(tmp_path, "unique_id,ds,y\na,3,3\na,1,1\na,2,2\n")
    assert panel.y.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,1,1\na,2,2\na,2,3\n", r"row 4: unique_id 'a' has ds 2 twice"),
        ("a,1,1\n,2,2\n", r"row 3, column 'unique_id': must not be empty"),
        ("a,1,1\na,,2\n", r"row 3, column 'ds': must not be empty"),
        ("a,1,1\na,2,two\n", r"row 3, column 'y': must be a finite number. Got 'two'"),
        ("a,1,inf\na,2,2\n", r"row 2, column 'y': must be a finite number. Got 'inf'"),
        ("a,1,1\na,2,2\nb,1,\nb,2,\n", r"unique_id 'b' has no y"),
        (
            "a,2024-01-01,1\na,yesterday,2\n",
            r"row 3, column 'ds': must be an integer, a date such as .* Got 'yesterday'",
        ),
        ("a,2024-01-01,1\na,2024-13-01,2\n", r"row 3, column 'ds': .* Got '2024-13-01'"),
        (
            "a,1.5,1\na,2,2\n",
            r"row 2, column 'ds': must be an integer, a date such as 2024-12-31 .* Got '1.5'",
        ),
        (
            "a,2024-01-01T00:00,1\na,2024-01-02T00:00,1\na,2024-01-03T00:00,1\na,2024-01-03T07:00,2\n",
            r"row 5: unique_id 'a': ds must be a whole number of steps .* Got 2024-01-03T07:00",
        ),
        (
            "a,1,1\na,3,1\na,5,2\nb,1,2\nb,4,2\n",
            r"row 6: unique_id 'b': ds must be a whole number of steps .* Got 4",
        ),
        ("a,1,1\na,2,1\na,3,2\na,99999999999,2\n", r"row 5: .* at most 10,000,000"),
    ],
)
def test_bad_rows_are_refused_by_name(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path, "unique_id,ds,y\n" + content)
    assert "\n" not in str(error.value)


def test_bad_columns_are_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"data.csv: has no column 'y', and no other of numbers; .*: .*, z"):
        read(tmp_path, "unique_id,ds,z\na,1,many\n")
    with pytest.raises(InputError, match=r"data.csv: has no column 'sold'; columns: unique_id, ds, y"):
        read(tmp_path, "unique_id,ds,y\na,1,1\n", Columns(target="sold"))
    with pytest.raises(InputError, match=r"column 'y' is named for two purposes"):
        read(tmp_path, TABLE, Columns(past=("y",)))
    with pytest.raises(
        InputError, match=r"row 4: unique_id 'B': price must be the same in all of its rows. Got 2"
    ):
        read(tmp_path, TABLE, Columns(static=("price",)))
    with pytest.raises(InputError, match="at least one table"):
        read_panel([], COLUMNS)


def test_the_frequency_given_is_checked_against_the_rows(tmp_path):
    content = "unique_id,ds,y\na,2024-01-01,1\na,2024-01-03,2\na,2024-01-05,3\n"
    assert str(read(tmp_path, content).frequency) == "2D"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(read(tmp_path, content, freq="D").y) == 5
    with pytest.raises(
        InputError, match=r"row 3: .* ds must be a whole number of steps of frequency W.* Got 2024-01-03"
    ):
        read(tmp_path, content, freq="W")


def test_extended_and_picked_series_keep_their_steps(tmp_path):
    panel = read(tmp_path, TABLE, COLUMNS)
    longer = panel.extended(np.array([4, 1]))
    assert longer.begins.tolist() == [0, 4, 8]
    assert np.array_equal(longer.y[:4], [5, 6, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(longer.covariates["price"][4:], [np.nan, 3, 4, 5], equal_nan=True)
    assert longer.lengths.tolist() == panel.lengths.tolist()


def test_a_panel_comes_back_from_its_arrays(tmp_path):
    panel = read(tmp_path, TABLE, COLUMNS)
    np.savez(tmp_path / "data.npz", **panel_arrays(panel))
    with np.load(tmp_path / "data.npz") as found:
        check(panel_from_arrays(dict(found), "data.npz"))


@pytest.mark.parametrize(
    "change",
    [
        {"begins": np.array([0, 9, 6])},
        {"begins": np.array([0, 2])},
        {"lengths": np.array([3, 3])},
        {"lengths": np.array([0, 3])},
        {"y": np.zeros(5)},
        {"y": np.zeros(6, int)},
        {"ids": np.array([1.0, 2])},
        {"times": np.array("Datetime us Mars/Olympus")},
        {"times": np.array("Float64")},
        {"frequency": np.array("1")},
        {"starts": np.zeros(3, int)},
        {"covariate price": np.zeros(2)},
        {"static shop": np.zeros(2, int)},
        {"more": np.zeros(2)},
    ],
    ids=lambda change: f"{next(iter(change))}",
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, change):
    arrays = panel_arrays(read(tmp_path, TABLE, COLUMNS)) | change
    with pytest.raises(InputError):
        panel_from_arrays(arrays, "data.npz")


def zoned(wall: list[str], zone: str = "Europe/Berlin") -> Panel:
    ds = pl.Series("ds", wall).str.to_datetime().dt.replace_time_zone(zone, ambiguous="earliest")
    table = pl.DataFrame(
        {"unique_id": ["a"] * len(wall), "ds": ds, "y": [float(k) for k in range(len(wall))]}
    )
    return make_panel([(table, Path("df"))], PLAIN)


def after(panel: Panel, steps: list[int]) -> list[str]:
    return [str(time) for time in panel.ds(panel.times(np.zeros(len(steps), int), np.array(steps)))]


def test_a_time_zone_is_kept_where_its_clocks_change():
    days = zoned([f"2024-03-{day}T00:00" for day in (28, 29, 30)])
    assert str(days.frequency) == "D"
    assert after(days, [3, 4]) == ["2024-03-31 00:00:00+01:00", "2024-04-01 00:00:00+02:00"]
    hours = zoned([f"2024-03-30T{hour}:00" for hour in (21, 22, 23)])
    assert str(hours.frequency) == "h"
    assert after(hours, [4, 5]) == ["2024-03-31 01:00:00+01:00", "2024-03-31 03:00:00+02:00"]


def test_days_that_a_zone_does_not_have_are_refused():
    with pytest.raises(
        InputError, match=r"ds: steps of D must have a constant time of day in .* Europe/Berlin: "
    ):
        zoned(["2024-03-29T01:00", "2024-03-30T01:00", "2024-03-31T01:00", "2024-04-01T02:00"])
    panel = zoned([f"2024-09-0{day}T00:00" for day in (5, 6, 7)], "America/Santiago")
    with pytest.raises(InputError, match=r"2024-09-08 00:00:00 does not exist in America/Santiago"):
        after(panel, [3])


@pytest.mark.parametrize(
    "kind", [pl.Date(), pl.Datetime("ms"), pl.Datetime("ns", "Europe/Berlin"), pl.Int32()], ids=str
)
@pytest.mark.parametrize("ids", [["a", "b"], [7, 8]], ids=str)
def test_types_of_ids_and_times_come_back_and_survive_a_file(tmp_path, kind, ids):
    ds = pl.Series(range(3)).cast(pl.Int32)
    if not kind.is_integer():
        ds = pl.Series(["2024-01-01", "2024-01-02", "2024-01-03"]).str.to_date().cast(pl.Datetime("us"))
        ds = ds.dt.replace_time_zone(getattr(kind, "time_zone", None)).cast(kind)
    table = pl.DataFrame(
        {"unique_id": [i for i in ids for _ in ds], "ds": pl.concat([ds, ds]), "y": [1.0] * 6}
    )
    panel = make_panel([(table, Path("df"))], PLAIN)
    np.savez(tmp_path / "data.npz", **panel_arrays(panel))
    with np.load(tmp_path / "data.npz") as found:
        again = panel_from_arrays(dict(found), "data.npz")
    for each in (panel, again):
        assert (each.keys.to_list(), each.keys.dtype) == (ids, table["unique_id"].dtype)
        assert each.ds(each.starts[:1])[0] == ds[0]
        assert each.ds(each.starts).dtype == kind


def test_texts_of_integers_are_integers():
    table = pl.DataFrame({"unique_id": ["a"] * 3, "ds": ["0", "2", "4"], "y": [1.0, 2, 3]})
    assert after(make_panel([(table, Path("df"))], PLAIN), [3]) == ["6"]


def test_a_name_that_is_no_number_is_refused():
    table = pl.DataFrame({"unique_id": [1.0, float("nan")], "ds": [0, 1], "y": [1.0, 2]})
    with pytest.raises(InputError, match=r"df: row 2, column 'unique_id': must not be empty"):
        make_panel([(table, Path("df"))], PLAIN)
