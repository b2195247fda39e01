"""Numbers from whatever holds them; what holds others is refused."""

import datetime

import numpy as np
import polars as pl
import pytest
import torch

from elman.data.read.arrays import check_finite, is_array, is_frame, numbers, padded
from elman.errors import InputError

NAN = float("nan")
HOLDERS = {
    "list": [1.5, None],
    "objects": np.array([1.5, None], object),
    "float32": np.array([1.5, NAN], np.float32),
    "masked": np.ma.masked_array([1.5, 2], [False, True]),
    "tensor": torch.tensor([1.5, NAN], requires_grad=True),
    "bfloat16": torch.tensor([1.5, NAN], dtype=torch.bfloat16),
    "tensors": [torch.tensor(1.5, requires_grad=True), torch.tensor(NAN)],
    "polars": pl.Series([1.5, None]),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_numbers_come_as_float64(holder):
    found = numbers(holder, "X")
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [1.5, np.nan])


@pytest.mark.parametrize("kind", ["float64", "Float64", "object"])
def test_columns_of_pandas_may_lack_some(kind):
    pd = pytest.importorskip("pandas")
    column = pd.Series([1.5, None], index=[7, 3], dtype=kind)
    np.testing.assert_array_equal(numbers(column, "X"), [1.5, np.nan])


def test_ints_and_bools_are_numbers_and_no_digit_is_lost():
    assert numbers([True, False], "X").tolist() == [1, 0]
    assert numbers(np.array([2**40 + 1]), "X").tolist() == [2**40 + 1]
    assert numbers(torch.tensor([[1, 2]]), "X").tolist() == [[1, 2]]
    assert numbers(3, "X").shape == ()
    masked = [np.ma.masked_array([1, 2], [True, False]), np.ma.masked_array([3, 4])]
    np.testing.assert_array_equal(numbers(masked, "X"), [[np.nan, 2], [3, 4]])


OTHERS = {
    "complex": (np.ones(2) * 1j, "must hold numbers. Got complex128."),
    "masked complex": (np.ma.masked_array([1j, 2], [True, False]), "must hold numbers. Got complex128."),
    "dates": (np.array(["2024"], "M8[D]"), "must hold numbers. Got datetime64[D]."),
    "spans": (np.array([1], "m8[D]"), "must hold numbers. Got timedelta64[D]."),
    "a date": ([datetime.date(2024, 1, 1)], "must hold numbers: "),
    "texts": (["1"], "must hold numbers. Got <U1."),
    "objects": (np.array(["1", 2], object), "must hold numbers. Got texts."),
    "nothing": (None, ""),
    "a generator": ((k for k in [1]), "must hold numbers: "),
    "ragged": ([[1, 2], [3]], "must be an array: "),
    "complex tensor": (torch.tensor([1j]), "must hold numbers. Got complex64."),
}


@pytest.mark.parametrize(("given", "message"), OTHERS.values(), ids=OTHERS)
def test_what_holds_no_numbers_is_refused(given, message):
    if given is None:
        assert np.isnan(numbers(None, "X"))
        return
    with pytest.raises(InputError) as error:
        numbers(given, "X")
    assert str(error.value).startswith(f"X: {message}")
    assert "\n" not in str(error.value)


def test_finite_numbers():
    values = np.array([[1, NAN], [3, 3.4e38]])
    check_finite(values, "X", missing=True)
    for bad, missing, message in [
        (values, False, r"X: value at \[0, 1\] must be finite. Got nan."),
        (np.array([1, np.inf]), True, r"X: value at \[1\] must be finite or NaN. Got inf."),
        (np.array([1, -1e39]), True, r"X: value at \[1\] must be in \[-3.4e\+38, 3.4e\+38\]. Got -1e\+39."),
    ]:
        with pytest.raises(InputError, match=message):
            check_finite(bad, "X", missing=missing)


def test_what_is_an_array():
    pd = pytest.importorskip("pandas")
    frames = pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})
    for each in (np.zeros(1), torch.zeros(1), *frames, *(frame["a"] for frame in frames)):
        assert is_array(each)
    assert all(map(is_frame, frames))
    assert not is_frame(np.zeros((2, 2)))
    for each in ([1], (1,), 1.0, np.float64(1), torch.tensor(1.0), None, "ab"):
        assert not is_array(each)


def test_sequences_of_unlike_length_are_padded():
    ragged = [np.ones((2, 3)), np.full((1, 3), 2)]
    objects = np.empty(2, object)
    objects[:] = ragged
    for given in (ragged, [item.tolist() for item in ragged], objects, list(map(torch.tensor, ragged))):
        values, lengths = padded(given, "X")
        assert values[:, :, 0].tolist() == [[1, 1], [2, 0]]
        assert lengths.tolist() == [2, 1]
    assert padded([[1, 2], [3]], "X")[0].shape == (2, 2, 1)
    for other in (np.ones((2, 3)), ragged[:1], [1, 2], ["ab", "c"], 5):
        assert padded(other, "X") is None
    for bad, message in (
        ([np.ones((2, 3)), np.ones((1, 2))], r"X\[1\]: must be \[steps, 3\]"),
        ([[1], []], r"X\[1\]"),
    ):
        with pytest.raises(InputError, match=message):
            padded(bad, "X")
