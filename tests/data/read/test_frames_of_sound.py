"""Ready-made features: NumPy files and .mfc files of either byte order."""

import re

import numpy as np
import pytest

from elman.data.read.frames_of_sound import read_frames, read_many_frames
from elman.errors import InputError

X = np.arange(39.0, dtype=np.float32).reshape(3, 13)


@pytest.mark.parametrize("order", [">", "<"])
def test_a_sphinx_file_of_either_byte_order(tmp_path, order):
    path = tmp_path / "a.mfc"
    path.write_bytes(np.array([39], f"{order}i4").tobytes() + X.astype(f"{order}f4").tobytes())
    assert np.array_equal(read_frames(path), X)


def test_numpy_files(tmp_path):
    np.save(tmp_path / "a.npy", X.astype(np.float64))
    assert np.array_equal(read_frames(tmp_path / "a.npy"), X)
    np.savez(tmp_path / "a.npz", x=np.stack([X, X]), lengths=[2, 3], y=["yes", "no"])
    frames, texts = read_many_frames(tmp_path / "a.npz")
    assert [len(each) for each in frames] == [2, 3]
    assert texts == ["yes", "no"]
    np.savez(tmp_path / "b.npz", x=np.stack([X, X]))
    assert read_many_frames(tmp_path / "b.npz")[1] is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mfc", b"", "is empty"),
        ("a.mfc", b"\0\0\0", "must begin with the number of its values. Got 3 bytes"),
        ("a.mfc", np.array([39], ">i4").tobytes() + b"\0" * 80, "must begin with the number of its values"),
        ("a.mfc", np.array([2], ">i4").tobytes() + b"\0" * 8, "must hold 13 values for each frame. Got 2"),
        ("a.npy", b"x", "cannot be read"),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: {re.escape(message)}"):
        read_frames(tmp_path / name)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": X}, "must have an array x"),
        ({"x": X}, "x must be [N, T, I]. Got [3, 13]"),
        ({"x": X[None], "lengths": [4]}, "lengths must be 1 whole numbers in [0, 3]"),
        ({"x": X[None], "y": [1]}, "y must be 1 texts"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=re.escape(message)):
        read_many_frames(tmp_path / "a.npz")


def test_frames_must_be_finite_numbers(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0, np.nan]]))
    with pytest.raises(InputError, match=r"a\.npy: must hold finite numbers"):
        read_frames(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((0, 3)))
    with pytest.raises(InputError, match=r"must be numbers \[frames, features\]. Got \[0, 3\]"):
        read_frames(tmp_path / "a.npy")
