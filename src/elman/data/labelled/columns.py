"""Which column of a table holds the texts and which the labels, if nobody said so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

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
_FEW = 20  # most values of a column of numbers or sentences that are labels
_CLEARLY = 1.5  # how many times longer texts are than labels
_WAYS = 3  # most readings of a table of sequences in a message
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
        required: further columns that a table of numeric sequences must have.
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
    required: tuple[str, ...] = ()


def found_columns(table: pl.DataFrame, path: Path, columns: Columns, *, with_labels: bool) -> Columns:
    """Returns the columns with the names of those that are absent and have only one candidate.

    A column of sentences can hold the texts; any other column whose values repeat, the labels. Of two
    columns of short texts, the texts are those that are clearly longer and more varied. What was found is
    told in a notice.

    Raises:
        InputError: there are several candidates; the message names them and the flag that chooses.
    """
    names = set(table.columns)
    text, label = columns.text, columns.label
    texts = _text_candidates(table, columns)
    if text not in names and text == Columns.text:
        if len(texts) == 2 and with_labels:
            text = _text_of(table, texts, path, columns)
        else:
            unlike = [name for name in texts if not _repeats(table[name])] or texts
            text = _only(unlike, _TEXTS, "texts", "--text-column", path) or text
    if text in names and with_labels and label not in names and label == Columns.label:
        label = _label_of(table, texts, text, path, columns) or label
        lists = label in names and table[label].dtype.is_nested()
        if label in names and not lists and table[text].n_unique() < table[label].n_unique():
            _refuse_two_readings(text, label, path)
    if (text, label) != (columns.text, columns.label) and text in names:
        if with_labels and label in names:
            count = table[label].n_unique()
            notice(f"{path}: {text} is the text, {label} the label: {count:,} labels")
        elif text != columns.text:
            notice(f"{path}: {text} is the text")
    return replace(columns, text=text, label=label)


def is_header(names: Sequence[str], columns: Columns) -> bool:
    """Whether the first line of a file names a column of texts and one of labels, by usual names."""
    lower = {name.lower() for name in names}
    texts, labels = {*_TEXTS, columns.text.lower()}, {*_LABELS, columns.label.lower()}
    return bool(lower & texts) and bool(lower & labels)


def _text_candidates(table: pl.DataFrame, columns: Columns) -> list[str]:
    """Returns the columns that can hold the texts: sentences, if possible unlike; or a few short texts."""
    plain = [name for name in table.columns if not table[name].dtype.is_nested()]
    usable = [name for name in plain if name not in (columns.label, columns.pair)]
    sentences = [name for name in usable if _holds_sentences(table[name])]
    unlike = [name for name in sentences if table[name].n_unique() > table[name].count() / 2]
    if unlike or sentences:
        return unlike or sentences
    if sum(not _counts_rows(table[name]) for name in table.columns) > 2:
        return []
    usable = [name for name in usable if not _counts_rows(table[name])]
    return [name for name in usable if not holds_numbers(table, name)]


def _text_of(table: pl.DataFrame, names: list[str], path: Path, columns: Columns) -> str:
    """Returns the column of the texts of two candidates, one of which may be the labels."""
    first, second = sorted(names, key=lambda name: -table[name].n_unique())
    values, others = table[first].n_unique(), table[second].n_unique()
    only_first_repeats = _repeats(table[first]) and not _repeats(table[second])
    if values > others and not only_first_repeats:
        usual = (first.lower() in _TEXTS) > (second.lower() in _TEXTS) or second.lower() in _LABELS
        repeats = _repeats(table[second]) and not _repeats(table[first])
        longer = _length(table[first]) >= _CLEARLY * _length(table[second])
        if repeats or (usual and first.lower() not in _LABELS) or (values >= 2 * others and longer):
            return first
    usual_names = [name for name in names if name.lower() in _TEXTS]
    rest = [name for name in table.columns if name not in names and not _counts_rows(table[name])]
    if not rest and columns.label not in table.columns:
        _refuse_two_readings(first, second, path)
    if len(usual_names) == 1:
        return usual_names[0]
    raise InputError(
        f"{path}: several columns can hold the texts: --text-column {names[0]} or --text-column {names[1]}; "
        f"or, for pairs of texts, --text-column {names[0]} --pair-column {names[1]}"
    )


def _label_of(table: pl.DataFrame, texts: list[str], text: str, path: Path, columns: Columns) -> str:
    """Returns the column of the labels, beside that of the texts; "" if there is none."""
    names = [name for name in table.columns if name not in (text, columns.pair)]
    repeated = [name for name in names if name not in texts and _repeats(table[name])]
    repeated = repeated or [name for name in names if _repeats(table[name])]
    likely = [name for name in repeated if not _unlikely_labels(table, name)] or repeated
    if not likely and len(names) == 1:
        likely = names
    plain = [name for name in likely if not table[name].dtype.is_nested()]
    flags = [name for name in plain if set(table[name].cast(pl.String).unique()) <= {"0", "1"}]
    several = (
        "; to learn them all, as several labels of a text, join their names in one column (such as "
        f"'{'|'.join(flags[:2])}') and add --label-separator '|'" * (len(flags) > 1)
    )
    return _only(likely, _LABELS, "labels", "--label-column", path, several)


def _refuse_two_readings(text: str, label: str, path: Path) -> NoReturn:
    ways = " or ".join(
        f"--text-column {one} --label-column {other}" for one, other in ((text, label), (label, text))
    )
    raise InputError(f"{path}: either column can hold the texts: {ways}")


def _counts_rows(cells: pl.Series) -> bool:
    """Whether a column holds a different whole number in each row."""
    if cells.dtype.is_nested():
        return False
    whole = cells.cast(pl.String).str.contains(r"^\s*\d+\s*$").fill_null(False)
    return bool(whole.all()) and cells.n_unique() == len(cells)


def _unlikely_labels(table: pl.DataFrame, name: str) -> bool:
    """Whether a column has too many different values for numbers or sentences that are labels."""
    cells = table[name]
    return (
        not cells.dtype.is_nested()
        and cells.n_unique() > _FEW
        and (holds_numbers(table, name) or _holds_sentences(cells))
    )


def _length(cells: pl.Series) -> float:
    """Returns the mean number of characters of a column's values, each counted once."""
    mean = cells.cast(pl.String).drop_nulls().unique().str.len_chars().mean()
    return float(mean or 0)  # type: ignore[arg-type]


def found_sequences(table: pl.DataFrame, path: Path, columns: Columns) -> Columns | None:
    """Returns the columns of a table of numeric sequences, a row for each step, if only one reading fits.

    A column names sequences if another one, the labels, has the same value in all rows of each; a time or a
    step orders the rows; and all others are numbers. What was found is told in a notice. None: there are
    several readings, or none.
    """
    from elman.data.series.time_columns import TIME_NAMES, holds_dates  # polars: only tables need it

    named, own = _sequence_columns(table), set(columns.features)
    if columns.id in table.columns or columns.time in table.columns:
        return None
    labels = {label for _, label in named}
    if len(labels) > 1 and len(usual := {label for label in labels if label.lower() in _LABELS}) == 1:
        named = [pair for pair in named if pair[1] in usual]
    if columns.label != Columns.label or columns.label in table.columns:
        named = [pair for pair in named if pair[1] == columns.label]
    if len(named) != 1:
        return None
    ((name, label),) = named
    rest = [c for c in table.columns if c not in (name, label, *columns.ignored) and (not own or c in own)]
    times = [
        column
        for column in table.columns
        if column not in (name, label, *own)
        and (TIME_NAMES.fullmatch(column) or holds_dates(table[column]))
        and table.select(name, column).n_unique() == len(table)
    ]
    features = [column for column in rest if column not in times]
    if len(times) > 1 or not features or not all(holds_numbers(table, c, columns.reading) for c in features):
        return None
    time = times[0] if times else columns.time
    order = f", {time} the step" if times else ""
    notice(
        f"{path}: a row is a step: {name} names the sequence{order}, {label} the label: "
        f"{table[label].n_unique():,} labels"
    )
    return replace(columns, id=name, time=time, label=label)


def sequence_hint(table: pl.DataFrame) -> str:
    """Returns the options that would read a table without texts as numeric sequences; "" if none would."""
    named = _sequence_columns(table)
    ways = " or ".join(f"--id-column {name} --label-column {label}" for name, label in named[:_WAYS])
    return f"; for numeric sequences: {ways}" if ways else ""


def _sequence_columns(table: pl.DataFrame) -> list[tuple[str, str]]:
    """Returns the pairs of columns that may name sequences and label them, those of few labels first."""
    pairs = []
    scalar = [name for name in table.columns if not table[name].dtype.is_nested()]
    values = {name: table[name].n_unique() for name in scalar}
    named = [name for name in scalar if not (holds_numbers(table, name) and _has_fractions(table[name]))]
    for label in sorted(named, key=values.__getitem__):
        for name in named:
            fits = values[label] >= 2 and values[name] > values[label] and values[name] <= len(table) / 2
            if fits and table.select(name, label).n_unique() == values[name]:
                pairs.append((name, label))
    return pairs


def _has_fractions(cells: pl.Series) -> bool:
    return bool(cells.cast(pl.String).str.contains(r"[.,]\d").any())


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


def _only(names: list[str], usual: Collection[str], what: str, flag: str, path: Path, more: str = "") -> str:
    """Returns the only name, or the only usual one among several; "" if there is none."""
    if len(names) > 1:
        named = [name for name in names if name.lower() in usual]
        if len(named) != 1:
            ways = " or ".join(f"{flag} {name}" for name in names)
            raise InputError(f"{path}: several columns can hold the {what}: {ways}{more}")
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
    wide = cells.str.contains(r"\p{Han}|\p{Hiragana}|\p{Thai}|\p{Lao}|\p{Khmer}").mean()
    return bool(words >= _WORDS) or bool(length >= _LONG and wide > 0.5)  # type: ignore[operator]


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
