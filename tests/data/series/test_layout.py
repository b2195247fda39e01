"""Tables as people have them: the roles of their columns are found where there is one reading."""

import gzip
import logging
from pathlib import Path

import numpy as np
import pytest

from elman.data.series.panel import Columns, Panel
from elman.data.series.read import read_panel
from elman.errors import InputError

DAYS = [f"2024-03-{day:02}" for day in range(1, 11)]


def table(folder: Path, header: str, *columns: list, name: str = "data.csv") -> Path:
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def numbers(seed: int) -> list[float]:
    return np.random.default_rng(seed).normal(50, 9, len(DAYS)).round(2).tolist()


def read(*paths: Path, **columns: object) -> Panel:
    return read_panel(list(paths), Columns(**columns))


@pytest.mark.parametrize("header", ["date,visitors", "Month,Sales (k)", "when,v", "Zeit,temp"])
def test_a_time_and_a_number_are_one_series(tmp_path, header, caplog):
    caplog.set_level(logging.INFO, "elman")
    time, target = header.split(",")
    panel = read(table(tmp_path, header, DAYS, numbers(0)))
    assert (panel.columns.layout, panel.ids, panel.columns.target) == ("one", [target], target)
    assert panel.y.tolist() == numbers(0)
    line, frequency = (record.message for record in caplog.records)
    assert line.endswith(f"data.csv: {time} is the time, {target} the target; one series")
    assert frequency.endswith("data.csv: daily, 10 steps")


def test_nothing_is_said_of_columns_with_the_usual_names(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = table(tmp_path, "unique_id,ds,y,more", ["a"] * 10, DAYS, numbers(0), numbers(1))
    read(path)
    assert [record.message for record in caplog.records] == [f"{path}: daily, 10 steps"]
    caplog.clear()
    read_panel([path], Columns(), "D")
    assert not caplog.records  # the user has said all


def test_row_numbers_are_no_target(tmp_path):
    panel = read(table(tmp_path, "Unnamed: 0,day,load", list(range(10)), DAYS, numbers(0)))
    assert panel.columns.target == "load"


def test_a_single_column_has_a_step_in_each_row(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    panel = read(table(tmp_path, "load", numbers(0)))
    assert (panel.y.tolist(), str(panel.frequency)) == (numbers(0), "1")
    assert panel.ds(panel.times(np.array([0]), np.array([10]))).to_list() == [11]
    assert caplog.records[0].message.endswith("load the target; one series; each row is a step")


def test_an_index_of_hours_is_a_time_and_numbered_columns_are_series(tmp_path):
    path = table(tmp_path, "hour_index,zone_1,zone_2,zone_3", list(range(10)), *map(numbers, range(3)))
    panel = read(path)
    assert (panel.columns.time, panel.ids) == ("hour_index", ["zone_1", "zone_2", "zone_3"])


def test_a_column_that_tells_equal_times_apart_names_the_series(tmp_path):
    shops = ["north"] * 10 + ["007"] * 10
    path = table(tmp_path, "day,shop,sold", DAYS * 2, shops, numbers(0) + numbers(1))
    panel = read(path)
    assert (panel.ids, panel.columns.id, panel.columns.layout) == (["north", "007"], "shop", "long")
    towns = table(tmp_path, "day,shop,town,sold", DAYS * 2, shops, shops, numbers(0) + numbers(1))
    with pytest.raises(
        InputError, match=r"row 12 has day 2024-03-01 again: .* by --id-column; shop, town may name"
    ):
        read(towns)
    assert read(towns, id="town").ids == ["north", "007"]
    with pytest.raises(InputError, match=r"has day 2024-03-01 again: .*; columns: day, sold"):
        read(table(tmp_path, "day,sold", DAYS * 2, numbers(0) + numbers(1)))


def test_two_columns_name_a_series_together(tmp_path):
    shops, goods = [1] * 20 + [2] * 20, (["milk"] * 10 + ["bread"] * 10) * 2
    sold = [number for k in range(4) for number in numbers(k)]
    path = table(tmp_path, "day,shop,good,sold", DAYS * 4, shops, goods, sold)
    with pytest.raises(InputError, match=r"by --id-column; --id-column shop,good joins two"):
        read(path)
    panel = read(path, id="shop,good")
    assert (panel.ids, panel.columns.id) == (["1 milk", "1 bread", "2 milk", "2 bread"], "shop,good")
    assert panel.columns.target == "sold"
    assert read(path, id="good, shop", static=("shop",)).ids[0] == "milk 1"
    with pytest.raises(InputError, match="has no column 'shop,town'"):
        read(path, id="shop,town", layout="long")


def test_of_several_numbers_the_message_says_which_flag_chooses(tmp_path):
    path = table(tmp_path, "date,open,close", DAYS, numbers(0), numbers(1))
    with pytest.raises(InputError, match=r"open, close. .*--target-column .*--past.*--table wide") as error:
        read(path)
    assert "\n" not in str(error.value)
    assert read(path, target="close").ids == ["close"]
    assert read(path, past=("open",)).columns.target == "close"
    with pytest.raises(InputError, match=r"several columns may be the time: date, due\. Choose one"):
        read(table(tmp_path, "date,due,y", DAYS, DAYS, numbers(0)))


def test_a_wide_table_has_a_series_in_each_column(tmp_path):
    path = table(tmp_path, "date,open,close", DAYS, numbers(0), numbers(1))
    panel = read(path, layout="wide")
    assert (panel.ids, panel.columns.layout) == (["open", "close"], "wide")
    assert panel.y.tolist() == numbers(0) + numbers(1)
    meters = table(
        tmp_path, "date,MT_001,MT_002,MT_003", DAYS, numbers(0), numbers(1), numbers(2), name="m.csv"
    )
    assert read(meters).ids == ["MT_001", "MT_002", "MT_003"]
    with pytest.raises(InputError, match="--table wide has no covariates"):
        read(path, layout="wide", past=("open",))


def test_a_column_that_is_the_sum_of_the_others_is_no_series(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    north, south = numbers(0), numbers(1)
    both = [f"{a + b:.1f}" for a, b in zip(north, south, strict=True)]
    assert read(table(tmp_path, "date,n,s,Gesamt", DAYS, north, south, both), layout="wide").ids == ["n", "s"]
    assert "the column Gesamt is the sum of the others and left out" in caplog.text
    assert len(read(table(tmp_path, "date,n,s,Gesamt", DAYS, north, south, numbers(2)), layout="wide")) == 3


def test_a_folder_has_a_series_in_each_file(tmp_path):
    for k, name in enumerate(("ABC.csv", "sub/XYZ.csv")):
        table(tmp_path, "date,close", DAYS, numbers(k), name=name)
    (tmp_path / "notes.txt").write_text("not a table")
    packed = tmp_path / "Zip.CSV.gz"
    packed.write_bytes(gzip.compress((tmp_path / "ABC.csv").read_bytes()))
    panel = read(tmp_path)
    assert (panel.ids, panel.columns.layout) == (["ABC", "Zip", "sub/XYZ"], "long")
    packed.unlink()
    assert read(tmp_path / "ABC.csv", layout="long").ids == ["ABC"]  # as after training on the folder
    assert read(tmp_path / "ABC.csv", tmp_path / "sub" / "XYZ.csv").ids == ["ABC", "XYZ"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=f"{empty}: the folder has no tables"):
        read(empty)


def test_files_with_and_without_names_are_read_together(tmp_path):
    named = table(tmp_path, "shop,date,sold", ["n"] * 10 + ["s"] * 10, DAYS * 2, numbers(0) + numbers(1))
    other = table(tmp_path, "date,sold", DAYS, numbers(2), name="west.csv")
    assert read(named, other).ids == ["n", "s", "west"]


def test_a_series_continues_in_a_second_file_and_zip_codes_are_names(tmp_path):
    first = table(tmp_path, "unique_id,ds,y,zip", ["01"] * 5, DAYS[:5], [1] * 5, ["04109"] * 5)
    second = table(
        tmp_path, "unique_id,ds,y,zip", ["01"] * 5, DAYS[5:], [2.5] * 5, ["04109"] * 5, name="b.csv"
    )
    third = table(tmp_path, "unique_id,ds,y,zip", ["1"] * 5, DAYS[5:], [3] * 5, ["90210"] * 5, name="c.csv")
    panel = read(first, second, third, static=("zip",))
    assert (panel.ids, panel.lengths.tolist()) == (["01", "1"], [10, 5])
    assert panel.static["zip"].tolist() == ["04109", "90210"]


def test_missing_cells_of_a_wide_table_cause_one_warning(tmp_path):
    columns = [numbers(k) for k in range(4)]
    for k, column in enumerate(columns):
        column[3 + k] = ("NA", "?")[k % 2]
    path = table(tmp_path, "ds,v1,v2,v3,v4", DAYS, *columns)
    with pytest.warns(UserWarning, match=r": 4 cells count as missing values: NA, \?$") as caught:
        panel = read(path)
    assert len(caught) == 1
    assert (panel.ids, panel.columns.layout) == (["v1", "v2", "v3", "v4"], "wide")
    for k in range(4):
        assert np.flatnonzero(np.isnan(panel.history(k, 10))).tolist() == [3 + k]
        assert panel.history(k, 3).tolist() == columns[k][:3]
    columns[0][0], columns[1:] = "null", [numbers(k) for k in range(3)]
    columns[0][3] = 1.5
    with pytest.warns(UserWarning, match=r": 1 cell counts as a missing value: null$"):
        read(table(tmp_path, "ds,v1,v2,v3,v4", DAYS, *columns))


@pytest.mark.parametrize(
    ("header", "cells", "last"),
    [
        ("year,month,day,hour", lambda k: (2024, 2, 28 + k // 24, k % 24), "2024-02-29 23:00"),
        ("Year,Month,Day", lambda k: (2024, 1 + k // 31, 1 + k % 31), "2024-02-17"),
        ("year,month", lambda k: (2000 + k // 12, f"{k % 12 + 1:02}"), "2003-12"),
        ("YYYY,MM", lambda k: (2000 + k // 12, k % 12 + 1), "2003-12"),
        ("year,quarter", lambda k: (2000 + k // 4, k % 4 + 1), "2011Q4"),
        ("Date,Time", lambda k: (f"{1 + k // 24}.3.2024", f"{k % 24}:00:00"), "2.3.2024 23:00:00"),
        ("date,hour", lambda k: (f"2024-03-{1 + k // 24:02}", k % 24), "2024-03-02 23:00"),
    ],
)
def test_a_time_in_several_columns_is_joined(tmp_path, caplog, header, cells, last):
    caplog.set_level(logging.INFO, "elman")
    columns = list(zip(*(cells(k) for k in range(48)), strict=True))
    panel = read(table(tmp_path, f"No,{header},load", list(range(1, 49)), *columns, list(range(48))))
    times = panel.ds(panel.times(np.array([0]), np.array([47])))
    assert (times.to_list(), panel.y.tolist()) == ([last], list(range(48)))
    line = caplog.records[0].message
    assert line.endswith(
        f"{header.replace(',', ', ')} are the time, load the target; one series; not read: No"
    )


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("year,month,load", ([2024] * 10, [0, *range(1, 10)], list(range(10)))),  # no month 0
        ("year,hour,load", ([2024] * 10, list(range(10)), list(range(10)))),  # hours of no day
    ],
)
def test_parts_that_are_no_time_are_not_joined(tmp_path, header, columns):
    with pytest.raises(InputError, match=r"--time-column"):
        read(table(tmp_path, header, *columns))


@pytest.mark.parametrize(
    ("header", "columns", "message"),
    [
        ("date,hour", [DAYS[:5] * 2, [0] * 5 + [12] * 4 + [""]], "row 11, column 'hour': must not be empty"),
        (
            "year,month,day",
            [[2024] * 10, [1] * 10, [1, 2, "", *range(4, 11)]],
            "row 4, column 'day': must not be",
        ),
        ("when", [["n/a", *DAYS[1:]]], r"row 2, column 'when': must be an integer, a date .* Got 'n/a'"),
    ],
)
def test_a_time_that_is_missing_or_none_names_its_row(tmp_path, header, columns, message):
    with pytest.raises(InputError, match=message):
        read(table(tmp_path, f"{header},load", *columns, numbers(0)))


def test_a_whole_time_and_a_named_column_come_before_parts(tmp_path):
    years = ["2024"] * 10
    path = table(
        tmp_path, "year,month,day,time_hour,y", years, [3] * 10, list(range(1, 11)), DAYS, numbers(0)
    )
    assert read(path).columns.time == "time_hour"
    assert read(path, time="day").integers


def test_series_without_times_are_told_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"If each column is a series and each row a step, add a column"):
        read(table(tmp_path, "v1,v2,v3", *(numbers(k) for k in range(3))))
    columns = [[9, 1979 + k, 1, *numbers(k)[:7]] for k in range(3)]
    with pytest.raises(InputError, match=r"its length and first year above its values: write a row for each"):
        read(table(tmp_path, "q1,q2,q3", *columns))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([f"{k},5 kg" for k in range(10)], r"sold would be numbers but for '0,5 kg' in row 2 .*unit kg"),
        ([f"{k}.20 %" for k in range(10)], r"'0.20 %' in row 2 .*unit %"),
        ([f"{k} {'mg' if k % 3 else 'g'}" for k in range(10)], r"'0 g' in row 2 .*in place of g and mg"),
        ([f"{'£' if k % 3 else '€'}{k}.5" for k in range(10)], r"'€0.5' in row 2 .*in place of £ and €"),
        ([*(f"2.0{k}0,5" for k in range(9)), "k.W."], r"'k\.W\.' in row 11 \(--missing k\.W\. counts"),
        ([*(f"{k},50 €" for k in range(9)), "k.W."], r"'k\.W\.' in row 11 \(--missing k\.W\. counts"),
        ([*(f"{k}.50" for k in range(9)), "84,00"], r"'84,00' in row 11 \(it has the decimal mark ','"),
        ([*range(6), "<7", 7, 8, 9], r"'<7' in row 8 \(correct it; --missing '<7' counts"),
        ([*range(6), "n. v.", 7, 8, 9], r"sold would be .* 'n\. v\.' in row 8 \(--missing 'n\. v\.' counts"),
    ],
)
def test_a_column_of_numbers_with_other_cells_could_be_the_target(tmp_path, cells, message):
    rows = ["\t".join(map(str, row)) for row in zip(DAYS, cells, numbers(0), strict=True)]
    path = tmp_path / "data.tsv"
    path.write_text("\n".join(["day\tsold\tdegrees", *rows]) + "\n")
    with pytest.raises(InputError, match=f"several columns hold numbers: sold, degrees.*{message}"):
        read(path)
    assert read(path, target="degrees").columns.target == "degrees"


@pytest.mark.parametrize(
    "cells", [["cold"] * 9 + ["5"], [f"S{k}" for k in range(10)], [f"0{k}" for k in range(10)]]
)
def test_texts_and_codes_are_no_target(tmp_path, cells):
    assert read(table(tmp_path, "day,other,degrees", DAYS, cells, numbers(0))).columns.target == "degrees"


def test_no_series_of_a_wide_table_is_left_out_for_one_cell(tmp_path):
    cells = [*numbers(1)[:9], "broken"]
    path = table(tmp_path, "day,s1,s2,s3", DAYS, numbers(0), cells, numbers(2))
    with pytest.raises(
        InputError, match=r"s2 would be numbers but for 'broken' in row 11 .*--missing broken"
    ):
        read(path)


def test_a_named_target_with_a_unit_names_it(tmp_path):
    path = table(tmp_path, "day,weight", DAYS, [f"{k}.50 kg" for k in range(10)])
    with pytest.raises(InputError, match=r"row 2, column 'weight': .* Got '0.50 kg'\. Write .* the unit kg"):
        read(path, target="weight")


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        ([f'"$1,{k}34.50"' for k in range(10)], 1034.5),
        ([f'"-$ 1,{k}34.50"' for k in range(10)], -1034.5),
        ([*(f'"€1.{k}34,50"' for k in range(9)), '"€ 7,5"'], 1034.5),
        ([*(f"{k + 2}.75 USD" for k in range(9)), "12"], 2.75),
        ([*(f"($1{k}.75)" for k in range(9)), "$3"], -10.75),
        ([f"1{k} 345" for k in range(10)], 10345),
        ([f"{k + 1}'000'000.5" for k in range(10)], 1000000.5),
        ([f"{k}\u202f123" for k in range(1, 11)], 1123),
    ],
)
def test_a_currency_and_marks_between_thousands_do_not_count(tmp_path, cells, first, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = table(tmp_path, "day,price", DAYS, cells)
    assert read(path).y[0] == first
    money = "its currency" in caplog.text
    assert money == (not cells[0].strip('"')[-1:].isdigit() or not cells[0].strip('"-(')[0].isdigit())


def test_the_currency_of_several_columns_is_said_in_one_line(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    cells = [[f"£{k + j}.5" for k in range(10)] for j in range(4)]
    read(table(tmp_path, "day,s1,s2,s3,s4", DAYS, *cells))
    assert [line for line in caplog.messages if "£" in line] == [
        f"{tmp_path}/data.csv: s1, s2, s3, … are read without their currency, £"
    ]


def test_irregular_times_name_the_row_and_the_rule(tmp_path):
    clock = ["00:00", "00:07", "03:15", "03:16", "09:02", "09:40", "13:00", "13:31", "20:08", "23:59"]
    path = table(tmp_path, "time,load", [f"2024-03-01 {at}" for at in clock], numbers(0))
    with pytest.raises(
        InputError,
        match=r"row 3: series 'load': time must be in equal steps\. Got 2024-03-01 00:07, which is not one "
        r"step \(min\) after the row before, like 89% of the rows\. Bring",
    ):
        read(path)
    with pytest.warns(UserWarning, match="1,430 such steps"):
        assert len(read_panel([path], Columns(), "min").y) == 1440
    twice = table(tmp_path, "day,load", [day for day in DAYS[:5] for _ in (0, 1)], numbers(0))
    with pytest.raises(
        InputError, match=r"row 3 has day 2024-03-01 again: bring the rows to one for each time"
    ):
        read(twice)


@pytest.mark.parametrize(("word", "rows"), [("Total", 1), ("Gesamt", 1), ("Somme", 2), ("grand total:", 1)])
@pytest.mark.parametrize("header", ["day,load", "year,load", "day,s1,s2,s3"])
def test_totals_below_a_series_are_left_out_and_told(tmp_path, header, word, rows, caplog):
    caplog.set_level(logging.INFO, "elman")
    times = DAYS if header.startswith("day") else list(range(2001, 2011))
    series = [numbers(k) + [9999.0] * rows for k in range(header.count(","))]
    panel = read(table(tmp_path, header, [*times, word, "Mean"][: 10 + rows], *series))
    assert panel.y.tolist() == [value for own in series for value in own[:10]]
    assert f"left out: {word}" in caplog.text


def test_a_series_called_total_stays(tmp_path):
    path = table(tmp_path, "shop,day,sold", ["a"] * 10 + ["Total"] * 10, DAYS * 2, numbers(0) + numbers(1))
    assert read(path).ids == ["a", "Total"]


@pytest.mark.parametrize("low", [1.1, 1100.0, 9.5, 2011.0])
@pytest.mark.parametrize("digits", [1, 2, 4])
def test_rates_and_prices_are_no_dates(tmp_path, low, digits):
    values = [f"{low + k / 9 / 10**digits + 0.1 * (k % 8 + 1):.{digits}f}" for k in range(10)]
    panel = read(table(tmp_path, "day,rate", DAYS, values))
    assert (panel.columns.time, panel.columns.target, panel.y.tolist()) == (
        "day",
        "rate",
        list(map(float, values)),
    )


@pytest.mark.parametrize("form", ["{year}.{month:02}", "{month:02}.{year}"])
def test_months_with_a_point_are_dates(tmp_path, form):
    months = [form.format(year=2019 + k // 12, month=k % 12 + 1) for k in range(5, 15)]
    panel = read(table(tmp_path, "month,n", months, numbers(0)))
    assert (panel.columns.time, str(panel.frequency)) == ("month", "MS")


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("year,month,v", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        (
            "Mon,Year,v",
            "january february march april may june july august september october november december",
        ),
        (
            "Jahr,Monat,v",
            "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        ),
        ("año,mes,v", "ene feb mar abr may jun jul ago sep oct nov dic"),
    ],
)
def test_months_by_their_names_beside_the_year_are_the_time(tmp_path, header, names, caplog):
    caplog.set_level(logging.INFO, "elman")
    years, months = [2015 + k // 12 for k in range(30)], [names.split()[k % 12] for k in range(30)]
    first = [months, years] if header.startswith("Mon") else [years, months]
    panel = read(table(tmp_path, header, *first, range(30)))
    assert (panel.ids, panel.y.tolist()) == (["v"], list(range(30)))
    assert str(panel.ds(panel.times(np.array([0]), np.array([29])))[0]) == "2017-06"
    assert "are the time, v the target; one series" in caplog.text


@pytest.mark.parametrize("cell", ["Mar", "abril", "W7", "Q2", "03/15", "24.12.", "7-4"])
def test_times_without_a_year_are_named(tmp_path, cell):
    path = table(tmp_path, "when,v", [cell] * 5, range(5))
    with pytest.raises(
        InputError, match=f"when holds times without their years, such as '{cell}': write the"
    ):
        read(path)


def test_months_and_short_years_are_read_by_their_format(tmp_path):
    path = table(tmp_path, "when,v", [f"{k % 12 + 1:02}/{10 + k // 12}" for k in range(30)], range(30))
    with pytest.raises(InputError, match=r"are months and years, say --time-format %m/%y\.$"):
        read(path)
    assert str(read_panel([path], Columns(), time_format="%m/%y").frequency) == "MS"


def test_fractions_are_no_days_without_a_year(tmp_path):
    with pytest.raises(InputError, match=r"--time-column\. Columns: when, v\.$"):
        read(table(tmp_path, "when,v", [k / 2 for k in range(9)], range(9)))


@pytest.mark.parametrize("form", ["{0}M{1:02}", "{0}-M{1:02}"])
def test_months_as_statistical_offices_write_them(tmp_path, form):
    times = [form.format(2015 + k // 12, k % 12 + 1) for k in range(30)]
    panel = read(table(tmp_path, "period,v", times, range(30)))
    assert str(panel.frequency) == "MS"
    assert panel.ds(panel.times(np.array([0]), np.array([30]))).to_list() == [form.format(2017, 7)]


def test_what_is_said_of_joined_times_names_the_columns_of_the_file(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    days, hours = [f"{13 + k // 24}/02/2024" for k in range(48)], [f"{k % 24}:00" for k in range(48)]
    path = table(tmp_path, "Date,Time,v", days, hours, range(48))
    read(path)
    assert "Date, Time is read as day/month/year" in caplog.text
    path.write_text(path.read_text() + "14/02/2024,23:00,7\n")
    with pytest.raises(InputError, match=r"row 50 has Date, Time 14/02/2024 23:00 again: .*; columns: v"):
        read(path, target="v")
