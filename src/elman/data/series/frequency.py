"""Frequencies: convert times to step numbers and back, and compute calendar features.

A time is an int64: seconds since 1970 if ``ds`` holds dates or date-times, the number itself if it holds
integers.
"""

import re
from dataclasses import dataclass, replace

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
    "SM": (24,),
    "M": (12,),
    "Q": (4,),
}
_WORDS = {  # one step of a unit, and several
    "s": ("every second", "seconds"),
    "min": ("every minute", "minutes"),
    "h": ("hourly", "hours"),
    "D": ("daily", "days"),
    "B": ("on business days", "business days"),
    "W": ("weekly", "weeks"),
    "SM": ("twice a month", "half months"),
    "M": ("monthly", "months"),
    "Q": ("quarterly", "quarters"),
    "Y": ("yearly", "years"),
}
_DAY = 86400
_LAST = 31  # day of the month that stands for the last
_HOLIDAYS = 4  # most days between a month's first or last business day and one that is no holiday
_USUALLY = 0.8  # least share of rows on business days that are no holiday
_NOTATION = re.compile(r"(\d*)(min|SM|B[MQYA]|[smhHDBWMQYA]?)([SE]?)(?:-([A-Z]{3}|\d\d?(?:-\d\d?)?))?")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True)
class Frequency:
    """The interval between the steps of a series.

    Attributes:
        unit: "" (integers), s, min, h, D, B (business day), W, SM (twice a month), M, Q or Y.
        every: units between two steps.
        days: for M, Q and Y: the day of the month of each step; empty: that of each series' first step. For
            SM: both days. A day that a month does not have is its last day, so 31 is always the last.
        business: for M, Q and Y: whether steps are on the first (days 1) or last (31) business day.
    """

    unit: str
    every: int = 1
    days: tuple[int, ...] = ()
    business: bool = False

    def __str__(self) -> str:
        unit, days = self.unit, self.days
        if unit == "":
            return str(self.every)
        if unit == "SM":
            unit += "S" if days == (1, 15) else "E" if days == (15, _LAST) else "-{}-{}".format(*days)
        elif unit in _MONTHS:
            anchor = {(): "S", (1,): "S", (_LAST,): "E"}.get(days) or f"-{days[0]}"
            unit = f"{'B' if self.business else ''}{unit}{anchor}"
        return f"{'' if self.every == 1 else self.every}{unit}"

    @property
    def words(self) -> str:
        """The steps in words, such as daily or every 15 minutes."""
        if self.unit == "":
            return f"steps of {self.every}"
        if self.every == 1:
            return _WORDS[self.unit][0]
        return f"every {self.every} {_WORDS[self.unit][1]}"

    @property
    def by_days(self) -> bool:
        """Whether a step is a day or longer, so that steps follow local time."""
        return self.unit in ("D", "B", "W", "SM", *_MONTHS)

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
            (steps, fits), both [N]: whole steps, and whether the time is on the grid of its start. The first
            or last business day of a month may be a holiday, so days close to it fit.
        """
        if self.unit in _MONTHS or self.unit == "SM":
            steps = (self._periods(times) - self._periods(starts)) // (self.every * _MONTHS.get(self.unit, 1))
        elif self.unit == "B":
            days, first = _days(times), _days(starts)
            steps = np.busday_count(first, days) // self.every
            steps = np.where(np.is_busday(days) & np.is_busday(first), steps, -1)
        else:
            steps = (times - starts) // (self.every * _SECONDS[self.unit])
        grid = self.after(starts, steps)
        if self.business:
            close = np.abs(times - grid) <= _HOLIDAYS * _DAY
            return steps, close & (_month(times) == _month(grid)) & (times % _DAY == grid % _DAY)
        return steps, grid == times

    def after(self, starts: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Returns the times that are ``steps`` steps after the starts."""
        if self.unit in _MONTHS or self.unit == "SM":
            period = self._periods(starts) + steps * self.every * _MONTHS.get(self.unit, 1)
            if self.unit == "SM":
                month, day = period // 2, np.array(self.days)[period % 2]
            else:
                month, day = period, np.array(self.days) if self.days else _day_of_month(starts)
            date = np.minimum(_first_day(month) + (day - 1), _first_day(month + 1) - 1)
            if self.business:
                date = np.busday_offset(date, 0, roll="backward" if self.days == (_LAST,) else "forward")
            return date.astype(np.int64) * _DAY + starts % _DAY
        if self.unit == "B":
            days = np.busday_offset(_days(starts), steps * self.every, roll="forward")
            return days.astype(np.int64) * _DAY + starts % _DAY
        return starts + steps * self.every * _SECONDS[self.unit]

    def _periods(self, times: np.ndarray) -> np.ndarray:
        """Returns the number of each time's month since January 1970; of its half of a month for SM."""
        month = _month(times)
        return 2 * month + (_day_of_month(times) > self.days[0]) if self.unit == "SM" else month

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
        if self.unit not in _MONTHS and self.unit not in ("W", "SM"):
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


def _first_day(month: np.ndarray) -> np.ndarray:
    """Returns the first day of months since January 1970."""
    return month.astype("datetime64[M]").astype("datetime64[D]")


def _day_of_month(times: np.ndarray) -> np.ndarray:
    """Returns the day of the month, from 1."""
    days = _days(times)
    return (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1


def parse_frequency(text: str, *, integers: bool) -> Frequency:
    """Parses a frequency: h, 15min, D, B, W, SMS, MS, ME, BME, QS, Y, …, or a whole number.

    Args:
        text: in the notation of pandas and polars; M, Q and Y mean the same day of each month, M-30 the 30th
            or the last day of a shorter month, SM-5-20 both days.
        integers: whether the times are integers; the frequency is then a whole number.

    Raises:
        InputError: the text is not a frequency, or not one for such times.
    """
    match = _NOTATION.fullmatch(text)
    every, name, edge, anchor = match.groups() if match else ("0", "", "", None)
    name = {"H": "h", "m": "min", "BA": "BY", "A": "Y"}.get(name, name)
    unit = name.removeprefix("B") or name
    number, numbers = int(every or 1), tuple(map(int, re.findall(r"\d+", anchor or "")))
    days = _days_of(name, edge, numbers)
    fits = match and text and not (edge and days is None) and 1 <= number <= 10**6
    if not fits or (numbers and days is None):
        raise InputError(
            f"--freq must be s, min, h, D, B, W, SM, M, Q or Y, or a whole number. Got {text!r}."
        )
    if integers != (unit == ""):
        rule = "a whole number if ds holds integers" if integers else "a unit of time if ds holds dates"
        raise InputError(f"--freq must be {rule}. Got {text!r}.")
    return Frequency(unit, number, days or (), unit != name)


def _days_of(name: str, edge: str, numbers: tuple[int, ...]) -> tuple[int, ...] | None:
    """Returns the days of the month of a notation; None if it has none or they are not possible."""
    unit = name.removeprefix("B") or name
    if not all(1 <= day <= _LAST for day in numbers) or (edge and numbers):
        return None
    if unit == "SM":
        days = numbers or ((1, 15) if edge == "S" else (15, _LAST))
        return days if len(days) == 2 and days[0] < days[1] else None
    if unit not in _MONTHS or len(numbers) > 1 or (numbers and unit != name):
        return None
    if unit != name:
        return (1,) if edge == "S" else (_LAST,)
    return numbers or ((_LAST,) if edge == "E" else ())


def check_anchor(text: str, frequency: Frequency, starts: np.ndarray) -> None:
    """Raises InputError unless series begin where the anchor of a frequency says.

    Args:
        text: as the user wrote it, such as W-MON, MS or QE-NOV.
        frequency: as parsed.
        starts: [N] first time of each series.
    """
    match = _NOTATION.fullmatch(text)
    edge, anchor = match.groups()[2:] if match else ("", "")
    for start in starts.tolist():
        seen = _off_anchor(frequency, edge, anchor or "", np.array([start]))
        if seen:
            date = np.array(start, "datetime64[s]").item()
            raise InputError(f"--freq {text}: series must begin on its anchor. Got {date:%Y-%m-%d}, {seen}.")


def _off_anchor(frequency: Frequency, edge: str, anchor: str, start: np.ndarray) -> str:
    """Returns what a start [1] is where it is not on an anchor; empty if it is."""
    if frequency.unit == "W":
        weekday = _WEEKDAYS[int((_days(start).astype(np.int64) + 3)[0] % 7)]
        return "" if anchor in ("", weekday) else f"a {weekday}"
    if frequency.unit not in _MONTHS:
        return ""
    month, day = int(_month(start)[0] % 12), int(_day_of_month(start)[0])
    if anchor in _MONTH_NAMES and (month - _MONTH_NAMES.index(anchor)) % _MONTHS[frequency.unit]:
        return _MONTH_NAMES[month]
    if edge == "S" and not frequency.business and day > 1:
        return f"day {day} of the month (use {frequency.unit} for the same day of each)"
    return ""


def infer_frequency(times: np.ndarray, series: np.ndarray, *, integers: bool) -> Frequency:
    """Returns the most common frequency.

    Args:
        times: [N], sorted within each series, without duplicates.
        series: [N] series of each time; the rows of a series are contiguous.
        integers: whether the times are integers.

    Raises:
        InputError: no series has two rows.
    """
    within = np.diff(series) == 0
    gaps = np.diff(times)[within]
    if not len(gaps):
        raise InputError("--freq is required if every series has a single row")
    usual = _most(gaps)
    if integers:
        return Frequency("", usual)
    if usual >= 27 * _DAY:
        months = _most(np.diff(_month(times))[within])
        unit = next(unit for unit in ("Y", "Q", "M") if months % _MONTHS[unit] == 0)
        calendar = _by_month(times, series, Frequency(unit, max(1, months // _MONTHS[unit])))
        if calendar is not None and months:
            return calendar
    twice = _twice_a_month(times) if 2 * _DAY <= usual < 28 * _DAY and len(np.unique(gaps)) > 1 else None
    if twice is not None:
        return twice
    weekdays = np.is_busday(_days(times)).all() and len(gaps) > 4
    if usual == _DAY and weekdays and (gaps == 3 * _DAY).any():
        return Frequency("B")
    unit = next(unit for unit in ("W", "D", "h", "min", "s") if usual % _SECONDS[unit] == 0)
    return Frequency(unit, usual // _SECONDS[unit])


def _by_month(times: np.ndarray, series: np.ndarray, own: Frequency) -> Frequency | None:
    """Returns the days on which monthly, quarterly or yearly steps are; None if they have no rule."""
    month, day = _month(times), _day_of_month(times)
    lengths = (_first_day(month + 1) - _first_day(month)).astype(np.int64)
    if (day == lengths).all():
        return replace(own, days=(_LAST,))
    firsts = np.flatnonzero(np.diff(series, prepend=-1))
    highest = np.maximum.reduceat(day, firsts)[np.cumsum(np.diff(series, prepend=-1) != 0) - 1]
    if (day == np.minimum(highest, lengths)).all():
        late = int(highest.max())
        alike = (highest == late).all() and late > 28  # a series may begin in a shorter month
        return replace(own, days=(late,) if alike else ())
    for edge in (1, _LAST):
        business = replace(own, days=(edge,), business=True)
        grid = business.after(times, np.zeros_like(times))
        if (np.abs(grid - times) <= _HOLIDAYS * _DAY).all() and (grid == times).mean() >= _USUALLY:
            return business
    return None


def _twice_a_month(times: np.ndarray) -> Frequency | None:
    """Returns the two days of the month on which all steps are; None if there are more."""
    day = _day_of_month(times)
    if day.min() == day.max():
        return None
    for days in ((15, _LAST), tuple(np.unique(day)[[0, -1]].tolist())):
        twice = Frequency("SM", 1, days)
        if (twice.after(times, np.zeros_like(times)) == times).all():
            return twice
    return None


def _most(values: np.ndarray) -> int:
    """Returns the most common value."""
    unique, counts = np.unique(values, return_counts=True)
    return int(unique[counts.argmax()])


def is_even(times: np.ndarray, *, integers: bool) -> bool:
    """Whether times, each once and in order, are at least three steps of one frequency without a gap."""
    times = np.unique(times)
    if len(times) < 3:
        return False
    one = np.zeros(len(times), np.int64)
    steps, fits = infer_frequency(times, one, integers=integers).steps(times, times[one])
    return bool(fits.all() and (np.diff(steps) == 1).all())
