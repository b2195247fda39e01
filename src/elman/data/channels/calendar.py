"""Times of rows as a detector reads them: their order, and features of the time of day and of the week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.series.time_forms import TimeForm
from elman.data.series.times import AmbiguousTimes, Times, read_times
from elman.errors import InputError

CALENDARS = {"none": 0, "day": 2, "week": 4}
"""Number of features of each kind of calendar."""
_DAY = 86400
_THURSDAY = 3  # weekday of 1 January 1970


@dataclass(frozen=True)
class Clock:
    """How the times of rows are read.

    Attributes:
        time_format: see ``read_times``; None: found from the times.
        form: how the times of training were written; None: unknown.
    """

    time_format: str | None = None
    form: TimeForm | None = None

    def read(self, times: "pl.Series", source: Path) -> Times:
        """Reads a column; raises InputError, of which AmbiguousTimes shows several readings."""
        return read_times([(times, source)], self.time_format, form=self.form, fractions=True)

    def local(self, times: Sequence[str], source: Path) -> np.ndarray:
        """Returns dates in seconds of local time since 1970 [N]; raises InputError for other times."""
        if self.time_format is None and all(str(time)[4:5] == "-" for time in times):
            try:  # fast, and forms of ISO 8601 may be mixed
                moments = [datetime.fromisoformat(str(time)).replace(tzinfo=None) for time in times]
                return np.array(moments, "datetime64[us]").astype(np.int64) / 10**6
            except ValueError:
                pass
        found = self.read(pl.Series("time", list(map(str, times)), pl.String), source)
        if found.integers:
            raise InputError(f"{source}: times must be dates. Got {shown(times[0])}.")
        return found.local


UNKNOWN = Clock()
"""Nothing said: the times themselves show how they are read."""


def calendar_features(seconds: np.ndarray, kind: str) -> np.ndarray:
    """Returns sine and cosine of the time of day and, for ``week``, of the time of the week.

    Shapes:
        seconds of local time since 1970 [N] → [N, F] float64
    """
    whole = np.floor(seconds).astype(np.int64)
    day = whole % _DAY / _DAY
    turns = [day] if kind == "day" else [day, ((whole // _DAY + _THURSDAY) % 7 + day) / 7]
    waves = [f(2 * np.pi * turn) for turn in turns for f in (np.sin, np.cos)]
    return np.stack(waves, axis=1)


def calendar(times: Sequence[str], kind: str, source: str, clock: Clock = UNKNOWN) -> np.ndarray:
    """Returns ``calendar_features`` of each row [N, F] float32; raises InputError for an invalid time."""
    if kind == "none":
        return np.zeros((len(times), 0), np.float32)
    try:
        return calendar_features(clock.local(times, Path(source)), kind).astype(np.float32)
    except AmbiguousTimes:
        raise
    except InputError:
        bad = next((time for time in times if not _is_date(time, clock)), times[0])
        raise InputError(
            f"{source}: --calendar needs times such as 2014-07-01 00:30:00. Got {shown(bad)}."
        ) from None


def _is_date(time: str, clock: Clock) -> bool:
    """Whether one time can be read as a date."""
    try:
        clock.local([time], Path())
    except AmbiguousTimes:
        return True
    except InputError:
        return False
    return True
