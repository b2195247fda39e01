"""Where a table of text begins, and what stands between its cells: either shows the other."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from elman.config import counted
from elman.data.read.division import quoted_in_lines, quoted_over_lines
from elman.data.read.margins import Above, Head
from elman.data.read.opening import kind_of
from elman.data.read.reading import Reading
from elman.errors import InputError
from elman.notice import notice

NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""The separators that are found, and their names."""

_NAMED = re.compile("(?i)sep=(.)\n")  # the first line of tables that spreadsheets write
_SPACES = re.compile(r'("[^"]*")| +')
_OWN = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
SAMPLE = 1 << 16
"""Characters that show the separator."""


class Layout(NamedTuple):
    """How the text of a table is laid out.

    Attributes:
        mark: character between its cells.
        above: what stands above the header, and the text below that.
        header: names of the columns; empty unless all rows looked at have as many cells, at least two.
        is_usual: whether the file's ending names this character.
        hint: what might divide the rows better; empty if nothing would.
    """

    mark: str
    above: Above
    header: list[str]
    is_usual: bool = True
    hint: str = ""


def layout_of(text: str, path: Path, reading: Reading) -> Layout:
    """Returns the layout in which the first rows have equally many cells.

    A first line such as ``sep=;`` names the separator. Otherwise each is tried with the header that it shows.
    If several fit, a tab is preferred, and then one whose cells are all numbers or dates below the header.

    Args:
        text: the file, or its beginning; its lines end in a line feed.
        path: its name, for messages and for the separator that its ending names.
        reading: its separator, if the user named it.

    Raises:
        InputError: several separators fit; the message shows their columns.
    """
    named = _NAMED.match(text)
    given = reading.delimiter or (named and named[1])
    if given == " ":
        text = _with_single_spaces(text)
    own = given or _OWN.get(kind_of(path), ",")
    marks = [given] if given else list(NAMES)
    if named:
        found = layout_of(text[named.end() :], path, replace(reading, separator=given))
        return found._replace(above=found.above._replace(comments=found.above.comments + 1))
    head = Head(text, marks)
    headers = {mark: _header(head.above(mark).text, mark) for mark in marks}
    fits = [mark for mark, header in headers.items() if header]
    if "\t" in fits:  # a tab is nothing else
        fits = ["\t"]
    if len(fits) > 1:
        fits = [mark for mark in fits if head.holds_data_alone(mark)] or fits
    if len(fits) > 1:
        ways = (f"--separator {NAMES[mark]} gives columns {', '.join(headers[mark])}" for mark in fits)
        raise InputError(f"{path}: can be read in {len(fits)} ways: {'; '.join(ways)}")
    if fits:
        return Layout(fits[0], head.above(fits[0]), headers[fits[0]], fits[0] == own)
    even = [mark for mark in marks if head.is_mostly_even(mark)]
    if len(even) == 1:
        return Layout(even[0], head.above(even[0]), [], even[0] == own)
    above = head.above()
    first = above.text.partition("\n")[0]
    most = max(marks, key=lambda mark: (first.count(mark), mark == own))
    mark = most if first.count(most) else own
    other = next((one for one in marks if one != mark and head.width(one) > 1), None)
    hint = ""
    if other is not None:
        cells = counted(head.width(other), "cell")
        hint = f" --separator {NAMES[other]} gives most lines {cells}."
    return Layout(mark, above, [], mark == own, hint)


def layout_in_spaces(text: str, path: Path, reading: Reading) -> Layout | None:
    """Returns the layout of rows between whose cells one or more spaces stand; None if there are none such.

    They have names above numbers or dates alone, all in equally many cells. If most rows have equally many
    cells but this is not so clear, a line tells the option that divides them.
    """
    sample = text if len(text) <= SAMPLE else text[: text.rfind("\n", 0, SAMPLE) + 1]
    sample = _with_single_spaces(sample)
    head = Head(sample, [" "])
    if not head.is_mostly_even(" "):
        return None
    clear = head.holds_data_alone(" ") and not head.begins_with_data(" ")
    if clear and _header(head.above(" ").text, " "):
        return layout_of(text, path, replace(reading, separator=" "))._replace(is_usual=False)
    cells = counted(head.width(" "), "cell")
    notice(f"{path}: each line is one cell; --separator space gives most lines {cells}")
    return None


def _with_single_spaces(text: str) -> str:
    """Returns lines with one space for each run of spaces outside of quotes, and none at their ends."""
    lines = (_SPACES.sub(lambda run: run[1] or " ", line.strip(" ")) for line in text.split("\n"))
    return "\n".join(lines)


def _header(text: str, mark: str) -> list[str]:
    """Returns the first row if it has several cells and all rows have as many; otherwise nothing."""
    sample = text if len(text) <= SAMPLE else text[: text.rfind("\n", 0, SAMPLE) + 1] or text[:SAMPLE]
    cut = len(text) > len(sample)
    if mark not in sample.partition("\n")[0]:
        return []
    for rows, fault in (quoted_over_lines(sample, mark), quoted_in_lines(sample, mark)):
        # the sample may end within a quoted cell
        if rows and len(rows[0]) > 1 and (fault is None or (cut and len(rows) > 2)):
            return rows[0]
    return []
