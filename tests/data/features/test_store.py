"""Float features on disk."""

import json
import os
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from elman.data.features import Features, write_features
from elman.errors import InputError


def items(number: int = 20, shape: tuple[int, ...] = (3,), seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    lengths = [*rng.integers(0, 9, number - 1), 2]
    return [rng.normal(size=(n, *shape)).astype(np.float32) for n in lengths]


@pytest.mark.parametrize("shape", [(3,), (1, 4, 5)])
def test_what_is_stored_is_read_again(tmp_path, shape):
    original = items(shape=shape)
    for features in (write_features(tmp_path / "x", original), Features(tmp_path / "x")):
        assert len(features) == 20
        assert features.shape == shape
        assert features.dtype == np.float32
        assert features.lengths.tolist() == [len(item) for item in original]
        for item, before in zip(features, original, strict=True):
            assert np.array_equal(item, before)
    assert np.array_equal(features[-1], original[-1])
    assert all(map(np.array_equal, features[3:7], original[3:7]))
    with pytest.raises(IndexError):
        features[20]
    assert os.listdir(tmp_path) == ["x"]


def test_an_item_may_come_in_pieces(tmp_path):
    original = items()
    pieces = ([item[:2], item[2:3], item[3:]] for item in original)
    features = write_features(tmp_path / "x", map(iter, pieces))
    assert all(map(np.array_equal, features, original))


def test_it_is_an_ordinary_safetensors_file(tmp_path):
    original = items()
    write_features(tmp_path / "x", original)
    loaded = load_file(tmp_path / "x")
    assert np.array_equal(loaded["values"], np.concatenate(original))
    save_file(loaded, tmp_path / "y")
    assert all(map(np.array_equal, Features(tmp_path / "y"), original))


def test_pictures_of_bytes_stay_bytes_and_floats_become_what_is_requested(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (4, 1, 2, 2)).astype(np.uint8)
    features = write_features(tmp_path / "x", [pictures])
    assert features[0].dtype == np.uint8
    assert np.array_equal(features[0], pictures)
    half = write_features(tmp_path / "y", [np.ones((2, 3))], np.float16)
    assert half[0].dtype == np.float16


def test_only_what_is_indexed_is_read(tmp_path):
    steps = np.zeros((1000, 1000), np.float32)
    features = write_features(tmp_path / "x", ([steps] for _ in range(10)))
    del steps
    tracemalloc.start()
    again = Features(tmp_path / "x")
    assert again[4].nbytes == 4_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000 < os.path.getsize(features.path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "at least one item"),
        ([[]], "at least one item"),
        ([np.ones(3)], r"item 0 must have shape .* Got \[3\]"),
        ([np.ones((2, 0))], r"item 0 must have shape .* Got \[2, 0\]"),
        ([np.ones((2, 3)), np.ones((2, 4))], r"item 1 must have steps of shape \[3\] .* Got \[4\]"),
        ([np.ones((2, 3)), np.ones((2, 3), np.uint8)], "item 1 must have steps .* in float32.* in uint8"),
        ([np.ones((2, 3), np.int64)], "item 0 must hold floats or uint8. Got int64"),
        ([np.ones((2, 3)), np.full((1, 3), np.nan)], "item 1 must hold finite numbers"),
        ([np.full((1, 3), 1e300)], "item 0 must hold finite numbers that fit float32"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_leaves_nothing(tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        write_features(tmp_path / "x", given)
    assert not os.listdir(tmp_path)


def test_a_failed_writing_leaves_the_old_file(tmp_path):
    original = items()
    write_features(tmp_path / "x", original)
    with pytest.raises(InputError):
        write_features(tmp_path / "x", [np.ones((2, 3)), np.ones((2, 4))])
    assert all(map(np.array_equal, Features(tmp_path / "x"), original))


# Files from anywhere


def stored(values: np.ndarray, lengths: np.ndarray, **others: np.ndarray) -> dict[str, np.ndarray]:
    return {"values": values, "lengths": lengths, **others}


FIVE = np.ones((5, 3), np.float32)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (stored(FIVE, np.array([2, 2])), "add up to 5 steps. Got 4"),
        (stored(FIVE, np.array([-1, 6])), "must be 0 or more"),
        (
            stored(FIVE, np.array([2**62, 2**62, 2**62, 2**62, 5])),
            "add up to 5 steps. Got 18446744073709551621",
        ),
        (stored(FIVE, np.array([], np.int64)), "at least one"),
        (stored(FIVE, np.array([5.0])), "lengths must be int64"),
        (stored(FIVE, np.array([[5]])), "lengths must be int64"),
        (stored(FIVE.astype(np.int64), np.array([5])), "values must be float32"),
        (stored(np.ones(5, np.float32), np.array([5])), "values must be float32"),
        (stored(np.ones((5, 0), np.float32), np.array([5])), "values must be float32"),
        (stored(FIVE, np.array([5]), more=FIVE), "must hold values and lengths"),
        ({"values": FIVE}, "must hold values and lengths"),
    ],
)
def test_a_file_of_other_content_is_refused(tmp_path, tensors, message):
    save_file(tensors, tmp_path / "x")
    with pytest.raises(InputError, match=message) as error:
        Features(tmp_path / "x")
    assert str(error.value).startswith(f"{tmp_path / 'x'}: ")


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "x"
    write_features(path, items())
    whole = path.read_bytes()
    header = json.loads(whole[8:1024])
    header["values"]["shape"][0] += 1
    longer = whole[:8] + json.dumps(header).encode().ljust(1016) + whole[1024:]
    for damaged in (b"", whole[:500], whole[:-1], whole + b"x", b"\xff" * 100, longer):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="not a safetensors file") as error:
            Features(path)
        assert str(error.value).startswith(f"{path}: ")
        assert "\n" not in str(error.value)


def test_what_is_no_ordinary_file_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(write_features(tmp_path / "x", items()).path)
    for path in (tmp_path / "missing", tmp_path, tmp_path / "link"):
        with pytest.raises(InputError, match=str(path)):
            Features(path)


def test_numbers_that_are_not_finite_are_refused_where_they_are_read(tmp_path):
    values = FIVE.copy()
    values[3, 1] = np.nan
    save_file(stored(values, np.array([2, 2, 1])), tmp_path / "x")
    features = Features(tmp_path / "x")
    assert np.array_equal(features[0], FIVE[:2])
    with pytest.raises(InputError, match="x: item 1 must hold finite numbers"):
        features[1]
