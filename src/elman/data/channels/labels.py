"""Labels of anomalies, from files of labelled windows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import read_json, shown
from elman.data.channels.calendar import UNKNOWN, Clock
from elman.data.channels.channels import Channels
from elman.errors import InputError


def windows_of(labels: Path, data: Path) -> object:
    """Returns the entry of a JSON file of labelled windows for a data file, named by the end of its path.

    Raises:
        InputError: there is no entry for that file.
    """
    entries, parts = read_json(labels), data.resolve().parts
    for name, windows in entries.items() if isinstance(entries, dict) else ():
        own = Path(name).parts
        if own and parts[-len(own) :] == own:
            return windows
    raise InputError(f"{labels}: has no windows for {data}")


def labelled(series: Channels, windows: object, source: str, clock: Clock = UNKNOWN) -> Channels:
    """Returns the series with the rows of labelled windows marked.

    Args:
        series: its times need not be written like the windows'; row numbers and other texts are compared as
            they are.
        windows: [[first time, last time], …]. A time that no row has stands for the next row within the
            window.
        source: the file of labels, for messages.
        clock: how the series' times are read.

    Raises:
        InputError: the list has another form, or there is no row in a window.
    """
    if not isinstance(windows, list):
        raise InputError(f"{source}: windows must be a list. Got {shown(windows)}.")
    for window in windows:
        if not (isinstance(window, list) and len(window) == 2 and None not in window):
            raise InputError(f"{source}: must hold pairs of times of the data. Got {shown(window)}.")
    ends = [str(time) for window in windows for time in window]
    labels = np.zeros(len(series), dtype=bool)
    if not ends:
        return replace(series, labels=labels)
    try:
        times, moments = clock.local(series.times, Path("times")), clock.local(ends, Path(source))
    except InputError:
        times, moments = np.array(series.times), np.array(ends)
    for window, (begin, end) in zip(windows, moments.reshape(-1, 2), strict=True):
        first, last = _row_of(times, begin, end), _row_of(times, end, begin)
        if first is None or last is None or first > last:
            raise InputError(f"{source}: must hold pairs of times of the data. Got {shown(window)}.")
        labels[first : last + 1] = True
    return replace(series, labels=labels)


def _row_of(times: np.ndarray, time: Any, towards: Any) -> int | None:
    """Returns the row of a time or, without one, the first row on the way towards another time, if any."""
    rows = np.flatnonzero(times == time)  # first, because rows may be out of order
    if not len(rows) and times.dtype.kind != "U":  # texts have no order
        low, high = sorted((time, towards))
        rows = np.flatnonzero((times >= low) & (times <= high))[:: 1 if time < towards else -1]
    return int(rows[0]) if len(rows) else None
