"""Series from tables and arrays: what is missing, what is labelled, what is refused."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from elman.data.channels.calendar import Clock, calendar, calendar_features
from elman.data.channels.channels import (
    Channels,
    ChannelTable,
    Roles,
    channels_from_memory,
    filled,
    load_channels,
    read_channels,
    save_channels,
)
from elman.data.channels.columns import constant_columns, label_columns
from elman.data.channels.labels import labelled
from elman.errors import InputError

ROLES = Roles("id", "time", "label")


def read(folder: Path, content: str, name: str = "table.csv") -> ChannelTable:
    (folder / name).write_text(content)
    return read_channels(folder / name, ROLES)


def test_one_series_with_times(tmp_path):
    table = read(tmp_path, "time,a,b\n2024-01-01,1,\n2024-01-02,2.5,4\n")
    (only,) = table.series
    assert (table.columns, table.has_names, table.has_times) == (["a", "b"], False, True)
    assert (only.name, only.times, only.labels) == ("", ["2024-01-01", "2024-01-02"], None)
    np.testing.assert_array_equal(only.values, np.array([[1, np.nan], [2.5, 4]], np.float32))
    (bare,) = read(tmp_path, "a\n1\n2\n3\n").series
    assert bare.times == ["0", "1", "2"]


def test_several_series_in_the_order_of_their_first_rows(tmp_path):
    table = read(tmp_path, "id,time,a,label\nz,1,10,0\ny,1,20,1\nz,2,11,1\ny,2,21,0\n")
    assert [(s.name, s.times, s.values[:, 0].tolist(), s.labels.tolist()) for s in table.series] == [
        ("z", ["1", "2"], [10, 11], [False, True]),
        ("y", ["1", "2"], [20, 21], [True, False]),
    ]


def test_lines_of_objects(tmp_path):
    rows = [{"time": "2024-01-01", "a": 1}, {"time": "2024-01-02", "a": None}]
    (only,) = read(tmp_path, "\n".join(map(json.dumps, rows)), "table.jsonl").series
    np.testing.assert_array_equal(only.values, np.array([[1], [np.nan]], np.float32))


def test_rows_are_sorted_by_time_and_told(tmp_path):
    newest_first = "time,a,label\n" + "".join(
        f"2024-01-{day:02},{day},{int(day == 9)}\n" for day in range(20, 0, -1)
    )
    with pytest.warns(
        UserWarning, match=r"row 3: time is earlier .* rows are sorted by time \(19 such rows\)"
    ):
        (only,) = read(tmp_path, newest_first).series
    assert only.values[:, 0].tolist() == list(range(1, 21))
    assert (np.flatnonzero(only.labels).tolist(), only.times[0]) == ([8], "2024-01-01")
    assert only.given.tolist() == list(range(19, -1, -1))


def test_a_time_that_goes_back_to_one_that_was_there_is_told_and_left_as_it_is(tmp_path):
    with pytest.warns(
        UserWarning, match=r"table\.csv: row 4: time is earlier than in the row before; rows keep their order"
    ):
        (only,) = read(tmp_path, "time,a\n2024-01-02,1\n2024-01-03,2\n2024-01-02,3\n").series
    assert only.values[:, 0].tolist() == [1, 2, 3]
    with pytest.warns(UserWarning, match=r"row 3: time is the same as in the row before; .* \(2 such rows\)"):
        read(tmp_path, "time,a\n2024-01-01,1\n2024-01-01,2\n2024-01-01,3\n")
    # another series begins where it will
    assert len(read(tmp_path, "id,time,a\nx,2,1\ny,1,1\nx,3,1\n").series) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("time,a\n1,2\n2,x\n", r"row 3, column 'a': must be a finite number. Got 'x'\."),
        ("time,a\n1,inf\n", r"row 2, column 'a': must be a finite number. Got 'inf'\."),
        ("id,a\n,2\n", r"row 2, column 'id': must not be empty"),
        ("time,a\n1,2\n,2\n", r"row 3, column 'time': must not be empty"),
        ("a,label\n1,0\n2,2\n", r"row 3: a label must be 0 or 1. Got 2\."),
        ("a,label\n1,\n", r"row 2, column 'label': must be a finite number"),
        ("time,label\n1,0\n", r"has no column to read\. Its columns: time, label\."),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, message):
    with pytest.raises(InputError, match=rf"table\.csv: {message}"):
        read(tmp_path, content)


HOURS = [(f"2024-03-0{1 + k // 24}", f"{k % 24}:30", k) for k in range(48)]


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            "date,time of day,a",
            [(d, "" if k == 7 else t, k) for d, t, k in HOURS],
            "row 9, column 'time of day': must",
        ),
        (
            "date,time of day,a",
            [("" if k == 7 else d, t, k) for d, t, k in HOURS],
            "row 9, column 'date': must not be",
        ),
        (
            "date,time of day,a",
            [(d, "25:99" if k == 7 else t, k) for d, t, k in HOURS],
            r"row 9, .* Got '2024-03-01 25:99'",
        ),
        (
            "year,month,day,a",
            [(2024, 1, "" if k == 5 else k + 1, k) for k in range(20)],
            "row 7, column 'day': must not",
        ),
        (
            "when,a",
            [(f"{d} {t}" if k % 20 else "n/a", k) for d, t, k in HOURS],
            r"row 2, column 'when': .* Got 'n/a'",
        ),
        (
            "time,a",
            [(f"{d} {t}" if k != 40 else "unknown", k) for d, t, k in HOURS],
            r"row 42, column 'time': must be .* --time-format\. Got 'unknown'",
        ),
    ],
)
def test_a_time_that_is_missing_or_none_names_its_row(tmp_path, header, rows, message):
    content = "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
    with pytest.raises(InputError, match=rf"table\.csv: {message}"):
        read(tmp_path, content)


def test_names_of_steps_are_no_faulty_times(tmp_path):
    (only,) = read(tmp_path, "time,a\n2024-03-01,1\nfirst,2\nsecond,3\n").series
    assert only.times == ["2024-03-01", "first", "second"]


def test_dates_with_two_readings_keep_their_order(tmp_path):
    (only,) = read(tmp_path, "time,a\n01/02/2024,1\n05/01/2024,2\n").series
    assert only.values[:, 0].tolist() == [1, 2]


def from_memory(X, columns=None):
    return channels_from_memory(X, replace(ROLES, columns=columns or ()))


def test_arrays():
    (flat,) = from_memory([1.0, 2, np.nan]).series
    assert (flat.values.shape, flat.name, flat.times) == ((3, 1), "", ["0", "1", "2"])
    table = from_memory([np.zeros((4, 2)), np.ones((3, 2))])
    assert (table.columns, table.has_names, table.has_times) == (["x0", "x1"], True, False)
    a, b = table.series
    assert (len(a), len(b), a.name, b.name) == (4, 3, "0", "1")
    # an array has no names to be checked
    assert from_memory(np.zeros((4, 2)), ["b", "a"]).columns == ["b", "a"]


def test_a_list_of_arrays_is_many_series_and_one_of_lists_is_one():
    pd = pytest.importorskip("pandas")
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    (one,) = from_memory(rows).series
    assert one.values.tolist() == rows
    for kind in (np.array, torch.tensor, pd.Series, pl.Series):
        found = from_memory([kind(row) for row in rows]).series
        assert [each.values.tolist() for each in found] == [[[x], [y]] for x, y in rows]
    with pytest.raises(InputError, match=r"X\[1\]: must be an array, like the rest of the list. Got list"):
        from_memory([np.zeros(2), [0.0, 0.0]])


FRAME = pl.DataFrame({"a": [1.0, None, 3.0], "b": [4, 5, 6]})


@pytest.mark.parametrize("kind", ["polars", "pandas"])
def test_a_frame_is_read_as_its_file_is(tmp_path, kind):
    pd = pytest.importorskip("pandas")
    hours = [datetime(2024, 1, 1, k) for k in range(3)]
    frame = FRAME.with_columns(
        time=pl.Series(hours), label=pl.Series([0, 1, 0]), id=pl.Series(["u", "v", "u"])
    )
    frame.write_parquet(tmp_path / "table.parquet")
    wanted = read_channels(tmp_path / "table.parquet", ROLES)
    given = frame if kind == "polars" else pd.DataFrame(frame.to_dict(as_series=False))
    found = from_memory(given)
    assert (found.columns, found.has_names, found.has_times) == (["a", "b"], True, True)
    for one, other in zip(found.series, wanted.series, strict=True):
        assert (one.name, one.times, one.labels) == (other.name, other.times, None)
        np.testing.assert_array_equal(one.values, other.values)


def test_columns_of_frames_go_by_their_names():
    (one,) = from_memory(FRAME.select("b", "a"), ["a", "b"]).series
    (other,) = from_memory(FRAME).series
    np.testing.assert_array_equal(one.values, other.values)
    first, second = from_memory([FRAME, FRAME.select("b", "a")]).series
    np.testing.assert_array_equal(first.values, second.values)
    assert from_memory(FRAME, ["a"]).columns == ["a"]
    for columns, missing in ((["a", "c"], "c"), (["x0", "x1"], "x0")):
        with pytest.raises(InputError, match=rf"X: has no column '{missing}'\. Its columns: "):
            from_memory(FRAME, columns)


def test_columns_are_chosen_and_left_out_by_name(tmp_path):
    content = "time,a,note,b,label\n1,1,x,3,0\n2,2,y,4,1\n"
    for roles, expected in (
        (replace(ROLES, columns=("b", "a")), ["b", "a"]),
        (replace(ROLES, columns=("b,a",)), ["b", "a"]),
        (replace(ROLES, ignored=("note",)), ["a", "b"]),
        (replace(ROLES, ignored=("b,note",)), ["a"]),
        (replace(ROLES, time_column=None, ignored=("note", "time")), ["a", "b"]),
    ):
        (tmp_path / "table.csv").write_text(content)
        table = read_channels(tmp_path / "table.csv", roles)
        assert table.columns == expected
        for name, column in zip(expected, table.series[0].values.T, strict=True):
            assert column.tolist() == {"a": [1, 2], "b": [3, 4]}[name]
    for roles, message in (
        (ROLES, r"row 2, column 'note': must be a finite number\. Got 'x'\. --ignore-columns leaves"),
        (replace(ROLES, columns=("c",)), r"has no column 'c'\. Its columns: time, a, note, b, label\."),
        (replace(ROLES, ignored=("a,z",)), r"has no column 'z'\."),
        (replace(ROLES, columns=("label", "a")), r"column 'label' must not be a column of names, times or"),
        (replace(ROLES, ignored=("a", "b", "note")), r"has no column to read"),
    ):
        with pytest.raises(InputError, match=rf"table\.csv: {message}"):
            read_channels(tmp_path / "table.csv", roles)
    with pytest.raises(InputError, match=r"X: columns to ignore need names\. Got an array\."):
        channels_from_memory(np.zeros((4, 2)), replace(ROLES, ignored=("a",)))


def test_a_name_with_a_comma_is_one_column(tmp_path):
    (tmp_path / "table.csv").write_text('"x,y",x,y\n1,2,3\n')
    assert read_channels(tmp_path / "table.csv", replace(ROLES, columns=("x,y",))).columns == ["x,y"]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("is_fraud", [0, 1, 1], True),
        ("Anomaly", [0, 0, np.nan], True),
        ("changepoint", [1.0, 0.0, 0.0], True),
        ("anomaly_score", [0.2, 1, 0], False),
        ("pump", [0, 1, 0], False),
    ],
)
def test_labels_are_recognised_by_name_and_values(name, values, expected):
    assert label_columns([name], np.array(values)[:, None]) == [name] * expected


def test_constant_columns_are_named():
    values = np.array([[1, np.nan, np.nan, 2], [1, 3, np.nan, 3.0]])
    assert constant_columns("abcd", values) == ["a", "b"]


@pytest.mark.parametrize(
    ("column", "got"),
    [
        (pl.Series([datetime(2024, 1, 1)] * 3), r"datetime.*Name a column of times by --time-column"),
        (pl.Series(["1", "2", "x"]), "'x'"),
        (pl.Series(["1", "2", "3"], dtype=pl.Categorical), "'1'"),
    ],
)
def test_a_column_of_something_else_is_refused(tmp_path, column, got):
    frame = FRAME.with_columns(c=column)
    frame.write_parquet(tmp_path / "table.parquet")
    with pytest.raises(InputError, match=rf"X: row \d, column 'c': must be a finite number\. Got {got}"):
        from_memory(frame)
    with pytest.raises(InputError, match=r"table\.parquet: row \d, column 'c': must be a finite number"):
        read_channels(tmp_path / "table.parquet", ROLES)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 2, 2)), r"X: must be \[rows, columns\]. Got \[2, 2, 2\]"),
        (np.zeros((0, 2)), r"X: must be \[rows, columns\]"),
        (3.0, r"X: must be \[rows, columns\]"),
        (["a", "b"], "X: must hold numbers"),
        (np.arange(3) * 1j, r"X: must hold numbers\. Got complex128"),
        (np.array(["2024"] * 3, "M8[D]"), r"X: must hold numbers\. Got datetime64"),
        ([np.zeros(3), np.array([0, np.inf])], r"X\[1\]: value at \[1, 0\] must be finite or NaN"),
        ([np.zeros((3, 2)), np.zeros((3, 1))], r"X\[1\] must have 2 columns\. Got 1"),
        ([], "X: "),
    ],
)
def test_what_is_no_series_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        from_memory(given)


def test_labelled_windows():
    series = Channels(
        "", ["2024-01-01 00:00", "2024-01-01 00:05", "2024-01-01 00:10"], np.zeros((3, 1), np.float32)
    )
    windows = [["2024-01-01 00:05:00.000000", "2024-01-01 00:10:00.000000"]]
    assert labelled(series, windows, "l").labels.tolist() == [False, True, True]
    assert labelled(series, [], "l").labels.tolist() == [False] * 3
    for wrong in ([["2024-01-01 00:05", "2025"]], [["2024-01-01 00:05"]], ["x"]):
        with pytest.raises(InputError, match=r"l: must hold pairs of times of the data\. Got "):
            labelled(series, wrong, "l")
    with pytest.raises(InputError, match=r"l: windows must be a list\. Got 3"):
        labelled(series, 3, "l")


def test_times_of_windows_need_not_be_written_like_those_of_the_rows():
    times = [f"{day}.2.2024 7:00" for day in (8, 9, 10, 11, 12)]
    series = Channels("", times, np.zeros((5, 1)))
    for windows in (
        [["2024-02-09 07:00:00", "2024-02-11T07:00"]],
        [["9.2.2024 7:00", "11.2.2024 7:00"]],
        [["2024-02-08 12:00", "2024-02-12 00:00"]],  # between rows
    ):
        assert labelled(series, windows, "l").labels.tolist() == [False, True, True, True, False]
    for empty in (["2024-02-09 08:00", "2024-02-09 09:00"], ["2024-02-11", "2024-02-09"]):
        with pytest.raises(InputError, match=r"l: must hold pairs of times of the data\. Got "):
            labelled(series, [empty], "l")
    numbered = Channels("", ["0", "1", "2"], np.zeros((3, 1)))
    assert labelled(numbered, [[1, 2]], "l").labels.tolist() == [False, True, True]


def test_the_day_comes_first_in_windows_as_it_does_in_the_rows(tmp_path):
    path = tmp_path / "pump.csv"
    path.write_text("timestamp,flow\n" + "".join(f"{day:02}/04/2023,{day}\n" for day in range(1, 21)))
    table = read_channels(path, Roles(None, "timestamp", "label"))
    found = labelled(table.series[0], [["03/04/2023", "05/04/2023"]], "l", Clock(form=table.form))
    assert np.flatnonzero(found.labels).tolist() == [2, 3, 4]


def test_columns_that_are_required_must_be_there(tmp_path):
    path = tmp_path / "pump.csv"
    path.write_text("day,flow\n2024-01-01,1\n2024-01-02,2\n")
    with pytest.raises(InputError, match=r"pump\.csv: has no column 'dya'; columns: day, flow"):
        read_channels(path, Roles(None, "dya", "label", required=("dya",)))


def test_saved_and_loaded(tmp_path):
    flags = np.array([True, False])
    series = [
        Channels("ä", ["1", "2"], np.array([[1, np.nan], [2, 3]], np.float32), flags),
        Channels("b", ["x"], np.array([[4, 5]], np.float32), flags[:1]),
    ]
    cuts = np.array([[1, 2], [1, 1]])
    save_channels(tmp_path / "c.npz", series, cuts)
    loaded, parts = load_channels(tmp_path / "c.npz", 2)
    assert np.array_equal(parts, cuts)
    for found, wanted in zip(loaded, series, strict=True):
        assert (found.name, found.times) == (wanted.name, wanted.times)
        np.testing.assert_array_equal(found.values, wanted.values)
        assert found.labels.tolist() == wanted.labels.tolist()
    save_channels(tmp_path / "c.npz", [Channels("", ["0"], np.zeros((1, 2), np.float32))], cuts[1:])
    assert load_channels(tmp_path / "c.npz", 2)[0][0].labels is None


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros((3, 3), np.float32)},
        {"values": np.zeros((3, 2), np.int64)},
        {"values": np.full((3, 2), np.inf, np.float32)},
        {"lengths": np.array([2, 2])},
        {"lengths": np.array([4, -1])},
        {"lengths": np.array([1.0, 2.0])},
        {"names": np.array(["a"])},
        {"times": np.array(["a"])},
        {"labels": np.zeros(3)},
        {"cuts": np.array([[1, 1]])},
        {"cuts": np.array([[0, 1], [1, 1]])},
        {"cuts": np.array([[2, 1], [1, 1]])},
        {"cuts": np.array([[1, 3], [1, 1]])},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_no_training_left_is_refused(tmp_path, change):
    good = {
        "values": np.zeros((3, 2), np.float32),
        "lengths": np.array([2, 1]),
        "names": np.array(["a", "b"]),
        "times": np.array(["1", "2", "3"]),
        "cuts": np.array([[1, 2], [1, 1]]),
    }
    path = tmp_path / "c.npz"
    np.savez(path, **good)
    assert len(load_channels(path, 2)[0]) == 2
    np.savez(path, **good | change)
    with pytest.raises(InputError, match=r"c\.npz: must hold series of 2 columns, as written by training"):
        load_channels(path, 2)
    np.savez(path, **{name: value for name, value in good.items() if name not in change}, x=0)
    if "labels" not in change:
        with pytest.raises(InputError, match=rf"has no array '{next(iter(change))}'"):
            load_channels(path, 2)


def test_the_calendar_by_hand():
    (morning, noon) = (
        np.array([time], "datetime64[s]").astype(float) for time in ("2024-07-01T06", "2024-07-03T12")
    )
    assert calendar_features(morning, "day")[0] == pytest.approx([1, 0], abs=1e-12)
    # noon of a Wednesday: half a day, and two and a half of seven
    week = 2 * np.pi * 2.5 / 7
    assert calendar_features(noon, "week")[0] == pytest.approx([0, -1, np.sin(week), np.cos(week)], abs=1e-12)
    assert calendar(["2024-07-01"] * 3, "week", "t").shape == (3, 4)
    assert calendar(["x"] * 3, "none", "t").shape == (3, 0)
    with pytest.raises(
        InputError, match=r"t: --calendar needs times such as 2014-07-01 00:30:00\. Got 'noon'"
    ):
        calendar(["noon"], "day", "t")


def test_filling():
    nan = np.nan
    values = np.array([[nan, 1], [2, nan], [nan, nan], [3, 4]], np.float32)
    assert filled(values).tolist() == [[0, 1], [2, 1], [2, 1], [3, 4]]
