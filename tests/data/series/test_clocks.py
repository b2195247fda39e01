"""Times of day in a column beside the dates, in the forms that programs write."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from elman.data.channels.channels import Roles, read_channels
from elman.data.series.clocks import times_of_day
from elman.data.series.panel import Columns, Panel
from elman.data.series.read import read_panel
from elman.data.series.time_parts import time_parts
from elman.errors import InputError

FORMS = {
    "5:00 PM": lambda h: f"{(h - 1) % 12 + 1}:00 {'AM' if h < 12 else 'PM'}",
    "5pm": lambda h: f"{(h - 1) % 12 + 1}{'am' if h < 12 else 'pm'}",
    "5 p.m.": lambda h: f"{(h - 1) % 12 + 1} {'a.m.' if h < 12 else 'p.m.'}",
    "17:00:00.000": lambda h: f"{h:02}:00:00.000",
    "1700": lambda h: f"{h:02}00",
    "1700 without zeros": lambda h: f"{100 * h}",
    "17:00 Uhr": lambda h: f"{h:02}:00 Uhr",
    "17.00 Uhr": lambda h: f"{h}.00 Uhr",
    "17h00": lambda h: f"{h}h00",
    "17": str,
    "17.30": lambda h: f"{h:02}.00",
    "from-to": lambda h: f"{h:02}:00-{h + 1:02}:00",
    "from and to": lambda h: f"{h:02}:00 - {h + 1:02}:00",
}


def table(clock, days=3, name="Uhrzeit") -> str:
    rows = (
        f"0{day}.01.2024;{clock(hour)};{hour + day},5" for day in range(1, days + 1) for hour in range(24)
    )
    return "\n".join([f"Datum;{name};Wert", *rows]) + "\n"


def read(folder, content: str) -> Panel:
    path = folder / "table.csv"
    path.write_text(content)
    return read_panel([path], Columns())


def span(panel: Panel) -> tuple[str, str, int]:
    first, last = panel.ds(panel.times(np.zeros(2, np.int64), np.array([0, len(panel.y) - 1])))
    return first, last, len(panel.y)


@pytest.mark.parametrize("form", FORMS)
def test_a_date_and_a_time_of_day_are_one_time(tmp_path, form):
    panel = read(tmp_path, table(FORMS[form]))
    assert (panel.ids, str(panel.frequency)) == (["Wert"], "h")
    first, last, steps = span(panel)
    assert (first[:16], last[:16], steps) == ("01.01.2024 00:00", "03.01.2024 23:00", 72)
    channels = read_channels(tmp_path / "table.csv", Roles("unique_id", "ds", "label"))
    assert (channels.columns, channels.time_parts) == (["Wert"], ("Datum", "Uhrzeit"))


@pytest.mark.parametrize("clock", [lambda h: f"{h + 1}", lambda h: f"{h + 1:02}:00", lambda h: f"HE{h + 1}"])
def test_hour_24_is_the_end_of_the_day(tmp_path, clock):
    assert span(read(tmp_path, table(clock))) == ("01.01.2024 01:00", "04.01.2024 00:00", 72)


def test_a_marked_time_of_day_needs_no_usual_name_and_names_no_series(tmp_path):
    assert read(tmp_path, table(FORMS["17h00"], name="xyz")).ids == ["Wert"]
    shops = "\n".join(
        f"{shop},2024-01-0{day},{h:02}:00,{h}" for shop in "ab" for day in (1, 2) for h in range(24)
    )
    assert read(tmp_path, "shop,date,xyz,sold\n" + shops).ids == ["a", "b"]
    opened = "\n".join(
        f"{shop},2024-01-0{day},{opens},{day}"
        for shop, opens in (("a", "9:00"), ("b", "8:30"))
        for day in range(1, 8)
    )
    for name in ("opens", "time"):
        panel = read(tmp_path, f"shop,date,{name},y\n" + opened)  # a property of the shop
        assert (panel.ids, str(panel.frequency)) == (["a", "b"], "D")
    worked = "\n".join(f"{shop},2024-01-0{day},{day + len(shop)},1" for shop in "ab" for day in range(1, 8))
    assert read(tmp_path, "shop,date,hours,y\n" + worked).ids == ["a", "b"]


def test_two_times_of_day_begin_and_end_or_are_refused(tmp_path):
    rows = [f"2024-01-0{day},{h:02}:00,{h:02}:45,{h}" for day in (1, 2) for h in range(24)]
    assert len(read(tmp_path, "\n".join(["date,start,end,y", *rows])).y) == 48
    with pytest.raises(InputError, match=r"write date and the time of day \(on, off\) in one column"):
        read(tmp_path, "\n".join(["date,on,off,y", *rows]))
    alone = "\n".join(f"{hour:02}:00,{hour}" for hour in range(24))
    with pytest.raises(InputError, match=r"clock holds times of day: write the date beside each"):
        read(tmp_path, "clock,y\n" + alone)


def test_year_month_day_and_a_time_of_day_are_one_time(tmp_path):
    rows = [f"2024,1,{day},{100 * hour:04},{hour}" for day in (1, 2) for hour in range(24)]
    assert span(read(tmp_path, "\n".join(["Year,Month,Day,HHMM,y", *rows])))[1] == "2024-01-02 23:00"


def test_the_day_end_in_one_column_is_the_next_day(tmp_path):
    rows = [f"{day}.12.2023 {hour:02}:00,{hour}" for day in (30, 31) for hour in range(1, 25)]
    assert span(read(tmp_path, "\n".join(["t,y", *rows])))[:2] == ("30.12.2023 01:00", "01.01.2024 00:00")
    rows = [
        f"{day}.12.2023 {h:02}:00 - {day}.12.2023 {h + 1:02}:00,{h}" for day in (30, 31) for h in range(24)
    ]
    assert span(read(tmp_path, "\n".join(["t,y", *rows])))[:2] == ("30.12.2023 00:00", "31.12.2023 23:00")
    rows = [f"202312{day}{hour:02},{hour}" for day in (30, 31) for hour in range(1, 25)]
    assert span(read(tmp_path, "\n".join(["t,y", *rows])))[1] == "2024010100"


def test_a_time_of_day_behind_a_typed_date_is_kept():
    moments = pl.Series([datetime(2024, 1, 1, 0, 30)] * 2 + [datetime(2024, 1, 2, 0, 30)] * 2)
    table = pl.DataFrame({"day": moments, "hour": [1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 4.0]})
    assert time_parts(table, ["day", "hour"]) == ()
    assert time_parts(table.with_columns(pl.col("day").dt.truncate("1d")), ["day", "hour"]) == ("day", "hour")


def test_what_is_no_time_of_day_is_null():
    cells = [
        "24:30",
        "25:00",
        "13 pm",
        "0 am",
        "17:60",
        "1",
        "0930",
        "12 am",
        "12pm",
        "07:05:09,25",
        "17:30Z",
    ]
    expected = [*[None] * 5, "01:00", "09:30", "00:00", "12:00", "07:05:09.25", "17:30Z"]
    assert times_of_day(pl.Series(cells)).to_list() == expected
