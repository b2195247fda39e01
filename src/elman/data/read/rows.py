"""Parses rows of a table that arrive one by one, as lines."""

import csv
import json
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.read.cells import number_of
from elman.data.read.reading import PLAIN, Reading
from elman.data.series.time_parts import with_time

_NAME = re.compile(r"[^\W\d][\w .()/%°-]*")


class Row(NamedTuple):
    """One row.

    Attributes:
        name: name of its series; empty if there is only one series.
        time: its time as text; empty if absent.
        values: [D]; NaN for missing values.
    """

    name: str
    time: str
    values: np.ndarray


class RowParser:
    """Parses lines of cells or of JSON objects, whichever the first line is, as tables are read.

    A first line of cells that has a column's name, or nothing but names, is a header, which gives their
    order; without a header the order is id, time, columns. After a header that lacks a column no line is
    read, because it is unknown what its cells are, until a header has all.

    Args:
        columns: names of the columns of numbers.
        id_column: names a row's series; None: there is only one.
        time_column: time of a row; None: there is no time.
        reading: how cells are written, as in the training table.
        time_parts: columns that are joined to the time, in place of ``time_column``.
    """

    def __init__(
        self,
        columns: Sequence[str],
        id_column: str | None,
        time_column: str | None,
        reading: Reading = PLAIN,
        time_parts: Sequence[str] = (),
    ) -> None:
        self._reading, self._mark = reading, reading.delimiter
        self._columns, self._id, self._time = list(columns), id_column, time_column
        self._parts = time_parts
        self._expected = [
            *([id_column] if id_column else []),
            *(time_parts or ([time_column] if time_column else [])),
            *columns,
        ]
        self._order: list[str] | None = None
        self._lacking: list[str] | None = None  # expected columns that a header lacks; None before a header
        self.is_json: bool | None = None
        """Whether lines are JSON objects; None before the first line."""

    def parse(self, line: str) -> Row | None:
        """Parses a line; returns None for the header.

        Raises:
            ValueError: the line is invalid; the message has the reason.
        """
        if self.is_json is None:
            self.is_json = line.lstrip().startswith("{")
        if self.is_json:
            return self._row(_object(line))
        line = line.rstrip("\r\n")
        if self._mark is None:
            self._mark = self._separator(line)
        cells = next(csv.reader((line,), delimiter=self._mark), [])
        if self._order is None:
            if self._is_header(cells):
                self._lacking = [name for name in self._expected if name not in cells]
            if self._lacking:
                raise ValueError(f"the header has no column {self._lacking[0]!r}")
            has_all = self._lacking is not None
            self._order = cells if has_all else self._expected
            if has_all:
                return None
        if len(cells) != len(self._order):
            raise ValueError(f"must have {len(self._order)} cells. Got {len(cells)}.")
        return self._row(dict(zip(self._order, cells, strict=True)))

    def _separator(self, line: str) -> str:
        """Returns the separator that gives a header or the expected number of cells; a comma if none does."""
        for mark in ",;\t|":
            cells = next(csv.reader((line,), delimiter=mark), [])
            if len(cells) == len(self._expected) or set(self._columns) <= set(cells):
                return mark
        return ","

    def _is_header(self, cells: Sequence[str]) -> bool:
        """Whether a first line names columns; one of numbers that are also names is a row."""
        if set(self._expected) <= set(cells):
            return True
        if self._lacking:
            return False
        if len(cells) == len(self._expected):
            try:
                self._row(dict(zip(self._expected, cells, strict=True)))
            except ValueError:
                only_names = len(cells) > 1 and all(map(_NAME.fullmatch, cells))
                return only_names or bool(set(self._expected) & set(cells))
            return False
        return bool(set(self._expected) & set(cells))

    def _row(self, cells: dict[str, object]) -> Row:
        values = np.empty(len(self._columns))
        for k, column in enumerate(self._columns):
            if column not in cells:
                raise ValueError(f"has no {column!r}")
            try:
                values[k] = number_of(cells[column], self._reading)
            except ValueError as error:
                raise ValueError(f"column {column!r}: {error}") from None
        name = "" if self._id is None else _text(cells, self._id)
        if self._parts:
            own = {part: _text(cells, part) for part in self._parts}
            time = str(with_time(pl.DataFrame([own]), self._parts, "time")["time"][0])
        else:
            time = "" if self._time is None else _text(cells, self._time)
        return Row(name, time, values)


def _object(line: str) -> dict[str, object]:
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ValueError(f"must be a JSON object. Got {shown(line.strip())}.")
    return parsed


def _text(cells: dict[str, object], key: str) -> str:
    if cells.get(key) in (None, ""):
        raise ValueError(f"column {key!r}: must not be empty")
    return str(cells[key])
