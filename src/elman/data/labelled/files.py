"""Labelled examples from files: tables, arrays, folders with one folder per label, and lines of text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.labelled.examples import Labelled, check_label, check_text, numeric, read_array
from elman.data.read.npz import read_arrays
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import TABLES, check_columns, check_filled, read_table, row_number, text_column
from elman.data.read.text import find_text_files, read_text
from elman.data.sequences import sequences_from_arrays, sequences_from_table
from elman.errors import InputError

_FASTTEXT = "__label__"  # prefix of a label in fastText's files


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns, the separator between several labels in a cell, and how files are read."""

    text: str = "text"
    pair: str | None = None
    label: str = "label"
    separator: str | None = None
    id: str = "unique_id"
    time: str = "ds"
    reading: Reading = PLAIN


def read_labelled(path: Path, columns: Columns, *, with_labels: bool = True) -> Labelled:
    """Reads examples from a file or a folder; ``READERS`` has the reader of each file ending.

    - a table (see ``read_table``): a column of texts and one of labels; or, if it has no column of texts,
      one row per step of numeric sequences: id, optional time, features, label;
    - ``.npz`` with arrays x [N, T, I], y [N] and, optionally, lengths; ``.npy`` with x alone;
    - a folder with one folder per label, which holds a text file (or an ``.npy`` file [T, I]) per
      example; files next to these folders are ignored;
    - any other file: one line per example: its label, a space or tab, and its text, or a pair of texts
      with a tab between. Labels may begin with ``__label__``, as in fastText's files; then a line may have
      several. Without labels a line is a text, or a pair.

    Args:
        path: the file or folder.
        columns: names of a table's columns.
        with_labels: whether labels are required; otherwise they are ignored, and texts may be empty.

    Raises:
        InputError: the data are invalid; the message names file, row, column and value.
    """
    if path.is_dir():
        if not with_labels:
            raise InputError(f"{path}: is a folder; give a file")
        return _from_folders(path)
    return _reader(path).file(path, columns, with_labels)


def _from_any_table(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads texts or, if the table has no column of texts, numeric sequences."""
    table = read_table(path, columns.reading)
    if columns.text in table.columns:
        return _from_table(table, path, columns, with_labels)
    if columns.id in table.columns:
        return _from_steps(table, path, columns, with_labels)
    raise InputError(
        f"{path}: has no column {columns.text!r} of texts nor {columns.id!r} of numeric sequences "
        f"(training's --text-column and --id-column name others); columns: {', '.join(table.columns)}"
    )


def _from_table(table: pl.DataFrame, path: Path, columns: Columns, with_labels: bool) -> Labelled:
    texts = [columns.text] + ([] if columns.pair is None else [columns.pair])
    check_columns(table, texts + ([columns.label] if with_labels else []), path)
    values = []
    for column in texts:
        if with_labels:
            check_filled(table, column, path)
        values.append(text_column(table, column))
    items = list(zip(*values, strict=True))
    places = [f"{path}: row {row_number(path, k)}" for k in range(len(items))]
    if not with_labels:
        return Labelled(items, [()] * len(items), places)
    for item, place in zip(items, places, strict=True):
        for column, text in zip(texts, item, strict=True):
            check_text([text], f"{place}, column {column!r}")
    labels, several = _label_column(table, path, columns, places)
    return Labelled(items, labels, places, (), several)


def _label_column(
    table: pl.DataFrame, path: Path, columns: Columns, places: list[str]
) -> tuple[list[tuple[str, ...]], bool]:
    cells = table[columns.label]
    if isinstance(cells.dtype, pl.List):
        check_filled(table, columns.label, path)
        return [
            tuple(sorted({str(check_label(v, f"{place}, column {columns.label!r}")) for v in cell}))
            for cell, place in zip(cells.to_list(), places, strict=True)
        ], True
    several = columns.separator is not None
    if not several:
        check_filled(table, columns.label, path)
    names = text_column(table, columns.label)
    for name, place in zip(names, places, strict=True):
        if not several and not name.strip():
            raise InputError(f"{place}, column {columns.label!r}: must not be empty")
    return [_labels(name, columns.separator) for name in names], several


def _from_steps(table: pl.DataFrame, path: Path, columns: Columns, with_labels: bool) -> Labelled:
    sequences = sequences_from_table(
        table,
        path,
        id_column=columns.id,
        time_column=columns.time,
        target_column=columns.label,
        with_target=False,
        reading=columns.reading,
    )
    labels, several = _label_of_each(table, path, columns) if with_labels else ([], False)
    places = [f"{path}: {columns.id} {name!r}" for name in sequences.ids]
    return numeric(sequences, labels, places, several, tuple(sequences.ids))


def _label_of_each(table: pl.DataFrame, path: Path, columns: Columns) -> tuple[list[tuple[str, ...]], bool]:
    """Returns the labels of each sequence of a table with one row per step, in order of first occurrence."""
    check_columns(table, [columns.label], path)
    places = [f"{path}: row {row_number(path, k)}" for k in range(len(table))]
    labels, several = _label_column(table, path, columns, places)
    by_name: dict[str, tuple[str, ...]] = {}
    for name, label, place in zip(text_column(table, columns.id), labels, places, strict=True):
        if by_name.setdefault(name, label) != label:
            raise InputError(
                f"{place}: {columns.label} must be the same in every row of {columns.id} {name!r}. "
                f"Got {', '.join(label)} and {', '.join(by_name[name])}."
            )
    return list(by_name.values()), several


def _from_array(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads sequences x [N, T, I] without labels."""
    if with_labels:
        raise InputError(f"{path}: has no labels; give an .npz file with arrays x and y")
    return _from_named({"x": read_array(path)}, path, with_labels)


def _from_arrays(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads sequences x [N, T, I], labels y [N] and, optionally, lengths [N]."""
    return _from_named(read_arrays(path), path, with_labels)


def _from_named(arrays: dict[str, np.ndarray], path: Path, with_labels: bool) -> Labelled:
    for name in ["x", *(["y"] if with_labels else [])]:
        if name not in arrays:
            raise InputError(f"{path}: has no array {name!r}; arrays: {', '.join(arrays) or 'none'}")
    sequences = sequences_from_arrays(arrays["x"], None, arrays.get("lengths"), f"{path}: x")
    labels: list[tuple[str, ...]] = []
    if with_labels:
        y = arrays["y"]
        if y.shape != (len(sequences),):
            raise InputError(f"{path}: y must be [{len(sequences)}]. Got {list(y.shape)}.")
        labels = [(str(check_label(value, f"{path}: y[{k}]")),) for k, value in enumerate(y)]
    return numeric(sequences, labels, [f"{path}: x[{k}]" for k in range(len(sequences))], False)


def _from_folders(path: Path) -> Labelled:
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise InputError(f"{path}: must hold a folder for each label. Got no folder.")
    files = [(file, folder.name) for folder in folders for file in find_text_files([folder])]
    labels: list[tuple[str, ...]] = [(label,) for _, label in files]
    places = [str(file) for file, _ in files]
    kinds = {_reader(file).example for file, _ in files}
    read = kinds.pop() if len(kinds) == 1 else _one_text  # refuses anything but text
    items: list[Any] = [read(file) for file, _ in files]
    if isinstance(items[0], tuple):
        return Labelled(items, labels, places)
    width = items[0].shape[1]
    for item, place in zip(items, places, strict=True):
        if item.shape[1] != width:
            raise InputError(f"{place}: must have {width} features. Got {item.shape[1]}.")
    return Labelled(items, labels, places, tuple(f"x{k}" for k in range(width)))


def _one_text(path: Path) -> tuple[str]:
    text = "".join(read_text(path, in_lines=True))
    check_text([text], str(path))
    return (text,)


def _one_array(path: Path) -> np.ndarray:
    """Reads a sequence [T, I]."""
    return sequences_from_arrays(read_array(path)[None], None, None, str(path)).inputs[0]


def _from_lines(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    lines = re.split("\r?\n", "".join(read_text(path, in_lines=True)))
    if lines[-1] == "":
        lines.pop()
    places = [f"{path}: line {k}" for k in range(1, len(lines) + 1)]
    width = 1 if columns.pair is None else 2
    if not with_labels:
        items = [texts_of_line(line, width, place) for line, place in zip(lines, places, strict=True)]
        return Labelled(items, [()] * len(items), places)
    if not lines:
        raise InputError(f"{path}: has no lines")
    several = columns.separator is not None or any(line.count(_FASTTEXT) > 1 for line in lines)
    items, labels = [], list[tuple[str, ...]]()
    for line, place in zip(lines, places, strict=True):
        label, text = _label_and_text(line, columns.separator)
        if not text or not (several or all(label)):
            raise InputError(f"{place}: must be a label, a space or tab, and a text. Got {shown(line)}.")
        texts = texts_of_line(text, width, place)
        check_text(texts, place)
        items.append(texts)
        labels.append(label)
    return Labelled(items, labels, places, (), several)


def texts_of_line(line: str, width: int, place: str) -> tuple[str, ...]:
    """Returns the text of a line or, if ``width`` is 2, its two texts separated by a tab."""
    texts = (line,) if width == 1 else tuple(line.split("\t"))
    if len(texts) != width:
        raise InputError(f"{place}: must be two texts with a tab between. Got {shown(line)}.")
    return texts


def _label_and_text(line: str, separator: str | None) -> tuple[tuple[str, ...], str]:
    """Splits a line into the labels at its beginning and the text."""
    if not line.startswith(_FASTTEXT):
        label, *rest = re.split("[ \t]", line, maxsplit=1)
        return _labels(label, separator), "".join(rest)
    labels, text = [], line
    while text.startswith(_FASTTEXT):
        label, _, text = text.partition(" ")
        labels.append(label.removeprefix(_FASTTEXT))
    return tuple(sorted(set(labels))), text


def _labels(cell: str, separator: str | None) -> tuple[str, ...]:
    if separator is None:
        return (cell.strip(),)
    return tuple(sorted({part.strip() for part in cell.split(separator)} - {""}))


@dataclass(frozen=True)
class Reader:
    """The readers of a kind of file.

    Attributes:
        file: reads a file of examples, from its path, the names of columns, and whether labels are required.
        example: reads a file that is a single example, in the folder of its label: a tuple of texts, or an
            array [T, I].
    """

    file: Callable[[Path, Columns, bool], Labelled]
    example: Callable[[Path], Any] = _one_text


READERS = {
    **dict.fromkeys(TABLES, Reader(_from_any_table)),
    ".npz": Reader(_from_arrays),
    ".npy": Reader(_from_array, _one_array),
}
"""Readers by file ending; any other file holds lines of text."""

_LINES = Reader(_from_lines)


def _reader(path: Path) -> Reader:
    return READERS.get(path.suffix, _LINES)
