"""Lines of text with a label each."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from elman.config import counted, shown
from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled, check_text
from elman.data.labelled.left_out import left_out
from elman.data.read.text import read_lines
from elman.errors import InputError
from elman.notice import notice

FASTTEXT = "__label__"
"""Prefix of a label in fastText's files."""

_SPACE = re.compile("[ \t]+")
_MANY = 10  # lines from which on labels must repeat


def from_lines(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads one example per line.

    A line is its label, white space and its text, or a pair of texts with a tab between. If every line has
    one tab, the label may contain spaces, or stand behind the text; so may a word that is clearly the label.
    Labels may begin with ``__label__``, as
    in fastText's files; then a line may have several. Without labels a line is a text, or a pair.

    Raises:
        InputError: the file has no lines, its lines have no labels, or many have no text.
    """
    lines = read_lines(path, columns.reading)
    width = 1 if columns.pair is None else 2
    places = [f"{path}: line {k}" for k in range(1, len(lines) + 1)]
    if not with_labels:
        items = [texts_of_line(line, width, place) for line, place in zip(lines, places, strict=True)]
        return Labelled(items, [()] * len(items), places)
    if not any(map(str.strip, lines)):
        raise InputError(f"{path}: has no lines")
    divided = _divided(lines, width, path, columns.separator)
    several = columns.separator is not None or any(line.count(FASTTEXT) > 1 for line in lines)
    rule = "must be a label, a space or tab, and a text"
    faults = [
        None if text.strip() and (several or all(labels)) else f"{place}: {rule}. Got {shown(line)}."
        for line, (labels, text), place in zip(lines, divided, places, strict=True)
    ]
    kept = left_out(faults, columns.most_empty)
    items = []
    for k in kept:
        items.append(texts_of_line(divided[k][1], width, places[k]))
        check_text(items[-1], places[k])
    return Labelled(items, [divided[k][0] for k in kept], [places[k] for k in kept], (), several)


def of_one_label(path: Path, label: str, columns: Columns) -> Labelled:
    """Reads a file whose lines all have the same label; lines without text are left out."""
    lines = read_lines(path, columns.reading)
    kept = [k for k, line in enumerate(lines) if line.strip()]
    width = 1 if columns.pair is None else 2
    places = [f"{path}: line {k + 1}" for k in kept]
    items = [texts_of_line(lines[k], width, place) for k, place in zip(kept, places, strict=True)]
    return Labelled(items, [(label,)] * len(items), places)


def texts_of_line(line: str, width: int, place: str) -> tuple[str, ...]:
    """Returns the text of a line or, if ``width`` is 2, its two texts separated by a tab."""
    texts = (line,) if width == 1 else tuple(line.split("\t"))
    if len(texts) != width:
        raise InputError(f"{place}: must be two texts with a tab between. Got {shown(line)}.")
    return texts


def text_of_object(line: str, columns: Columns) -> tuple[str, ...] | None:
    """Returns the text of a line that is a JSON object with the columns of texts; None for other lines."""
    if not line.startswith("{"):
        return None
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None
    names = [columns.text] + ([] if columns.pair is None else [columns.pair])
    texts = tuple(parsed.get(name) for name in names)
    return texts if all(isinstance(text, str) for text in texts) else None


def labels_of_cell(cell: str, separator: str | None) -> tuple[str, ...]:
    """Returns the label of a cell, or its labels if there is a separator between them."""
    if separator is None:
        return (cell.strip(),)
    return tuple(sorted({part.strip() for part in cell.split(separator)} - {""}))


def are_labels(labels: Sequence[tuple[str, ...]]) -> bool:
    """Whether labels repeat as those of a classification do, and the first words of sentences do not."""
    counts = Counter(name for names in labels for name in names)
    lone = sum(count == 1 for count in counts.values())
    if len(labels) < _MANY:
        return True
    return 2 * len(counts) <= len(labels) and (len(counts) <= 20 or 2 * lone <= len(counts))


def _divided(
    lines: list[str], width: int, path: Path, separator: str | None
) -> list[tuple[tuple[str, ...], str]]:
    """Splits each line into its labels and its text; reports how."""
    filled = [line for line in lines if line.strip()]
    if any(line.startswith(FASTTEXT) for line in filled):
        form, result = "labels of fastText and a text", [_fasttext(line) for line in lines]
    else:
        tabbed = all(line.count("\t") >= width for line in filled)
        form = f"a label, a {'tab' if tabbed else 'space'} and a text"
        pairs = [line.partition("\t")[::2] if tabbed else _halves(line) for line in lines]
        if tabbed and not are_labels([(label,) for label, text in pairs if text]):
            behind = [line.rpartition("\t")[::-2] for line in lines]
            names = {label for label, text in behind if text}
            if len(names) > 1 and are_labels([(label,) for label, text in behind if text]):
                form, pairs = "a text, a tab and its label", behind
        elif not tabbed and _labels_stand_behind(pairs, behind := [_last(line) for line in lines], path):
            form, pairs = "a text, a space and its label", behind
        named = {label for label, text in pairs if text.strip()}
        if named and all(len(label) > 1 and label.endswith(":") for label in named):
            form = form.replace("a label", "a label with a colon")
            pairs = [(label.removesuffix(":"), text) for label, text in pairs]
        result = [(labels_of_cell(label, separator), text) for label, text in pairs]
    count = len({name for names, text in result if text.strip() for name in names})
    notice(f"{path}: a line is {form}: {counted(count, 'label')}")
    return result


def _labels_stand_behind(pairs: list[tuple[str, str]], behind: list[tuple[str, str]], path: Path) -> bool:
    """Whether the last words of lines are their labels, and not the first ones.

    They are if they repeat as labels do and are at most half as many as the first words, or these do not
    repeat.

    Args:
        pairs: the first word of each line, and the rest.
        behind: the last word of each line, and the rest.
        path: the file.

    Raises:
        InputError: either could be the labels.
    """
    first, last = ([label for label, text in some if text] for some in (pairs, behind))
    few, many = len(set(last)), len(set(first))
    repeat = are_labels([(label,) for label in last])
    words = all(any(map(str.isalnum, label)) for label in set(last))
    if not (1 < few < many and repeat and words) or all(label.endswith(":") for label in first):
        return False
    if 2 * few > many and are_labels([(label,) for label in first]):
        raise InputError(
            f"{path}: the label of a line may be its first word ({many:,} labels, such as {shown(first[0])}) "
            f"or its last ({few:,}, such as {shown(last[0])}). Write a tab between label and text."
        )
    return True


def _last(line: str) -> tuple[str, str]:
    """Returns the last word of a line, and what stands before it."""
    *rest, last = line.rstrip().rsplit(maxsplit=1) or [""]
    return last, "".join(rest)


def _halves(line: str) -> tuple[str, str]:
    """Returns what stands before and behind the first white space of a line."""
    first, *rest = _SPACE.split(line, maxsplit=1)
    return first, "".join(rest)


def _fasttext(line: str) -> tuple[tuple[str, ...], str]:
    """Splits a line into the labels at its beginning, each with its prefix, and the text."""
    labels, text = [], line.strip()
    while text.startswith(FASTTEXT):
        label, text = _halves(text)
        labels.append(label.removeprefix(FASTTEXT))
    return tuple(sorted(set(labels))), text
