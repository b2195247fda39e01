"""Numbers from whatever holds them in memory: lists, arrays, tensors, columns of frames."""

from typing import Any

import numpy as np

from elman.data.scale import LARGEST
from elman.errors import InputError


def numbers(values: Any, source: str) -> np.ndarray:
    """Real numbers as float64; NaN where one is masked or missing.

    Args:
        values: an array, nested lists, a tensor of any device or a list of tensors, a column or a frame.
        source: name for messages.

    Raises:
        InputError: no array, or another type than real numbers or bools.
    """
    if type(values) is np.ndarray and values.dtype == np.float64:  # a row of a stream, in a hurry
        return np.ascontiguousarray(values) if values.ndim else values
    found = array(values, source)
    if found.dtype.kind not in "biufO":
        raise InputError(f"{source}: must hold numbers. Got {found.dtype}.")
    if found.dtype.kind == "O" and any(isinstance(each, str | bytes) for each in found.flat):
        raise InputError(f"{source}: must hold numbers. Got texts.")
    try:
        return np.asarray(found, dtype=np.float64, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{source}: must hold numbers: {str(error).splitlines()[0]}") from None


def check_finite(values: np.ndarray, source: str, *, missing: bool = False) -> None:
    """Raises InputError unless all numbers are finite, and none is beyond what float32 holds.

    Args:
        values: what ``numbers`` gave.
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


def array(values: Any, source: str) -> np.ndarray:
    """Any array-like as an array of its own type; InputError where it is none."""
    try:
        if isinstance(values, list | tuple) and any(hasattr(each, "dtype") for each in values):
            values = [_plain(each) for each in values]
        return np.asarray(_plain(values))
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: must be an array: {str(error).splitlines()[0]}") from None


def is_array(values: Any) -> bool:
    """Whether this is an array, tensor, column or frame with an axis: no list and no number."""
    return bool(getattr(values, "shape", ()))


def is_frame(values: Any) -> bool:
    """Whether this has named columns, as frames of polars and pandas have."""
    return is_array(values) and hasattr(values, "columns")


def _plain(values: Any) -> Any:
    """What NumPy would misread, as what it reads: a tensor, masked values, a column that may lack some."""
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
