"""Dates below a picture: real ones, in full once, and none that touches another."""

from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest

from elman.pictures.base import new_figure
from elman.pictures.dates import date_labels, dates_below


def days(*texts: str) -> list[datetime]:
    return [datetime.fromisoformat(text) for text in texts]


@pytest.mark.parametrize(
    ("moments", "labels"),
    [
        (days("2019-01-01", "2020-01-01", "2021-01-01"), ["2019", "2020", "2021"]),
        (days("2019-10-01", "2020-01-01", "2020-04-01"), ["Oct\n2019", "Jan\n2020", "Apr"]),
        (days("2021-11-21", "2021-11-25", "2021-11-29"), ["21 Nov\n2021", "25 Nov", "29 Nov"]),
        (days("2021-12-25", "2021-12-29", "2022-01-02"), ["25 Dec\n2021", "29 Dec", "2 Jan\n2022"]),
        (days("2021-12-31T18:00", "2022-01-01", "2022-01-01T06:00"),
         ["18:00\n31 Dec 2021", "00:00\n1 Jan 2022", "06:00"]),
        (days("2022-01-01T06:00:30", "2022-01-01T06:01"), ["06:00:30\n1 Jan 2022", "06:01:00"]),
        (days("2022-01-01T06:00:00.500", "2022-01-01T06:00:01"),
         ["06:00:00.500\n1 Jan 2022", "06:00:01.000"]),
        (days("2022-01-01T06:00:00.000500"), ["06:00:00.000500\n1 Jan 2022"]),
        ([], []),
    ],
    ids=["years", "quarters", "days", "turn of the year", "hours", "seconds",
         "milliseconds", "microseconds", "none"],
)  # fmt: skip
def test_what_changes_seldom_is_written_where_it_changes(moments, labels):
    assert date_labels(moments) == labels


SPANS = [
    0.01,
    0.2,
    1,
    5,
    12,
    24,
    40,
    70,
    24 * 4,
    24 * 9,
    24 * 12,
    24 * 20,
    24 * 45,
    24 * 90,
    24 * 365 * 9,
]


@pytest.mark.parametrize(
    ("hours", "width"), [*((hours, width) for hours in SPANS for width in (4.5, 9)), (1 / 3600, 9)]
)
def test_dates_on_the_axis_do_not_touch_and_the_first_is_in_full(hours, width):
    figure = new_figure(width, 2.4)
    axes = figure.subplots()
    begin = np.datetime64("2023-12-30T22:00:00", "ms")
    axes.plot(begin + np.arange(9) * np.timedelta64(round(hours * 450_000), "ms"), np.arange(9))
    axes.tick_params(labelsize="small")
    dates_below(axes)
    figure.canvas.draw()
    low, high = axes.get_xlim()
    seen = [tick.label1 for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    shown = [label for label in seen if label.get_text()]
    assert len(shown) >= 3
    assert len(shown) == len(seen)
    assert all(one.x1 < other.x0 for one, other in pairwise([label.get_window_extent() for label in shown]))
    assert "202" in shown[0].get_text()
