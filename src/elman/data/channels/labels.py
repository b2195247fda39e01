"""Which rows are labelled as anomalies."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from elman.config import read_json, shown
from elman.data.channels.channels import Channels
from elman.errors import InputError


def windows_of(labels: Path, data: Path) -> object:
    """What a JSON file of labelled windows holds for a file of data, which it names by the end of its path.

    Raises:
        InputError: nothing for that file.
    """
    found, parts = read_json(labels), data.resolve().parts
    for name, windows in found.items() if isinstance(found, dict) else ():
        own = Path(name).parts
        if own and parts[-len(own) :] == own:
            return windows
    raise InputError(f"{labels}: has no windows for {data}")


def labelled(series: Channels, windows: object, source: str) -> Channels:
    """The series with the rows of labelled windows marked.

    Args:
        series: its times are compared as text, so they must be written as the windows' are.
        windows: [[first time, last time], …]; what the windows' times have more at their ends is cut off, as
            NAB's "2014-04-10 07:15:00.000000" has.
        source: the file of labels, for messages.

    Raises:
        InputError: no such list, or no row has such a time.
    """
    rows = {time: row for row, time in reversed(list(enumerate(series.times)))}
    labels = np.zeros(len(series), dtype=bool)
    width = max(map(len, series.times))
    if not isinstance(windows, list):
        raise InputError(f"{source}: windows must be a list. Got {shown(windows)}.")
    for window in windows:
        pair = window if isinstance(window, list) and len(window) == 2 else [None]
        found = [rows.get(str(time)[:width]) for time in pair]
        if None in found:
            raise InputError(f"{source}: must hold pairs of times that the data have. Got {shown(window)}.")
        labels[found[0] : found[1] + 1] = True  # type: ignore[operator]
    return replace(series, labels=labels)
