"""Which columns of a table of numeric sequences, a row for each step, name, order and label them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import holds_numbers
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables

_WAYS = 3  # most readings of a table in a message


class Roles(NamedTuple):
    """Names of columns.

    Attributes:
        id: names the sequence of a row.
        time: orders the rows of a sequence.
        of_each: has one value in all rows of a sequence: its label, or its target.
    """

    id: str
    time: str
    of_each: str


def found_roles(
    table: pl.DataFrame,
    wanted: Roles,
    default: Roles,
    *,
    numbers: bool,
    usual: Collection[str],
    columns: Collection[str] = (),
    ignored: Collection[str] = (),
    reading: Reading = PLAIN,
) -> Roles | None:
    """Returns the roles of a table's columns if only one reading fits; None if there are several, or none.

    A column names sequences if another one has the same value in all rows of each, unless it counts the rows
    of another column; a time, a step or a number that grows by 1 orders the rows; and all others are numbers.

    Args:
        table: the table.
        wanted: names of columns; default names need not be present.
        default: the default names.
        numbers: whether what each sequence has is a number to be predicted; otherwise a label.
        usual: names, in lower case, that choose it among several.
        columns: the columns of numbers to read; if empty, all others.
        ignored: columns that are left out.
        reading: how numbers are written.
    """
    from elman.data.series.time_columns import TIME_NAMES, holds_dates  # polars: only tables need it

    pairs = _pairs(table, numbers=numbers)
    for k, (one, own) in enumerate(((wanted.id, default.id), (wanted.of_each, default.of_each))):
        if one != own or one in table.columns:
            pairs = [pair for pair in pairs if pair[k] == one]
    for k, names in ((1, usual), (0, _NAMES_OF_SEQUENCES)):
        if len({pair[k] for pair in pairs}) > 1:
            named = {pair[k] for pair in pairs if pair[k].lower() in names}
            pairs = [pair for pair in pairs if pair[k] in named] if len(named) == 1 else pairs
    if len(pairs) != 1:
        return None
    ((name, of_each),) = pairs
    if wanted.id == default.id and name != wanted.id and _restarts_in(table, name):
        return None
    rest = [c for c in table.columns if c not in (name, of_each, *ignored) and (not columns or c in columns)]
    times = [
        column
        for column in table.columns
        if column not in (name, of_each, *columns)
        and (column == wanted.time or TIME_NAMES.fullmatch(column) or holds_dates(table[column]))
        and table.select(name, column).n_unique() == len(table)
    ]
    times = [wanted.time] if wanted.time in times else times
    times = times or [column for column in rest if _counts_steps(table, name, column)][:1]
    features = [column for column in rest if column not in times]
    if len(times) > 1 or not features or not all(holds_numbers(table, c, reading) for c in features):
        return None
    return Roles(name, times[0] if times else wanted.time, of_each)


def line_of(roles: Roles, table: pl.DataFrame, path: Path, what: str) -> str:
    """Returns what was assumed in one line; ``what`` is what each sequence has: the label or the target."""
    order = f", {roles.time} the step" if roles.time in table.columns else ""
    return f"{path}: a row is a step: {roles.id} names the sequence{order}, {roles.of_each} the {what}"


def options_of(table: pl.DataFrame, *, numbers: bool) -> str:
    """Returns the options that would read a table as sequences; "" if none would."""
    flag = "--target-column" if numbers else "--label-column"
    pairs = sorted(_pairs(table, numbers=numbers), key=lambda pair: bool(_restarts_in(table, pair[0])))
    ways = " or ".join(f"--id-column {name} {flag} {of_each}" for name, of_each in pairs[:_WAYS])
    counters = {name: block for name, _ in pairs if (block := _restarts_in(table, name))}
    if not counters or len(counters) < len({name for name, _ in pairs}):
        return ways
    block, names = next(iter(counters.values())), " and ".join(counters)
    return (
        f"{ways} (but {names} may be a step in each {block}; for --id-column {block}, a column must have one "
        f"value in all rows of each {block})"
    )


def no_roles(table: pl.DataFrame, path: Path, id: str, target: str) -> str:
    """Returns which columns of sequences with a number each a table lacks, and the options that name them."""
    wanted = {
        id: "of the sequences (--id-column names another)",
        target: "of the number to predict (--target-column names another)",
    }
    lacking = [f"{name!r} {what}" for name, what in wanted.items() if name not in table.columns]
    beside = f"beside {target!r} it " if target in table.columns else ""
    ways = options_of(table, numbers=True)
    return (
        f"{path}: {beside}has no column {' nor '.join(lacking)}{': ' * bool(ways)}{ways}; columns: "
        f"{', '.join(table.columns)}"
    )


_NAMES_OF_SEQUENCES = (
    *("id", "uid", "unique_id", "sequence", "sequence_id", "series", "series_id", "seq", "name", "case"),
    *("case_id", "sample", "sample_id", "subject", "subject_id", "patient", "patient_id", "trip", "trip_id"),
    *("unit", "unit_id", "engine", "device", "device_id", "run", "run_id", "session", "session_id", "group"),
)


def _pairs(table: pl.DataFrame, *, numbers: bool) -> list[tuple[str, str]]:
    """Returns the columns that may name sequences, each with one that has one value in each of them.

    Labels have fewer values than there are sequences, those of fewest come first; numbers may have as many.
    """
    pairs = []
    scalar = [name for name in table.columns if not table[name].dtype.is_nested()]
    values = {name: table[name].n_unique() for name in scalar}
    names = [name for name in scalar if not (holds_numbers(table, name) and _has_fractions(table[name]))]
    others = [name for name in scalar if holds_numbers(table, name)] if numbers else names
    for of_each in sorted(others, key=values.__getitem__):
        for name in names:
            more = values[name] > values[of_each] or (numbers and values[name] == values[of_each])
            fits = name != of_each and values[of_each] >= 2 and more and values[name] <= len(table) / 2
            if fits and table.select(name, of_each).n_unique() == values[name]:
                pairs.append((name, of_each))
    return pairs


def _restarts_in(table: pl.DataFrame, name: str) -> str:
    """Returns the column whose rows are together and in each of which another grows or falls; "" if none.

    What does so is a step, unless it has a usual name of sequences, or the rows are those of a time.
    """
    from elman.data.series.time_columns import TIME_NAMES, holds_dates

    if name.lower() in _NAMES_OF_SEQUENCES:
        return ""
    for block in table.columns:
        values = table[block]
        if block == name or values.dtype.is_nested() or not 2 <= values.n_unique() <= len(table) / 2:
            continue
        together = values.rle_id().n_unique() == values.n_unique()
        is_time = TIME_NAMES.fullmatch(block) or holds_dates(values)
        steps = _steps(table, block, name)
        if together and not is_time and ((steps > 0).all() or (steps < 0).all()):
            return block
    return ""


def _counts_steps(table: pl.DataFrame, name: str, column: str) -> bool:
    """Whether a column holds whole numbers that grow by 1 from row to row of each sequence."""
    return bool((_steps(table, name, column) == 1).all())


def _steps(table: pl.DataFrame, name: str, column: str) -> pl.Series:
    """Returns the steps of whole numbers from row to row of each sequence; 0 if a cell is none."""
    whole = table.select(name, pl.col(column).cast(pl.String).str.strip_chars().cast(pl.Int64, strict=False))
    if whole[column].has_nulls():
        return pl.Series([0])
    return whole.select(pl.col(column).diff().over(name))[column].drop_nulls()


def _has_fractions(cells: pl.Series) -> bool:
    return bool(cells.cast(pl.String).str.contains(r"[.,]\d").any())
