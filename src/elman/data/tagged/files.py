"""Reads files of tagged sentences and tables."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from elman.config import shown
from elman.data.labelled.folders import check_no_parts
from elman.data.read.folders import files_below
from elman.data.read.npz import read_arrays
from elman.data.read.opening import kind_of, read_bytes
from elman.data.read.text import decoded, lines_of
from elman.data.tagged.columns import DOCUMENT, Block, Columns, Form, Row, blocks_of, form_of
from elman.data.tagged.memory import steps_from_memory
from elman.data.tagged.objects import Read, from_text, parse, read_object
from elman.data.tagged.sequences import Tagged, Words, joined
from elman.data.tagged.tables import is_table, read_tagged_table
from elman.errors import InputError
from elman.notice import notice

OBJECTS = (".jsonl", ".ndjson", ".json")
"""Endings of files with a JSON object a line."""


@dataclass(frozen=True)
class Sentence:
    """A sentence as it was read.

    Attributes:
        read: words, tags and further columns.
        place: file and line, for messages.
        kind: of what it was read.
        lines: the lines that it was read from.
        at: the position of each word's line among them; empty for objects and texts.
    """

    read: Read
    place: str
    kind: Literal["columns", "object", "text"]
    lines: list[str]
    at: list[int] = field(default_factory=list)


def read_tagged(paths: Sequence[Path], columns: Columns, *, with_tags: bool = True) -> Tagged:
    """Reads the sentences of files and folders.

    A file has a word a line in columns, and an empty line after each sentence; or a JSON object a line, if
    its name ends in .jsonl, .ndjson or .json; or is a table with a row for each step (see ``is_table``), or
    an ``.npz`` file with arrays x [N, T, I], y [N, T] and, optionally, lengths.

    Args:
        paths: files, or folders of files.
        columns: which columns hold what.
        with_tags: whether tags are required; otherwise they are ignored.

    Raises:
        InputError: a file cannot be read or breaks a rule, or a folder holds several parts of a data set.
    """
    parts = [_read_file(file, columns, with_tags) for path in paths for file in _files(path)]
    if not any(map(len, parts)):
        raise InputError(f"{paths[0] if paths else 'data'}: holds no sentences")
    return joined(parts)


def sentences_of(path: Path, columns: Columns, *, with_tags: bool) -> Iterator[Sentence]:
    """Yields the sentences of a file, as they are read."""
    lines = (line for each in lines_of(_text(path, columns)) for line in each)
    if kind_of(path) in OBJECTS:
        own = _lines_of_objects(lines) if kind_of(path) == ".json" else lines
        return objects_of(own, str(path), columns, with_tags=with_tags)
    return rows_of(*form_of(blocks_of(lines), str(path), columns), columns, with_tags=with_tags)


def objects_of(
    lines: Iterable[str], name: str, columns: Columns, *, with_tags: bool = False
) -> Iterator[Sentence]:
    """Yields the sentence of each line's JSON object; empty lines are left out."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            place = f"{name}: line {number}"
            read = read_object(parse(line, place), place, columns, with_tags=with_tags)
            if read.words:
                yield Sentence(read, place, "object", [line])


def _lines_of_objects(lines: Iterator[str]) -> Iterator[str]:
    """Yields lines with an object each, also of a file that is one array of objects."""
    first = next((line for line in lines if line.strip()), "")
    if not first.lstrip().startswith("["):
        return chain([first], lines)
    try:
        parsed = json.loads("\n".join([first, *lines]))
    except (ValueError, RecursionError):
        return chain([first], lines)
    return map(json.dumps, parsed)


def rows_of(
    form: Form, blocks: Iterable[Block], columns: Columns, *, with_tags: bool = False
) -> Iterator[Sentence]:
    """Yields the sentences of lines with a word each; of CoNLL-U, those of a block.

    A block without words, such as one of comments, has none in its sentence.
    """
    word = form.word(columns)
    named = {"word": word, **({"tag": form.tag(columns)} if with_tags else {})}
    inputs = [form.place(column, "--input-columns") for column in columns.inputs]
    for block in blocks:
        rows = list(form.rows(block))
        for row in rows:
            _check_filled(row, named, form, block)

        def column(at: int, rows: Sequence[Row] = rows) -> Words:
            return tuple(row.cells[at] for row in rows)

        tags = column(named["tag"]) if with_tags else ()
        read = Read(column(word), tags, tuple(map(column, inputs)))
        number = block.number + (rows[0].at if rows else 0)
        at = [row.at for row in rows]
        yield Sentence(read, f"{form.name}: line {number}", "columns", block.lines, at)


def texts_of(lines: Iterable[str], name: str) -> Iterator[Sentence]:
    """Yields each line as a sentence of the words that it is divided into; one without words too."""
    for number, line in enumerate(lines, 1):
        yield Sentence(from_text(line), f"{name}: line {number}", "text", [line])


def to_tag(path: Path, columns: Columns, form: str = "auto") -> Iterator[Sentence]:
    """Yields the sentences of a file without its tags.

    Args:
        path: the file.
        columns: which columns hold what.
        form: columns, text (a sentence a line), or auto: text if lines of spaces have unlike numbers of
            words, or there are fewer than three of more than one. A file of objects is read as such.
    """
    if not path.exists() or path.is_dir():
        raise InputError(f"{path}: {'is a folder; give a file' if path.is_dir() else 'no such file'}")
    if kind_of(path) in OBJECTS:
        return sentences_of(path, columns, with_tags=False)
    if is_table(path, columns):
        return _of_table(path, columns)
    lines = (line for each in lines_of(_text(path, columns)) for line in each)
    first = list(islice(lines, _LOOKED_AT))
    whole = chain(first, lines)
    if form == "text" or (form == "auto" and not _are_columns(first, columns)):
        if form == "auto":
            notice(f"{path}: a line is read as a sentence; --form columns reads it as a word")
        return texts_of(whole, str(path))
    return rows_of(*form_of(blocks_of(whole), str(path), columns), columns)


def _of_table(path: Path, columns: Columns) -> Iterator[Sentence]:
    """Yields the sentences of a table of words."""
    tagged = read_tagged_table(path, columns, with_tags=False).tagged
    if tagged.features:
        raise InputError(f"{path}: must have a column of words (--word-column names it). Got numbers.")
    for words, inputs, place in zip(tagged.words, tagged.inputs, tagged.places, strict=True):
        yield Sentence(Read(words, (), inputs), place, "text", [])


def read_untagged(paths: Sequence[Path], columns: Columns) -> list[Words]:
    """Reads the words of sentences without tags, from files or folders that ``to_tag`` reads.

    Raises:
        InputError: a file cannot be read, or a path holds no words.
    """
    only_words = replace(columns, tag=None, inputs=())
    found: list[Words] = []
    for path in paths:
        sentences = (each for file in _files(path) for each in to_tag(file, only_words))
        own = [each.read.words for each in sentences if each.read.words]
        if not own:
            raise InputError(f"{path}: holds no words")
        found += own
    return found


_LOOKED_AT = 1000  # lines


def _are_columns(lines: Sequence[str], columns: Columns) -> bool:
    """Whether lines look like columns."""
    filled = [line for line in lines if line.strip() and not line.startswith("# ")]
    if columns.reading.delimiter is not None or any("\t" in line.strip() for line in filled[:1]):
        return True
    widths = {len(line.split()) for line in filled if not line.startswith(DOCUMENT)}
    return widths == {1} or (len(widths) == 1 and len(filled) > 2)


def _check_filled(row: Row, named: dict[str, int], form: Form, block: Block) -> None:
    for what, at in named.items():
        if not row.cells[at]:
            line = block.lines[row.at]
            raise InputError(
                f"{form.name}: line {block.number + row.at}: the {what} (column {at + 1}) must not be empty. "
                f"Got {shown(line)}."
            )


def _read_file(path: Path, columns: Columns, with_tags: bool) -> Tagged:
    if kind_of(path) == ".npz":
        return _from_arrays(path, with_tags)
    if is_table(path, columns):
        return read_tagged_table(path, columns, with_tags=with_tags).tagged
    words: list[Words] = []
    tags: list[Words] = []
    inputs: list[tuple[Words, ...]] = []
    places: list[str] = []
    for sentence in sentences_of(path, columns, with_tags=with_tags):
        if sentence.read.words:
            words.append(sentence.read.words)
            tags.append(sentence.read.tags)
            inputs.append(sentence.read.inputs)
            places.append(sentence.place)
    return Tagged(words, tags, inputs, places, columns.inputs)


def _from_arrays(path: Path, with_tags: bool) -> Tagged:
    arrays = read_arrays(path)
    for key in ("x", *(["y"] if with_tags else [])):
        if key not in arrays:
            raise InputError(f"{path}: has no array {key!r}; arrays: {', '.join(arrays) or 'none'}")
    y = arrays["y"] if with_tags else None
    return steps_from_memory(arrays["x"], y, arrays.get("lengths"), f"{path}: ")


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        check_no_parts(path)
        return files_below(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    return [path]


def _text(path: Path, columns: Columns) -> Iterator[str]:
    return decoded(read_bytes(path, once=True), str(path), in_lines=True, reading=columns.reading)
