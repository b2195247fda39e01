"""Sentences with a word a line, in columns: CoNLL's many forms and CoNLL-U."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

from elman.config import counted, shown
from elman.data.read.reading import PLAIN, Reading
from elman.errors import InputError

CONLL_U = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
"""Columns of CoNLL-U (universaldependencies.org/format.html)."""

WORDS = ("word", "words", "token", "tokens", "form", "text")
"""Names by which a header, or a JSON object, shows its column of words."""
TAGS = ("tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "upos", "pos", "pos_tag", "pos_tags")
"""Names by which it shows its column of tags, the first that it has."""

DOCUMENT = "-DOCSTART-"
"""The word of a line between two documents."""
_NAMES = "# global.columns ="  # of CoNLL-U Plus
_ABOUT = re.compile(r"# (id|sent_id|sentence_id|text|newdoc|newpar|source|doc|document|global\.\w+)\b")
"""A line above a sentence that says what it is."""
_LOOKED_AT = 200  # sentences
_SPACES = re.compile("[ \t]+")


@dataclass(frozen=True)
class Columns:
    """Which columns hold what, as the user says; by name, or by number counted from 1.

    Attributes:
        word: of the words; None: a column of a usual name, or the first, or the second if the first counts
            the words.
        tag: of the tags; None: upos in CoNLL-U, a column of a usual name, or the last.
        inputs: further columns that a model reads.
        reading: how files are written.
        id: of a table, that names the sequence of each row.
        time: of a table of numbers, that orders the rows of a sequence.
        features: of numbers, to read; if empty, all without another meaning.
        ignored: of numbers, to leave out.
    """

    word: str | None = None
    tag: str | None = None
    inputs: tuple[str, ...] = ()
    reading: Reading = PLAIN
    id: str = "unique_id"
    time: str = "ds"
    features: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class Block(NamedTuple):
    """Lines without an empty one among them.

    Attributes:
        number: of the first, counted from 1.
        lines: the lines.
    """

    number: int
    lines: list[str]


class Row(NamedTuple):
    """A word's line: its position in the block, and its cells."""

    at: int
    cells: list[str]


@dataclass(frozen=True)
class Form:
    """How a file's lines are read.

    Attributes:
        name: of the file, for messages.
        mark: character between cells; None: any number of spaces and tabs.
        width: cells of a line.
        names: names of the columns; empty without a header.
        header: whether the first line has the names.
        counts: whether the first column counts the words of a sentence.
    """

    name: str
    mark: str | None
    width: int
    names: tuple[str, ...] = ()
    header: bool = False
    counts: bool = False

    def cells(self, line: str) -> list[str]:
        """Returns the cells of a line."""
        return _cells(line, self.mark)

    def rows(self, block: Block) -> Iterator[Row]:
        """Yields the words of a block; comments, multiword ranges, empty nodes and headers are none.

        Raises:
            InputError: a line has more or fewer cells than the others.
        """
        begins = True
        for at, line in enumerate(block.lines):
            number = block.number + at
            if self.header and number == 1:
                continue
            if line.split(maxsplit=1)[0] == DOCUMENT:
                continue
            cells = self.cells(line)
            if begins and _ABOUT.match(line):
                continue
            if line.startswith("#") and (len(cells) != self.width or self.names == CONLL_U):
                continue
            begins = False
            if self.counts and _is_range(cells[0]):
                continue
            if len(cells) != self.width:
                raise InputError(
                    f"{self.name}: line {number}: must have {counted(self.width, 'column')}, like the "
                    f"first. Got {len(cells)}: {shown(line)}."
                )
            yield Row(at, cells)

    def place(self, column: str, option: str) -> int:
        """Returns the position of a column that is named, or numbered from 1."""
        if column in self.names:
            return self.names.index(column)
        lower = column.lower()
        if lower in self.names:
            return self.names.index(lower)
        if column.isdecimal() and 1 <= int(column) <= self.width:
            return int(column) - 1
        known = f"columns: {', '.join(self.names)}" if self.names else f"it has columns 1 to {self.width}"
        raise InputError(f"{self.name}: has no column {column!r} ({option}); {known}")

    def word(self, columns: Columns) -> int:
        """Returns the position of the words."""
        if columns.word is not None:
            return self.place(columns.word, "--word-column")
        return next((self.names.index(name) for name in WORDS if name in self.names), int(self.counts))

    def tag(self, columns: Columns) -> int:
        """Returns the position of the tags. Raises InputError if there is no column for them."""
        if columns.tag is not None:
            return self.place(columns.tag, "--tag-column")
        if self.names == CONLL_U:
            return CONLL_U.index("upos")
        found = next((self.names.index(name) for name in TAGS if name in self.names), self.width - 1)
        if found <= self.word(columns):
            raise InputError(f"{self.name}: must have a column of tags behind that of words. Got one column.")
        return found


def form_of(blocks: Iterable[Block], name: str, columns: Columns) -> tuple[Form, Iterator[Block]]:
    """Finds out how lines are read from the first sentences; returns it with all sentences.

    Raises:
        InputError: there is no line.
    """
    blocks = iter(blocks)
    first = list(islice(blocks, _LOOKED_AT))
    lines = [line for block in first for line in block.lines]
    plain = [line for line in lines if not line.startswith(("# ", DOCUMENT))] or lines
    if not plain:
        raise InputError(f"{name}: has no lines")
    mark = columns.reading.delimiter
    if mark is None and "\t" in plain[0].strip():
        mark = "\t"
    mark = None if mark == " " else mark
    names = tuple(cell.strip().lower() for cell in _cells(plain[0], mark))
    is_header = _is_header(names, columns)
    width = len(names)
    if width == len(CONLL_U) and mark == "\t" and _is_count(_cells(plain[0], mark)[0]):
        form = Form(name, mark, width, CONLL_U, counts=True)
    else:
        given = next((line for line in lines if line.startswith(_NAMES)), None)
        own = names if is_header else ()
        if given is not None:
            own = tuple(given.removeprefix(_NAMES).lower().split())
        form = Form(name, mark, width, own, is_header)
        counts = all(map(_counts_up, ([row.cells[0] for row in form.rows(block)] for block in first)))
        form = Form(name, mark, width, own, is_header, counts and width > 1)
    return form, chain(first, blocks)


def blocks_of(lines: Iterable[str]) -> Iterator[Block]:
    """Yields the lines between empty ones; a line of white space is empty."""
    begin, block = 1, list[str]()
    for number, line in enumerate(lines, 1):
        if line.strip():
            if not block:
                begin = number
            block.append(line)
        elif block:
            yield Block(begin, block)
            block = []
    if block:
        yield Block(begin, block)


def _cells(line: str, mark: str | None) -> list[str]:
    if mark is None:
        return _SPACES.split(line.strip(" \t"))
    return [cell.strip(" ") for cell in line.split(mark)]


def _is_header(names: Sequence[str], columns: Columns) -> bool:
    """Whether the cells of the first line are names of columns."""
    asked = [
        name.lower() for name in (columns.word, columns.tag) if name is not None and not name.isdecimal()
    ]
    if asked:
        return all(name in names for name in asked)
    has_words = any(name in WORDS for name in names)
    return has_words and any(name in TAGS for name in names) and len(set(names)) == len(names)


def _is_count(cell: str) -> bool:
    """Whether a cell is an id of CoNLL-U: a number, or a range or an empty node at a sentence's beginning."""
    return cell.isdecimal() or _is_range(cell)


def _is_range(cell: str) -> bool:
    """Whether an id is that of a multiword token (8-9) or of an empty node (8.1)."""
    return re.fullmatch(r"\d+[-.]\d+", cell) is not None


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether cells are 1, 2, 3 … or 0, 1, 2 …, ranges and empty nodes apart."""
    numbers = [cell for cell in cells if not _is_range(cell)]
    return any(numbers == [str(k + begin) for k in range(len(numbers))] for begin in (0, 1))
