"""Which column of a table holds the texts and which the labels, if nobody said so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from elman.config import counted
from elman.data.channels.columns import check_chosen, chosen_columns
from elman.data.read.delimited import names_are_row, with_row
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import check_columns, holds_numbers, objects_in
from elman.data.read.view import EVERY, View
from elman.data.sequence_columns import Roles, found_roles, line_of, options_of
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
        known: the labels of training, which show whether rows of numbers have labels; empty before it.
        rate: samples a second at which recordings are read, Hz; None: not known yet, or no recordings.
        mels: mel bands of a recording's frame.
        view: how the frames of clips are read; its size is None if that is not known yet, or for no clips.
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
    known: tuple[str, ...] = ()
    rate: int | None = None
    mels: int = 40
    view: View = EVERY

    @property
    def are_clips(self) -> bool:
        """Whether the examples are clips."""
        return self.view.size is not None

    @property
    def are_free(self) -> bool:
        """Whether nobody named a column that a file without names of columns cannot have."""
        return (self.text, self.id) == (Columns.text, Columns.id) and not (self.features or self.ignored)


def found_columns(table: pl.DataFrame, path: Path, columns: Columns, *, with_labels: bool) -> Columns:
    """Returns the columns with the names of those that are absent and have only one candidate.

    A column of sentences can hold the texts; any other column whose values repeat, the labels. Of two
    columns of short texts, the texts are those that are clearly longer and more varied. Objects hold neither.
    What was found is told in a notice.

    Raises:
        InputError: there are several candidates; the message names them and the flag that chooses.
    """
    table = table.drop(name for name, kind in table.schema.items() if isinstance(kind, pl.Struct))
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
    if with_labels and text in names:
        for name in _same_as_labels(table, label, names - {text, label}):
            notice(f"{path}: {name} means the same as the label, {label}, and is not read")
    if (text, label) != (columns.text, columns.label) and text in names:
        if with_labels and label in names:
            count = counted(_different(table[label]), "label")
            notice(f"{path}: {text} is the text, {label} the label: {count}")
        elif text != columns.text:
            notice(f"{path}: {text} is the text")
    return replace(columns, text=text, label=label)


def check_no_labels(table: pl.DataFrame, path: Path, columns: Columns) -> None:
    """Raises InputError if a column of numeric sequences that would be read gives their labels away."""
    special = (columns.id, columns.time, columns.label)
    features = chosen_columns(table.columns, special, path, ignored=columns.ignored)
    for name in _same_as_labels(table, columns.label, features):
        raise InputError(
            f"{path}: column {name!r} means the same as the labels in {columns.label!r}. Leave it out by "
            f"--ignore-columns {name}."
        )


def _same_as_labels(table: pl.DataFrame, label: str, names: Collection[str]) -> list[str]:
    """Returns those of some columns that mean the same as the labels: each value stands beside one label."""
    if label not in table.columns or table[label].dtype.is_nested() or not _repeats(table[label]):
        return []
    count = table[label].n_unique()
    plain = [name for name in names if not table[name].dtype.is_nested()]
    return [n for n in plain if table[n].n_unique() == count == table.select(n, label).n_unique()]


def _different(cells: pl.Series) -> int:
    """Returns the number of different values of the filled cells; spaces around texts do not count."""
    if cells.dtype == pl.String:
        cells = cells.str.strip_chars().replace("", None)
    return cells.drop_nulls().n_unique()


def found_label(table: pl.DataFrame, path: Path, columns: Columns, beside: str) -> str:
    """Returns the column of the labels of what the column ``beside`` has; see ``found_columns``."""
    if columns.label in table.columns:
        return columns.label
    label = _label_of(table, [], beside, path, columns)
    if not label:
        raise InputError(
            f"{path}: has no column {columns.label!r} of labels (--label-column names another); "
            f"columns: {', '.join(table.columns)}"
        )
    notice(f"{path}: {label} is the label: {counted(_different(table[label]), 'label')}")
    return label


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

    See ``found_roles``. What was found is told in a notice. None: there are several readings, or none.
    """
    if columns.id in table.columns or columns.time in table.columns:
        return None
    roles = found_roles(
        table,
        Roles(columns.id, columns.time, columns.label),
        Roles(Columns.id, Columns.time, Columns.label),
        numbers=False,
        usual=_LABELS,
        columns=columns.features,
        ignored=columns.ignored,
        reading=columns.reading,
    )
    if roles is None:
        return None
    count = counted(table[roles.of_each].n_unique(), "label")
    notice(f"{line_of(roles, table, path, 'label')}: {count}")
    return replace(columns, id=roles.id, time=roles.time, label=roles.of_each)


def neither_read(table: pl.DataFrame, path: Path, columns: Columns, with_labels: bool) -> str:
    """Returns what a table without texts and sequences lacks, and the options that may read it.

    Raises:
        InputError: it lacks a column that the user named.
    """
    wanted = {"text": f"{columns.text!r} of texts", "id": f"{columns.id!r} of numeric sequences"}
    named = [what for name, what in wanted.items() if getattr(columns, name) != getattr(Columns, name)]
    label = [columns.label] * (with_labels and columns.label != Columns.label)
    if with_labels and not named:
        check_columns(table, [*label, *columns.required], path)
        check_chosen(table.columns, path, columns.features, columns.ignored)
    beside = f"beside {label[0]!r} it " if label else ""
    lacking = " nor ".join(named or wanted.values())
    return (
        f"{path}: {beside}has no column {lacking} (training's --text-column and --id-column name others); "
        f"columns: {', '.join(table.columns)}{objects_in(table)}{_sequence_hint(table)}"
    )


def _sequence_hint(table: pl.DataFrame) -> str:
    """Returns the options that would read a table without texts as numeric sequences; "" if none would."""
    ways, numbers = options_of(table, numbers=False), options_of(table, numbers=True)
    labelled = f"; for numeric sequences: {ways}" * bool(ways)
    predicted = f"; for a number of each sequence: elman train regression with {numbers}" * bool(numbers)
    return labelled + predicted


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
    """Returns the table with its names as the first row if they are no names.

    A column of labels whose name is one of its labels has no name; nor have columns of sentences under one.
    """
    if any(kind != pl.String for kind in table.dtypes):
        return table
    labels = any(_repeats(table[name]) and (table[name] == name).any() for name in table.columns)
    if not labels and not names_are_row(table):
        return table
    return with_row(table, table.columns, path)
