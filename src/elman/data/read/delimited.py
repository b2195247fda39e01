"""Tables of text: lines of cells with a character between them."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.config import counted, shown
from elman.data.read import single_quotes
from elman.data.read.cells import is_iso_date, number_of
from elman.data.read.division import best_rows
from elman.data.read.margins import is_second_header, to_last_row
from elman.data.read.opening import kind_of
from elman.data.read.pipes import can_be_read_again
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.separator import NAMES, SAMPLE, Layout, layout_in_spaces, layout_of
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

_RULE = re.compile(":?-{2,}:?")  # a cell of the line below the header of a table in Markdown
_ENDS = (".", "!", "?", "…", "。", "！", "？", "।")  # of sentences
_WORDS = 3  # least words of a sentence without such an end, and mean words of a column of sentences
_SENTENCES = 1000  # rows that show what a sentence is
_LOOKED_AT = 60  # rows that show whether the first is one
_TOGETHER = 100_000  # rows that become a part of the frame at once


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
    if not single_quotes.are_quotes(text):
        return single_quotes.without_marks(_table_of(text, path, reading), path)
    notice(f"{path}: single quotes around cells are no part of them")
    return single_quotes.swapped_back(_table_of(text.translate(single_quotes.SWAPPED), path, reading))


def _table_of(text: str, path: Path, reading: Reading) -> pl.DataFrame:
    """Returns the table of a text with double quotes, or without."""
    layout = layout_of(text, path, reading)
    if reading.delimiter is None and layout.mark not in layout.above.text.partition("\n")[0]:
        layout = layout_in_spaces(text, path, reading) or layout
    mark, above = layout.mark, layout.above
    if reading.delimiter is None and not layout.is_usual:
        notice(f"{path}: its cells are separated by {NAMES.get(mark, 'spaces')}")
    below = to_last_row(above.text, mark)
    tell_left_out(path, above.lines, "above", above.title)
    tell_left_out(path, below.lines, "below", below.note)
    groups = f" Above it stand {shown(above.title)}: join both lines in one." * (mark in above.title)
    plain = None if '"' in below.text else _plain_table(below.text, mark)
    if plain is not None:
        return _named(plain[0], _without_rules(*plain, path), path, groups)
    rows, fault = best_rows(below.text, mark)
    if fault is not None:
        raise InputError(f"{path}: line {fault.line + above.skipped}: {fault.reason}{layout.hint}")
    if not rows:
        raise InputError(f"{path}: has no rows")
    header, body = rows[0], rows[1:]
    names = [str(k) for k in range(len(header))]
    parts = [
        pl.DataFrame(body[begin : begin + _TOGETHER], dict.fromkeys(names, pl.String), orient="row")
        for begin in range(0, max(len(body), 1), _TOGETHER)
    ]
    table = pl.concat(parts).with_columns(pl.all().replace("", None))
    return _named(header, _without_rules(header, table, path), path, groups)


def _without_rules(header: list[str], table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Leaves out rows that repeat the header, as joined files have them, and a rule of dashes below it."""
    filled = [k for k in range(table.width) if header[k].strip()]
    if not filled or not len(table):
        return table
    first = [str(table[0, k] or "").strip() for k in filled]
    if all(map(_RULE.fullmatch, first)):
        table = table.tail(-1)
    table = _without_second_header(header, table, path)
    repeated = pl.all_horizontal(pl.col(table.columns[k]) == header[k] for k in filled)
    rows = table.select(repeated.fill_null(False).alias("row"))["row"]
    # a row of data, in a file without a header, has a cell of another row
    apart = all((table[:, k] == header[k]).sum() == rows.sum() for k in filled)
    if len(filled) < 2 or not rows.any() or not apart:
        return table
    notice(
        f"{path}: {counted(int(rows.sum()), 'row')} that repeat{'s' * (rows.sum() == 1)} the header left out"
    )
    return table.filter(~rows)


def _without_second_header(header: list[str], table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Leaves out a row of units, or of further names, below the names; reports it.

    Raises:
        InputError: the names need it, since one of them is empty or stands twice.
    """
    first, *rows = ([(cell or "").strip() for cell in row] for row in table.head(_LOOKED_AT).iter_rows())
    if not is_second_header(first, rows):
        return table
    names = [name.strip() for name in header]
    unclear = next(
        (k for k, name in enumerate(names) if first[k] and (not name or names.count(name) > 1)), None
    )
    shown_cells = shown(", ".join(filter(None, first)))
    if unclear is not None:
        why = f"column {names[unclear]!r} stands twice" if names[unclear] else "a name is empty"
        raise InputError(
            f"{path}: line 1: {why} in the header, and the line below it is no row either ({shown_cells}): "
            "join both in one line of names"
        )
    notice(
        f"{path}: the line below the header is no row and left out ({shown_cells}); rows are counted without"
    )
    return table.tail(-1)


def separator_of(path: Path, reading: Reading = PLAIN) -> str | None:
    """Returns the character between the cells of a file; None if it is no table of text."""
    if not can_be_read_again(path) or kind_of(path) not in DELIMITED:
        return None
    return layout_of(beginning(path, reading), path, reading).mark


def layout_at(path: Path, reading: Reading = PLAIN) -> Layout | None:
    """Returns the layout of a file of text as a table; None if several separators fit."""
    try:
        return layout_of(beginning(path, reading), path, reading)
    except InputError:
        return None


def beginning(path: Path, reading: Reading = PLAIN) -> str:
    """Returns the first lines of a file of text, or all of a short one."""
    text = ""
    for block in read_text(path, in_lines=True, reading=reading):
        text += block
        if len(text) > 2 * SAMPLE:
            return text[: text.rfind("\n") + 1] or text
    return text


def tell_left_out(path: Path, lines: int, place: str, first: str) -> None:
    """Reports what stood above or below a table, if anything did."""
    if lines:
        what = f" ({shown(first)})" if first else ""
        rows = "; rows are counted from the header" if place == "above" else ""
        notice(f"{path}: {counted(lines, 'line')} {place} the table left out{what}{rows}")


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


def _named(header: list[str], table: pl.DataFrame, path: Path, hint: str = "") -> pl.DataFrame:
    """Names the columns; drops unnamed ones that are empty or number the rows.

    A name that stands twice is refused, with a ``hint`` about the lines above.
    """
    names = [name.strip() for name in header]
    count = len(names)
    counted = [[str(k) for k in range(begin, begin + count)] for begin in (0, 1)]
    if names not in counted and (all(map(_is_datum, names)) or not any(names)):
        return with_row(table, names, path)
    kept = {}
    for k, name in enumerate(names):
        if not name and (table[:, k].is_null().all() or counts_rows(table[:, k])):
            continue
        name = name or f"column_{k + 1}"
        if name in kept:
            raise InputError(f"{path}: line 1: column {name!r} stands twice in the header.{hint}")
        kept[name] = table[:, k]
    return pl.DataFrame(kept)


def names_are_row(table: pl.DataFrame) -> bool:
    """Whether the names of a table of texts are sentences like those below each of them."""
    beginnings = [(name, table[name].drop_nulls().head(_SENTENCES).to_list()) for name in table.columns]
    sentences = [
        (name, cells)
        for name, cells in beginnings
        if cells and sum(len(cell.split()) for cell in cells) >= _WORDS * len(cells)
    ]
    return len(sentences) > 1 and all(_is_like(name, cells) for name, cells in sentences)


def _is_like(text: str, others: list[str]) -> bool:
    """Whether a text ends like most others, or has several words, at least half of them theirs."""
    if text.endswith(_ENDS):
        return 2 * sum(other.rstrip().endswith(_ENDS) for other in others) > len(others)
    words, known = text.lower().split(), {word for other in others for word in other.lower().split()}
    return len(words) >= _WORDS and 2 * sum(word in known for word in words) >= len(words)


def with_row(table: pl.DataFrame, names: Sequence[str], path: Path) -> pl.DataFrame:
    """Returns a table of texts whose first line was a row and not its names; reports the names it has now."""
    numbered = [f"column_{k}" for k in range(1, len(names) + 1)]
    notice(f"{path}: the first line names no columns; they are {', '.join(numbered)}")
    first = pl.DataFrame([list(names)], dict.fromkeys(numbered, pl.String), orient="row")
    return pl.concat([first, table.rename(dict(zip(table.columns, numbered, strict=True)))])


def _is_datum(cell: str) -> bool:
    """Whether a cell is a number or a date, not a name."""
    try:
        is_number = bool(cell) and not np.isnan(number_of(cell)) and cell.lower() not in ("true", "false")
    except ValueError:
        is_number = False
    return is_number or is_iso_date(cell)


def counts_rows(cells: pl.Series) -> bool:
    """Whether cells are 0, 1, 2, … or 1, 2, 3, …, as programs write the index of a frame."""
    numbers = cells.cast(pl.Int64, strict=False).to_list() if not cells.dtype.is_nested() else []
    return (
        bool(numbers)
        and numbers[0] in (0, 1)
        and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    )
