"""Text divided into rows of cells, with whatever quoting gives equally many in each."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from typing import NamedTuple

from elman.config import counted

csv.field_size_limit(sys.maxsize)  # a cell may hold a whole document


class Fault(NamedTuple):
    """Why lines cannot be read as rows: the line, counted from 1, and the reason."""

    line: int
    reason: str


class Rows(NamedTuple):
    """Cells of all rows, the header first; or the first fault."""

    rows: list[list[str]]
    fault: Fault | None


def best_rows(text: str, mark: str) -> Rows:
    """Reads rows with quotes over several lines or within a line, whichever gives equally many cells.

    Tab-separated text usually has no quoting at all, so quotes within a line are tried first there.
    """
    ways = [quoted_over_lines, quoted_in_lines]
    results = []
    for way in reversed(ways) if mark == "\t" else ways:
        results.append(way(text, mark))
        if results[-1].fault is None:
            return results[-1]
    return results[0]


def quoted_over_lines(text: str, mark: str) -> Rows:
    """Reads rows in which a quoted cell may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)

    def numbered() -> Iterator[tuple[int, list[str]]]:
        begin = 1
        for cells in reader:
            yield begin, cells
            begin = reader.line_num + 1

    result: list[list[str]] = []
    try:
        return _equal(numbered(), result)
    except csv.Error:  # a quoted cell without an end, or with text after its end
        line = 1 + sum(1 + sum(cell.count("\n") for cell in row) for row in result)
        return Rows(result, Fault(line, "has a quote that is not closed, or not doubled within a cell"))


def quoted_in_lines(text: str, mark: str) -> Rows:
    """Reads a row from each line; a quote is a character unless the whole cell is quoted."""
    lines = (line.removesuffix("\n") for line in io.StringIO(text))
    return _equal(((k, _cells_of_line(line, mark)) for k, line in enumerate(lines, 1)), [])


def _cells_of_line(line: str, mark: str) -> list[str]:
    """Divides a line into cells; one that is quoted as a whole may hold the separator."""
    parts, cells, k = line.split(mark), [], 0
    while k < len(parts):
        ends = range(k + 1, len(parts) + 1) if parts[k].startswith('"') else ()
        for end in ends:
            cell = mark.join(parts[k:end])
            if len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', ""):
                cells.append(cell[1:-1].replace('""', '"'))
                k = end
                break
        else:
            cells.append(parts[k])
            k += 1
    return cells


def _equal(numbered: Iterator[tuple[int, list[str]]], result: list[list[str]]) -> Rows:
    """Gathers rows with as many cells as the first, up to the first that has more or fewer."""
    for line, cells in numbered:
        if not any(cells) and len(cells) < 2:
            continue  # an empty line
        if result and len(cells) == len(result[0]) + 1 and cells[-1] == "":
            cells = cells[:-1]  # a separator at the end
        if result and len(cells) != len(result[0]):
            return Rows(
                result,
                Fault(
                    line, f"must have {counted(len(result[0]), 'cell')}, like the header. Got {len(cells)}."
                ),
            )
        result.append(cells)
    return Rows(result, None)
