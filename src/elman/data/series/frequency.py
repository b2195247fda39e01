"""The steps of time: from dates or integers to step numbers and back, and what the calendar says of them.

A time is an int64: seconds since 1970 where ``ds`` are dates or date-times, the number itself where they are
integers.
"""

import re
from dataclasses import dataclass

import numpy as np

from elman.errors import InputError

_SECONDS = {"": 1, "s": 1, "min": 60, "h": 3600, "D": 86400, "W": 604800}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_SEASONS: dict[str, tuple[int, ...]] = {
    "s": (60,),
    "min": (60, 1440),
    "h": (24, 168),
    "D": (7,),
    "B": (5,),
    "W": (52,),
    "M": (12,),
    "Q": (4,),
}
_DAY = 86400
_WRITTEN = re.compile(r"(\d*)(min|[smhHDBWMQYA]?)([SE]?)(?:-[A-Z]{3})?")


@dataclass(frozen=True)
class Frequency:
    """How far apart the steps of a series are.

    Attributes:
        unit: "" (integers), s, min, h, D, B (business day), W, M, Q or Y.
        every: units between two steps.
        month_end: of M, Q and Y: every step is the last day of a month; otherwise all share a day.
    """

    unit: str
    every: int = 1
    month_end: bool = False

    def __str__(self) -> str:
        if self.unit == "":
            return str(self.every)
        anchor = ("E" if self.month_end else "S") if self.unit in _MONTHS else ""
        return f"{'' if self.every == 1 else self.every}{self.unit}{anchor}"

    @property
    def by_days(self) -> bool:
        """Whether steps are of a day or longer, and so go by the clock on the wall."""
        return self.unit in ("D", "B", "W", *_MONTHS)

    @property
    def seasons(self) -> tuple[int, ...]:
        """Steps after which a pattern usually repeats, the shortest first; (1,) where nothing is usual."""
        whole = (m // self.every for m in _SEASONS.get(self.unit, ()) if m % self.every == 0)
        return tuple(m for m in whole if m > 1) or (1,)

    def steps(self, times: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts the steps from each start to each time.

        Args:
            times: [N].
            starts: [N] the first time of each one's series.

        Returns:
            (steps, fits), both [N]: whole steps, and whether the time lies on the grid that starts there.
        """
        if self.unit in _MONTHS:
            months = self.every * _MONTHS[self.unit]
            steps = (_month(times) - _month(starts)) // months
        elif self.unit == "B":
            days, first = _days(times), _days(starts)
            steps = np.busday_count(first, days) // self.every
            steps = np.where(np.is_busday(days) & np.is_busday(first), steps, -1)
        else:
            steps = (times - starts) // (self.every * _SECONDS[self.unit])
        return steps, self.after(starts, steps) == times

    def after(self, starts: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """The times this many steps after the starts."""
        if self.unit in _MONTHS:
            month = _month(starts) + steps * self.every * _MONTHS[self.unit]
            first = month.astype("datetime64[M]").astype("datetime64[D]")
            last = (month + 1).astype("datetime64[M]").astype("datetime64[D]") - 1
            own = _days(starts) - _days(starts).astype("datetime64[M]").astype("datetime64[D]")
            day = last if self.month_end else np.minimum(first + own, last)
            return day.astype(np.int64) * _DAY + starts % _DAY
        if self.unit == "B":
            days = np.busday_offset(_days(starts), steps * self.every, roll="forward")
            return days.astype(np.int64) * _DAY + starts % _DAY
        return starts + steps * self.every * _SECONDS[self.unit]

    @property
    def calendar_names(self) -> tuple[str, ...]:
        """Of the K features of the calendar."""
        circles = self._circles(np.zeros(1, np.int64))
        return tuple(f"time of {circle}, {wave}" for wave in ("sine", "cosine") for circle in circles)

    def calendar(self, times: np.ndarray) -> np.ndarray:
        """What the calendar says of each time, as points on circles: of the day, the week, the year.

        Only what changes from step to step: a monthly series has no hours.

        Shapes:
            times [N] → [N, K] float32 in [−1, 1]; K is 0 for integers
        """
        circles = self._circles(times)
        if not circles:
            return np.zeros((len(times), 0), np.float32)
        angles = 2 * np.pi * np.stack(list(circles.values()), axis=1)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)

    def _circles(self, times: np.ndarray) -> dict[str, np.ndarray]:
        """How much of each circle has passed at each time, by the circle's name."""
        if self.unit == "":
            return {}
        days = _days(times)
        year = days.astype("datetime64[Y]")
        length = ((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(np.float64)
        found = {"year": (days - year.astype("datetime64[D]")).astype(np.float64) / length}
        if self.unit not in _MONTHS and self.unit != "W":
            month = days.astype("datetime64[M]").astype("datetime64[D]")
            found["week"] = (days.astype(np.int64) + 3) % 7 / 7
            found["month"] = (days - month).astype(np.float64) / 31
        if self.unit in ("s", "min", "h"):
            found["day"] = times % _DAY / _DAY
        return found


def _days(times: np.ndarray) -> np.ndarray:
    return (times // _DAY).astype("datetime64[D]")


def _month(times: np.ndarray) -> np.ndarray:
    """Months since January 1970."""
    return _days(times).astype("datetime64[M]").astype(np.int64)


def parse_frequency(text: str, *, integers: bool) -> Frequency:
    """The frequency that a user wrote: h, 15min, D, B, W, MS, ME, QS, Y, …, or a whole number.

    Args:
        text: as pandas and polars users write it; M, Q and Y mean the same day of each month.
        integers: whether the times are integers, for which the frequency is a whole number.

    Raises:
        InputError: it is none.
    """
    found = _WRITTEN.fullmatch(text)
    every, unit, anchor = found.groups() if found else ("0", "", "")
    unit = {"H": "h", "A": "Y", "m": "min"}.get(unit, unit)
    number = int(every or 1)
    if not found or not text or (anchor and unit not in _MONTHS) or not 1 <= number <= 10**6:
        raise InputError(f"--freq must be s, min, h, D, B, W, M, Q or Y, or a whole number. Got {text!r}.")
    if integers != (unit == ""):
        wanted = "a whole number where ds are integers" if integers else "a unit of time where ds are dates"
        raise InputError(f"--freq must be {wanted}. Got {text!r}.")
    return Frequency(unit, number, anchor == "E")


def infer_frequency(times: np.ndarray, series: np.ndarray, *, integers: bool) -> Frequency:
    """The frequency of most steps.

    Args:
        times: [N], sorted within each series, none of them twice.
        series: [N] whose time it is; the rows of a series stand together.
        integers: whether the times are integers.

    Raises:
        InputError: no series has two rows.
    """
    gaps = np.diff(times)[np.diff(series) == 0]
    if not len(gaps):
        raise InputError("--freq must be given where every series has a single row")
    usual = _most(gaps)
    if integers:
        return Frequency("", usual)
    month_end = bool((_month(times) != _month(times + _DAY)).all())
    days_of_month = _days(times) - _days(times).astype("datetime64[M]").astype("datetime64[D]")
    if usual >= 28 * _DAY and (month_end or len(np.unique(np.minimum(days_of_month, 28))) == 1):
        months = _most(np.diff(_month(times))[np.diff(series) == 0])
        unit = next(unit for unit in ("Y", "Q", "M") if months % _MONTHS[unit] == 0)
        return Frequency(unit, months // _MONTHS[unit], month_end)
    weekdays = np.is_busday(_days(times)).all() and len(gaps) > 4
    if usual == _DAY and weekdays and (gaps == 3 * _DAY).any():
        return Frequency("B")
    unit = next(unit for unit in ("W", "D", "h", "min", "s") if usual % _SECONDS[unit] == 0)
    return Frequency(unit, usual // _SECONDS[unit])


def _most(values: np.ndarray) -> int:
    """The value that occurs most often."""
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])
