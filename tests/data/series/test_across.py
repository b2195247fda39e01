"""Tables with a row for each series and a column for each time."""

import logging
from pathlib import Path

import numpy as np
import pytest

from elman.data.series.panel import Columns, Panel
from elman.data.series.read import read_panel
from elman.errors import InputError

ROWS = [[10.5, 11, 9, 12, 8], [1, 2, 3, 4, 5]]


def read(folder: Path, *lines: str, **columns: object) -> Panel:
    path = folder / "data.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_panel([path], Columns(**columns))


def rows(names: list[str]) -> list[str]:
    return [",".join([name, *map(str, row)]) for name, row in zip(names, ROWS, strict=True)]


@pytest.mark.parametrize(
    ("header", "frequency", "following"),
    [
        ("Jan 2020,Feb 2020,Mar 2020,Apr 2020,May 2020", "MS", "Jun 2020"),
        ("2019-11,2019-12,2020-01,2020-02,2020-03", "MS", "2020-04"),
        ("Oktober 2020,November 2020,Dezember 2020,Januar 2021,Februar 2021", "MS", "März 2021"),
        ("2020-02-27,2020-02-28,2020-02-29,2020-03-01,2020-03-02", "D", "2020-03-03"),
        ("2019Q3,2019Q4,2020Q1,2020Q2,2020Q3", "QS", "2020Q4"),
        ("1996,1997,1998,1999,2000", "YS", "2001"),
        ("X1996,X1997,X1998,X1999,X2000", "YS", "2001"),
        ("1996 [YR1996],1997 [YR1997],1998 [YR1998],1999 [YR1999],2000 [YR2000]", "YS", "2001"),
        ("X2020.02.27,X2020.02.28,X2020.02.29,X2020.03.01,X2020.03.02", "D", "2020.03.03"),
    ],
)
def test_names_of_columns_are_times(tmp_path, header, frequency, following, caplog):
    caplog.set_level(logging.INFO, "elman")
    panel = read(tmp_path, f"region,{header}", *rows(["north", "south"]))
    assert (panel.ids, panel.columns.id, str(panel.frequency)) == (["north", "south"], "region", frequency)
    assert panel.y.reshape(2, 5).tolist() == ROWS
    assert panel.ds(panel.times(np.array([1]), np.array([5]))).to_list() == [following]
    first, last = header.split(",")[0], header.split(",")[-1]
    assert f"each row is a series that region names; {first} to {last} are its times" in caplog.text


def test_a_model_reads_a_later_table_of_the_same_form(tmp_path):
    panel = read(tmp_path, "region,2020-01,2020-02,2020-03,2020-04,2020-05", *rows(["north", "south"]))
    long = read(tmp_path, "region,ds,y", "north,2020-01,1", "north,2020-02,2", id="region")
    again = read(
        tmp_path,
        "region,2020-02,2020-03,2020-04",
        "north,1,2,3",
        id=panel.columns.id,
        time=panel.columns.time,
        target=panel.columns.target,
        layout="long",
    )
    assert (long.ids, again.ids, again.y.tolist()) == (["north"], ["north"], [1, 2, 3])


def test_the_twelve_months_of_a_year_stand_in_a_row(tmp_path):
    months = "Jan,Feb,Mär,Apr,Mai,Jun,Jul,Aug,Sep,Okt,Nov,Dez"
    values = np.arange(1, 37).reshape(3, 12)
    lines = [f"{2000 + k}," + ",".join(map(str, row)) for k, row in enumerate(values)]
    panel = read(tmp_path, f"Jahr,{months}", *lines[:2], lines[2].replace(",35,36", ",,"))
    assert (panel.columns.layout, str(panel.frequency), panel.y.tolist()) == ("one", "MS", list(range(1, 35)))
    panel = read(
        tmp_path, f"town,Jahr,{months}", *(f"a,{one}" for one in lines), *(f"b,{one}" for one in lines)
    )
    assert (panel.ids, panel.y.tolist()) == (["a", "b"], [*range(1, 37), *range(1, 37)])


def test_numbered_columns_behind_names_are_steps(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    header = '"V1","V2","V3","V4","V5","V6"'
    panel = read(tmp_path, header, '"M1","7","8","9","",""', '"M2","1","2","3","4","5"')
    assert (panel.ids, panel.lengths.tolist(), panel.integers) == (["M1", "M2"], [3, 5], True)
    assert panel.y.tolist() == [7, 8, 9, 1, 2, 3, 4, 5]
    assert "each row is a series that V1 names; V2 to V6 are its steps, without times" in caplog.text
    panel = read(tmp_path, "id,x1,x2,x3,x4,kind", "a,1,2,3,4,p", "b,1,2,3,4,q", static=("kind",))
    assert panel.static["kind"].tolist() == ["p", "q"]


def test_series_begin_and_end_where_their_numbers_do(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    panel = read(tmp_path, "c,1990,1991,1992,1993,1994", "a,,,3,,5", "b,1,2,3,,", "c,,,,,")
    assert panel.ids == ["a", "b"]
    np.testing.assert_array_equal(panel.y, [3, np.nan, 5, 1, 2, 3])
    assert panel.ds(panel.starts).to_list() == ["1992", "1990"]
    assert "1 row without numbers is left out" in caplog.text


def test_what_is_unclear_or_wrong_is_named(tmp_path):
    years = "1990,1991,1992"
    with pytest.raises(InputError, match=r"row 3, column '1991': must be a finite number. Got 'x'"):
        read(tmp_path, f"c,{years}", "a,1,2,3", "b,1,x,3", "c,1,2,3", "d,1,2,3", "e,1,1,1")
    with pytest.raises(InputError, match=r"columns such as 1990 are times, .* by --id-column; columns: c"):
        read(tmp_path, f"c,{years}", "a,1,2,3", "a,1,2,3")
    with pytest.raises(InputError, match=r"row 3, column 'c': must name one row\. Got a"):
        read(tmp_path, f"c,{years}", "a,1,2,3", "a,1,2,3", id="c")


@pytest.mark.parametrize(
    "lines",
    [
        ["date,v1,v2,v3", "1 of May,1,2,3", "2 of May,1,2,3"],
        ["when,v1,v2,v3", "2020-01-01,1,2,3", "2020-01-02,1,2,3"],
        ["v1,v2,v3", "1,2,3", "1,2,3"],
        ["a,2020-03,2020-01,2020-07", "x,1,2,3", "y,1,2,3"],
        ["D3,1120.7,1084.3,1190.5,1101.2", "D4,1,2,3,4", "D5,1,2,3,4"],
    ],
)
def test_other_tables_are_not_turned(tmp_path, lines, caplog):
    caplog.set_level(logging.INFO, "elman")
    if lines[1].startswith("2020"):
        assert read(tmp_path, *lines).columns.layout == "wide"
    else:
        with pytest.raises(InputError, match="has no column 'ds'"):
            read(tmp_path, *lines)
    assert "each row is a series" not in caplog.text


MONTHS = [f"2023-{month:02}" for month in range(1, 13)]
SALES = np.random.default_rng(0).integers(10, 5000, (3, 12)) / 10


def row(name: str, values: np.ndarray) -> str:
    return ",".join([name, *(f"{value:g}" for value in values)])


@pytest.mark.parametrize(
    ("word", "values", "kind"),
    [
        ("Total", SALES.sum(0), "sum"),
        ("Summe:", SALES.sum(0).round(), "sum"),
        ("Sales total", SALES.sum(0), "sum"),
        ("moyenne", SALES.mean(0).round(1), "mean"),
        ("Total", SALES.sum(0) + 5, ""),
        ("Totally", SALES.sum(0), ""),
    ],
)
def test_a_row_that_is_the_total_of_the_others_is_no_series(tmp_path, word, values, kind, caplog):
    caplog.set_level(logging.INFO, "elman")
    names = ["a", "b", "c"]
    lines = [f"product,{','.join(MONTHS)},Total", *map(row, names, SALES), row(word, values)]
    lines = [lines[0], *(f"{line},9" for line in lines[1:])]
    panel = read(tmp_path, *lines)
    assert panel.ids == (names if kind else [*names, word])
    assert (f"the row {word} is the {kind} of the others and left out" in caplog.text) == bool(kind)
    assert "2023-01 to 2023-12 are its times; not read: Total" in caplog.text


def test_totals_of_every_year_and_beside_the_months_are_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    header = "shop,Year,Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec,Total"
    years = {"a,2020": SALES[0], "a,2021": SALES[1], "b,2020": SALES[2], "b,2021": SALES[0]}
    years |= {"Total,2020": SALES[0] + SALES[2], "Total,2021": SALES[1] + SALES[0]}
    panel = read(
        tmp_path, header, *(f"{row(name, values)},{values.sum():g}" for name, values in years.items())
    )
    assert panel.ids == ["a", "b"]
    assert "the 2 rows Total are the sum of the others and left out" in caplog.text
    assert "Jan to Dec are its months; not read: Total" in caplog.text
