"""Rows as lines: cells with and without a header, and objects."""

import numpy as np
import pytest

from elman.data.read.reading import Reading
from elman.data.read.rows import RowParser


def parser() -> RowParser:
    return RowParser(["a", "b"], "id", "time")


def read(parser: RowParser, *lines: str) -> list[tuple[str, str, list[float]] | None]:
    rows = [parser.parse(line) for line in lines]
    return [None if row is None else (row.name, row.time, row.values.tolist()) for row in rows]


def test_cells_in_the_training_tables_order():
    assert read(parser(), "s,12:00,1,2.5\n", '"x,y",12:05,-1e3,0\r\n') == [
        ("s", "12:00", [1, 2.5]),
        ("x,y", "12:05", [-1000, 0]),
    ]
    assert read(RowParser(["a"], None, None), "3", "4") == [("", "", [3]), ("", "", [4])]


def test_a_header_gives_the_order_and_may_name_more():
    assert read(parser(), "b,more,time,a,id\n", "2,x,12:00,1,s\n") == [None, ("s", "12:00", [1, 2])]


def test_objects():
    line = '{"time": 7, "a": 1, "b": null, "id": "s", "more": [1]}'
    ((name, time, values),) = read(parser(), line)
    assert (name, time, values[0], np.isnan(values[1])) == ("s", "7", 1, True)


def test_cells_are_read_as_in_a_table():
    assert read(parser(), "s,12:00, 0.5,True", "s,12:01,1e3 ,false") == [
        ("s", "12:00", [0.5, 1]),
        ("s", "12:01", [1000, 0]),
    ]
    assert read(parser(), "id;time;a;b", "s;12:00;1,5;-0,25") == [None, ("s", "12:00", [1.5, -0.25])]
    assert read(RowParser(["a", "b"], None, None), "1\t2") == [("", "", [1, 2])]
    own = RowParser(["a"], None, None, Reading(missing=("-999",)))
    values = [own.parse(line).values[0] for line in ("-999", "NA", "null", "?", '"-"')]
    assert np.isnan(values).all()


def test_empty_cells_are_missing():
    ((_, _, values),) = read(parser(), "s,12:00,,nan")
    assert np.isnan(values).all()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", r"must have 4 cells. Got 0\."),
        ("s,12:00,1", r"must have 4 cells. Got 3\."),
        ("s,12:00,1,two", r"column 'b': must be a number. Got 'two'\."),
        (",12:00,1,2", r"column 'id': must not be empty"),
        ("s,,1,2", r"column 'time': must not be empty"),
    ],
)
def test_a_bad_row_is_told_and_the_next_one_read(line, message):
    own = parser()
    read(own, "s,11:55,0,0")
    with pytest.raises(ValueError, match=message):
        own.parse(line)
    assert read(own, "s,12:05,3,4") == [("s", "12:05", [3, 4])]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("s,12:00,1,2", "must be a JSON object. Got 's,12:00,1,2'"),
        ("[1]", "must be a JSON object"),
        ('{"a": 1', "must be a JSON object"),
        ("[" * 100_000, "must be a JSON object"),
        ('{"id": "s", "time": 1, "a": 1}', "has no 'b'"),
        ('{"id": "s", "time": 1, "a": 1, "b": [1]}', r"column 'b': must be a number. Got \[1\]"),
        ('{"id": "s", "time": 1, "a": 1, "b": ' + "9" * 400 + "}", "column 'b': must be a number"),
        ('{"id": "s", "a": 1, "b": 2}', "column 'time': must not be empty"),
    ],
)
def test_a_bad_object_is_told(line, message):
    own = parser()
    own.parse('{"id": "s", "time": 1, "a": 1, "b": 2}')
    with pytest.raises(ValueError, match=message):
        own.parse(line)


@pytest.mark.parametrize(
    ("header", "rows", "lacks"),
    [
        ("time,a,b", ["12:00,1,2"], "id"),
        ("id,time,b,other", ["s,12:00,1,2", "s,12:05,3,4"], "a"),  # as many cells as expected
        ("id,time,temperature,load", ["s,12:00,1,2"], "a"),
        ("sensor,when,temperature,load (%)", ["s,12:00,1,2"], "id"),  # names none of the columns
    ],
)
def test_after_a_header_without_a_column_no_line_is_read_in_the_order_of_training(header, rows, lacks):
    own = parser()
    for line in (header, *rows):
        with pytest.raises(ValueError, match=f"the header has no column '{lacks}'"):
            own.parse(line)
    assert read(own, "b,id,time,a", "2,s,12:00,1") == [None, ("s", "12:00", [1, 2])]


def test_a_bad_first_row_is_no_header():
    own = parser()
    for line in ("s,12:00,1,two", "junk", ""):
        with pytest.raises(ValueError, match="must "):
            own.parse(line)
    assert read(own, "s,12:05,3,4") == [("s", "12:05", [3, 4])]
    numbered = RowParser(["1", "2"], None, None)  # their names are numbers
    assert read(numbered, "2,7", "1,2") == [("", "", [2, 7]), ("", "", [1, 2])]
    assert read(RowParser(["1", "2"], None, None), "2,1", "5,6") == [None, ("", "", [6, 5])]
