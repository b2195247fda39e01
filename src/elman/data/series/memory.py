"""Series in memory as the rows of a frame: lists and dictionaries of arrays and columns."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.read.arrays import is_array, is_frame, numbers
from elman.data.series.panel import Columns
from elman.errors import InputError


def frame_of(data: Any, columns: Columns, name: str = "df") -> Any:
    """Returns series as a frame with a row for each step; a frame as it is.

    Args:
        data: a frame; a series: numbers [T], NaN where missing, or a column of pandas, whose index of dates
            is its times; or several of different lengths: a list, whose series are named by their columns or
            by their places from 0, or a dictionary by name.
        columns: names of the columns of names, times and targets.
        name: of the argument, for messages.

    Returns:
        A frame of polars, or of pandas if the times are an index of pandas. Times of arrays are 1, 2, 3, ….

    Raises:
        InputError: these are no series, a series is empty, or only some have dates.
    """
    if is_frame(data):
        return data
    series = list(_series_of(data, name))
    names = [key for key, _ in series]
    for key in names:
        if names.count(key) > 1:
            raise InputError(f"{name}: must have one series of each name. Got {key!r} twice.")
    dated = [_index_of(values) is not None for _, values in series]
    if any(dated) and not all(dated):
        raise InputError(
            f"{name}: all series must have dates, or none. {names[dated.index(False)]!r} has none."
        )
    targets = [_numbers(values, f"{name}[{key!r}]") for key, values in series]
    keys = [key for key, own in zip(names, targets, strict=True) for _ in own]
    flat = np.concatenate(targets)
    if all(dated):
        import pandas as pd  # who gives columns of pandas has it

        times = [moment for _, values in series for moment in _index_of(values)]
        return pd.DataFrame({columns.id: keys, columns.time: times, columns.target: flat})
    steps = np.concatenate([np.arange(1, len(own) + 1) for own in targets])
    return pl.DataFrame({columns.id: keys, columns.time: steps, columns.target: flat})


def _series_of(data: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yields the name and the values of each series."""
    rule = "a frame, a series of numbers [steps], or a list or dictionary of series"
    if isinstance(data, Mapping):
        items = [(str(key), values) for key, values in data.items()]
    elif isinstance(data, list | tuple) and any(_is_series(item) for item in data):
        items = [(_name_of(item) or str(number), item) for number, item in enumerate(data)]
    elif (isinstance(data, list | tuple) and data) or is_array(data):
        items = [(_name_of(data) or "0", data)]
    else:
        items = []
    if not items:
        raise InputError(f"{name} must be {rule}. Got {shown(data)}.")
    yield from items


def _is_series(item: Any) -> bool:
    return isinstance(item, list | tuple) or is_array(item)


def _name_of(values: Any) -> str:
    """Returns the name of a column; empty if it has none."""
    own = getattr(values, "name", None)
    return "" if own is None else str(own)


def _index_of(values: Any) -> Any:
    """Returns the dates in the index of a column of pandas; None if it has none."""
    index = getattr(values, "index", None)
    return index if hasattr(index, "tz") or hasattr(index, "freqstr") else None


def _numbers(values: Any, name: str) -> np.ndarray:
    """Returns a series as float64 [T]."""
    own = numbers(values.to_numpy() if isinstance(values, pl.Series) else values, name)
    if own.ndim == 2 and own.shape[1] == 1:
        own = own[:, 0]
    if own.ndim != 1 or not len(own):
        hint = " Columns beside the target need a frame." if own.ndim == 2 else ""
        raise InputError(
            f"{name}: must be numbers [steps], at least one. Got {shown(list(own.shape))}.{hint}"
        )
    return own
