"""Labelled examples from files: tables, arrays, folders with one folder per label, and lines of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.data.labelled import clips, sounds
from elman.data.labelled.columns import (
    Columns,
    check_no_labels,
    found_columns,
    found_sequences,
    is_header,
    neither_read,
    without_header,
)
from elman.data.labelled.examples import Labelled, check_label, check_text, joined, numeric
from elman.data.labelled.folders import UNLABELLED, check_no_parts, check_no_tables, tell_folders
from elman.data.labelled.left_out import left_out
from elman.data.labelled.lines import FASTTEXT, from_lines, labels_of_cell, of_one_label
from elman.data.labelled.numeric import from_array, from_arrays, from_cases, from_rows, one_array
from elman.data.read.audio import AUDIO
from elman.data.read.delimited import DELIMITED, layout_at
from elman.data.read.folders import holds_only_runs
from elman.data.read.opening import kind_of
from elman.data.read.pipes import can_be_read_again
from elman.data.read.reading import Reading
from elman.data.read.recordings import names_recordings
from elman.data.read.tables import (
    NAMED_TABLES,
    check_columns,
    check_filled,
    decimal_mark,
    read_table,
    row_number,
    text_column,
)
from elman.data.read.text import find_text_files, read_text
from elman.data.read.totals import without_totals
from elman.data.read.video import PLANES, VIDEO
from elman.data.read.view import EVERY
from elman.data.sequence_rows import column_of_labels, rows_of
from elman.data.sequences import (
    check_no_columns,
    sequences_from_table,
    without_total,
)
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables

_MANY = 10  # lines from which on equally many cells make a table
_LOOKED_AT = 1000  # lines


def read_labelled(path: Path, columns: Columns, *, with_labels: bool = True) -> Labelled:
    """Reads examples from a file or a folder; ``READERS`` has the reader of each file ending.

    - a table (see ``read_table``): a column of texts and one of labels; or, if it has no column of texts,
      one row per step of numeric sequences: id, optional time, features, label;
    - ``.ts``: see ``read_ts``;
    - ``.npz`` with arrays x [N, T, I], y [N] and, optionally, lengths; ``.npy`` with x alone;
    - a folder with one folder per label, which holds a text file (or an ``.npy`` file [T, I]) per
      example; files next to these folders are ignored;
    - a recording, a folder of recordings or of folders of them for each label, or a manifest: see ``sounds``;
    - a clip, likewise, or packed planes: see ``clips``;
    - any other file: see ``from_lines``; or a table, if it shows columns.

    Args:
        path: the file or folder.
        columns: names of a table's columns.
        with_labels: whether labels are required; otherwise they are ignored, and texts may be empty.

    Raises:
        InputError: the data are invalid; the message names file, row, column and value.
    """
    if path.is_dir():
        below = clips.below if columns.are_clips else sounds.below
        return _from_folders(path, columns) if with_labels else below(path, columns)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if columns.are_clips and path.suffix.lower() in PLANES:
        return clips.one(path, columns, with_labels)
    if columns.are_free and columns.label.startswith("column_"):
        rows = rows_of(path, columns.reading)
        if rows is not None:
            return from_rows(rows, columns, with_labels)
    return _reader(path).file(path, columns, with_labels)


def read_files_of_labels(paths: Sequence[Path], columns: Columns) -> Labelled:
    """Reads files, also those in folders, that each hold the texts of one label: the file's name.

    A file has one text per line, or is a table with a column of texts.

    Raises:
        InputError: see ``read_labelled``.
    """
    parts = []
    for path in paths:
        if path.is_dir():
            check_no_parts(path)
    for file in find_text_files(paths):
        label = _label_of(file)
        if kind_of(file) not in NAMED_TABLES:
            parts.append(of_one_label(file, label, columns))
            continue
        table = read_table(file, columns.reading)
        texts = _from_table(table, file, replace(columns, most_empty=1.0), with_labels=False)
        filled = [k for k, item in enumerate(texts.items) if all(text.strip() for text in item)]
        texts = texts.rows(np.array(filled, np.int64))
        parts.append(replace(texts, labels=[(label,)] * len(texts)))
    parts = [part for part in parts if len(part)]
    if not parts:
        raise InputError(f"{paths[0]}: holds no text")
    return joined(parts)


def _label_of(file: Path) -> str:
    """Returns the label that a file's name gives: pos.txt and reviews.pos both give pos."""
    known = kind_of(file) in (*DELIMITED, *NAMED_TABLES, ".text", ".md")
    return file.name.partition(".")[0] if known else kind_of(file)[1:]


def resolved(path: Path, columns: Columns) -> Columns:
    """Returns the columns with the names, and the decimal mark of numbers, that a table shows.

    See ``found_columns`` and ``found_sequences``; of recordings, ``heard_columns``; of clips,
    ``seen_columns``.
    """
    rows = rows_of(path, columns.reading) if columns.are_free and columns.rate is None else None
    label = None if rows is None or columns.id in rows.names else column_of_labels(rows, columns.label)
    if label is not None:
        return replace(columns, label=label)
    if path.is_dir() or can_be_read_again(path):
        recorded = sounds.heard_columns(path, columns) or clips.seen_columns(path, columns)
        if recorded is not None:
            return recorded
    if columns.rate is not None:
        raise InputError(f"--sample-rate is for recordings. {path} names none.")
    if columns.view != EVERY:
        raise InputError(f"--frame-size, --frame-rate and --colour are for clips. {path} names none.")
    if not can_be_read_again(path) or not _is_table(path, columns):
        return columns
    table = without_header(read_table(path, columns.reading), path)
    if columns.id not in table.columns or columns.text in table.columns:
        found = found_columns(table, path, columns, with_labels=True)
        steps = None if found.text in table.columns else found_sequences(table, path, columns)
        if steps is None:
            return found
        columns = steps
    numbers = [c for c in table.columns if c not in (columns.id, columns.time, columns.label)]
    mark = decimal_mark([(table, path)], numbers, columns.reading)
    return replace(columns, reading=columns.reading.as_trained(mark))


def _is_table(path: Path, columns: Columns, *, with_labels: bool = True) -> bool:
    """Whether a file is a table: by its ending, or, of other text, by its columns.

    The header of text names usual columns or those of training; or so many lines have equally many cells,
    without spaces between, that they are no sentences. A label, a tab and a text are no table but lines.
    """
    if kind_of(path) in NAMED_TABLES:
        return True
    if kind_of(path) in READERS or kind_of(path) not in DELIMITED:
        return False
    layout = layout_at(path, columns.reading)
    first = layout.above.text.partition("\n")[0] if layout else ""
    names = (layout.header if layout else []) or [name.strip(' "') for name in re.split("[,;\t|]", first)]
    if is_header(names, columns):
        return True
    if not with_labels:
        return len(names) > 1 and (columns.text in names or columns.id in names)
    if layout is None or not layout.header or first.startswith(FASTTEXT):
        return False
    if layout.mark == "\t":
        return len(names) > 2 and columns.pair is None
    lines = layout.above.text.splitlines()[:_LOOKED_AT]
    return len(lines) > _MANY and not any(f"{layout.mark} " in line for line in lines)


def _from_any_table(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads texts or, if the table has no column of texts, numeric sequences."""
    table = without_header(read_table(path, columns.reading), path)
    if kind_of(path) not in NAMED_TABLES:
        notice(f"{path}: is read as a table with the columns {', '.join(table.columns)}")
    if columns.rate is not None and names_recordings(table) is not None:
        return sounds.of_manifest(path, columns, with_labels)
    if columns.are_clips and names_recordings(table, VIDEO) is not None:
        return clips.of_manifest(path, columns, with_labels)
    if columns.text not in table.columns and columns.id in table.columns:
        return _from_steps(table, path, columns, with_labels)
    found = found_columns(table, path, columns, with_labels=with_labels)
    if found.text in table.columns:
        return _from_table(table, path, found, with_labels)
    of_steps = found_sequences(table, path, columns) if with_labels else None
    if of_steps is not None:
        return _from_steps(table, path, of_steps, with_labels)
    raise InputError(neither_read(table, path, columns, with_labels))


def _from_table(table: pl.DataFrame, path: Path, columns: Columns, with_labels: bool) -> Labelled:
    check_no_columns(path, columns.features, columns.ignored)
    columns = found_columns(table, path, columns, with_labels=with_labels)
    texts = [columns.text] + ([] if columns.pair is None else [columns.pair])
    check_columns(table, texts + ([columns.label] if with_labels else []), path)
    if with_labels:
        table = _without_total(table, path, columns)
    for column in texts:
        if isinstance(table[column].dtype, pl.Struct):
            raise InputError(f"{path}: column {column!r}: must hold texts. Got JSON objects.")
    items = list(zip(*(text_column(table, column) for column in texts), strict=True))
    places = [f"{path}: row {row_number(path, k)}" for k in range(len(items))]
    if not with_labels:
        return Labelled(items, [()] * len(items), places)
    filled = texts + ([] if columns.separator is not None else [columns.label])
    kept = left_out(_empty_cells(table, filled, places), columns.most_empty)
    table, places = table[kept], [places[k] for k in kept]
    labels, several = _label_column(table, columns, places)
    return Labelled([items[k] for k in kept], labels, places, (), several)


def _without_total(table: pl.DataFrame, path: Path, columns: Columns) -> pl.DataFrame:
    """Returns a table without rows such as "Total,120" below, whose label no other row has."""
    cells = table[columns.label]
    if cells.dtype.is_nested():
        return table
    return without_totals(table, path, lambda row, _: cells.eq_missing(cells[row]).sum() == 1)


def _empty_cells(table: pl.DataFrame, columns: list[str], places: list[str]) -> list[str | None]:
    """Returns a line about the first empty cell of each row, or None."""
    faults: list[str | None] = [None] * len(table)
    for column in reversed(columns):
        cells = table[column]
        empty = cells.is_null()
        if cells.dtype == pl.String:
            empty |= (cells.str.strip_chars() == "").fill_null(False)
        if cells.dtype.is_float():
            empty |= cells.is_nan().fill_null(False)
        for row in empty.arg_true():
            faults[row] = f"{places[row]}, column {column!r}: must not be empty"
    return faults


def _label_column(
    table: pl.DataFrame, columns: Columns, places: list[str]
) -> tuple[list[tuple[str, ...]], bool]:
    cells = table[columns.label]
    if isinstance(cells.dtype, pl.List):
        return [
            tuple(sorted({str(check_label(v, f"{place}, column {columns.label!r}")) for v in cell}))
            for cell, place in zip(cells.to_list(), places, strict=True)
        ], True
    names = text_column(table, columns.label)
    return [labels_of_cell(name, columns.separator) for name in names], columns.separator is not None


def _from_steps(table: pl.DataFrame, path: Path, columns: Columns, with_labels: bool) -> Labelled:
    table = without_total(table, path, columns.id)
    if with_labels and not columns.features:
        check_no_labels(table, path, columns)
    sequences = sequences_from_table(
        table,
        path,
        id_column=columns.id,
        time_column=columns.time,
        target_column=columns.label,
        with_target=False,
        reading=columns.reading,
        columns=columns.features,
        ignored=columns.ignored,
        required=columns.required,
    )
    labels, several = _label_of_each(table, path, columns) if with_labels else ([], False)
    places = [f"{path}: {columns.id} {name!r}" for name in sequences.ids]
    return numeric(sequences, labels, places, several, tuple(sequences.ids))


def _label_of_each(table: pl.DataFrame, path: Path, columns: Columns) -> tuple[list[tuple[str, ...]], bool]:
    """Returns the labels of each sequence of a table with one row per step, in order of first occurrence."""
    check_columns(table, [columns.label], path)
    places = [f"{path}: row {row_number(path, k)}" for k in range(len(table))]
    if columns.separator is None:
        check_filled(table, columns.label, path)
    labels, several = _label_column(table, columns, places)
    by_name: dict[str, tuple[str, ...]] = {}
    for name, label, place in zip(text_column(table, columns.id), labels, places, strict=True):
        if by_name.setdefault(name, label) != label:
            raise InputError(
                f"{place}: {columns.label} must be the same in every row of {columns.id} {name!r}. "
                f"Got {', '.join(label)} and {', '.join(by_name[name])}."
            )
    return list(by_name.values()), several


def _from_folders(path: Path, columns: Columns) -> Labelled:
    inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    runs = [folder.name for folder in inside if holds_only_runs(folder)]
    folders = [folder for folder in inside if folder.name not in runs]
    if runs:
        notice(f"{path}: left out: {', '.join(runs)}, which {'holds' if len(runs) == 1 else 'hold'} runs")
    check_no_parts(path)
    without_labels = [folder for folder in folders if folder.name.lower() in UNLABELLED]
    folders = [folder for folder in folders if folder not in without_labels]
    if without_labels:
        names = ", ".join(folder.name for folder in without_labels)
        notice(f"{path}: left out: {names}, which holds texts without labels (--unlabelled reads such)")
    if not folders:
        raise InputError(f"{path}: must hold a folder for each label. Got no folder{_instead(path)}.")
    if columns.are_clips:
        tell_folders(path, [folder.name for folder in folders])
        return clips.of_folders(path, folders, columns)
    files = [(file, folder.name) for folder in folders for file in find_text_files([folder])]
    are_sounds = columns.rate is not None and any(sounds.is_sound(file) for file, _ in files)
    lists = [*sounds.LISTS.values()] if are_sounds else []
    tell_folders(path, [folder.name for folder in folders], lists)
    if are_sounds:
        if len(folders) == 1:
            sounds.check_no_manifest(path, folders[0], columns.reading)
        return sounds.of_folders(files, columns)
    check_no_tables([file for file, _ in files])
    labels: list[tuple[str, ...]] = [(label,) for _, label in files]
    places = [str(file) for file, _ in files]
    kinds = {_reader(file).example for file, _ in files}
    read = kinds.pop() if len(kinds) == 1 else None
    items: list[Any] = [read(file) if read else _one_text(file, columns.reading) for file, _ in files]
    if isinstance(items[0], tuple):
        return Labelled(items, labels, places)
    width = items[0].shape[1]
    for item, place in zip(items, places, strict=True):
        if item.shape[1] != width:
            raise InputError(f"{place}: must have {width} features. Got {item.shape[1]}.")
    return Labelled(items, labels, places, tuple(f"x{k}" for k in range(width)))


def _instead(path: Path) -> str:
    """Returns what to give in place of a folder without folders of labels."""
    files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    tables = [file for file in files if kind_of(file) in READERS]
    if not files:
        return " and no file"
    if tables:
        kind = "a table" if kind_of(tables[0]) in NAMED_TABLES else "such a file"
        return f"; {kind} is given by itself: {tables[0]}"
    return "; --label-from file reads files that each hold the texts of one label"


def _one_text(path: Path, reading: Reading) -> tuple[str]:
    text = "".join(read_text(path, in_lines=True, reading=reading))
    check_text([text], str(path))
    return (text,)


@dataclass(frozen=True)
class Reader:
    """The readers of a kind of file.

    Attributes:
        file: reads a file of examples, from its path, the names of columns, and whether labels are required.
        example: reads a file that is a single example, in the folder of its label, as an array [T, I]; None:
            it is a text.
    """

    file: Callable[[Path, Columns, bool], Labelled]
    example: Callable[[Path], Any] | None = None


READERS = {
    **dict.fromkeys(NAMED_TABLES, Reader(_from_any_table)),
    ".npz": Reader(from_arrays),
    ".npy": Reader(from_array, one_array),
    ".ts": Reader(from_cases),
    **dict.fromkeys(AUDIO, Reader(sounds.one)),
    **dict.fromkeys(VIDEO, Reader(clips.one)),
}
"""Readers by file ending; any other file holds lines of text."""


def _from_text(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    read = _from_any_table if _is_table(path, columns, with_labels=with_labels) else from_lines
    return read(path, columns, with_labels)


_LINES = Reader(_from_text)


def _reader(path: Path) -> Reader:
    return READERS.get(kind_of(path), _LINES)
