"""Which column of a table holds the texts and which the labels, if nobody said so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import holds_numbers
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables

_TEXTS = (
    *("text", "texts", "sentence", "review", "content", "comment", "message", "tweet", "body", "document"),
    *("headline", "title", "question", "phrase", "utterance", "sms", "post", "description", "query"),
)
_LABELS = (
    *("label", "labels", "class", "category", "target", "sentiment", "tag", "intent", "rating", "stars"),
    *("score", "topic", "polarity", "emotion", "y"),
)
_WORDS = 2.5  # mean words in a cell of a column of sentences
_LONG = 10  # mean characters, in scripts without spaces
_MANY = 10  # rows from which on a column of labels must repeat its values


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns, the separator between several labels in a cell, and how files are read.

    Attributes:
        text: column of the texts; if the table lacks a column named by default, it is found.
        pair: column of the second texts.
        label: column of the labels; found like the texts.
        separator: character between the labels in a cell.
        id: column that names a numeric sequence.
        time: column that orders the steps of a numeric sequence.
        reading: how files are read.
        most_empty: largest share of rows without a text or a label that are left out.
        features: columns of numeric sequences; empty: all others.
        ignored: columns of numeric sequences to leave out.
    """

    text: str = "text"
    pair: str | None = None
    label: str = "label"
    separator: str | None = None
    id: str = "unique_id"
    time: str = "ds"
    reading: Reading = PLAIN
    most_empty: float = 0.1
    features: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def found_columns(table: pl.DataFrame, path: Path, columns: Columns, *, with_labels: bool) -> Columns:
    """Returns the columns with the names of those that are absent and have only one candidate.

    A column of sentences can hold the texts; any other column whose values repeat, the labels. What was
    found is told in a notice.

    Raises:
        InputError: there are several candidates; the message names them and the flag that chooses.
    """
    names = set(table.columns)
    texts = [name for name in table.columns if _holds_sentences(table[name])]
    labels = [name for name in table.columns if name not in texts and _repeats(table[name])]
    text, label = columns.text, columns.label
    if text not in names and text == Columns.text:
        if not texts and len(names) <= 2:  # short texts
            others = [name for name in table.columns if name not in labels[: len(names) - 1]]
            texts = [name for name in others if not holds_numbers(table, name)]
        text = (
            _only([name for name in texts if name != label], _TEXTS, "texts", "--text-column", path) or text
        )
    if with_labels and label not in names and label == Columns.label:
        others = [name for name in labels if name not in (text, columns.pair)]
        if not others and len(names) == 2:
            others = [name for name in table.columns if name != text]
        label = _only(others, _LABELS, "labels", "--label-column", path) or label
    if (text, label) != (columns.text, columns.label) and text in names:
        if with_labels and label in names:
            count = table[label].n_unique()
            notice(f"{path}: {text} is the text, {label} the label: {count:,} labels")
        elif text != columns.text:
            notice(f"{path}: {text} is the text")
    return replace(columns, text=text, label=label)


def text_column_of(table: pl.DataFrame, path: Path, name: str | None) -> str:
    """Returns the column of texts of a table without labels: the named one, "text", or the only one.

    Raises:
        InputError: there is none, or there are several.
    """
    wanted = name or Columns.text
    if wanted not in table.columns and name is None:
        wanted = found_columns(table, path, Columns(), with_labels=False).text
    if wanted not in table.columns:
        raise InputError(
            f"{path}: has no column {wanted!r} of texts (--text-column names another); "
            f"columns: {', '.join(table.columns)}"
        )
    return wanted


def _only(names: list[str], usual: Collection[str], what: str, flag: str, path: Path) -> str:
    """Returns the only name, or the only usual one among several; "" if there is none."""
    if len(names) > 1:
        named = [name for name in names if name.lower() in usual]
        if len(named) != 1:
            ways = " or ".join(f"{flag} {name}" for name in names)
            raise InputError(f"{path}: several columns can hold the {what}: {ways}")
        names = named
    return names[0] if names else ""


def _holds_sentences(cells: pl.Series) -> bool:
    if cells.dtype != pl.String:
        return False
    cells = cells.drop_nulls()
    if not len(cells):
        return False
    words = cells.str.count_matches(r"\S+").mean()
    length = cells.str.len_chars().mean()
    unlike = cells.n_unique() > len(cells) / 2
    wide = cells.str.contains(r"\p{Han}|\p{Hiragana}|\p{Thai}|\p{Lao}|\p{Khmer}").mean()
    return bool(words >= _WORDS and unlike) or bool(length >= _LONG and wide > 0.5 and unlike)  # type: ignore[operator]


def _repeats(cells: pl.Series) -> bool:
    """Whether a column has at least two values, each twice on average."""
    if isinstance(cells.dtype, pl.List):
        return True
    count, values = len(cells) - cells.null_count(), cells.n_unique() - bool(cells.null_count())
    return values >= 2 and (values <= count / 2 or (count < _MANY and values < count))


def without_header(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Returns the table with its names as the first row if one of them is a value of its own column.

    A column of labels whose name is one of its labels has no name: the file has no header.
    """
    if any(kind != pl.String for kind in table.dtypes):
        return table
    if not any(_repeats(table[name]) and (table[name] == name).any() for name in table.columns):
        return table
    numbered = [f"column_{k}" for k in range(1, len(table.columns) + 1)]
    notice(f"{path}: the first line names no columns; they are {', '.join(numbered)}")
    first = pl.DataFrame([table.columns], dict.fromkeys(numbered, pl.String), orient="row")
    return pl.concat([first, table.rename(dict(zip(table.columns, numbered, strict=True)))])
