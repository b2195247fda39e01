"""Converts data in memory (lists, arrays, tensors, columns of frames) to NumPy arrays."""

from typing import Any

import numpy as np

from elman.config import require
from elman.data.scale import LARGEST
from elman.errors import InputError


def numbers(values: Any, source: str) -> np.ndarray:
    """Returns real numbers as float64; masked and missing values become NaN.

    Args:
        values: an array, nested lists, a tensor on any device or a list of tensors, a column or a frame.
        source: name for messages.

    Raises:
        InputError: the values are not an array of real numbers or bools.
    """
    if type(values) is np.ndarray and values.dtype == np.float64:  # fast path for a row of a stream
        return np.ascontiguousarray(values) if values.ndim else values
    raw = array(values, source)
    if raw.dtype.kind not in "biufO":
        raise InputError(f"{source}: must hold numbers. Got {raw.dtype}.")
    if raw.dtype.kind == "O" and any(isinstance(value, str | bytes) for value in raw.flat):
        raise InputError(f"{source}: must hold numbers. Got texts.")
    try:
        return np.asarray(raw, dtype=np.float64, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{source}: must hold numbers: {str(error).splitlines()[0]}") from None


def padded(values: Any, source: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns sequences of unlike length as one array, padded with 0, and their lengths.

    Args:
        values: a list (or an array of objects) of arrays, lists, tensors or frames, [T, I] or [T] each.
        source: name for messages.

    Returns:
        (values [N, T, I], lengths [N]); None for anything else, also for sequences of equal length.

    Raises:
        InputError: a sequence does not hold numbers, is empty, or has another number of features.
    """
    if getattr(getattr(values, "dtype", None), "kind", "") == "O" and len(values.shape) == 1:
        values = list(values)
    if not isinstance(values, list | tuple) or not all(_is_sequence(item) for item in values):
        return None
    if len({len(item) for item in values}) < 2:
        return None
    items = [numbers(item, f"{source}[{k}]") for k, item in enumerate(values)]
    items = [item[:, None] if item.ndim == 1 else item for item in items]
    width = items[0].shape[-1]
    for k, item in enumerate(items):
        if item.ndim != 2 or item.shape[1] != width or not len(item):
            raise InputError(f"{source}[{k}]: must be [steps, {width}]. Got {list(item.shape)}.")
    lengths = np.array([len(item) for item in items])
    result = np.zeros((len(items), int(lengths.max()), width))
    for row, item in zip(result, items, strict=True):
        row[: len(item)] = item
    return result, lengths


def _is_sequence(item: Any) -> bool:
    return isinstance(item, list | tuple) or is_array(item)


def check_finite(values: np.ndarray, source: str, *, missing: bool = False) -> None:
    """Raises InputError unless all numbers are finite and in the range of float32.

    Args:
        values: result of ``numbers``.
        source: name for messages.
        missing: whether NaN is allowed.
    """
    fits = np.abs(values) <= LARGEST
    if missing:
        fits |= np.isnan(values)
    if not fits.all():
        place = tuple(np.argwhere(~fits)[0].tolist())
        rule = "finite or NaN" if missing else "finite"
        if np.isfinite(values[place]):
            rule = f"in [-{LARGEST}, {LARGEST}]"
        raise InputError(f"{source}: value at {list(place)} must be {rule}. Got {values[place]}.")


def check_weights(weights: Any, number: int, name: str = "sample_weight") -> np.ndarray:
    """Returns the weights of N examples as float64 [N].

    Args:
        weights: what the user gave.
        number: N.
        name: of the argument, for messages.

    Raises:
        InputError: they are not N finite numbers from 0 on, or their sum is 0.
    """
    try:
        values = np.asarray(weights, np.float64)
    except (ValueError, TypeError):
        values = np.full(0, np.nan)
    fits = values.shape == (number,) and bool(np.isfinite(values).all()) and values.min(initial=0) >= 0
    rule = f"{number} finite numbers from 0 on, one for each example, not all zero"
    require(name, fits and values.sum() > 0, rule, weights)
    return values


def array(values: Any, source: str) -> np.ndarray:
    """Converts an array-like to an array of its own type; raises InputError if that fails."""
    if hasattr(values, "toarray"):
        raise InputError(
            f"{source}: must be dense, not sparse; toarray() makes it so. Got {type(values).__name__}."
        )
    try:
        if isinstance(values, list | tuple) and any(hasattr(item, "dtype") for item in values):
            values = [_plain(item) for item in values]
        return np.asarray(_plain(values))
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: must be an array: {str(error).splitlines()[0]}") from None


def is_array(values: Any) -> bool:
    """Whether this is an array, tensor, column or frame with at least one axis, not a list or number."""
    return bool(getattr(values, "shape", ()))


def is_frame(values: Any) -> bool:
    """Whether this has named columns, as polars and pandas frames have."""
    return is_array(values) and hasattr(values, "columns")


def _plain(values: Any) -> Any:
    """Converts what NumPy would misread: tensors, masked arrays, columns with missing values."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        # NumPy has no bfloat16
        return (values.double() if values.is_floating_point() else values).numpy()
    if getattr(getattr(values, "dtype", None), "kind", "O") not in "biuf":
        return values
    if np.ma.is_masked(values):
        return values.astype(np.float64).filled(np.nan)
    if hasattr(values, "isna") and values.isna().any():
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values
