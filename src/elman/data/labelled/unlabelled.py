"""Texts without labels, from which a classifier of texts learns words."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from elman.config import check_regular, counted, shown
from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled
from elman.data.labelled.files import read_labelled
from elman.data.labelled.lines import FASTTEXT
from elman.data.read.opening import kind_of
from elman.data.read.tables import TABLES
from elman.data.read.text import find_text_files, list_of_texts, read_text
from elman.errors import InputError
from elman.notice import notice

_TEXTS = "unlabelled.jsonl"

Placed = tuple[str, str]
"""Where a text was read, for messages, and the text."""


def read_unlabelled(paths: Iterable[Path], columns: Sequence[Columns]) -> Iterator[Placed]:
    """Yields the texts of files and folders; empty ones are left out.

    A file holds what a file to classify holds: a table's column of texts, or a text a line (of pairs, two
    with a tab between). In a folder a file is one text, unless it is a table.

    Args:
        paths: files and folders.
        columns: names of a table's columns; the first that a table has are taken.

    Raises:
        InputError: a file cannot be read, holds numbers in place of texts, or a path holds no text.
    """
    for path in paths:
        files = find_text_files([path]) if path.is_dir() else [path]
        texts = [
            (place, text)
            for file in files
            for item, place in _items(file, columns, in_folder=path.is_dir())
            for text in item
            if text.strip()
        ]
        if not texts:
            raise InputError(f"{path}: holds no text")
        yield from texts


def _items(file: Path, columns: Sequence[Columns], *, in_folder: bool) -> Iterator[tuple[Any, str]]:
    """Yields the examples of a file, each with its place."""
    if in_folder and kind_of(file) not in TABLES:
        yield ("".join(read_text(file, in_lines=True, reading=columns[0].reading)),), str(file)
        return
    *others, last = columns
    for names in others:
        try:
            part = read_labelled(file, names, with_labels=False)
            break
        except InputError:  # such as a table without these columns; the last names say what is wrong
            continue
    else:
        part = read_labelled(file, last, with_labels=False)
    if part.features:
        raise InputError(f"{file}: must hold texts. Got sequences of numbers.")
    yield from zip(part.items, part.places, strict=True)


def texts_in_memory(texts: Any) -> Iterator[Placed]:
    """Yields the texts of a list, array or column; raises InputError if an element is none, or is empty."""
    for number, text in enumerate(list_of_texts(texts, "unlabelled")):
        if not (isinstance(text, str) and text.strip()):
            raise InputError(f"unlabelled[{number}]: must be a text that is not empty. Got {shown(text)}.")
        yield f"unlabelled[{number}]", text


def new_texts(found: Iterable[Placed], parts: Mapping[str, Labelled]) -> list[str]:
    """Returns the texts that no labelled part has, each once; tells how many the parts have.

    Texts that differ in white space or capitals are the same. Of a text of several lines, the lines that are
    texts of the validation or test part are left out.

    Args:
        found: the texts.
        parts: the labelled examples, by part.

    Raises:
        InputError: no text is left.
    """
    keys = {name: {_key(text) for item in part.items for text in item} for name, part in parts.items()}
    held_out = keys["validation"] | keys["test"]
    repeats: dict[str, list[str]] = {name: [] for name in parts}
    texts, total = {}, 0
    for place, text in _without_labels(list(found), parts):
        total += 1
        own = [name for name in parts if _key(text) in keys[name]]
        lines = text.splitlines()
        new = [line for line in lines if len(lines) == 1 or _key(line) not in held_out]
        for name in own:
            repeats[name].append(place)
        if not own and any(map(str.strip, new)):
            texts[_key(text)] = "\n".join(new)
    told = [f"{len(places):,} of the {name} part" for name, places in repeats.items() if places]
    if told:
        first = next(places[0] for places in reversed(repeats.values()) if places)
        notice(
            f"{counted(total, 'unlabelled text')}: left out are those that are texts with labels as well: "
            f"{', '.join(told)}; the first: {first}"
        )
    if not texts:
        raise InputError(f"--unlabelled: all of its {total:,} texts are texts with labels as well")
    return [*texts.values()]


def _without_labels(found: list[Placed], parts: Mapping[str, Labelled]) -> list[Placed]:
    """Returns texts without labels of the parts before or behind a tab, if most have one; tells which end."""
    names = {name for part in parts.values() for labels in part.labels for name in labels}
    for end, cut in (("before", _before), ("behind", _behind)):
        divided = [cut(text) for _, text in found]
        with_label = [k for k, (label, text) in enumerate(divided) if label in names and text.strip()]
        if 2 * len(with_label) > len(found):
            place, (label, _) = found[with_label[0]][0], divided[with_label[0]]
            notice(
                f"--unlabelled: the labels {end} the texts are left out, of {len(with_label):,} of "
                f"{counted(len(found), 'text')}; the first: {place}: {shown(label)}"
            )
            own = set(with_label)
            return [(at, divided[k][1] if k in own else text) for k, (at, text) in enumerate(found)]
    return found


def _before(line: str) -> tuple[str, str]:
    """Returns what may be a label at the beginning of a line, and the rest."""
    label, _, text = line.partition("\t")
    if line.startswith(FASTTEXT):
        label, _, text = line.removeprefix(FASTTEXT).partition(" ")
    return label.strip(), text


def _behind(line: str) -> tuple[str, str]:
    """Returns what may be a label at the end of a line, and the rest."""
    text, _, label = line.rpartition("\t")
    return label.strip(), text


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()


# Files of the run folder


def save_unlabelled(folder: Path, texts: Iterable[str]) -> None:
    """Writes texts for ``load_unlabelled``."""
    with (folder / _TEXTS).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(text, ensure_ascii=False) + "\n" for text in texts)


def load_unlabelled(folder: Path) -> list[str]:
    """Returns the texts of a run folder; none if it has no such file. Raises InputError for a damaged one."""
    path = folder / _TEXTS
    if not path.exists():
        return []
    check_regular(path)
    with path.open(encoding="utf-8", errors="replace") as file:
        return [_stored(line, f"{path}: line {number}") for number, line in enumerate(file, 1)]


def _stored(line: str, place: str) -> str:
    try:
        text = json.loads(line)
    except (ValueError, RecursionError):
        text = None
    if not isinstance(text, str):
        raise InputError(f"{place}: is not a text of this run")
    return text
