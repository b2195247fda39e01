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


def test_a_header_without_a_column_is_told():
    own = parser()
    with pytest.raises(ValueError, match="has no column 'id'"):
        own.parse("time,a,b")
    assert read(own, "id,time,a,b") == [None]
