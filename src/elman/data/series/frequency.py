"""Frequencies: convert times to step numbers and back, and compute calendar features.

A time is an int64: seconds since 1970 if ``ds`` holds dates or date-times, the number itself if it holds
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
_NOTATION = re.compile(r"(\d*)(min|[smhHDBWMQYA]?)([SE]?)(?:-[A-Z]{3})?")


@dataclass(frozen=True)
class Frequency:
    """The interval between the steps of a series.

    Attributes:
        unit: "" (integers), s, min, h, D, B (business day), W, M, Q or Y.
        every: units between two steps.
        month_end: for M, Q and Y: whether steps are on the last day of a month, or all on the same day.
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
        """Whether a step is a day or longer, so that steps follow local time."""
        return self.unit in ("D", "B", "W", *_MONTHS)

    @property
    def seasons(self) -> tuple[int, ...]:
        """Usual seasonal periods in steps, the shortest first; (1,) if there is none."""
        whole = (m // self.every for m in _SEASONS.get(self.unit, ()) if m % self.every == 0)
        return tuple(m for m in whole if m > 1) or (1,)

    def steps(self, times: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts the steps from each start to each time.

        Args:
            times: [N].
            starts: [N] first time of the series of each time.

        Returns:
            (steps, fits), both [N]: whole steps, and whether the time is on the grid of its start.
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
        """Returns the times that are ``steps`` steps after the starts."""
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
        """Names of the K calendar features."""
        circles = self._circles(np.zeros(1, np.int64))
        return tuple(f"time of {circle}, {wave}" for wave in ("sine", "cosine") for circle in circles)

    def calendar(self, times: np.ndarray) -> np.ndarray:
        """Returns calendar features of each time: sine and cosine of the time of day, week, month and year.

        Only cycles that vary between steps are included: a monthly series has no time of day.

        Shapes:
            times [N] → [N, K] float32 in [−1, 1]; K is 0 for integers
        """
        circles = self._circles(times)
        if not circles:
            return np.zeros((len(times), 0), np.float32)
        angles = 2 * np.pi * np.stack(list(circles.values()), axis=1)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)

    def _circles(self, times: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the elapsed fraction of each cycle at each time, by the cycle's name."""
        if self.unit == "":
            return {}
        days = _days(times)
        year = days.astype("datetime64[Y]")
        length = ((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(np.float64)
        result = {"year": (days - year.astype("datetime64[D]")).astype(np.float64) / length}
        if self.unit not in _MONTHS and self.unit != "W":
            month = days.astype("datetime64[M]").astype("datetime64[D]")
            result["week"] = (days.astype(np.int64) + 3) % 7 / 7
            result["month"] = (days - month).astype(np.float64) / 31
        if self.unit in ("s", "min", "h"):
            result["day"] = times % _DAY / _DAY
        return result


def _days(times: np.ndarray) -> np.ndarray:
    return (times // _DAY).astype("datetime64[D]")


def _month(times: np.ndarray) -> np.ndarray:
    """Months since January 1970."""
    return _days(times).astype("datetime64[M]").astype(np.int64)


def parse_frequency(text: str, *, integers: bool) -> Frequency:
    """Parses a frequency: h, 15min, D, B, W, MS, ME, QS, Y, …, or a whole number.

    Args:
        text: in the notation of pandas and polars; M, Q and Y mean the same day of each month.
        integers: whether the times are integers; the frequency is then a whole number.

    Raises:
        InputError: the text is not a frequency, or not one for such times.
    """
    match = _NOTATION.fullmatch(text)
    every, unit, anchor = match.groups() if match else ("0", "", "")
    unit = {"H": "h", "A": "Y", "m": "min"}.get(unit, unit)
    number = int(every or 1)
    if not match or not text or (anchor and unit not in _MONTHS) or not 1 <= number <= 10**6:
        raise InputError(f"--freq must be s, min, h, D, B, W, M, Q or Y, or a whole number. Got {text!r}.")
    if integers != (unit == ""):
        rule = "a whole number if ds holds integers" if integers else "a unit of time if ds holds dates"
        raise InputError(f"--freq must be {rule}. Got {text!r}.")
    return Frequency(unit, number, anchor == "E")


def infer_frequency(times: np.ndarray, series: np.ndarray, *, integers: bool) -> Frequency:
    """Returns the most common frequency.

    Args:
        times: [N], sorted within each series, without duplicates.
        series: [N] series of each time; the rows of a series are contiguous.
        integers: whether the times are integers.

    Raises:
        InputError: no series has two rows.
    """
    gaps = np.diff(times)[np.diff(series) == 0]
    if not len(gaps):
        raise InputError("--freq is required if every series has a single row")
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
    """Returns the most common value."""
    unique, counts = np.unique(values, return_counts=True)
    return int(unique[counts.argmax()])
