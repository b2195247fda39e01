"""Steps of time: inferred, written, counted and gone on with."""

import numpy as np
import pytest

from elman.data.series.frequency import Frequency, check_anchor, infer_frequency, parse_frequency
from elman.errors import InputError


def seconds(*moments: str) -> np.ndarray:
    return np.array(moments, "datetime64[s]").astype(np.int64)


def inferred(times: np.ndarray, integers: bool = False) -> str:
    return str(infer_frequency(times, np.zeros(len(times), int), integers=integers))


GRIDS = {
    "s": ("2024-02-28T23:59:58", "2024-02-28T23:59:59", "2024-02-29T00:00:00"),
    "15min": ("2024-02-28T23:30", "2024-02-28T23:45", "2024-02-29T00:00"),
    "h": ("2024-02-28T22:30", "2024-02-28T23:30", "2024-02-29T00:30"),
    "6h": ("2024-02-28T12:00", "2024-02-28T18:00", "2024-02-29T00:00"),
    "D": ("2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"),
    "B": ("2024-02-28", "2024-02-29", "2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06"),
    "W": ("2024-02-28", "2024-03-06", "2024-03-13"),
    "MS": ("1969-11-01", "1969-12-01", "1970-01-01", "1970-02-01"),
    "ME": ("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"),
    "QS": ("2023-11-15", "2024-02-15", "2024-05-15"),
    "QE": ("2023-12-31", "2024-03-31", "2024-06-30", "2024-09-30"),
    "YS": ("2023-01-01", "2024-01-01", "2025-01-01"),
    "M-30": ("2023-01-30", "2023-02-28", "2023-03-30", "2023-04-30"),
    "M-29": ("2023-02-28", "2023-03-29", "2023-04-29", "2023-05-29"),
    "BMS": ("2024-05-01", "2024-06-03", "2024-07-01", "2024-08-01", "2024-09-02"),
    "BME": ("2024-05-31", "2024-06-28", "2024-07-31", "2024-08-30", "2024-09-30"),
    "BQE": ("2024-03-29", "2024-06-28", "2024-09-30"),
    "SMS": ("2024-01-01", "2024-01-15", "2024-02-01", "2024-02-15"),
    "SME": ("2024-01-15", "2024-01-31", "2024-02-15", "2024-02-29"),
    "SM-5-20": ("2024-01-20", "2024-02-05", "2024-02-20", "2024-03-05"),
    "2YE": ("2020-12-31", "2022-12-31", "2024-12-31"),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_is_recognised_and_gone_on_with(name):
    times = seconds(*GRIDS[name])
    assert inferred(times) == name
    frequency = parse_frequency(name, integers=False)
    assert frequency == infer_frequency(times, np.zeros(len(times), int), integers=False)
    starts = np.full(len(times), times[0])
    steps, fits = frequency.steps(times, starts)
    assert steps.tolist() == list(range(len(times)))
    assert fits.all()
    assert frequency.after(starts, steps).tolist() == times.tolist()
    _, fits = frequency.steps(times[1:] + 1, starts[1:])
    assert fits.all() == (name == "s")


def test_gaps_do_not_hide_the_frequency():
    hours = seconds("2024-01-01T00", "2024-01-01T01", "2024-01-01T02", "2024-01-01T09")
    assert inferred(hours) == "h"
    months = seconds("2024-01-31", "2024-02-29", "2024-03-31", "2024-12-31")
    assert inferred(months) == "ME"
    assert inferred(np.array([3, 5, 7, 13]), integers=True) == "2"
    # four weeks are no month
    assert inferred(seconds("2024-01-01", "2024-01-29", "2024-02-26", "2024-03-25")) == "4W"
    # nor are daily steps business days where a weekend is among them
    assert (
        inferred(seconds("2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07", "2024-03-09"))
        == "D"
    )


def test_a_short_month_keeps_the_day_of_the_others():
    start = seconds("2024-01-30")
    later = parse_frequency("M", integers=False).after(np.repeat(start, 3), np.arange(3))
    assert later.tolist() == seconds("2024-01-30", "2024-02-29", "2024-03-30").tolist()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("H", "h"),
        ("30m", "30min"),
        ("W-SUN", "W"),
        ("M", "MS"),
        ("Q", "QS"),
        ("A", "YS"),
        ("YE-DEC", "YE"),
        ("1D", "D"),
        ("BM", "BME"),
        ("SM", "SME"),
        ("M-31", "ME"),
    ],
)
def test_ways_of_writing(text, wanted):
    assert str(parse_frequency(text, integers=False)) == wanted


@pytest.mark.parametrize(
    "text", ["", "month", "0D", "-1h", "DS", "h2", "1", "9999999h", "M-32", "MS-4", "SM-9", "SM-9-3", "W-5"]
)
def test_what_is_no_frequency(text):
    with pytest.raises(InputError, match="--freq must be"):
        parse_frequency(text, integers=False)
    with pytest.raises(InputError, match=r"a whole number if ds holds integers. Got 'D'"):
        parse_frequency("D", integers=True)


@pytest.mark.parametrize(
    ("name", "seasons"),
    [
        ("h", (24, 168)),
        ("2h", (12, 84)),
        ("D", (7,)),
        ("B", (5,)),
        ("W", (52,)),
        ("ME", (12,)),
        ("QS", (4,)),
        ("Y", (1,)),
    ],
)
def test_usual_seasons(name, seasons):
    assert parse_frequency(name, integers=False).seasons == seasons
    assert Frequency("").seasons == (1,)


def test_the_calendar_turns_with_the_day_the_week_and_the_year():
    hours = parse_frequency("h", integers=False)
    now = hours.calendar(
        seconds("2024-03-04T06:00", "2024-03-11T06:00", "2024-03-04T18:00", "2024-03-05T06:00")
    )
    assert now.shape == (4, len(hours.calendar_names)) == (4, 8)
    assert hours.calendar_names[::4] == ("time of year, sine", "time of year, cosine")
    _, week, _, day = range(4)  # year, week, month, day
    assert np.allclose(now[0, [week, day]], now[1, [week, day]])
    assert np.allclose(now[2, day], -now[0, day])  # twelve hours later, the other side
    assert not np.allclose(now[3, week], now[0, week])
    assert np.allclose(now[3, day], now[0, day])
    assert parse_frequency("MS", integers=False).calendar_names == (
        "time of year, sine",
        "time of year, cosine",
    )
    assert Frequency("").calendar_names == ()
    monday = hours.calendar(seconds("2024-03-04"))[0]
    assert monday[week] == pytest.approx(0, abs=1e-6)


def test_holidays_move_a_months_last_business_day():
    times = seconds("2024-01-31", "2024-02-29", "2024-03-28", "2024-04-30", "2024-05-31", "2024-06-28")
    assert inferred(times) == "BME"  # 29 March was Good Friday
    frequency = parse_frequency("BME", integers=False)
    steps, fits = frequency.steps(times, np.full(len(times), times[0]))
    assert steps.tolist() == list(range(len(times)))
    assert fits.all()
    assert not frequency.steps(seconds("2024-03-20"), times[:1])[1].any()


@pytest.mark.parametrize(
    ("text", "start", "seen"),
    [
        ("W-TUE", "2024-01-05", "2024-01-05, a FRI"),
        ("MS", "2024-01-20", "day 20 of the month"),
        ("QE-NOV", "2024-03-31", "2024-03-31, MAR"),
        ("YS-APR", "2024-01-01", "2024-01-01, JAN"),
    ],
)
def test_series_begin_on_the_anchor(text, start, seen):
    frequency = parse_frequency(text, integers=False)
    with pytest.raises(InputError, match=rf"--freq {text}: series must begin on its anchor. Got .*{seen}"):
        check_anchor(text, frequency, seconds(start))


@pytest.mark.parametrize(
    ("text", "start"),
    [("W-FRI", "2024-01-05"), ("M", "2024-01-20"), ("QE-JUN", "2024-03-31"), ("D", "2024-01-03")],
)
def test_other_starts_are_on_the_anchor(text, start):
    check_anchor(text, parse_frequency(text, integers=False), seconds(start))


def test_one_row_each_tells_no_frequency():
    with pytest.raises(InputError, match="--freq is required"):
        infer_frequency(np.array([1, 2]), np.array([0, 1]), integers=True)
