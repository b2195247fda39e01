"""Sequences from tables and arrays: right, or refused in a line that names file, row, column and value."""

import numpy as np
import polars as pl
import pytest

from elman.data.sequences import Sequences, read_sequences, sequences_from_arrays
from elman.errors import InputError

TABLE = """unique_id,ds,a,b,y
B,2,30,-3,0.5
A,3,3,.5,7
B,1,20,-2,0.5
A,1,1,1e2,7
A,2,2,0,7
"""
ONE_ROW = "unique_id,ds,a,y\nA,1,{},{}\n"


def read(path, with_target=True, **columns: str) -> Sequences:
    names = {"id_column": "unique_id", "time_column": "ds", "target_column": "y"} | columns
    return read_sequences(path, **names, with_target=with_target)


def written(folder, content, name="data.csv"):
    path = folder / name
    if isinstance(content, dict):
        np.savez(path, **content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def check(found: Sequences) -> None:
    """That this is TABLE: sequences in the order in which they first occur, steps in the order of time."""
    assert found.ids == ["B", "A"]
    assert (found.features, found.outputs) == (["a", "b"], ["y"])
    assert found.lengths.tolist() == [2, 3]
    assert found.inputs.tolist() == [[[20, -2], [30, -3], [0, 0]], [[1, 100], [2, 0], [3, 0.5]]]
    assert found.targets.tolist() == [[0.5], [7]]
    assert {found.inputs.dtype, found.targets.dtype} == {np.dtype(np.float64)}


def test_a_table_of_sequences(tmp_path):
    path = written(tmp_path, TABLE)
    check(read(path))
    pl.read_csv(path).write_parquet(tmp_path / "data.parquet")
    check(read(tmp_path / "data.parquet"))


def test_columns_go_by_the_names_given(tmp_path):
    text = TABLE.replace("unique_id,ds,a,b,y", "series,hour,a,b,price")
    found = read(written(tmp_path, text), id_column="series", time_column="hour", target_column="price")
    assert found.outputs == ["price"]
    assert found.inputs[0].tolist() == [[20, -2], [30, -3], [0, 0]]


def test_without_a_time_the_order_of_the_rows_counts(tmp_path):
    found = read(written(tmp_path, "unique_id,a,y\nA,5,1\nB,6,2\nA,4,1\n"))
    assert found.inputs[:, :, 0].tolist() == [[5, 4], [6, 0]]


@pytest.mark.parametrize("times", ["2024-02-01,2024-01-31", "b,a", "2.5,-1"])
def test_times_may_be_dates_texts_or_numbers(tmp_path, times):
    later, earlier = times.split(",")
    found = read(written(tmp_path, f"unique_id,ds,a,y\nA,{later},2,0\nA,{earlier},1,0\n"))
    assert found.inputs[0, :, 0].tolist() == [1, 2]


def test_numbers_may_turn_fractional_far_down(tmp_path):
    rows = [f"{n},1,2" for n in range(300)]
    found = read(written(tmp_path, "\n".join(["unique_id,a,y", *rows, "300,0.5,2"])))
    assert found.inputs[:, 0, 0].tolist() == [1] * 300 + [0.5]


def test_where_no_target_is_wanted_the_column_is_ignored(tmp_path):
    for text in (TABLE, TABLE.replace("0.5\n", "unknown\n"), TABLE.replace(",y", ",z")):
        found = read(written(tmp_path, text), with_target=False)
        assert found.targets is None
        assert found.outputs == []
        assert found.features == (["a", "b", "z"] if ",z" in text else ["a", "b"])


ARRAYS = {"x": np.arange(12.0).reshape(2, 3, 2), "y": np.array([1.0, 2.0]), "lengths": np.array([3, 1])}


def test_arrays_in_a_file(tmp_path):
    found = read(written(tmp_path, ARRAYS, "data.npz"))
    assert found.inputs.tolist() == [[[0, 1], [2, 3], [4, 5]], [[6, 7], [0, 0], [0, 0]]]
    assert found.lengths.tolist() == [3, 1]
    assert found.targets.tolist() == [[1], [2]]
    assert (found.ids, found.features, found.outputs) == (["0", "1"], ["x0", "x1"], ["y"])
    assert read(written(tmp_path, {"x": ARRAYS["x"]}, "x.npz"), with_target=False).targets is None


def test_arrays_in_memory():
    found = sequences_from_arrays([[1, 2], [3, np.nan]], [[1, 2, 3], [4, 5, 6]], [2, 1])
    assert found.inputs.tolist() == [[[1], [2]], [[3], [0]]]  # what is past the end may be anything
    assert found.outputs == ["y0", "y1", "y2"]
    assert found.lengths.dtype == np.int64
    rows = found.rows(np.array([1]))
    assert (rows.ids, rows.lengths.tolist(), rows.targets.tolist()) == (["1"], [1], [[4, 5, 6]])
    assert len(rows) == 1


TIME_HINT = (
    "row 2, column 'a': must be a finite number. Got '2024-01-01 00:00:00'. "
    "Name a column of times by --time-column."
)
TABLES = [
    ("", "has no rows"),
    ("unique_id,a,y\n", "has no rows"),
    (bytes(range(256)), "line 3: text must be UTF-8. Byte 128 is 0x80"),
    (b"unique_id,a,y\nA,\xe9,3\n", "line 2: text must be UTF-8. Byte 16 is 0xE9"),
    ("unique_id,a,y\nA,1,2,3\n", "line 2: must have 3 cells, like the header. Got 4."),
    ('unique_id,a,y\nA,1,2\nB,"1,2\nC,1,2\n', "row 3, column 'a': must be a finite number. Got '\"1'."),
    (ONE_ROW.format("2024-01-01 00:00:00", 1), TIME_HINT),
    ("id,a,y\nA,1,2\n", "has no column 'unique_id'; columns: id, a, y"),
    ("unique_id,a\nA,1\n", "has no column 'y'; columns: unique_id, a"),
    ("unique_id,ds,y\nA,1,2\n", "has no column to read. Its columns: unique_id, ds, y."),
    (ONE_ROW.format("x", 1), "row 2, column 'a': must be a finite number. Got 'x'."),
    (ONE_ROW.format("", 1), "row 2, column 'a': must be a finite number. Got None."),
    (ONE_ROW.format("nan", 1), "row 2, column 'a': must be a finite number. Got 'nan'."),
    (ONE_ROW.format("1e39", 1), "row 2, column 'a': must be in [-3.4e+38, 3.4e+38]. Got '1e39'."),
    (ONE_ROW.format(1, "-inf"), "row 2, column 'y': must be a finite number. Got '-inf'."),
    ("unique_id,a,y\nA,1,1\nB,2,2\n" + "B,3,2\n" * 200 + "B,?,2\n", "row 204, column 'a': "),
    ("unique_id,a,y\nA,1,1\n,2,2\n", "row 3, column 'unique_id': must not be empty"),
    ("unique_id,ds,a,y\nA,1,1,1\nB,,2,2\n", "row 3, column 'ds': must not be empty"),
    ("unique_id,ds,a,y\nA,2,1,1\nB,2,1,1\nA,2,1,1\n", "row 4: unique_id 'A' has ds 2 twice"),
    (
        "unique_id,ds,a,y\nB,1,1,5\nA,1,1,1.5\nA,2,1,2\n",
        "row 4: y must be the same in every row of unique_id 'A'. Got 2 and 1.5.",
    ),
]


@pytest.mark.parametrize(("content", "message"), TABLES)
def test_a_bad_table_is_refused(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


FILES = [
    ("data.txt", "x", "has no rows"),
    (
        "data.png",
        "x",
        "must end in .csv, .tsv, .tab, .psv, .jsonl, .ndjson, .parquet, .xlsx, .json, .npz, .ts. Got '.png'.",
    ),
    ("data.parquet", "x", "cannot be read: "),
    ("data.jsonl", '{"a": 1}\n{"a":\n', "line 2: must be a JSON object. Got '{\"a\":'."),
    ("data.jsonl", b'{"a": "\xe9"}\n', "line 1: text must be UTF-8. Byte 7 is 0xE9"),
    ("data.npz", b"", "is not an .npz archive"),
    ("data.npz", b"\x93NUMPY", "is not an .npz archive"),
    ("data.npz", {"z": np.ones(1)}, "has no array 'x'; arrays: z"),
    ("data.npz", {"x": ARRAYS["x"]}, "has no array 'y'; arrays: x"),
    (
        "data.npz",
        ARRAYS | {"x": np.array([[{}]] * 2)},
        "array 'x' must hold numbers or texts. Got Python objects.",
    ),
    ("data.npz", ARRAYS | {"x": np.array([["1"]])}, "x: must hold numbers. Got <U1."),
    ("data.npz", ARRAYS | {"x": np.ones((2, 3)) * 1j}, "x: must hold numbers. Got complex128."),
    (
        "data.npz",
        ARRAYS | {"x": np.array([[1, np.inf, 0]] * 2)},
        "x: value at [0, 1, 0] must be finite. Got inf.",
    ),
    ("data.npz", ARRAYS | {"lengths": np.array([4, 1])}, "x: lengths must be 2 ints in [1, 3]. Got [4, 1]."),
]


@pytest.mark.parametrize(("name", "content", "message"), FILES)
def test_a_bad_file_is_refused(tmp_path, name, content, message):
    path = written(tmp_path, content, name)
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).random((20, 30)), y=np.zeros(20))
    content = bytearray(path.read_bytes())
    content[200:300] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"data\.npz: cannot be read"):
        read(path)
    with pytest.raises(InputError, match=r"missing\.npz: no such file"):
        read(tmp_path / "missing.npz")


X = np.ones((2, 3, 1))
CALLS = [
    ((np.ones(3),), "X: must be [sequences, steps, features], no axis of size 0. Got [3]."),
    ((np.ones((0, 3)),), "X: must be [sequences, steps, features], no axis of size 0. Got [0, 3, 1]."),
    (([["one"]],), "X: must hold numbers. Got <U3."),
    (([[None, {}]],), "X: must hold numbers: "),
    (([[1e39]],), "X: value at [0, 0, 0] must be in [-3.4e+38, 3.4e+38]. Got 1e+39."),
    ((X, [1, 2, 3]), "y: must be [2] or [2, outputs]. Got [3]."),
    ((X, np.ones((2, 1, 1))), "y: must be [2] or [2, outputs]. Got [2, 1, 1]."),
    ((X, np.ones((2, 0))), "y: must be [2] or [2, outputs]. Got [2, 0]."),
    ((X, [1, np.nan]), "y: value at [1] must be finite. Got nan."),
    ((X, [1, 2], [0, 3]), "X: lengths must be 2 ints in [1, 3]. Got [0, 3]."),
    ((X, [1, 2], [1.0, 3.0]), "X: lengths must be 2 ints in [1, 3]. Got [1.0, 3.0]."),
    ((X, [1, 2], [1]), "X: lengths must be 2 ints in [1, 3]. Got [1]."),
    ((X, [1, 2], [[1], [1, 2]]), "X: lengths: must be an array: "),
]


@pytest.mark.parametrize(("arguments", "message"), CALLS)
def test_bad_arrays_are_refused(arguments, message):
    with pytest.raises(InputError) as error:
        sequences_from_arrays(*arguments)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%d %B %Y", "%Y-%m-%d", "%-d/%-m/%Y %H:%M"])
def test_dates_order_the_steps_as_dates(tmp_path, form):
    days = np.arange("2024-01-25", "2024-03-05", dtype="datetime64[D]")
    order = np.random.default_rng(0).permutation(len(days))
    rows = [f"s,{days[k].astype('datetime64[s]').item().strftime(form)},{k},1" for k in order]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["unique_id,ds,x,y", *rows]) + "\n")
    assert read(path).inputs[0, :, 0].tolist() == list(range(len(days)))


def test_dates_with_two_readings_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("unique_id,ds,x,y\ns,01/02/2024,1,1\ns,05/01/2024,2,1\n")
    with pytest.raises(
        InputError, match=r"'ds': '01/02/2024' may be 1 February 2024 or 2 January 2024\. Write"
    ):
        read(path)
