"""Dates on a picture's horizontal axis."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICKS = 3, 7  # least and most dates on an axis, so that they do not overlap
_DAYS = 3, 100  # a range of so many days may have a date every few days


def dates_below(axes: "Axes") -> None:
    """Writes the dates of the horizontal axis so that they can be read and do not overlap.

    Each stands in full once: what it shares with the one before, such as the year, is not written again.
    """
    # here, as in pictures.base
    from matplotlib.dates import AutoDateLocator, DateLocator, num2date
    from matplotlib.ticker import Formatter

    class Places(AutoDateLocator):
        def get_locator(self, dmin: datetime, dmax: datetime) -> DateLocator:
            # so that days are evenly apart: the 31st would stand too near to the 1st
            self.interval_multiples = not _DAYS[0] <= (dmax - dmin).days <= _DAYS[1]
            return super().get_locator(dmin, dmax)

    class Dates(Formatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return num2date(x).isoformat(" ")

        def format_ticks(self, values: Sequence[float]) -> list[str]:
            low, high = sorted(self.axis.get_view_interval())  # type: ignore[union-attr]
            labels = dict.fromkeys(values, "")
            seen = [value for value in values if low <= value <= high]
            labels |= zip(seen, date_labels([num2date(value) for value in seen]), strict=True)
            return list(labels.values())

    axes.xaxis.set_major_locator(Places(minticks=_TICKS[0], maxticks=_TICKS[1]))
    axes.xaxis.set_major_formatter(Dates())


def date_labels(moments: Sequence[datetime]) -> list[str]:
    """Returns a label for each of some rising dates, as short as they allow.

    The part that changes seldom (the year, or the day of a time) is a second line, where it changes.
    """
    often, seldom = _forms(moments)
    labels, written = [], ""
    for moment in moments:
        rest = seldom(moment)
        labels.append(often(moment) if rest == written else f"{often(moment)}\n{rest}")
        written = rest
    return labels


_Form = Callable[[datetime], str]


def _forms(moments: Sequence[datetime]) -> tuple[_Form, _Form]:
    """Returns how dates are written: what differs between them, and what seldom does."""
    if any((m.hour, m.minute, m.second, m.microsecond) != (0, 0, 0, 0) for m in moments):
        finest = max(
            3 if m.microsecond % 1000 else 2 if m.microsecond else 1 if m.second else 0 for m in moments
        )
        unit = ("minutes", "seconds", "milliseconds", "microseconds")[finest]
        return lambda m: m.time().isoformat(unit), lambda m: f"{m.day} {m:%b} {m.year}"
    if any(m.day != 1 for m in moments):
        return lambda m: f"{m.day} {m:%b}", lambda m: str(m.year)
    if any(m.month != 1 for m in moments):
        return lambda m: f"{m:%b}", lambda m: str(m.year)
    return lambda m: str(m.year), lambda m: ""
