"""Sequences in the form of sktime and aeon."""

from pathlib import Path

import numpy as np
import pytest

from elman.data.labelled.columns import Columns
from elman.data.labelled.files import read_labelled
from elman.data.sequences import Sequences, read_sequences
from elman.errors import InputError

HEADER = """\
#A made problem.
#
@problemName Steps
@timeStamps false
@missing true
@univariate false
@equalLength false
"""
CLASSES = HEADER + "@classLabel true walk stand\n@data\n"
NUMBERS = HEADER + "@targetLabel true\n@data\n"


def write(folder: Path, content: str) -> Path:
    path = folder / "Steps_TRAIN.ts"
    path.write_text(content)
    return path


def numbers(path: Path, *, with_target: bool = True) -> Sequences:
    return read_sequences(
        path, id_column="unique_id", time_column="ds", target_column="y", with_target=with_target
    )


def test_cases_of_any_length_and_several_dimensions(tmp_path):
    path = write(tmp_path, CLASSES + "1,2.5,3:4,5,6e1:walk\n\n7,8:-9,1:stand\n1,2,?:3,4,NaN:walk\n")
    part = read_labelled(path, Columns())
    assert [item.tolist() for item in part.items] == [
        [[1, 4], [2.5, 5], [3, 60]],
        [[7, -9], [8, 1]],
        [[1, 3], [2, 4]],
    ]
    assert (part.labels, part.features) == ([("walk",), ("stand",), ("walk",)], ("x0", "x1"))
    assert part.places[1] == f"{path}: line 12"
    assert read_labelled(path, Columns(), with_labels=False).labels == [()] * 3


def test_numbers_of_cases(tmp_path):
    path = write(tmp_path, NUMBERS + "1,2,3:0.5\n4,5:-2\n")
    read = numbers(path)
    np.testing.assert_array_equal(read.known_targets, [[0.5], [-2]])
    np.testing.assert_array_equal(read.inputs[:, :, 0], [[1, 2, 3], [4, 5, 0]])
    assert read.lengths.tolist() == [3, 2]
    assert numbers(path, with_target=False).targets is None
    unlabelled = write(tmp_path, HEADER + "@classLabel false\n@data\n1,2,3\n4,5\n")
    assert numbers(unlabelled, with_target=False).lengths.tolist() == [3, 2]
    assert len(read_labelled(unlabelled, Columns(), with_labels=False)) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER, r"_TRAIN\.ts: has no line @data"),
        ("1,2:a\n@data\n", r"line 1: must begin with @ above the line @data\. Got '1,2:a'"),
        (CLASSES, "has no cases below the line @data"),
        (CLASSES + "1,2:run\n", r"line 10: the label must be one of walk, stand\. Got 'run'"),
        (CLASSES + "1,2:3:walk\n", r"line 10: its dimensions must have equally many values\. Got 1 and 2"),
        (CLASSES + "1,2:walk\n1:2:walk\n", r"line 11: must have 1 dimensions, .* Got 2"),
        (CLASSES + "1,x:walk\n", r"line 10, dimension 1: must be finite numbers .* Got 'x'"),
        (CLASSES + "1,inf:walk\n", r"line 10, dimension 1: must be finite numbers .* Got 'inf'"),
        (CLASSES + "1,?,3:walk\n", r"line 10, dimension 1: value 2 is missing: write a number"),
        (CLASSES + "(0,1),(1,2):walk\n", r"line 10: has time stamps, which are not read"),
        (CLASSES + "walk\n", r"line 10: must have values, a colon and a label"),
        (NUMBERS + "1,2:3\n", r"must have class labels\. Got numbers: elman train regression"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_labelled(write(tmp_path, content), Columns())


def test_numbers_are_not_labels(tmp_path):
    with pytest.raises(InputError, match=r"a number for each sequence\. Got class labels: elman train class"):
        numbers(write(tmp_path, CLASSES + "1,2:walk\n"))
    with pytest.raises(InputError, match=r"line 10: the target must be a number\. Got 'walk'"):
        numbers(write(tmp_path, NUMBERS + "1,2:walk\n"))
