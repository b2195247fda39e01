"""What stands above and below the rows of a table of text: comments, titles, sources, notes."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from elman.data.read.cells import MISSING, is_iso_date
from elman.data.read.months import is_month

_LOOK = 60  # lines at either end that are looked at
_MOSTLY = 0.8  # share of data in a column that holds data
_WORDS, _FEWEST = 3, 3  # most words of a column's name, and fewest rows, of a table of texts below a title
_MISSING = frozenset(MISSING) - {""}
_DATUM = re.compile(r"[^\w\s]{0,3}\s?\d[\d\s.,:/'’%-]*(?:[eE][+-]?\d+)?(?:\s?\D{0,3})?")
_NOTE = re.compile(r"[\s:*†©]")  # in a note, not in a row that was cut off
_BEGINS_NOTE = re.compile(
    r"[*†‡©]|\(c\)|copyright|(?:stand|as of|last updated)\b|"
    r"(?:(?:data )?sources?|(?:daten)?quellen?|(?:foot)?notes?|remarks?|anmerkung(?:en)?|hinweise?|"
    r"fuentes?|notas?|fontes?|fonti?|bron(?:nen)?)\s?:",
    re.IGNORECASE,
)
_MONTH_AND_YEAR = re.compile(r"(?:\d{1,2}\.?[-/. ])?([^\W\d_]{3,10})\.?[-/. ]\d{2,4}")


class Above(NamedTuple):
    """What stands above the header of a table of text.

    Attributes:
        text: the lines from the header on.
        comments: lines of comments, which begin with #.
        lines: further lines.
        title: the first of these that is filled.
    """

    text: str
    comments: int
    lines: int
    title: str

    @property
    def skipped(self) -> int:
        """Lines above the header."""
        return self.comments + self.lines


class Below(NamedTuple):
    """What stands below the last row of a table of text.

    Attributes:
        text: the lines up to the last row.
        lines: the lines below it.
        note: the first of these that is filled.
    """

    text: str
    lines: int
    note: str


class Head:
    """The first lines of a table of text, behind its comments, as each separator divides them.

    Comments begin with # and have fewer cells than the line behind them. A title, a source and empty lines
    stand above the header where only one reading makes sense: they have another number of cells than the
    header, or spaces behind their separators, which the rows have not, or an empty line divides them from it;
    and a column shows by its numbers or dates where the rows begin. A table of texts alone may have a title
    of several words, in one cell, above rows of equally many.

    Args:
        text: the file; its lines end in a line feed.
        marks: characters that may separate cells.
    """

    def __init__(self, text: str, marks: Sequence[str]) -> None:
        self._text, self._comments = _without_comments(text, marks)
        self._marks = "".join(marks)
        self._lines = list(islice(io.StringIO(self._text), _LOOK))
        self._rows = {mark: _without_last([_cells(line, mark) for line in self._lines]) for mark in marks}
        quoted = _has_open_quotes(self._lines)
        found = {mark: None if quoted else self._header(mark) for mark in marks}
        self._headers = {mark: header or 0 for mark, header in found.items()}
        seen = {header for header in found.values() if header is not None}
        self._agreed = seen.pop() if len(seen) == 1 else 0

    def _header(self, mark: str) -> int | None:
        """Returns the line of the header; None if these are no rows of several cells."""
        return _header_of(self._rows[mark], [f"{mark} " in line for line in self._lines])

    def above(self, mark: str | None = None) -> Above:
        """Returns what stands above the header that a separator shows; None: that on which all agree."""
        lines = self._agreed if mark is None else self._headers[mark]
        title = next((own for line in self._lines[:lines] if (own := _filled_text(line, self._marks))), "")
        text = self._text[sum(map(len, self._lines[:lines])) :]
        return Above(text, self._comments, lines, title)

    def width(self, mark: str) -> int:
        """Returns the most common number of cells of a line, at least 2; 1 if none has several."""
        return _width(self._rows[mark])

    def is_mostly_even(self, mark: str) -> bool:
        """Whether most lines from the header on, and the header, have as many cells, at least 2."""
        rows, width = self._rows[mark][self._headers[mark] :], self.width(mark)
        return width > 1 and len(rows[0]) == width and _even(rows, width, _MOSTLY)

    def holds_data_alone(self, mark: str) -> bool:
        """Whether all cells below the header are numbers or dates."""
        rows, width = self._rows[mark][self._headers[mark] + 1 :], self.width(mark)
        return len(_columns_of_data(rows, width, 1)) == width

    def begins_with_data(self, mark: str) -> bool:
        """Whether the header has a number or a date in place of a name."""
        return any(map(_is_datum, self._rows[mark][self._headers[mark]]))


def is_second_header(first: Sequence[str], rows: Sequence[list[str]]) -> bool:
    """Whether a row has words, such as units, in all columns in which the rows below have numbers or dates.

    Cells may be empty, but not all; and the first column must be one of these, as a name may stand there.

    Args:
        first: the cells of the row.
        rows: those of the rows below it.
    """
    columns = _columns_of_data(rows[:_LOOK], len(first), 1)
    words = [first[k] for k in columns if first[k]]
    return len(rows) >= _FEWEST and 0 in columns and bool(words) and not any(map(_is_datum, words))


def to_last_row(text: str, mark: str) -> Below:
    """Leaves out notes below the last row: neither as many cells nor a number or date where rows have them.

    Args:
        text: the lines from the header on.
        mark: the separator.
    """
    head = list(islice(io.StringIO(text), _LOOK))
    tail = text[max(0, len(text) - 200 * _LOOK) :].splitlines(keepends=True)[-_LOOK:]
    if len(tail) == len(head) and tail == head:
        tail = tail[1:]  # names are no data
    rows = [[_cells(line, mark) for line in lines] for lines in (tail, head)]
    lines = 0 if _has_open_quotes(tail) else lines_below(*rows)
    if not lines:
        return Below(text, 0, "")
    note = next(own for line in tail[-lines:] if (own := _filled_text(line, mark)))
    return Below(text[: len(text) - sum(map(len, tail[-lines:]))], lines, note)


def _without_comments(text: str, marks: Sequence[str]) -> tuple[str, int]:
    lines = []
    for line in io.StringIO(text):
        lines.append(line)
        if not line.startswith("#") or len(lines) > 10 * _LOOK:
            break
    counts = [max(line.count(mark) for mark in marks) for line in lines]
    comments, spaced = 0, " " in marks  # then the mark behind # divides no cells
    while comments < len(lines) - 1 and (
        counts[comments] != counts[-1] or (spaced and lines[comments].startswith("# "))
    ):
        comments += 1
    return text[sum(map(len, lines[:comments])) :], comments


def _header_of(rows: Sequence[list[str]], spaced: Sequence[bool]) -> int | None:
    """Returns the line of the header; None if these are no rows of several cells.

    Args:
        rows: the cells of each line.
        spaced: whether a space stands behind a separator in each line.
    """
    width = _width(rows)
    if width < 2 or not _even(rows, width, 0.5):
        return None
    last = max(k for k, row in enumerate(rows) if len(row) == width)
    full = [k for k, row in enumerate(rows) if len(row) == width and all(row)]
    for k in full:
        if (
            k < last
            and not any(map(_is_datum, rows[k]))
            and _columns_of_data(rows[k + 1 : last + 1], width, 1)
        ):
            divided = k > 0 and not any(rows[k - 1])
            loose = not any(spaced[k:])
            fits = all(
                divided or _filled(row) < width or len(row) > width or (loose and spaced[j])
                for j, row in enumerate(rows[:k])
            )
            return k if fits and _even(rows[k:], width, _MOSTLY) else 0
    for k in full:  # names that are dates or numbers, or rows of texts: behind an empty line alone
        sparse = all(_filled(row) <= width / 2 for row in rows[:k])
        if 0 < k < last and not any(rows[k - 1]) and sparse and not _is_datum(rows[k][0]):
            return k if len(set(rows[k])) == width and _even(rows[k:], width, _MOSTLY) else 0
    return _below_a_title(rows, spaced, width)


def _below_a_title(rows: Sequence[list[str]], spaced: Sequence[bool], width: int) -> int:
    """Returns the line of the header of a table of texts below a title of one cell; 0 without one."""
    loose = next((k for k in range(len(rows)) if not any(spaced[k:])), 0)  # titles above have spaces
    k = next((k for k, row in enumerate(rows) if len(row) == width and k >= loose), 0)
    names, body = rows[k], [row for row in rows[k + 1 :] if any(row)]
    title = next((" ".join(row) for row in rows[:k] if any(row)), "")
    titled = len(title.split()) > 1 and all(len(row) < 2 or spaced[j] for j, row in enumerate(rows[:k]))
    named = all(0 < len(name.split()) <= _WORDS for name in names) and not any(map(_is_datum, names))
    repeated = any(name in {row[j] for row in body if len(row) == width} for j, name in enumerate(names))
    even = len(body) >= _FEWEST and all(len(row) == width for row in body)
    return k if titled and named and even and not spaced[k] and not repeated else 0


def lines_below(rows: Sequence[list[str]], head: Sequence[list[str]]) -> int:
    """Returns the number of lines below the last row.

    Args:
        rows: the cells of the last lines.
        head: those of the first lines.
    """
    width = _width(head)
    data = _columns_of_data(rows, width, _MOSTLY) if width > 1 else []
    # behind an empty line a note may have a number, but not in the first column of data
    end = _end_of_rows(rows, width, data[:1])
    if end == len(rows) or any(rows[end]):
        end = _end_of_rows(rows, width, data)
    notes = [row for row in rows[end:] if any(row)]
    divided = bool(notes) and not any(rows[end])
    fits = all(divided or _is_note(row, is_dated=0 in data) for row in notes)
    if not (end and notes and fits) or any(_is_datum(row[0]) for row in notes):
        return 0
    return len(rows) - end


def _is_note(row: Sequence[str], *, is_dated: bool) -> bool:
    """Whether a line without an empty one above it is a note: a text in its first cell alone.

    Beside empty cells, as spreadsheets write them, it must stand where the rows have dates or numbers, or
    begin like a note: it might be a name without numbers.
    """
    if _filled(row) != 1 or not row[0]:
        return False
    return bool(_NOTE.search(row[0]) if len(row) == 1 or is_dated else _BEGINS_NOTE.match(row[0]))


def _end_of_rows(rows: Sequence[list[str]], width: int, columns: Sequence[int]) -> int:
    """Returns the number of rows up to the last with a number or date in one of these columns."""
    end = len(rows)
    while end and not (len(rows[end - 1]) == width and any(_is_datum(rows[end - 1][k]) for k in columns)):
        end -= 1
    return end


def _cells(line: str, mark: str) -> list[str]:
    """Returns the cells of a line; none of an empty one."""
    return [cell.strip() for cell in next(csv.reader([line.rstrip("\n")], delimiter=mark), [])]


def _without_last(rows: list[list[str]]) -> list[list[str]]:
    """Returns rows without the empty cell behind a separator that ends each of them."""
    if any(len(row) > 1 and row[-1] for row in rows) or not any(len(row) > 1 for row in rows):
        return rows
    return [row[:-1] if len(row) > 1 else row for row in rows]


def _width(rows: Sequence[list[str]]) -> int:
    """Returns the most common number of cells, at least 2, of the rows; 1 if none has several."""
    counts = Counter(len(row) for row in rows if len(row) > 1 and any(row))
    return max(counts, key=lambda width: (counts[width], width)) if counts else 1


def _even(rows: Sequence[list[str]], width: int, share: float) -> bool:
    """Whether at least a share of the rows that are not empty have as many cells."""
    filled = [len(row) for row in rows if any(row)]
    return filled.count(width) >= share * len(filled)


def _filled(row: Sequence[str]) -> int:
    return sum(map(bool, row))


def _columns_of_data(rows: Sequence[list[str]], width: int, share: float) -> list[int]:
    """Returns the columns in which at least a share of the filled cells are numbers or dates."""
    result = []
    for k in range(width):
        cells = [row[k] for row in rows if len(row) == width and row[k].lower() not in MISSING]
        if cells and sum(map(_is_datum, cells)) >= share * len(cells):
            result.append(k)
    return result


@lru_cache(10_000)
def _is_datum(cell: str) -> bool:
    """Whether a cell is a number, perhaps with a short unit, a date, or a marker of a missing one."""
    if cell.lower() in _MISSING or _DATUM.fullmatch(cell) or is_iso_date(cell):
        return True
    month = _MONTH_AND_YEAR.fullmatch(cell)
    return month is not None and is_month(month[1])


def _filled_text(line: str, marks: str) -> str:
    return line.strip().strip(marks).strip().strip('"').replace('","', ", ")


def _has_open_quotes(lines: Sequence[str]) -> bool:
    """Whether a quoted cell may run over several lines."""
    return any(line.count('"') % 2 for line in lines)
