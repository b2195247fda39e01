"""Tables with a tag in every row: of numbers, such as those of sensors, or of words."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elman.config import counted, listed, shown
from elman.data.channels.columns import chosen_columns
from elman.data.read.opening import kind_of
from elman.data.read.tables import (
    TABLES,
    check_columns,
    check_filled,
    holds_numbers,
    number_columns,
    read_table,
    row_number,
    text_column,
    time_order,
)
from elman.data.read.text import lines_of, read_text
from elman.data.tagged.columns import TAGS, WORDS, Columns
from elman.data.tagged.sequences import Tagged
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # sentences need no tables

_TAGS = (*TAGS, "activity", "class", "state", "event")
_TARGETS = ("target", "y")  # which may be numbers that are read, if another column holds texts
_SENTENCES = ("sentence", "sentence_id", "sentence #", "sentence_number", "sent_id", "sentence_idx")
_COLUMNS = (".tsv", ".tab")  # which may also be columns of words without a header


class Table(NamedTuple):
    """A table and its sequences.

    Attributes:
        frame: the table.
        tagged: the sequences.
        order: the rows [T] of each; empty if each row is a sentence.
    """

    frame: pl.DataFrame
    tagged: Tagged
    order: list[np.ndarray]


def is_table(path: Path, columns: Columns) -> bool:
    """Whether a file is a table: by its ending; of .tsv and .tab, if a header names sequences or times."""
    kind = kind_of(path)
    if kind not in _COLUMNS:
        return kind in TABLES and kind not in (".jsonl", ".ndjson")
    first = next((line for lines in lines_of(read_text(path, reading=columns.reading)) for line in lines), "")
    names = [cell.strip().lower() for cell in first.split("\t")]
    return any(name.lower() in names for name in (columns.id, columns.time, *_SENTENCES))


def read_tagged_table(path: Path, columns: Columns, *, with_tags: bool = True) -> Table:
    """Reads a table (see ``read_table``) with a row for each step.

    A column of words makes it a table of sentences, also with a row for each (lists, or words with spaces
    between them), otherwise all columns without another meaning must hold
    numbers. Without a column that names sequences the whole table is one.

    Args:
        path: the table.
        columns: which columns hold what.
        with_tags: whether tags are required; otherwise they are ignored.

    Raises:
        InputError: names file, row, column and value.
    """
    return tagged_table(read_table(path, columns.reading), path, columns, with_tags=with_tags)


def tagged_table(frame: pl.DataFrame, path: Path, columns: Columns, *, with_tags: bool = True) -> Table:
    """Returns the sequences of a table that was read from ``path``; see ``read_tagged_table``."""
    word = _found(frame, columns.word, WORDS, path)
    if word is not None and (columns.word is not None or not holds_numbers(frame, word, columns.reading)):
        read = _of_sentences if _are_lists(frame[word]) else _of_words
        return read(frame, path, columns, word, with_tags)
    tag = _tag_of_numbers(frame, path, columns, with_tags)
    if columns.inputs:
        raise InputError(f"{path}: --input-columns is for words; --columns chooses columns of numbers")
    special = (columns.id, columns.time, tag)
    features = chosen_columns(frame.columns, special, path, columns.features, columns.ignored)
    try:
        values = number_columns(frame, features, path, missing=True, reading=columns.reading)
    except InputError as error:
        raise InputError(f"{error} --ignore-columns leaves a column out.") from None
    if columns.id not in frame.columns and columns.id != Columns.id:
        check_columns(frame, [columns.id], path)
    order = _sequences(frame, path, columns.id, columns.time)
    cells = text_column(frame, tag) if tag is not None and with_tags else []
    names = _names(frame, columns.id, order, path)
    missing = int(np.isnan(values).sum())
    if missing:
        notice(f"{path}: {counted(missing, 'missing number')} read as the one before in the same sequence")
    tagged = Tagged(
        [_filled(values[rows], features, f"{path}: row {row_number(path, int(rows[0]))}") for rows in order],
        [tuple(cells[k].strip() for k in rows) if cells else () for rows in order],
        [()] * len(order),
        [f"{path}: row {row_number(path, int(rows[0]))}" for rows in order],
        (),
        tuple(features),
        tuple(names),
    )
    return Table(frame, tagged, order)


def _filled(values: np.ndarray, features: Sequence[str], place: str) -> np.ndarray:
    """Returns numbers [T, I] in which a missing one is the last known one or, if there is none, the next."""
    known = ~np.isnan(values)
    if known.all():
        return values
    for name, column in zip(features, known.T, strict=True):
        if not column.any():
            raise InputError(f"{place}: the sequence must have a number in column {name!r}. Got none.")
    steps = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(known, steps, -1))
    at = np.where(last < 0, known.argmax(0), last)
    return np.take_along_axis(values, at, 0)


def _of_words(frame: pl.DataFrame, path: Path, columns: Columns, word: str, with_tags: bool) -> Table:
    """Returns the sentences of a table with a row for each word; an empty cell names the sentence above."""
    used = _used(frame, path, columns, word, with_tags)
    asked = columns.id if columns.id != Columns.id else None
    sentence = _found(frame, asked, (columns.id, *_SENTENCES), path)
    if sentence is None:
        raise InputError(
            f"{path}: must have a column that names the sentence of each word; --id-column names it. "
            f"Its columns: {listed(frame.columns, 20)}."
        )
    named = frame.with_columns(
        pl.when(pl.col(sentence).cast(pl.String).str.strip_chars() == "")
        .then(None)
        .otherwise(pl.col(sentence).cast(pl.String))
        .forward_fill()
        .alias(sentence)
    )
    for column in (sentence, *used):
        check_filled(named, column, path)
    order = _sequences(named, path, sentence, None)
    cells = {column: text_column(named, column) for column in used}

    def column_of(name: str, rows: np.ndarray) -> tuple[str, ...]:
        return tuple(cells[name][k].strip() for k in rows)

    sentences = [[column_of(name, rows) for name in used] for rows in order]
    places = [f"{path}: row {row_number(path, int(rows[0]))}" for rows in order]
    return Table(frame, _tagged(sentences, places, columns, with_tags), order)


def _of_sentences(frame: pl.DataFrame, path: Path, columns: Columns, word: str, with_tags: bool) -> Table:
    """Returns the sentences of a table with a row for each: lists, or words with spaces between them."""
    used = _used(frame, path, columns, word, with_tags)
    places = [f"{path}: row {row_number(path, k)}" for k in range(len(frame))]
    sentences = []
    for row, place in zip(frame.select(used).iter_rows(), places, strict=True):
        lists = [_list_of(cell, f"{place}, column {name!r}") for cell, name in zip(row, used, strict=True)]
        for name, each in zip(used, lists, strict=True):
            rule = f"have {len(lists[0])} elements, one for each of {word}"
            if len(each) != len(lists[0]):
                raise InputError(f"{place}, column {name!r}: must {rule}. Got {len(each)}.")
        sentences.append(lists)
    return Table(frame, _tagged(sentences, places, columns, with_tags), [])


def _tagged(
    sentences: list[list[tuple[str, ...]]], places: list[str], columns: Columns, with_tags: bool
) -> Tagged:
    """Returns sentences of words, tags if there are any, and further columns."""
    first = 1 + with_tags
    return Tagged(
        [each[0] for each in sentences],
        [each[1] if with_tags else () for each in sentences],
        [tuple(each[first:]) for each in sentences],
        places,
        columns.inputs,
    )


def _used(frame: pl.DataFrame, path: Path, columns: Columns, word: str, with_tags: bool) -> list[str]:
    """Returns the columns of words, tags if wanted, and further ones."""
    check_columns(frame, list(columns.inputs), path)
    if not with_tags:
        return [word, *columns.inputs]
    tag = _found(frame, columns.tag, TAGS, path)
    if tag is None:
        raise InputError(
            f"{path}: has no column of tags of a usual name; --tag-column names it. Its columns: "
            f"{listed(frame.columns, 20)}."
        )
    return [word, tag, *columns.inputs]


def _are_lists(cells: pl.Series) -> bool:
    """Whether most cells of a column of words have several of them."""
    if isinstance(cells.dtype, pl.List):
        return True
    texts = cells.cast(pl.String).fill_null("").str.strip_chars()
    return bool(texts.str.contains(r"\s|^\[").mean() > _MOST_LISTS)  # type: ignore[operator]


_MOST_LISTS = 0.5  # share of cells of several words from which on a row is a sentence


def _list_of(cell: object, place: str) -> tuple[str, ...]:
    """Returns a list, its text as Python or JSON writes it, or the parts between spaces, as texts."""
    values: object = cell
    if isinstance(cell, str):
        values = cell.split()
        if cell.strip().startswith("["):
            try:
                values = ast.literal_eval(cell.strip())
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                values = cell.split()
    texts = tuple(map(str, values)) if isinstance(values, list) else ()
    if not texts or not all(map(str.strip, texts)):
        raise InputError(f"{place}: must be a list of texts that are not empty. Got {shown(cell)}.")
    return texts


def _tag_of_numbers(frame: pl.DataFrame, path: Path, columns: Columns, with_tags: bool) -> str | None:
    """Returns the column of tags: as asked for, of a usual name, or the only one that holds no numbers."""
    left = frame.select(name for name in frame.columns if name not in (columns.id, columns.time))
    left = left.select(name for name in left.columns if name not in columns.features)
    tag = _found(frame, columns.tag, (), path if with_tags else None) or _found(left, None, _TAGS, None)
    if tag is None:
        texts = [name for name in left.columns if not holds_numbers(left, name, columns.reading)]
        tag = texts[0] if len(texts) == 1 else _found(left, None, _TARGETS, None)
    if tag is None and with_tags:
        raise InputError(
            f"{path}: has no column of tags of a usual name; --tag-column names it. Its columns: "
            f"{listed(frame.columns, 20)}."
        )
    return tag


def _found(frame: pl.DataFrame, asked: str | None, usual: Sequence[str], path: Path | None) -> str | None:
    """Returns the column that is asked for, which a table at a path must have, or that of a usual name."""
    if asked is not None:
        if path is not None:
            check_columns(frame, [asked], path)
        return asked if asked in frame.columns else None
    lower = {name.lower(): name for name in reversed(frame.columns)}
    return next((lower[name] for name in usual if name in lower), None)


def _sequences(frame: pl.DataFrame, path: Path, name: str, time: str | None) -> list[np.ndarray]:
    """Returns the rows of each sequence, in order of time if there is a column of it."""
    number = np.zeros(len(frame), np.int64)
    if name in frame.columns:
        check_filled(frame, name, path)
        known: dict[str, int] = {}
        number = np.array([known.setdefault(each, len(known)) for each in text_column(frame, name)])
    times = np.arange(len(frame))
    if time is not None and time in frame.columns:
        check_filled(frame, time, path)
        times = time_order(frame, time, path)
    order = np.lexsort((times, number))
    twice = (np.diff(number[order]) == 0) & (np.diff(times[order]) == 0)
    if time is not None and twice.any():
        row = int(order[1:][twice][0])
        raise InputError(f"{path}: row {row_number(path, row)}: has {time} {frame[time][row]!s} twice")
    return np.split(order, np.cumsum(np.bincount(number))[:-1])


def _names(frame: pl.DataFrame, name: str, order: Sequence[np.ndarray], path: Path) -> list[str]:
    if name not in frame.columns:
        return [path.name.partition(".")[0]]
    cells = text_column(frame, name)
    return [cells[int(rows[0])] for rows in order]
