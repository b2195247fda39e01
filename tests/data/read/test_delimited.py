"""Tables of text: separators, quotes, headers, and messages that name the line."""

import gzip
import logging

import numpy as np
import pytest

from elman.data.read.reading import Reading
from elman.data.read.tables import number_column, read_table, why_no_numbers
from elman.errors import InputError


def read(tmp_path, content, name="table.csv", **reading):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, Reading(**reading))


def rows(tmp_path, content, name="table.csv", **reading):
    table = read(tmp_path, content, name, **reading)
    return [tuple(table.columns), *table.rows()]


PLAIN = [("id", "text"), ("007", "a b"), ("1.10", "True")]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["table.csv", "table.tsv", "table.txt"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_the_separator_is_found_and_cells_stay_as_written(tmp_path, mark, name, quote):
    lines = [mark.join(f"{quote}{cell}{quote}" for cell in row) for row in PLAIN]
    for end in ("\n", "\r\n", "\r"):
        assert rows(tmp_path, end.join(lines) + end, name) == PLAIN
    assert rows(tmp_path, b"\xef\xbb\xbf" + "\n".join(lines).encode(), name) == PLAIN
    assert rows(tmp_path, gzip.compress("\n".join(lines).encode()), name + ".gz") == PLAIN
    assert rows(tmp_path, ("\ufeff" + "\n".join(lines)).encode("utf-16-le"), name) == PLAIN


def test_a_separator_other_than_the_endings_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    read(tmp_path, "a;b\n1;2\n")
    assert "table.csv: its cells are separated by semicolon" in caplog.text


def test_two_readings_are_shown_with_the_flag(tmp_path):
    content = "name, first;age, years\nLee, Ann;31, 5\nRoy, Bob;27, 2\n"
    with pytest.raises(InputError, match=r"2 ways: --separator comma gives .*; --separator semicolon gives"):
        read(tmp_path, content)
    assert rows(tmp_path, content, separator="semicolon")[1] == ("Lee, Ann", "31, 5")


QUOTED = {
    "a line break": ('a,b\n"one\ntwo",x\n', ("one\ntwo", "x")),
    "the separator": ('a,b\n"one, two",x\n', ("one, two", "x")),
    "doubled quotes": ('a,b\n"say ""hi""",x\n', ('say "hi"', "x")),
    "a quote within a cell": ('a,b\n5" nails,x\n', ('5" nails', "x")),
    "a quote that opens a cell alone": ('a,b\n"Wow,x\n', ('"Wow', "x")),
    "tabs: a quote within": ('a\tb\n5" nails\tx\n', ('5" nails', "x")),
    "tabs: one quote at the start": ('a\tb\n"oh no\tx\nmore"\ty\n', ('"oh no', "x")),
    "tabs: quotes around words": ('a\tb\n"so" he said\tx\n', ('"so" he said', "x")),
    "tabs: the whole cell": ('a\tb\n"one\ttwo"\tx\n', ("one\ttwo", "x")),
    "tabs: a line break": ('a\tb\n"one\ntwo"\tx\n', ("one\ntwo", "x")),
}


@pytest.mark.parametrize(("content", "row"), QUOTED.values(), ids=QUOTED)
def test_a_quote_is_a_character_unless_the_whole_cell_is_quoted(tmp_path, content, row):
    assert rows(tmp_path, content, "t.tsv" if "\t" in content else "t.csv")[1] == row


DAYS = [("2024-01-01", "5"), ("2024-01-02", "6")]

FORMS = {
    "separators at the end of lines": ("a,b,\n1,2,\n3,4,\n", [("a", "b"), ("1", "2"), ("3", "4")]),
    "of rows alone": ("a,b\n1,2,\n3,4\n", [("a", "b"), ("1", "2"), ("3", "4")]),
    "blank lines": ("\na,b\n\n1,2\n\n\n3,4\n\n", [("a", "b"), ("1", "2"), ("3", "4")]),
    "comments before the header": ("# made by x\n# 2024, May, 3\na,b\n1,2\n", [("a", "b"), ("1", "2")]),
    "a header with #": ("#a,b\n1,2\n", [("#a", "b"), ("1", "2")]),
    "the index of a frame": (",a,b\n0,x,1\n1,y,2\n", [("a", "b"), ("x", "1"), ("y", "2")]),
    "a column without a name": (",a\nx,1\ny,2\n", [("column_1", "a"), ("x", "1"), ("y", "2")]),
    "spaces around names": ("a, b\n1,2\n", [("a", "b"), ("1", "2")]),
    "no header": ("2024-01-01,5\n2024-01-02,6\n", [("column_1", "column_2"), *DAYS]),
    "numbers that name columns": ("0,1\n5,6\n", [("0", "1"), ("5", "6")]),
    "empty cells": ('a,b\n"",x\n,y\n', [("a", "b"), (None, "x"), (None, "y")]),
    "one column": ("a\nx\n\ny\n", [("a",), ("x",), ("y",)]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), FORMS.values(), ids=FORMS)
def test_forms_of_tables(tmp_path, content, expected):
    assert rows(tmp_path, content) == expected


BAD = {
    "more cells": ("a,b\n1,2\n3,4,5\n", r"line 3: must have 2 cells, like the header\. Got 3"),
    "fewer cells": ("a,b\n1,2\n3\n", r"line 3: must have 2 cells, like the header\. Got 1"),
    "a comment between": ("a,b\n1,2\n# note\n3,4\n", r"line 3: must have 2 cells"),
    "after a comment": ("# note\na,b\n1,2\n3\n", r"line 4: must have 2 cells"),
    "after a break in quotes": ('a,b\n"1\n2",x\n3,4,5\n', r"line 4: must have 2 cells"),
    "an open quote": ('a,b\n1,2\n"3,4\n5,6,7\n', r"line 3: has a quote that is not closed"),
    "a name twice": ("a,b,a\n1,2,3\n", r"line 1: column 'a' stands twice"),
    "no rows": ("a,b\n", r"has no rows"),
    "nothing": ("", r"has no rows"),
    "not UTF-8": (b"a,b\n1,2\n3,caf\xe9 noir\n", r"line 3: text must be UTF-8.*--encoding cp1252"),
    "a NUL": (b"a,b\n1,\x00\n", r"line 2: .*NUL"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_what_is_no_table_is_named_with_its_line(tmp_path, content, message):
    with pytest.raises(InputError, match=rf"table\.csv: {message}"):
        read(tmp_path, content)


def test_an_encoding_is_given(tmp_path):
    assert rows(tmp_path, "a,b\ncafé,x\n".encode("cp1252"), encoding="cp1252")[1] == ("café", "x")


def numbers(tmp_path, content, **reading):
    path = tmp_path / "table.csv"
    path.write_text(content)
    return number_column(read_table(path, Reading(**reading)), "x", path, reading=Reading(**reading)).tolist()


def test_commas_behind_semicolons_are_decimal_marks(tmp_path):
    assert numbers(tmp_path, "t;x\na;1,234\nb;2,5\n") == [1.234, 2.5]
    assert numbers(tmp_path, "t;x\na;1,234\nb;2,567\n") == [1.234, 2.567]
    assert numbers(tmp_path, 't,x\na,"1,234.5"\nb,7\n') == [1234.5, 7]
    content = 't,x\na,"1,234"\nb,"2,567"\n'
    with pytest.raises(InputError, match=r"'x': 1,234 is 1234 with --decimal \. and 1\.234 with --decimal ,"):
        numbers(tmp_path, content)
    assert numbers(tmp_path, content, decimal=",") == [1.234, 2.567]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("t;x\na;2.750\nb;640.5\n", [2.75, 640.5]),
        ("t;x\na;2.750\nb;0.300\n", [2.75, 0.3]),
        ("t;x\na;2.750\nb;12.300.000\n", [2750, 12_300_000]),
        ("w;x\n0,5;2.750\n1;88\n", [2750, 88]),
        ("w;x\n0.5;2.750\n1;88\n", [2.75, 88]),
        ("t,x\na,2.750\nb,88\n", [2.75, 88]),
        ('w,x\n1.5,"2,750"\n1,88\n', [2750, 88]),
        ("t;x\na;0,300\nb;2,750\n", [0.3, 2.75]),
        ('t,x\na,"123,701"\nb,"98,450"\n', [123_701, 98_450]),
        ('t,x\na,"1,701"\nb,"12,450"\n', [1701, 12_450]),
    ],
)
def test_other_cells_and_columns_show_the_decimal_mark(tmp_path, content, expected):
    assert numbers(tmp_path, content) == expected


@pytest.mark.parametrize(
    "content", ["t;x\na;2.750\nb;88\n", "t;x\n05.03.2021;2.750\n06.03.2021;-3.100\n", "x\n2.750\n"]
)
def test_points_that_may_stand_between_thousands_are_refused(tmp_path, content):
    with pytest.raises(
        InputError, match=r"row 2, .*: 2\.750 is 2\.750 with --decimal \. and 2750 with --decimal ,"
    ):
        numbers(tmp_path, content)
    assert numbers(tmp_path, content, decimal=",")[0] == 2750
    assert numbers(tmp_path, content, decimal=".")[0] == 2.75


def test_markers_of_missing_values_are_counted_in_one_warning(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,null\n-,2\nNA,-9\n")
    table = read_table(path)
    with pytest.warns(UserWarning, match=r"t\.csv: 2 cells count as missing values: -, NA"):
        assert number_column(table, "x", path, missing=True)[0] == 1
    with pytest.raises(InputError, match=r"row 3, column 'x': must be a finite number\. Got '-'"):
        number_column(table, "x", path)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["$1,200", "$3,450"], [1200, 3450]),
        (["£1,200", "£88"], [1200, 88]),
        (["1.200 €", "14.350 €"], [1200, 14350]),
        (["EUR 2.750", "EUR 88"], [2750, 88]),
        (["1,250 kr", "12 kr"], [1250, 12]),
        (["(US$1,200)", "US$9,900"], [-1200, 9900]),
    ],
)
def test_thousands_of_money_are_no_decimals(tmp_path, cells, expected):
    body = "".join(f'{k}\t"{cell}"\n' for k, cell in enumerate(cells))
    assert numbers(tmp_path, "t\tx\n" + body) == expected


def test_prices_of_one_digit_may_have_three_decimals(tmp_path):
    with pytest.raises(InputError, match=r"1,499 € is .* with --decimal \. and .* with --decimal ,"):
        numbers(tmp_path, "t\tx\na\t1,499 €\nb\t1,529 €\n")


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n"])
def test_a_first_line_may_name_the_separator(tmp_path, first):
    assert rows(tmp_path, first + "a;b\n1,5;x, y\n") == [("a", "b"), ("1,5", "x, y")]
    with pytest.raises(InputError, match=r"line 4: must have 2 cells"):
        read(tmp_path, first + "a;b\n1;2\n3\n")


def test_a_header_that_is_repeated_is_no_row(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    assert rows(tmp_path, "a,b\n1,x\na,b\n2,y\na,b\n") == [("a", "b"), ("1", "x"), ("2", "y")]
    assert "2 rows that repeat the header left out" in caplog.text
    # a file without a header may hold a row twice, and its label again
    assert len(rows(tmp_path, "soup,good\nbread,good\nsoup,good\n")) == 3


def test_a_table_in_markdown(tmp_path):
    content = "| a | b |\n|:--|---:|\n| 1 | x y |\n| 2 | z |\n"
    assert read(tmp_path, content)["b"].str.strip_chars().to_list() == ["x y", "z"]


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"%PDF-1.7\n\xe2", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1", "an older office"),
        (b"Rar!\x1a", "a RAR"),
    ],
)
def test_files_that_are_not_read_are_named(tmp_path, head, told):
    with pytest.raises(InputError, match=rf"table\.csv: is .*{told[2:]}"):
        read(tmp_path, head + b"\0" * 20)


def test_the_rest_of_a_column_shows_thousands(tmp_path):
    cells = ["1,200", "650", "912", "14,050", "3,900", "480"]
    body = "".join(f"{k}\t{cell}\n" for k, cell in enumerate(cells))
    assert numbers(tmp_path, "t\tx\n" + body) == [1200, 650, 912, 14050, 3900, 480]
    lengths = "".join(f"{k}\t{cell}\n" for k, cell in enumerate(["1.200", "3", "2.750", "1", "5", "3.125"]))
    with pytest.raises(InputError, match=r"1\.200 is 1\.200 with --decimal \. and 1200 with --decimal ,"):
        numbers(tmp_path, "t\tx\n" + lengths)


def test_errors_of_spreadsheets_are_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x\n1\n#DIV/0!\n..\n#REF!\n2\n")
    with pytest.warns(UserWarning, match=r"3 cells count as missing values: #DIV/0!, \.\., #REF!"):
        assert np.isnan(number_column(read_table(path), "x", path, missing=True)[1:4]).all()


SPACED = "# station  17\n  name   low  high\nOslo    -3.5     1\nBonn     2.5    12\nRom     10.0    20\n"


def test_cells_of_a_fixed_width_are_divided_by_runs_of_spaces(tmp_path, caplog):
    caplog.set_level("INFO", "elman")
    path = tmp_path / "t.dat"
    path.write_text(SPACED.replace("Oslo", "2010").replace("Bonn", "2011").replace("Rom ", "2012"))
    assert read_table(path).to_dict(as_series=False) == {
        "name": ["2010", "2011", "2012"],
        "low": ["-3.5", "2.5", "10.0"],
        "high": ["1", "12", "20"],
    }
    assert "t.dat: its cells are separated by spaces" in caplog.text
    path.write_text(SPACED)
    assert read_table(path).width == 1
    assert "t.dat: each line is one cell; --separator space gives most lines 3 cells" in caplog.text
    assert read_table(path, Reading("space"))["low"].to_list() == ["-3.5", "2.5", "10.0"]
    path.write_text('a b\n"one  cell"   2\n')
    assert read_table(path, Reading("space")).rows() == [("one  cell", "2")]
    path.write_text("amount\n1 200\n1 300\n1 400\n")
    assert read_table(path)["amount"].to_list() == ["1 200", "1 300", "1 400"]


ROWS = [f"2024-03-0{day},{day}.5,{10 * day},ok" for day in range(1, 6)]


def test_a_row_of_units_below_the_names_is_left_out_and_told(tmp_path, caplog):
    caplog.set_level("INFO", "elman")
    found = rows(tmp_path, "\n".join(["day,flow,level,note", "UTC,m3/s,cm,", *ROWS]))
    assert found[:2] == [("day", "flow", "level", "note"), ("2024-03-01", "1.5", "10", "ok")]
    assert "the line below the header is no row and left out ('UTC, m3/s, cm'); rows" in caplog.text
    kept = ["name,flow,level", "Rhein,k.A.,k.A.", *(f"Elbe {k},{k}.5,{k}" for k in range(5))]
    assert rows(tmp_path, "\n".join(kept))[1] == ("Rhein", "k.A.", "k.A.")
    kept = ["day,flow,level,note", "2024-02-29,k.A.,k.A.,", *ROWS]
    assert rows(tmp_path, "\n".join(kept))[1] == ("2024-02-29", "k.A.", "k.A.", None)


def test_two_lines_of_names_are_refused_with_both(tmp_path):
    for header in (["day,in,in,note", "date,flow,level,text"], ["day,in,,note", "date,flow,level,"]):
        with pytest.raises(
            InputError, match=r"in the header, and the line below it is no row either \('date, flow, level"
        ):
            rows(tmp_path, "\n".join([*header, *ROWS]))
    with pytest.raises(
        InputError, match=r"'a' stands twice in the header\. Above it stand 'in,out': join both lines in one"
    ):
        rows(tmp_path, "\n".join([",in,out,", "day,a,a,note", *ROWS]))


@pytest.mark.parametrize(
    ("mark", "is_told"), [("-999", True), ("9999.0", True), ("-998", False), ("99", False)]
)
def test_a_mark_of_missing_numbers_is_told(tmp_path, caplog, mark, is_told):
    caplog.set_level("INFO", "elman")
    cells = [f"{20 + k % 70}.5" for k in range(60)]
    cells[7] = cells[40] = mark
    table = read(tmp_path, "\n".join(["flow", *cells]))
    assert number_column(table, "flow", tmp_path / "table.csv")[7] == float(mark)
    told = f"flow has {float(mark):g} in 2 cells, far from all others: --missing {float(mark):g} counts it"
    assert any(told in line for line in caplog.messages) == is_told
    caplog.clear()
    with pytest.warns(UserWarning, match="2 cells count as missing values"):
        number_column(table, "flow", tmp_path / "table.csv", missing=True, reading=Reading(missing=(mark,)))
    assert not caplog.messages


def test_numbers_of_the_other_decimal_mark_name_it(tmp_path):
    table = read(tmp_path, "a;b\n1.000,5;x\n2,25;y\n")
    path = tmp_path / "table.csv"
    told = why_no_numbers(table, "a", path, Reading(decimal="."))
    assert told == "a would be numbers with --decimal ,"
    assert why_no_numbers(table, "b", path, Reading(decimal=".")) == ""
