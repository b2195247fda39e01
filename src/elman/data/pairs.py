"""Sentence pairs: texts and their translations, from files or memory."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.config import shown
from elman.data.read.delimited import DELIMITED, counts_rows, layout_at, names_are_row, with_row
from elman.data.read.npz import read_arrays
from elman.data.read.opening import kind_of, read_bytes
from elman.data.read.pipes import can_be_read_again
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import NAMED_TABLES, check_columns, read_table, row_number, text_column
from elman.data.read.text import check_line, decoded, lines_of, list_of_texts
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # texts in memory need no tables

# some programs read these as line ends, which would misalign the two files
_SEPARATORS = {"Cc", "Zl", "Zp"}
_WITHOUT_WIDTH = frozenset("\u00ad\u180e\u200b\u200c\u200d\u2060\ufeff")
_TABBED = (".tsv", ".tab")  # lines with a tab and no header, as this field has them


@dataclass(frozen=True)
class Pairs:
    """Texts and their translations.

    Attributes:
        sources: N texts.
        targets: N texts.
        skipped: number of pairs left out because of a bad line.
    """

    sources: list[str]
    targets: list[str]
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.sources)

    def rows(self, index: np.ndarray) -> Pairs:
        """Returns the pairs at these positions."""
        return Pairs([self.sources[k] for k in index], [self.targets[k] for k in index])


def read_pairs(
    paths: list[Path],
    skip_bad_lines: bool = False,
    reading: Reading = PLAIN,
    names: tuple[str, str] | None = None,
) -> Pairs:
    """Reads pairs from two parallel files, from one with a tab between source and target, or from a table.

    Archives are unpacked as they are read. Spaces around a text are removed.

    Args:
        paths: source and target file; or one file with source, tab, target on each line, in which columns of
            numbers and those behind both texts are left out; or one table.
        skip_bad_lines: whether bad lines are skipped instead of refused. Files with different numbers of
            lines are refused either way.
        reading: how they are read.
        names: columns of sources and targets in a table; None: it has two.

    Raises:
        InputError: a line is empty, not UTF-8, or holds a control character; each text is its own
            translation; or the files differ in their number of lines. The message names the file and the
            line, counted from 1.
    """
    if len(paths) not in (1, 2):
        raise InputError(f"pairs are read from one file or two. Got {len(paths)} files.")
    if len(paths) == 1 and _is_table(paths[0], reading, names):
        return _of_table(paths[0], skip_bad_lines, reading, names)
    columns = [_read_lines(path, reading) for path in paths]
    if len(columns) == 2 and len(columns[0]) != len(columns[1]):
        raise InputError(
            f"{paths[0]} and {paths[1]}: must have the same number of lines. "
            f"Got {len(columns[0]):,} and {len(columns[1]):,}."
        )
    layout = _layout(columns[0], paths[0]) if len(paths) == 1 else _Layout()
    pairs = Pairs([], [])
    skipped = 0
    for number, lines in enumerate(zip(*columns, strict=True), 1):
        if number == 1 and layout.has_names:
            continue
        try:
            if len(paths) == 1:
                lines = _columns(lines[0], f"{paths[0]}: line {number}", layout)
            named = zip(lines, (paths * 2)[:2], strict=True)
            source, target = (_text(line, f"{path}: line {number}") for line, path in named)
        except InputError:
            if not skip_bad_lines:
                raise
            skipped += 1
            continue
        pairs.sources.append(source)
        pairs.targets.append(target)
    if not pairs:
        raise InputError(f"{paths[0]}: holds no pair of texts" + f" ({skipped:,} were bad)" * bool(skipped))
    return _unlike(Pairs(pairs.sources, pairs.targets, skipped), " and ".join(map(str, paths)))


def _unlike(pairs: Pairs, where: str) -> Pairs:
    """Returns pairs in which something is translated; tells if many are not, as lines that were forgotten.

    Raises:
        InputError: there are several pairs, and each translation is its source.
    """
    same = sum(source == target for source, target in zip(pairs.sources, pairs.targets, strict=True))
    if same == len(pairs) > 1:
        raise InputError(f"{where}: must hold translations. Got {same:,} pairs of a text and the same text.")
    if 2 * same > len(pairs) > 1:
        notice(f"{where}: {same:,} of {len(pairs):,} translations are the same text as their source")
    return pairs


def _is_table(path: Path, reading: Reading, names: tuple[str, str] | None) -> bool:
    """Whether a file is a table by its ending, or text without tabs whose rows have equally many cells."""
    kind = kind_of(path)
    if kind in NAMED_TABLES or kind not in DELIMITED:
        return kind in NAMED_TABLES and (names is not None or kind not in _TABBED)
    layout = layout_at(path, reading) if can_be_read_again(path) else None
    return layout is not None and bool(layout.header) and (names is not None or layout.mark != "\t")


def _of_table(path: Path, skip_bad_lines: bool, reading: Reading, names: tuple[str, str] | None) -> Pairs:
    table = _flat(read_table(path, reading))
    if kind_of(path) in DELIMITED and not set(names or ()) & set(table.columns) and names_are_row(table):
        table = with_row(table, table.columns, path)
    if names is None:
        counts = [column for column in table.columns if counts_rows(table[column])]
        own = [column for column in table.columns if column not in counts]
        if len(own) != 2:
            raise InputError(
                f"{path}: --source-column and --target-column must choose among its columns "
                f"{', '.join(table.columns)}"
            )
        names = (own[0], own[1])
        rest = f"; left out: {', '.join(counts)}, which counts the rows" if counts else ""
        notice(f"{path}: {names[0]} is the source, {names[1]} the translation{rest}")
    check_columns(table, list(names), path)
    pairs, skipped = Pairs([], []), 0
    for row, texts in enumerate(zip(*(text_column(table, name) for name in names), strict=True)):
        try:
            for text, name in zip(texts, names, strict=True):
                check_text(text, f"{path}: row {row_number(path, row)}, column {name!r}")
        except InputError:
            if not skip_bad_lines:
                raise
            skipped += 1
            continue
        pairs.sources.append(texts[0].strip())
        pairs.targets.append(texts[1].strip())
    if not pairs:
        raise InputError(f"{path}: holds no pair of texts")
    return _unlike(Pairs(pairs.sources, pairs.targets, skipped), f"{path}: {names[0]} and {names[1]}")


def _flat(table: pl.DataFrame) -> pl.DataFrame:
    """Returns a table with a column for each language of objects such as {"en": …, "de": …}."""
    nested = [column for column in table.columns if isinstance(table[column].dtype, pl.Struct)]
    names = [name for column in nested for name in table[column].struct.fields]
    plain = [column for column in table.columns if column not in nested]
    return table.unnest(nested) if len({*names, *plain}) == len(names) + len(plain) else table


def check_pairs(
    sources: Iterable[str] | None, targets: Iterable[str] | None, skip_bad_lines: bool = False
) -> Pairs:
    """Returns pairs of texts in memory, checked by the rules of ``read_pairs``.

    Args:
        sources: N texts, ordered.
        targets: N texts, ordered.
        skip_bad_lines: whether pairs with a bad text are skipped instead of refused.

    Raises:
        InputError: sources and targets differ in number, there are none, or a text is refused.
    """
    for name, texts in (("sources", sources), ("targets", targets)):
        if isinstance(texts, Set):
            raise InputError(
                f"{name} must be a list of texts. Got {type(texts).__name__}, which has no order."
            )
    sources, targets = list_of_texts(sources, "sources"), list_of_texts(targets, "targets")
    if len(sources) != len(targets) or not sources:
        raise InputError(
            "sources and targets must have the same number of texts, at least one. "
            f"Got {len(sources)} and {len(targets)}."
        )
    pairs, skipped = Pairs([], []), 0
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        try:
            check_text(source, f"source {number}")
            check_text(target, f"target {number}")
        except InputError:
            if not skip_bad_lines:
                raise
            skipped += 1
            continue
        pairs.sources.append(source.strip())
        pairs.targets.append(target.strip())
    if not pairs:
        raise InputError(f"sources and targets hold no pair of texts ({skipped:,} were bad)")
    return Pairs(pairs.sources, pairs.targets, skipped)


def is_blank(text: str) -> bool:
    """Returns whether a text holds nothing but white space and characters without width."""
    return all(character.isspace() or character in _WITHOUT_WIDTH for character in text)


def check_text(text: str, where: str, *, empty: bool = False) -> None:
    """Raises InputError if a text is empty or holds a control character.

    Args:
        text: the line.
        where: file and line, for messages.
        empty: whether the text may be empty.
    """
    if not isinstance(text, str):
        raise InputError(f"{where}: must be a text. Got {type(text).__name__}.")
    for character in text:
        if character != "\t" and unicodedata.category(character) in _SEPARATORS:
            raise InputError(f"{where}: must not hold control characters. Got U+{ord(character):04X}.")
    if not empty and is_blank(text):
        raise InputError(f"{where}: must not be empty")


def checked_lines(batches: Iterable[Sequence[str]], name: str, most: int) -> Iterator[list[str]]:
    """Yields lines at most ``most`` at a time; raises InputError if one holds a control character.

    Args:
        batches: lines as they arrive.
        name: name of their file, for messages.
        most: maximum number of lines in one list.
    """
    number = 0
    for lines in batches:
        for begin in range(0, len(lines), most):
            checked = list(lines[begin : begin + most])
            for line in checked:
                number += 1
                check_text(line, f"{name}: line {number}", empty=True)
            yield checked


def _read_lines(path: Path, reading: Reading) -> list[str]:
    blocks = decoded(read_bytes(path), str(path), in_lines=True, reading=reading, strict=False)
    lines = [line for some in lines_of(blocks) for line in some]
    if not lines:
        raise InputError(f"{path}: the file is empty")
    return lines


@dataclass(frozen=True)
class _Layout:
    """Columns of lines with tabs: how many, which are source and target, whether line 1 names them."""

    width: int = 2
    source: int = 0
    target: int = 1
    has_names: bool = False


def _layout(lines: list[str], path: Path) -> _Layout:
    """Returns the columns of both texts: the first two that hold more than numbers, in most lines' width."""
    width, count = Counter(line.count("\t") + 1 for line in lines).most_common(1)[0]
    if width <= 2 or count == 1:
        return _Layout()
    rows = [row for row in (line.split("\t") for line in lines) if len(row) == width]
    texts = [k for k in range(width) if not all(row[k].strip().isdecimal() for row in rows[1:])]
    if len(texts) < 2:
        return _Layout()
    named = len(lines[0].split("\t")) == width and not all(
        lines[0].split("\t")[k].strip().isdecimal() for k in range(width) if k not in texts
    )
    layout = _Layout(width, texts[0], texts[1], named)
    rest = [cell for k, cell in enumerate(rows[0]) if k not in texts[:2]]
    notice(
        f"{path}: column {layout.source + 1} is the source, {layout.target + 1} the translation; "
        f"left out: {width - 2} of {width} columns, such as {shown(rest[0])}"
        + "; the first line names the columns"
        * named
    )
    return layout


def _columns(line: str, where: str, layout: _Layout) -> tuple[str, str]:
    columns = line.split("\t")
    if len(columns) == layout.width:
        return columns[layout.source], columns[layout.target]
    if layout.width > 2:
        raise InputError(f"{where}: must have {layout.width} columns, like most lines. Got {len(columns)}.")
    got = "1 text; the other may be in a second file" if len(columns) == 1 else f"{len(columns)} texts"
    raise InputError(f"{where}: must be two texts with a tab between them. Got {got}.")


def _text(line: str, where: str) -> str:
    check_text(check_line(line, where), where)
    return line.strip()


def save_pairs(path: Path, parts: tuple[Pairs, ...]) -> None:
    """Writes the texts of several parts to an .npz file, as UTF-8 bytes with a newline after each text."""
    arrays = {
        f"{side}{number}": np.frombuffer("".join(f"{text}\n" for text in texts).encode(), dtype=np.uint8)
        for number, part in enumerate(parts)
        for side, texts in (("sources", part.sources), ("targets", part.targets))
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]


def load_pairs(path: Path, parts: int) -> tuple[Pairs, ...]:
    """Reads what ``save_pairs`` wrote.

    Raises:
        InputError: the file is damaged, or was not written by ``save_pairs``.
    """
    arrays = read_arrays(path)
    result = []
    for number in range(parts):
        sides = []
        for side in ("sources", "targets"):
            array = arrays.get(f"{side}{number}")
            if array is None or array.dtype != np.uint8:
                raise InputError(f"{path}: has no array '{side}{number}' of bytes")
            sides.append(array.tobytes().decode("utf-8", "surrogateescape").split("\n")[:-1])
        if len(sides[0]) != len(sides[1]):
            raise InputError(f"{path}: part {number} must have the same number of sources and targets")
        sources, targets = ([_text(line, str(path)) for line in lines] for lines in sides)
        result.append(Pairs(sources, targets))
    return tuple(result)
