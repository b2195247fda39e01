"""Titles, sources and notes around the rows of a table are left out where only one reading makes sense."""

import logging

import pytest

from elman.data.read.reading import Reading
from elman.data.read.tables import read_table
from elman.errors import InputError

BODY = ["month,visitors", *(f"2020-{month:02},{month * 10}" for month in range(1, 9))]
TEXTS = ["text,label", "a good film, they say".replace(",", ""), "x"]


def read(folder, lines, name="table.csv"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return read_table(path, Reading())


ABOVE = {
    "a title": ["Visitors of the museum"],
    "a title, a source and an empty line": ["Visitors", "Source: town hall", ""],
    "commas within": ["Visitors, in thousands", "Source: town hall, 2021", ""],
    "directly below, filled with separators": ["Source: town hall,"],
    "filled with separators": ["Visitors,", "as of 2021-03-04,", ","],
    "a date": ["Exported 2021-03-04 10:00", ""],
    "comments and a title": ["# a,b", "Visitors", ""],
    "quoted": ['"Visitors, in thousands"', ""],
    "spaces behind commas": ["Visitors, of the museum"],
    "more commas than columns": ["Visitors, of the museum, in thousands, since 2020"],
}


@pytest.mark.parametrize("above", ABOVE.values(), ids=ABOVE)
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_lines_above_the_header_are_left_out_and_told(tmp_path, above, mark, caplog):
    caplog.set_level(logging.INFO, "elman")
    body = [line.replace(",", mark) for line in BODY]
    if above[0].endswith(",") or above[0].startswith("#"):
        above = [line.replace(",", mark) for line in above]
    table = read(tmp_path, [*above, *body])
    assert (table.columns, len(table), table.row(7)) == (["month", "visitors"], 8, ("2020-08", "80"))
    number = sum(not line.startswith("#") for line in above)
    assert f"{number} line{'s' if number > 1 else ''} above the table left out (" in caplog.text


TITLES = [
    "Umsatz der Filiale",
    "Umsatz, Filiale Nord",
    "Umsatz; in Euro, ohne Steuer",
    "Umsatz\nQuelle: Amt, Ulm",
]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("names", ["Monat;Umsatz", "Monat;Umsatz, netto"])
def test_a_title_stands_above_semicolons_and_decimal_commas(tmp_path, title, names):
    rows = [f"{month:02}.2020;{month * 10},{month}5" for month in range(1, 9)]
    table = read(tmp_path, [*title.split("\n"), names, *rows])
    assert (table.columns, table.row(7)) == (names.split(";"), ("08.2020", "80,85"))


@pytest.mark.parametrize(
    "title", [["What visitors said"], ["", "Said, by visitors"], ["Of the town", "by hand"]]
)
@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_title_of_several_words_stands_above_texts(tmp_path, title, mark):
    rows = [f"it was, number {k}, fine{mark}good" for k in range(4)]
    table = read(tmp_path, [*title, f"words{mark}tone", *rows])
    assert (table.columns, table.row(3)) == (["words", "tone"], ("it was, number 3, fine", "good"))


def test_a_separator_that_would_do_is_named(tmp_path):
    rows = [f"it was fine, {k};good{';x' * (k % 2)}" for k in range(9)]
    with pytest.raises(
        InputError, match=r"must have 1 cell, .* --separator semicolon gives most lines 2 cells"
    ):
        read(tmp_path, ["Said", "words;tone", *rows])


BELOW = {
    "a source": ["Source: town hall"],
    "an empty line and a note": ["", "Provisional, subject to revision"],
    "several": ["", "* closed in June", "", "Source: town hall, 2021"],
    "directly below, filled with separators": ["Source: town hall,"],
    "filled with separators": [",", "Note: provisional,"],
}


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
def test_notes_below_the_rows_are_left_out_and_told(tmp_path, below, caplog):
    caplog.set_level(logging.INFO, "elman")
    table = read(tmp_path, [*BODY, *below])
    assert (len(table), table.row(7)) == (8, ("2020-08", "80"))
    assert f"{len(below)} line{'s' if len(below) > 1 else ''} below the table left out (" in caplog.text


WORLD_BANK = """\
"Data Source","World Development Indicators",

"Last Updated Date","2024-03-28",

"Country Name","Country Code","Indicator Name","Indicator Code","1960","1961","1962","1963",
"Aruba","ABW","Population, total","SP.POP.TOTL","54608","55811","56682","",
"Belgium","BEL","Population, total","SP.POP.TOTL","9153489","9183948","9220578","9289770",
"""


def test_separators_at_the_ends_of_all_lines_are_no_cells(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    table = read(tmp_path, WORLD_BANK.splitlines())
    assert (table.columns[0], table.columns[4:]) == ("Country Name", ["1960", "1961", "1962", "1963"])
    assert table["1963"].to_list() == [None, "9289770"]
    assert "4 lines above the table left out ('Data Source, World Development Indicators')" in caplog.text


def test_notes_below_a_table_of_a_databank(tmp_path):
    header = "Country Name,Code,1960 [YR1960],1961 [YR1961],1962 [YR1962]"
    rows = ["Belgium,BEL,1,..,3", "Albania,ALB,1,2,3"]
    notes = [",,,,", "Data from database: World Development Indicators,,,,", "Last Updated: 03/28/2024,,,,"]
    assert len(read(tmp_path, [header, *rows, *notes])) == 2


def test_below_names_a_padded_note_begins_as_notes_do(tmp_path):
    rows = [f"town {k},{k},{k + 1}" for k in range(9)]
    assert len(read(tmp_path, ["town,a,b", *rows, "Quelle: SAP,,"])) == 9
    assert len(read(tmp_path, ["town,a,b", *rows, "* provisional,,", ",,", "Stand 2023,,"])) == 9
    assert len(read(tmp_path, ["town,a,b", *rows, "New York,,"])) == 10
    assert len(read(tmp_path, ["text,stars", *(f"so it is,{k}" for k in range(9)), "note that,"])) == 10


def test_names_that_are_years_stand_behind_an_empty_line(tmp_path):
    above = ["Data source,Indicators of the town", "", "Last updated,2021-03-04", ""]
    table = read(tmp_path, [*above, "district,code,2018,2019,2020", "north,N,1,2,3", "south,S,4,5,6"])
    assert table.columns == ["district", "code", "2018", "2019", "2020"]


KEPT = {
    "an empty line below the header": (["a,b", "", "x,1", "y,2"], ["a", "b"], 2),
    "texts with an empty line": (["text,label", "", "good film,p", "bad film,n"], ["text", "label"], 2),
    "a row of names below the header": (
        ["month,visitors", "of the year,2", "2020-02,3"],
        ["month", "visitors"],
        2,
    ),
    "a total": ([*BODY, "Total,360"], ["month", "visitors"], 9),
    "a row with empty cells at the end": ([*BODY, "2020-09,"], ["month", "visitors"], 9),
}


@pytest.mark.parametrize(("lines", "columns", "rows"), KEPT.values(), ids=KEPT)
def test_what_may_be_a_row_stays(tmp_path, lines, columns, rows, caplog):
    caplog.set_level(logging.INFO, "elman")
    table = read(tmp_path, lines)
    assert (table.columns, len(table)) == (columns, rows)
    assert "left out" not in caplog.text


@pytest.mark.parametrize(
    "lines",
    [
        [*BODY, "2020-09"],
        [*BODY, "Augu"],
        ["a,b", "1,2,3", "4,5,6"],
        ["text,label", "good, they say,p", "bad, they say,n"],
        ["name,score", "r1,Ann,5", "r2,Bob,6"],
    ],
)
def test_rows_that_were_cut_or_have_more_cells_are_refused(tmp_path, lines):
    with pytest.raises(InputError, match=r"line \d+: must have 2 cells, like the header"):
        read(tmp_path, lines)


def test_messages_count_the_lines_of_the_file(tmp_path):
    with pytest.raises(InputError, match=r"table\.csv: line 7: must have 2 cells"):
        read(tmp_path, ["Visitors", "", *BODY[:4], "2020-04,4,4", *BODY[5:]])
