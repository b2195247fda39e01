"""Features of the time of day and of the week."""

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from elman.config import shown
from elman.errors import InputError

CALENDARS = {"none": 0, "day": 2, "week": 4}
"""Number of features of each kind of calendar."""


def calendar_features(time: str, kind: str) -> list[float]:
    """Returns sine and cosine of the time of day and, for ``week``, of the time of the week.

    Raises:
        ValueError: the text is not an ISO 8601 time, such as 2014-07-01 00:30:00.
    """
    if kind == "none":
        return []
    at = datetime.fromisoformat(str(time))
    day = (at.hour * 3600 + at.minute * 60 + at.second) / 86400
    turns = [day] if kind == "day" else [day, (at.weekday() + day) / 7]
    return [f(2 * math.pi * turn) for turn in turns for f in (math.sin, math.cos)]


def calendar(times: Sequence[str], kind: str, source: str) -> np.ndarray:
    """Returns ``calendar_features`` of each row [N, F] float32; raises InputError for an invalid time."""
    features = np.empty((len(times), CALENDARS[kind]), np.float32)
    for row, time in enumerate(times):
        try:
            features[row] = calendar_features(time, kind)
        except ValueError:
            raise InputError(
                f"{source}: --calendar needs times such as 2014-07-01 00:30:00. Got {shown(time)}."
            ) from None
    return features
