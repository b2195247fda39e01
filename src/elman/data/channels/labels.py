"""Labels of anomalies, from files of labelled windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from elman.config import read_json, shown
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


def labelled(series: Channels, windows: object, source: str) -> Channels:
    """Returns the series with the rows of labelled windows marked.

    Args:
        series: its times are compared as text, so they must have the same format as the windows' times.
        windows: [[first time, last time], …]. Longer times, such as NAB's "2014-04-10 07:15:00.000000", are
            cut to the length of the series' times.
        source: the file of labels, for messages.

    Raises:
        InputError: the list has another form, or no row has such a time.
    """
    rows = {time: row for row, time in reversed(list(enumerate(series.times)))}
    labels = np.zeros(len(series), dtype=bool)
    width = max(map(len, series.times))
    if not isinstance(windows, list):
        raise InputError(f"{source}: windows must be a list. Got {shown(windows)}.")
    for window in windows:
        pair = window if isinstance(window, list) and len(window) == 2 else [None]
        ends = [rows.get(str(time)[:width]) for time in pair]
        if None in ends:
            raise InputError(f"{source}: must hold pairs of times of the data. Got {shown(window)}.")
        labels[ends[0] : ends[1] + 1] = True  # type: ignore[operator]
    return replace(series, labels=labels)
