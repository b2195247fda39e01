"""Tables of text: lines of cells with a character between them."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elman.config import shown
from elman.data.read.cells import is_iso_date, number_of
from elman.data.read.margins import from_header, to_last_row
from elman.data.read.opening import kind_of
from elman.data.read.pipes import can_be_read_again
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.text import read_text
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables

DELIMITED = (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".data", "")
"""File endings of tables of text."""

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_OWN = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
_SAMPLE = 1 << 16  # characters that show the separator
_TOGETHER = 100_000  # rows that become a part of the frame at once

csv.field_size_limit(sys.maxsize)  # a cell may hold a whole document


class _Fault(NamedTuple):
    """Why lines cannot be read as rows: the line, counted from 1, and the reason."""

    line: int
    reason: str


class _Rows(NamedTuple):
    """Cells of all rows, the header first; or the first fault."""

    rows: list[list[str]]
    fault: _Fault | None


def read_delimited(path: Path, reading: Reading = PLAIN) -> pl.DataFrame:
    """Reads a table of text; every column holds texts, null where a cell is empty.

    The first line names the columns, unless it holds nothing but numbers and dates: then they are column_1,
    column_2 and so on. A quotation mark is a character unless the whole cell is quoted; a quoted cell may
    hold line breaks. Titles and notes around the rows are left out where only one reading makes sense (see
    ``read.margins``).

    Args:
        path: the file.
        reading: its separator and encoding.

    Raises:
        InputError: a row has more or fewer cells than the header, a quote is not closed, a name stands
            twice, or the separator is ambiguous. The message names the line.
    """
    return table_of("".join(read_text(path, in_lines=True, reading=reading)), path, reading)


def table_of(text: str, path: Path, reading: Reading = PLAIN) -> pl.DataFrame:
    """Returns the table that a text holds; see ``read_delimited``."""
    text = text.lstrip("\n")
    above = from_header(text, reading.delimiter or "".join(_NAMES))
    skipped = above.comments + above.lines
    mark = _separator(above.text, path, reading)
    below = to_last_row(above.text, mark)
    text = below.text
    _tell_left_out(path, above.lines, "above", above.title)
    _tell_left_out(path, below.lines, "below", below.note)
    plain = None if '"' in text else _plain_table(text, mark)
    if plain is not None:
        return _named(*plain, path)
    rows, fault = _best_rows(text, mark)
    if fault is not None:
        raise InputError(f"{path}: line {fault.line + skipped}: {fault.reason}")
    if not rows:
        raise InputError(f"{path}: has no rows")
    header, body = rows[0], rows[1:]
    names = [str(k) for k in range(len(header))]
    parts = [
        pl.DataFrame(body[begin : begin + _TOGETHER], dict.fromkeys(names, pl.String), orient="row")
        for begin in range(0, max(len(body), 1), _TOGETHER)
    ]
    return _named(header, pl.concat(parts).with_columns(pl.all().replace("", None)), path)


def separator_of(path: Path, reading: Reading = PLAIN) -> str | None:
    """Returns the character between the cells of a file; None if it is no table of text."""
    if not can_be_read_again(path) or kind_of(path) not in DELIMITED:
        return None
    head = "".join(islice(read_text(path, in_lines=True, reading=reading), 1))
    return _separator(from_header(head, reading.delimiter or "".join(_NAMES)).text, path, reading)


def _tell_left_out(path: Path, lines: int, place: str, first: str) -> None:
    """Reports what stood above or below a table, if anything did."""
    if lines:
        number = "1 line" if lines == 1 else f"{lines} lines"
        what = f" ({shown(first)})" if first else ""
        rows = "; rows are counted from the header" if place == "above" else ""
        notice(f"{path}: {number} {place} the table left out{what}{rows}")


def _separator(text: str, path: Path, reading: Reading) -> str:
    """Returns the separator that divides the first rows into equally many cells."""
    if reading.delimiter is not None:
        return reading.delimiter
    own = _OWN.get(kind_of(path), ",")
    sample = text if len(text) <= _SAMPLE else text[: text.rfind("\n", 0, _SAMPLE) + 1] or text[:_SAMPLE]
    headers = {mark: _header_if_equal(sample, mark, len(text) > len(sample)) for mark in _NAMES}
    fits = [mark for mark, header in headers.items() if header]
    if "\t" in fits:  # a tab is nothing else
        fits = ["\t"]
    if len(fits) > 1:
        ways = (f"--separator {_NAMES[mark]} gives columns {', '.join(headers[mark])}" for mark in fits)
        raise InputError(f"{path}: can be read in {len(fits)} ways: {'; '.join(ways)}")
    first = text.partition("\n")[0]
    most = max(_NAMES, key=lambda mark: (first.count(mark), mark == own))
    found = fits[0] if fits else most if first.count(most) else own
    if found != own:
        notice(f"{path}: its cells are separated by {_NAMES[found]}")
    return found


def _header_if_equal(sample: str, mark: str, cut: bool) -> list[str]:
    """Returns the first row if it has several cells and all rows have as many; otherwise nothing."""
    if mark not in sample.partition("\n")[0]:
        return []
    for rows, fault in (_quoted_over_lines(sample, mark), _quoted_in_lines(sample, mark)):
        # the sample may end within a quoted cell
        if rows and len(rows[0]) > 1 and (fault is None or (cut and len(rows) > 2)):
            return rows[0]
    return []


def _plain_table(text: str, mark: str) -> tuple[list[str], pl.DataFrame] | None:
    """Reads a text without quotes, fast; returns None if a row has another number of cells."""
    data = text.encode()
    cells = np.frombuffer(data, np.uint8)
    ends = np.append(np.flatnonzero(cells == ord("\n")), len(cells))
    counts = np.diff(np.searchsorted(np.flatnonzero(cells == ord(mark)), ends), prepend=0)
    if data.endswith(b"\n"):
        ends, counts = ends[:-1], counts[:-1]
    filled = np.diff(ends, prepend=-1) > 1
    header, _, _ = text.partition("\n")
    names = header.split(mark)
    if not filled.all():
        return None
    if (counts != len(names) - 1).any() or len(counts) < 2 or names[-1] == "":
        return None
    table = pl.read_csv(
        io.BytesIO(data[ends[0] + 1 :]),
        separator=mark,
        has_header=False,
        new_columns=[str(k) for k in range(len(names))],
        infer_schema=False,
        quote_char=None,
    )
    return names, table


def _best_rows(text: str, mark: str) -> _Rows:
    """Reads rows with quotes over several lines or within a line, whichever gives equally many cells.

    Tab-separated text usually has no quoting at all, so quotes within a line are tried first there.
    """
    ways = [_quoted_over_lines, _quoted_in_lines]
    results = []
    for way in reversed(ways) if mark == "\t" else ways:
        results.append(way(text, mark))
        if results[-1].fault is None:
            return results[-1]
    return results[0]


def _quoted_over_lines(text: str, mark: str) -> _Rows:
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
        return _Rows(result, _Fault(line, "has a quote that is not closed, or not doubled within a cell"))


def _quoted_in_lines(text: str, mark: str) -> _Rows:
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


def _equal(numbered: Iterator[tuple[int, list[str]]], result: list[list[str]]) -> _Rows:
    """Gathers rows with as many cells as the first, up to the first that has more or fewer."""
    for line, cells in numbered:
        if not any(cells) and len(cells) < 2:
            continue  # an empty line
        if result and len(cells) == len(result[0]) + 1 and cells[-1] == "":
            cells = cells[:-1]  # a separator at the end
        if result and len(cells) != len(result[0]):
            return _Rows(
                result, _Fault(line, f"must have {len(result[0])} cells, like the header. Got {len(cells)}.")
            )
        result.append(cells)
    return _Rows(result, None)


def _named(header: list[str], table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Names the columns; drops unnamed ones that are empty or number the rows."""
    names = [name.strip() for name in header]
    count = len(names)
    counted = [[str(k) for k in range(begin, begin + count)] for begin in (0, 1)]
    if names not in counted and (all(map(_is_datum, names)) or not any(names)):
        numbered = [f"column_{k}" for k in range(1, count + 1)]
        notice(f"{path}: the first line names no columns; they are {', '.join(numbered)}")
        first = pl.DataFrame([names], schema=dict.fromkeys(table.columns, pl.String), orient="row")
        return pl.concat([first, table]).rename(dict(zip(table.columns, numbered, strict=True)))
    kept = {}
    for k, name in enumerate(names):
        if not name and (table[:, k].is_null().all() or _numbers_rows(table[:, k])):
            continue
        name = name or f"column_{k + 1}"
        if name in kept:
            raise InputError(f"{path}: line 1: column {name!r} stands twice in the header")
        kept[name] = table[:, k]
    return pl.DataFrame(kept)


def _is_datum(cell: str) -> bool:
    """Whether a cell is a number or a date, not a name."""
    try:
        is_number = bool(cell) and not np.isnan(number_of(cell)) and cell.lower() not in ("true", "false")
    except ValueError:
        is_number = False
    return is_number or is_iso_date(cell)


def _numbers_rows(cells: pl.Series) -> bool:
    """Whether cells are 0, 1, 2, … or 1, 2, 3, …, as programs write the index of a frame."""
    numbers = cells.cast(pl.Int64, strict=False).to_list()
    return (
        bool(numbers)
        and numbers[0] in (0, 1)
        and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    )
