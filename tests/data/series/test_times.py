"""Times are read in the form in which people write them, and written in that form again."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.series.panel import Columns, Panel
from elman.data.series.read import make_panel
from elman.data.series.store import panel_arrays, panel_from_arrays
from elman.data.series.time_forms import form_of_text
from elman.data.series.times import Trained
from elman.errors import InputError

DAY, HOUR = np.timedelta64(1, "D"), np.timedelta64(1, "h")


def panel(times: list, freq: str | Trained | None = None, time_format: str | None = None) -> Panel:
    table = pl.DataFrame({"unique_id": ["a"] * len(times), "ds": times, "y": [1.0] * len(times)})
    return make_panel([(table, Path("df"))], Columns(), freq, time_format=time_format)


def steps(start: str, number: int, step: np.timedelta64 | str, form: str) -> list[str]:
    """Consecutive times in a form of Python's strftime; a step may be ``month``."""
    first = np.datetime64(start, "s")
    if step == "month":
        times = (np.datetime64(start, "M") + np.arange(number)).astype("datetime64[s]")
    else:
        times = first + np.arange(number) * step
    return [time.strftime(form) for time in times.tolist()]


def months(names: str, year: str) -> list[str]:
    """Names of months, each with its year."""
    return [name + year for name in names.split()]


def continued(times: list, **given: object) -> tuple[str, list]:
    """The frequency, and the forecast's first times when the last two rows are cut off."""
    found = panel(times[:-2], **given)
    ahead = found.times(np.zeros(2, int), len(found.y) + np.arange(2))
    arrays = {name: np.asarray(value) for name, value in panel_arrays(found).items()}
    again = panel_from_arrays(arrays, "data.npz")
    assert again.ds(ahead).to_list() == found.ds(ahead).to_list()
    return str(found.frequency), found.ds(ahead).to_list()


FORMS = {
    "US, unpadded": ("h", steps("2010-01-13", 30, HOUR, "%-m/%-d/%Y %-H:%M")),
    "US, halves of a day": ("h", steps("2010-01-13", 30, HOUR, "%-m/%-d/%Y %-I:%M %p")),
    "with dots": ("h", steps("2024-12-30", 30, HOUR, "%d.%m.%Y %H:%M")),
    "hours and minutes with a dot": ("h", steps("2024-03-30", 30, HOUR, "%d.%m.%Y %H.%M")),
    "seconds with dots": ("15min", steps("2024-03-30", 99, np.timedelta64(15, "m"), "%Y-%m-%d %-H.%M.%S")),
    "two digits of a year and a dot": ("h", steps("2024-03-30", 30, HOUR, "%d/%m/%y %H.%M")),
    "two digits of a year": ("D", steps("2024-12-03", 9, DAY, "%d.%m.%y")),
    "year first": ("D", steps("2024-01-30", 9, DAY, "%Y/%m/%d")),
    "day first": ("D", steps("2024-01-30", 9, DAY, "%d/%m/%Y")),
    "US months": ("MS", steps("2022-03", 30, "month", "%m/%d/%Y")),
    "names of months": ("MS", steps("2022-03", 12, "month", "%b-%y")),
    "long names of months": ("MS", steps("2022-04", 12, "month", "%B %Y")),
    "a day's name of month": ("D", steps("2024-01-30", 9, DAY, "%d-%b-%Y")),
    "US words": ("D", steps("2024-01-30", 9, DAY, "%b %-d, %Y")),
    "thousandths": ("h", steps("2024-01-30", 9, HOUR, "%Y-%m-%d %H:%M:%S.000")),
    "UTC": ("h", steps("2024-01-30", 9, HOUR, "%Y-%m-%dT%H:%M:%SZ")),
    "an offset, hours": ("h", steps("2024-01-30", 9, HOUR, "%Y-%m-%d %H:%M:%S+05:45")),
    "an offset, days": ("D", steps("2024-01-30", 9, DAY, "%Y-%m-%dT%H:%M:%S-0300")),
    "German months": ("MS", months("Mai Juni Juli August September Oktober", " 2020")),
    "German days": ("D", [f"{day}. März 2020" for day in range(5, 15)]),
    "shortened German days": ("D", [f"{day:02}-MRZ-2020" for day in range(5, 15)]),
    "dotted French months": ("MS", months("janv. févr. mars avr. mai juin juil.", " 2020")),
    "French months": ("MS", months("Juillet Août Septembre Octobre Novembre", " 2020")),
    "French months of two digits": ("MS", months("févr mars avr mai juin juil", "-20")),
    "Spanish days": ("D", [f"{day} de enero de 2020" for day in range(1, 9)]),
    "Spanish months": ("MS", months("ENE FEB MAR ABR MAY JUN", " 2020")),
    "Italian months": ("MS", months("gen feb mar apr mag giu lug ago set ott", "/2020")),
    "Italian days": ("D", [f"{day} Maggio 2020" for day in range(1, 9)]),
    "English months of four letters": ("MS", months("June July Aug Sept Oct Nov", " 2020")),
    "compact": ("h", steps("2024-01-30", 9, HOUR, "%Y%m%dT%H%M")),
    "quarters": ("QS", [f"{2020 + k // 4}Q{k % 4 + 1}" for k in range(9)]),
    "quarters first": ("QS", [f"Q{k % 4 + 1} {2020 + k // 4}" for k in range(9)]),
    "short years and apostrophes": ("MS", months("Mai Juni Juli August September", " '20")),
    "years of two digits": ("MS", steps("2019-03", 30, "month", "%b %y")),
    "French ordinals": ("D", [f"{day} janvier 2024" for day in range(1, 9)]),
    "German weekdays": ("D", ["Mo, 02.03.2020", "Di, 03.03.2020", "Mi, 04.03.2020", "Do, 05.03.2020"]),
    "long French weekdays": (
        "D",
        [f"{day} mars 2020" for day in ("lundi 2", "mardi 3", "mercredi 4", "jeudi 5")],
    ),
    "English weekdays": ("D", steps("2020-02-27", 9, DAY, "%a, %d %b %Y")),
    "calendar weeks": ("W", steps("2024-01-01", 9, 7 * DAY, "KW %V/%G")),
    "weeks without zeros": ("W", [f"2020 week {week}" for week in range(1, 30)]),
    "Mondays of weeks": ("W", steps("2024-01-01", 9, 7 * DAY, "%G-W%V-%u")),
    "years such as 1999/00": ("YS", [f"{year}/{(year + 1) % 100:02}" for year in range(1995, 2012)]),
    "seasons": ("YS", [f"{year}-{year + 1}" for year in range(1995, 2005)]),
    "a weekday before day and month": (
        "D",
        [f"{day}/01/2020" for day in ("jue 02", "vie 03", "sáb 04", "dom 05")],
    ),
    "French quarters": ("QS", [f"T{k % 4 + 1} {2020 + k // 4}" for k in range(9)]),
    "German quarters": ("QS", [f"{k % 4 + 1}. Quartal {2020 + k // 4}" for k in range(9)]),
    "weeks": ("W", steps("2024-01-01", 9, 7 * DAY, "%G-W%V")),
    "texts of days": ("D", steps("2024-01-30", 9, DAY, "%Y%m%d")),
    "months without zeros": ("MS", [f"{1990 + k // 12}M{k % 12 + 1}" for k in range(30)]),
    "six digits": ("D", steps("2024-01-30", 40, DAY, "%y%m%d")),
    "six digits of integers": ("D", [int(day) for day in steps("2007-12-30", 40, DAY, "%y%m%d")]),
    "eight digits, the day first": ("D", steps("2024-01-25", 40, DAY, "%d%m%Y")),
    "integers, the month first": ("MS", [int(day) for day in steps("2023-03", 30, "month", "%m%d%Y")]),
    "integers of days": ("D", [int(day) for day in steps("2024-01-30", 9, DAY, "%Y%m%d")]),
    "integers of months": ("MS", [int(month) for month in steps("2023-10", 9, "month", "%Y%m")]),
    "integers of hours": ("h", [int(hour) for hour in steps("2024-01-30", 30, HOUR, "%Y%m%d%H")]),
    "years": ("YS", list(range(1990, 2005))),
    "seconds": ("15min", [1_700_000_100 + 900 * k for k in range(9)]),
    "milliseconds": ("h", [1_700_000_000_000 + 3_600_000 * k for k in range(9)]),
    "nanoseconds": ("D", [1_700_000_000 * 10**9 + 86_400 * 10**9 * k for k in range(9)]),
    "integers": ("3", list(range(5, 40, 3))),
}


@pytest.mark.parametrize("name", FORMS)
def test_forecasts_are_written_as_the_table(name):
    frequency, times = FORMS[name]
    assert continued(times) == (frequency, times[-2:])


def test_a_format_is_read_in_the_language_of_its_names():
    times = months("janv. févr. mars avr. mai juin", "/20")
    assert continued(times, time_format="%b/%y") == ("MS", times[-2:])
    odd = ["Mo 02-03-20", "Di 03-03-20", "Mi 04-03-20", "Do 05-03-20"]
    assert continued(odd, time_format="%a %d-%m-%y") == ("D", odd[-2:])


def test_a_day_written_in_order_is_a_day():
    assert continued(["1er janvier 2024", *(f"{day} janvier 2024" for day in range(2, 9))])[0] == "D"
    found = panel(["March 1st, 2024", "March 2nd, 2024", "March 3rd, 2024"])
    assert found.ds(found.starts).to_list() == ["March 1, 2024"]


def test_a_month_and_a_number_are_a_year_only_where_months_go_on():
    days = [f"{month} {day:02}" for month in ("Jan", "Feb") for day in range(1, 29)]
    with pytest.raises(
        InputError, match=r"'Jan 01' may be January 2001 \(--time-format '%b %y'\) or a day without its year"
    ):
        panel(days)
    assert continued(days[:5], time_format="%b %y")[0] == "YS"


def test_offsets_follow_the_clocks_of_their_zone():
    offsets = ["+01:00"] * 3 + ["+02:00"] * 4
    times = [
        f"2024-{day}T00:00:00{offset}"
        for day, offset in zip(
            ("03-29", "03-30", "03-31", "04-01", "04-02", "04-03", "04-04"), offsets, strict=True
        )
    ]
    assert continued(times) == ("D", times[-2:])
    hours = ["2024-03-10T00:00:00-05:00", "2024-03-10T01:00:00-05:00", "2024-03-10T03:00:00-04:00"]
    assert continued([*hours, "2024-03-10T04:00:00-04:00", "2024-03-10T05:00:00-04:00"])[1] == [
        "2024-03-10T04:00:00-04:00",
        "2024-03-10T05:00:00-04:00",
    ]


@pytest.mark.parametrize(
    "times", [["01/02/2024", "02/02/2024", "03/02/2024"], ["5-4-23", "6-4-23", "7-4-23"]], ids=str
)
def test_two_readings_are_shown_with_the_flag_that_chooses(times):
    with pytest.raises(
        InputError, match=r"df: row 1, column 'ds': .* may be .*--time-format '?%d.%m"
    ) as error:
        panel(times)
    assert "\n" not in str(error.value)
    readings = re.findall(r"--time-format ([^)]*)\)", str(error.value))
    assert len({tuple(panel(times, time_format=reading).starts) for reading in readings}) == len(readings) > 1


def test_the_training_table_decides_how_a_short_history_is_read():
    trained = Trained("D", form_of_text("String|%d/%m/%Y|"), False)
    assert str(panel(["03/04/2024", "04/04/2024"], trained).ds(np.array([0]))[0]) == "01/01/1970"
    assert panel(["03/04/2024", "04/04/2024"], trained).starts.tolist() == [
        np.datetime64("2024-04-03", "s").astype(int)
    ]


def test_a_format_that_is_given_is_kept():
    times = steps("2024-01-30", 9, DAY, "%d%m%Y")
    assert continued(times, time_format="%d%m%Y") == ("D", times[-2:])
    whole = [20240101, 20240102, 20240103, 20240104]
    assert continued(whole, time_format="number") == ("1", whole[-2:])
    assert panel(whole, "1").integers
    with pytest.raises(
        InputError, match=r"row 1, .*: must be a time of the format %d/%m/%Y. Got '2024-01-01'"
    ):
        panel(["2024-01-01", "2024-01-02"], time_format="%d/%m/%Y")
    for wrong in ("%Q", "day", "%d/%m", ""):
        with pytest.raises(InputError, match="--time-format must be a format of strptime"):
            panel(["2024-01-01", "2024-01-02"], time_format=wrong)


def test_months_of_another_language_name_the_format_that_may_be_given():
    with pytest.raises(InputError, match=r"row 1, column 'ds': must be .* --time-format. Got 'leden 2020'"):
        panel(["leden 2020", "únor 2020", "březen 2020"])
    assert form_of_text("String|De.:%-d. %b %Y|").pattern == "De.:%-d. %b %Y"


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (
            ["13/01/2024", "14/01/2024", "15/01/2024", "01/16/2024"],
            "row 1, column 'ds': all times must have one form. Got '13/01/2024', which is day/month/year; "
            "df: row 4, column 'ds': '01/16/2024', which is month/day/year.",
        ),
        (
            ["2024-01-13", "2024-01-14", "15.01.2024"],
            "Got '2024-01-13', which is year/month/day; df: row 3, column 'ds': '15.01.2024', which is "
            "day/month/year.",
        ),
        (
            ["03.2024", "2024-04", "2024-05"],
            "Got '03.2024', which is %m.%Y; df: row 2, column 'ds': '2024-04', which is %Y-%m.",
        ),
    ],
)
def test_times_of_two_forms_show_a_row_of_each(times, told):
    with pytest.raises(InputError) as error:
        panel(times)
    assert told in str(error.value)


def test_what_is_no_time_is_named():
    with pytest.raises(
        InputError, match=r"df: row 3, column 'ds': must be an integer, a date .* Got '31/02/2024'"
    ):
        panel(["29/01/2024", "30/01/2024", "31/02/2024"])
    assert panel([20240130, 20240131, 20240132]).integers  # the last is no day, so none of them is


@pytest.mark.parametrize(
    "cell", ["2024-03-01 09.5", "2024-03-01 09:30.5", "01.03.2024 09.60", "01.03.24 9.3"]
)
def test_no_part_of_a_time_is_dropped(cell):
    with pytest.raises(InputError, match=f"row 1, .* Got {re.escape(repr(cell))}"):
        panel([cell, cell[:6] + "2" + cell[7:]])


def test_digits_that_may_be_dates_or_numbers_are_refused_with_each_reading():
    days = steps("2024-03-04", 20, DAY, "%y%m%d")
    with pytest.raises(
        InputError,
        match=r"row 1, column 'ds': '240304' may be 4 March 2024 \(--time-format %y%m%d\) or 24 March 2004 "
        r"\(--time-format %d%m%y\) or a number \(--time-format number\)\. Choose one\.",
    ):
        panel(days)
    assert continued(days, time_format="%y%m%d") == ("D", days[-2:])
    working = [day for day in steps("2024-01-01", 60, DAY, "%y%m%d") if int(day) % 7]
    with pytest.raises(InputError, match="may be 1 January 2024"):
        panel(working)
    assert panel([110000 + 7 * k for k in range(40)]).integers
    trained = Trained("D", form_of_text("String|%d%m%Y|"), False)
    assert panel(["03042024", "04042024"], trained).starts[0] == np.datetime64("2024-04-03", "s").astype(int)


def test_a_format_has_all_parts_of_a_time_of_day():
    for wrong in ("%d.%m.%Y %I:%M", "%d.%m.%Y %p", "%Y-%m-%d %H.%f", "%Y-%m-%d :%M"):
        with pytest.raises(InputError, match=f"must have %H, or %I and %p, .* Got {wrong}."):
            panel(["01.03.2024 09:30", "01.03.2024 10:30"], time_format=wrong)
    with pytest.raises(InputError, match="--time-format must be a format of strptime"):
        panel(["01.03.2024 09:30:00,5"], time_format="%d.%m.%Y %H:%M:%S,%f")
    times = steps("2024-03-01", 30, HOUR, "%Y-%j %H")
    assert continued(times, time_format="%Y-%j %H") == ("h", times[-2:])
    ends = ["01.03.2024 22.00", "01.03.2024 23.00", "01.03.2024 24.00", "02.03.2024 01.00"]
    assert str(panel(ends).frequency) == "h"


@pytest.mark.parametrize(
    "text", ["String|%Q|", "String|%d.%m.%Y|Mars/Olympus", "Int64|%Y", "Float64", "x|y|z"]
)
def test_other_forms_are_unknown(text):
    assert form_of_text(text) is None
