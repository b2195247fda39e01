"""Numeric sequences in a row each, with a label or a number at one end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.config import counted, shown
from elman.data.read.cells import MISSING
from elman.data.read.delimited import DELIMITED, beginning
from elman.data.read.opening import kind_of
from elman.data.read.pipes import can_be_read_again
from elman.data.read.reading import Reading
from elman.data.read.text import read_lines
from elman.errors import InputError
from elman.notice import notice

_FEWEST = 8  # values of a row
_LOOKED_AT = 100  # rows
_SAMPLE = 2000  # rows that show whether a row is rather a step
_FEW, _MANY = 20, 10  # most labels where both ends repeat, and rows from which on labels repeat by half
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_NUMBERED = re.compile(r"(\D*)(\d{1,9})")
_COLUMN = re.compile(r"column_(\d+)")


class Rows(NamedTuple):
    """The rows of a file.

    Attributes:
        path: the file.
        cells: of each row.
        lines: line of each, from 1.
        names: of the columns, if the first line has them; else none.
    """

    path: Path
    cells: list[list[str]]
    lines: list[int]
    names: list[str]

    @property
    def last(self) -> str:
        """Name of the last column; empty if rows have unlike many cells."""
        widths = {len(row) for row in self.cells}
        return f"column_{widths.pop()}" if len(widths) == 1 else ""

    @property
    def named(self) -> dict[str, str]:
        """The columns at the ends whose names do not number them, by these names."""
        own = {self.names[0]: "column_1", self.names[-1]: self.last} if self.names else {}
        stem = _stem(self.names[1]) if self.names else ""
        return {name: column for name, column in own.items() if _stem(name) != stem}

    @property
    def ends(self) -> tuple[str, ...]:
        """Names of the columns at either end."""
        return ("column_1", self.last) if self.last else ("column_1",)

    def end(self, column: str) -> list[str]:
        """Returns the first cell of each row, or the last for another column; 1.0e+00 becomes 1."""
        at = 0 if column == "column_1" else -1
        return [_short(row[at]) for row in self.cells]

    def sequences(self, column: str | None) -> list[np.ndarray]:
        """Returns the values [T] of each row but that of a column; missing ones at the end shorten it.

        Raises:
            InputError: a value is missing elsewhere, or is no number; the message names row and value.
        """
        result = []
        for row, line in zip(self.cells, self.lines, strict=True):
            cells = row if column is None else row[1:] if column == "column_1" else row[:-1]
            wrong = next((cell for cell in cells if not _is_value(cell)), None)
            if wrong is not None:
                raise InputError(
                    f"{self.path}: row {line}: must be numbers but for {column}. Got {shown(wrong)}."
                )
            values = np.array([float("nan" if _is_missing(cell) else cell) for cell in cells])
            known = np.flatnonzero(~np.isnan(values))
            values = values[: known[-1] + 1] if len(known) else values[:1]
            gaps = np.flatnonzero(np.isnan(values))
            if len(gaps):
                raise InputError(f"{self.path}: row {line}: value {gaps[0] + 1} is missing: write a number")
            result.append(values)
        return result


def rows_of(path: Path, reading: Reading) -> Rows | None:
    """Returns the rows of a file of text that hold numbers but at one end; None for other files.

    Cells are divided by tabs, commas or semicolons, and there are at least eight values. A first line may
    number the values: label, 0, 1, 2, … or target, att1, att2, …

    Source: the form of the UCR archive, Dau et al. 2019, arXiv:1810.07758.
    """
    if kind_of(path) not in DELIMITED or not can_be_read_again(path):
        return None
    head = [line for line in beginning(path, reading).splitlines() if line.strip()][:_LOOKED_AT]
    marks = [reading.delimiter] if reading.delimiter else ["\t", ",", ";"]
    mark = next((mark for mark in marks if _are_rows([_cells(line, mark) for line in head])), None)
    if mark is None:
        return None
    filled = [(k, _cells(line, mark)) for k, line in enumerate(read_lines(path, reading), 1) if line.strip()]
    names = filled[0][1] if _number_values(filled[0][1]) else []
    filled = filled[bool(names) :]
    for line, cells in filled:
        if not _is_row(cells):
            got = shown(mark.join(cells))
            raise InputError(f"{path}: row {line}: must be numbers but for its label. Got {got}.")
    return Rows(path, [cells for _, cells in filled], [line for line, _ in filled], names)


def column_of_labels(rows: Rows, wanted: str) -> str | None:
    """Returns the column of the labels at an end of rows: the wanted one, or the only one that can hold them.

    Raises:
        InputError: both ends may hold them; the message shows both options.
    """
    if _COLUMN.fullmatch(wanted):
        return wanted if wanted in rows.ends else None
    likely = [column for column in rows.named.values() or rows.ends if _are_labels(rows.end(column))]
    likely = [rows.named[wanted]] if wanted in rows.named else likely
    few = [column for column in likely if len(set(rows.end(column))) <= _FEW]
    likely = few if len(few) == 1 else likely
    if any(_name_sequences(rows, rows.end(column)) for column in likely):
        return None
    if len(likely) > 1:
        ways = " or ".join(f"--label-column {column}" for column in likely)
        raise InputError(f"{rows.path}: a row may begin or end with its label: {ways}")
    if not likely:
        return None
    labels = counted(len(set(rows.end(likely[0]))), "label")
    notice(f"{rows.path}: a row is a sequence: {likely[0]} is its label ({labels}), the others its values")
    return likely[0]


def holds(rows: Rows, column: str, known: Sequence[str]) -> bool:
    """Whether the first column, or the last, holds known labels alone, which is told: they are not read."""
    found = set(rows.end(column)) <= set(known)
    if found:
        notice(f"{rows.path}: {column} holds labels, which are not read")
    return found


def _is_row(cells: Sequence[str]) -> bool:
    ends = [_is_value(cells[0]), _is_value(cells[-1])]
    return len(cells) > _FEWEST and any(ends) and "\t" not in cells[0] and all(map(_is_value, cells[1:-1]))


def _is_value(cell: str) -> bool:
    return _is_missing(cell) or _NUMBER.fullmatch(cell.strip()) is not None


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _cells(line: str, mark: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(mark)]


def _are_rows(lines: Sequence[list[str]]) -> bool:
    rows = lines[1:] if lines and _number_values(lines[0]) else lines
    return len(rows) > 0 and all(map(_is_row, rows))


def _number_values(cells: Sequence[str]) -> bool:
    """Whether the cells between both ends are names whose numbers grow by 1, and one end may have another."""
    middle = [_NUMBERED.fullmatch(cell) for cell in cells[1:-1]]
    if len(cells) <= _FEWEST or None in middle or len({match[1] for match in middle if match}) > 1:
        return False
    numbers = np.array([int(match[2]) for match in middle if match])
    stem = _stem(cells[1])
    others = sum(_stem(cell) != stem or not _NUMBERED.fullmatch(cell) for cell in (cells[0], cells[-1]))
    return bool((np.diff(numbers) == 1).all()) and others <= 1 and bool(others or stem)


def _stem(name: str) -> str:
    """Returns a name without the number at its end."""
    return name.rstrip("0123456789")


def _are_labels(cells: Sequence[str]) -> bool:
    """Whether cells are words or whole numbers, each twice on average."""
    values = len(set(cells))
    whole = all(cell and (not _NUMBER.fullmatch(cell) or re.fullmatch(r"-?\d+", cell)) for cell in cells)
    return (
        whole and values >= 2 and (values <= len(cells) / 2 or (len(cells) < _MANY and values < len(cells)))
    )


def _name_sequences(rows: Rows, names: Sequence[str]) -> bool:
    """Whether another column has one value for each name, so that a row is rather a step of what is named."""
    some, names = rows.cells[:_SAMPLE], names[:_SAMPLE]
    for k in range(min(map(len, some))):
        own = [row[k] for row in some]
        whole = all(re.fullmatch(r"-?\d+|\D+", cell) for cell in own[:_LOOKED_AT])
        values, count = len(set(own)), len(set(names))
        if whole and 1 < values < count and len(set(zip(names, own, strict=True))) == count:
            return True
    return False


def _short(cell: str) -> str:
    """Returns a whole number without its decimals; any other cell as it is."""
    cell = cell.strip()
    if _NUMBER.fullmatch(cell) and re.search("[.eE]", cell) and float(cell) == round(float(cell)):
        return str(round(float(cell)))
    return cell
