"""Sequences in a row each, as the UCR archive has them."""

import logging
from pathlib import Path

import numpy as np
import pytest

from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled
from elman.data.labelled.files import read_labelled, resolved
from elman.data.sequence_rows import rows_of
from elman.data.sequences import Sequences, read_sequences
from elman.errors import InputError

VALUES = np.random.default_rng(0).normal(size=(12, 9)).round(4)


def write(
    folder: Path, labels: list, *, mark: str = "\t", last: bool = False, name: str = "X_TRAIN.tsv"
) -> Path:
    path = folder / name
    rows = [
        [*values, label] if last else [label, *values] for label, values in zip(labels, VALUES, strict=True)
    ]
    path.write_text("".join(mark.join(map(str, row)) + "\n" for row in rows))
    return path


def read(path: Path, **columns: object) -> tuple[str, Labelled]:
    found = resolved(path, Columns(**columns))
    return found.label, read_labelled(path, found)


@pytest.mark.parametrize("mark", ["\t", ",", ";"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("labels", [["1", "2"], ["walk", "run"], ["1.0000000e+00", "-1.0000000e+00"]])
def test_a_label_stands_at_one_end(tmp_path, mark, last, labels, caplog):
    caplog.set_level(logging.INFO, "elman")
    column, part = read(write(tmp_path, labels * 6, mark=mark, last=last, name="X.csv"))
    assert column == ("column_10" if last else "column_1")
    np.testing.assert_array_equal([item[:, 0] for item in part.items], VALUES)
    expected = {"1", "-1"} if "e+" in labels[0] else set(labels)
    assert {label for (label,) in part.labels} == expected
    assert f"a row is a sequence: {column} is its label (2 labels), the others its values" in caplog.text


@pytest.mark.parametrize(("name", "stem"), [("label", ""), ("target", "att"), ("V1", "V")])
def test_a_first_line_may_number_the_values(tmp_path, name, stem):
    path = write(tmp_path, ["a", "b"] * 6)
    names = [name, *(f'"{stem}{k}"' for k in range(2, 11))]
    path.write_text("\t".join(names) + "\n" + path.read_text())
    column, part = read(path)
    assert (column, len(part), part.places[0]) == ("column_1", 12, f"{path}: row 2")


def test_a_name_at_one_end_tells_which_holds_the_labels(tmp_path):
    path = tmp_path / "X.csv"
    rows = [[k % 2, *values[1:8], k % 3] for k, values in enumerate(VALUES)]
    lines = [
        ",".join(["x1", *(f"x{k}" for k in range(2, 9)), "class"]),
        *(",".join(map(str, row)) for row in rows),
    ]
    path.write_text("\n".join(lines))
    assert {label for (label,) in read(path)[1].labels} == {"0", "1", "2"}


def test_missing_values_at_the_end_shorten_a_row(tmp_path):
    path = write(tmp_path, ["1", "2"] * 6)
    lines = path.read_text().splitlines()
    lines[0] = "\t".join([*lines[0].split("\t")[:-2], "NaN", "NaN"])
    path.write_text("\n".join(lines))
    assert [len(item) for item in read(path)[1].items] == [7, *[9] * 11]
    lines[3] = lines[3].replace(lines[3].split("\t")[4], "?")
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"X_TRAIN\.tsv: row 4: value 4 is missing: write a number"):
        read(path)


def test_where_both_ends_may_be_labels_the_user_chooses(tmp_path):
    path = tmp_path / "X.csv"
    rows = [[k % 2, *values[1:8], k % 3] for k, values in enumerate(VALUES)]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    with pytest.raises(InputError, match=r"label: --label-column column_1 or --label-column column_9"):
        read(path)
    assert {label for (label,) in read(path, label="column_9")[1].labels} == {"0", "1", "2"}
    path.write_text(path.read_text().replace("\n0,", "\n,", 1))
    with pytest.raises(InputError, match=r"X\.csv: row 3, column 'column_1': must not be empty"):
        read(path, label="column_1")


def test_a_later_file_may_have_labels_or_not(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    trained = Columns(label="column_1", known=("1", "2"))
    part = read_labelled(write(tmp_path, ["2", "1"] * 6), trained, with_labels=False)
    assert part.items[0].shape == (9, 1)
    assert "column_1 holds labels, which are not read" in caplog.text
    path = tmp_path / "new.tsv"
    np.savetxt(path, VALUES, delimiter="\t")
    part = read_labelled(path, trained, with_labels=False)
    np.testing.assert_array_equal([item[:, 0] for item in part.items], VALUES)


def test_a_word_at_the_other_end_is_refused(tmp_path):
    path = write(tmp_path, ["walk", "run"] * 6)
    with pytest.raises(InputError, match=r"row 1: must be numbers but for column_10\. Got 'walk'"):
        read(path, label="column_10")


def test_steps_of_named_sequences_are_no_rows(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = tmp_path / "X.csv"
    rows = [[f"s{k // 3}", *values[:8], k // 6] for k, values in enumerate(VALUES)]
    lines = [",".join(map(str, row)) for row in rows]
    names = ["case", *(f"x{k}" for k in range(8)), "class"]
    for header in ([], [",".join(names)], [",".join(["unique_id", *names[1:]])]):
        path.write_text("\n".join([*header, *lines]))
        part = read(path, label="class")[1] if "unique_id" in str(header) else read(path)[1]
        assert [len(item) for item in part.items] == [3, 3, 3, 3]


@pytest.mark.parametrize(
    "content",
    [
        "1,2,3\n2,3,4\n",
        "a,b,c,d,e,f,g,h,i,j\n1,2,3,4,5,6,7,8,9,10\n",
        "x\t1,2,3,4,5,6,7,8,9\ny\t1,2,3,4,5,6,7,8,9\n",
        "pos\tit was 1, 2, 3, 4, 5, 6, 7, 8, 9 times\nneg\tno\n",
    ],
)
def test_other_files_have_no_such_rows(tmp_path, content):
    path = tmp_path / "X.txt"
    path.write_text(content)
    assert rows_of(path, Columns().reading) is None


def numbers(path: Path, *, with_target: bool, steps: int = 0) -> Sequences:
    return read_sequences(
        path,
        id_column="unique_id",
        time_column="ds",
        target_column="column_1",
        with_target=with_target,
        steps=steps,
    )


def test_numbers_to_predict(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    targets = VALUES.sum(1).round(3).tolist()
    path = write(tmp_path, targets)
    read = numbers(path, with_target=True)
    assert read.known_targets[:, 0].tolist() == targets
    np.testing.assert_array_equal(read.inputs[:, :, 0], VALUES)
    np.testing.assert_array_equal(numbers(path, with_target=False, steps=9).inputs[:, :, 0], VALUES)
    assert "column_1 is the number to predict, which is not read" in caplog.text
    np.testing.assert_array_equal(numbers(path, with_target=False, steps=10).inputs[:, 0, 0], targets)
