"""Reads times of rows: integers or date-times, in local time or UTC, in whatever form they are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from elman.config import shown
from elman.data.read.tables import row_number
from elman.data.series.digits import dates_of_digits, padded
from elman.data.series.frequency import is_even, parse_frequency
from elman.data.series.time_forms import (
    TimeForm,
    as_written,
    check_pattern,
    in_languages,
    may_be_days,
    parsed,
    pattern_of_integers,
    seconds_of_integers,
    zone_of,
)
from elman.data.series.time_patterns import patterns_of
from elman.errors import InputError

_PROBED = 50  # cells whose patterns are tried on the whole column
_NUMBER = "number"
_NAMES = {"%d": "day", "%m": "month", "%y": "year", "%Y": "year"}


class AmbiguousTimes(InputError):
    """Times have several readings; the message shows them."""


@dataclass(frozen=True)
class Times:
    """The times of the rows of one or more tables.

    Attributes:
        values: [rows] the integers themselves, or seconds since 1970.
        integers: whether they are plain integers.
        form: how they are written.
        wall: whether seconds are in local time, not in UTC.
        zone: the zone of the column, empty if it has none.
        assumed: what was assumed of the form, in words; empty if nothing was.
        local: [rows] the same in local time, as the clock on the wall showed it.
    """

    values: np.ndarray
    local: np.ndarray
    integers: bool
    form: TimeForm
    wall: bool = False
    zone: str = ""
    assumed: str = ""


@dataclass(frozen=True)
class Trained:
    """The times that a model was trained on.

    Attributes:
        frequency: see ``parse_frequency``.
        form: how they were written.
        integers: whether they were plain integers.
    """

    frequency: str
    form: TimeForm
    integers: bool


@dataclass(frozen=True)
class _Moments:
    """Date-times of a column in local time, with their offsets in seconds if they have any."""

    local: pl.Series
    offsets: pl.Series | None
    form: TimeForm
    assumed: str = ""


def read_times(
    columns: "Sequence[tuple[pl.Series, Path]]",
    time_format: str | None = None,
    freq: str | Trained | None = None,
    *,
    form: TimeForm | None = None,
    fractions: bool = False,
) -> Times:
    """Reads the times of one or more tables; all of them are read alike.

    Times with a zone or an offset are converted to local time if all have the same time of day, as daily
    steps do, or if ``freq`` is in days or longer; otherwise to UTC.

    Args:
        columns: the column of each table, and the table's path for messages.
        time_format: a format of strptime; s, ms, us or ns: integers since 1970; number: plain integers; None:
            found from the column as a whole.
        freq: see ``parse_frequency``; a whole number: times are plain integers; or what a model was trained
            on.
        form: how the times of training were written, which decides between several readings; None: as in
            ``freq``, or unknown.
        fractions: whether seconds may have fractions, in float64; otherwise a fraction is refused.

    Raises:
        InputError: a cell is no time.
        AmbiguousTimes: the form is ambiguous.
    """
    if isinstance(freq, Trained):
        form, freq = freq.form, freq.frequency
    likely = "" if form is None else form.pattern
    if time_format is not None:
        check_pattern(time_format)
        time_format = time_format.replace(".%f", "%.6f")  # as Python's strptime has it
    column, place = _joined(columns)
    as_text = column.dtype == pl.String and "%" in (time_format or "")  # 01022024 is no number
    whole = None if as_text else _whole_numbers(column)
    assumed = ""
    if whole is not None and time_format is None:
        if freq is not None and freq.isdigit():
            time_format = _NUMBER
        elif form is not None:
            time_format = pattern_of_integers(whole) or likely or None
        elif not pattern_of_integers(whole) and (digits := _pattern_of_digits(column, whole, place)):
            time_format, assumed = digits, f"as {digits}"
        if column.dtype == pl.String and padded(time_format):
            whole = None
    if whole is not None:
        number = _read_integers(whole, column.dtype, time_format)
        if number is not None:
            return number
        moments = _moments_of_integers(whole, column.dtype, time_format)
    elif time_format == _NUMBER:
        raise InputError(f"{place(0)}: must be an integer. Got {shown(column[0])}.")
    elif column.dtype == pl.String:
        moments = _moments_of_texts(column, place, time_format, likely)
    elif column.dtype in (pl.Date, pl.Datetime):
        moments = _typed(column)
    else:
        raise InputError(
            f"{columns[0][1]}: column {column.name!r}: must be integers, dates or date-times. "
            f"Got {shown(column[0])}."
        )
    return _as_seconds(replace(moments, assumed=assumed or moments.assumed), column, place, freq, fractions)


def _joined(columns: "Sequence[tuple[pl.Series, Path]]") -> "tuple[pl.Series, Callable[[int], str]]":
    """Returns the columns end to end, and a function that names a row's place."""
    begins = np.cumsum([0, *(len(column) for column, _ in columns)])
    name = columns[0][0].name

    def place(row: int) -> str:
        number = int(np.searchsorted(begins, row, "right")) - 1
        path = columns[number][1]
        return f"{path}: row {row_number(path, row - int(begins[number]))}, column {name!r}"

    parts = [column.rename(name) for column, _ in columns]
    kinds = {column.dtype for column in parts}
    if len(kinds) > 1:
        dates = all(kind in (pl.Date, pl.Datetime) for kind in kinds)
        naive = all(getattr(kind, "time_zone", None) is None for kind in kinds)
        parts = [column.cast(pl.Datetime("us") if dates and naive else pl.String) for column in parts]
    return pl.concat(parts), place


def _whole_numbers(column: "pl.Series") -> "pl.Series | None":
    """Returns a column as integers; None if a cell is none."""
    if column.dtype.is_float() and bool((column == column.round()).all()) and column.is_finite().all():
        return column.cast(pl.Int64, strict=False)  # pandas turns integers with empty cells into floats
    if column.dtype.is_integer():
        return column.cast(pl.Int64)
    if column.dtype == pl.String:
        whole = column.str.strip_chars().cast(pl.Int64, strict=False)
        return None if whole.has_nulls() else whole
    return None


def _pattern_of_digits(column: "pl.Series", whole: "pl.Series", place: Callable[[int], str]) -> str:
    """Returns the pattern of dates of six or eight digits; empty if integers are plain numbers.

    Raises:
        AmbiguousTimes: they may be either, or dates of several patterns.
    """
    readings = dates_of_digits(whole)
    even = [pattern for pattern, local in readings if is_even(_seconds_of(local), integers=False)]
    if not readings or (len(even) == 1 and not is_even(whole.to_numpy(), integers=True)):
        return "".join(even)
    ways = " or ".join(f"{local[0]:%-d %B %Y} (--time-format {pattern})" for pattern, local in readings)
    raise AmbiguousTimes(
        f"{place(0)}: {shown(column[0])} may be {ways} or a number (--time-format {_NUMBER}). Choose one."
    )


def _seconds_of(local: "pl.Series") -> np.ndarray:
    """Returns date-times as seconds since 1970."""
    return local.cast(pl.Int64).to_numpy() // 10**6


def _read_integers(whole: "pl.Series", kind: "pl.DataType", time_format: str | None) -> Times | None:
    """Returns times that are plain integers; None if they stand for dates."""
    pattern = pattern_of_integers(whole) if time_format is None else time_format
    if pattern not in ("", _NUMBER):
        return None
    return Times(
        whole.to_numpy(), whole.to_numpy(), True, TimeForm(kind if kind.is_integer() else pl.Int64())
    )


def _moments_of_integers(whole: "pl.Series", kind: "pl.DataType", time_format: str | None) -> _Moments:
    """Reads integers that stand for dates."""
    pattern = pattern_of_integers(whole) if time_format is None else time_format
    form = TimeForm(pl.Int64() if kind.is_float() else kind, pattern)
    if "%" in pattern:
        local, _ = parsed(whole.cast(pl.String).str.zfill(padded(pattern)), pattern)
        if local.has_nulls():
            wrong = whole.filter(local.is_null())[0]
            raise InputError(f"column {whole.name!r}: must be a time of the format {pattern}. Got {wrong}.")
        return _Moments(local, None, form, f"as {pattern}")
    since = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[pattern]
    return _Moments(seconds_of_integers(whole, pattern), None, form, f"as {since} since 1970")


def _typed(column: "pl.Series") -> _Moments:
    """Returns dates and date-times as they are, in local time if they have a zone."""
    kind = column.dtype
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        return _Moments(column.cast(pl.Datetime("us")), None, TimeForm(kind))
    local = column.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    utc = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(pl.Datetime("us"))
    return _Moments(local, (local - utc).dt.total_seconds(), TimeForm(kind))


def _moments_of_texts(
    column: "pl.Series", place: Callable[[int], str], time_format: str | None, likely: str
) -> _Moments:
    """Reads texts by a given format, or by the only one that the whole column fits."""
    texts = column.str.strip_chars()
    if time_format is not None and "%" not in time_format:
        raise InputError(
            f"{place(0)}: must be an integer for --time-format {time_format}. Got {shown(column[0])}."
        )
    patterns = _tried(texts) if time_format is None else in_languages(time_format, texts)
    results = [(pattern, *parsed(texts, pattern)) for pattern in patterns]
    fits = [result for result in results if not result[1].has_nulls()]
    if not fits:
        return _mixed(column, texts, results, place, time_format)
    if texts.n_unique() > 1:  # years such as 1999/00 have no other reading
        fits = [fit for fit in fits if "%o" in fit[0]] or fits
    same = [fit for fit in fits if _order(fit[0]) == _order(likely)]
    pattern, local, offsets = _unambiguous(same or fits, texts, place)
    if time_format is None and pattern != likely and may_be_days(texts, pattern):
        raise AmbiguousTimes(
            f"{place(0)}: {shown(texts[0])} may be {local[0]:%B %Y} (--time-format {_quoted(pattern)}) or a "
            "day without its year, which is no time. Choose one."
        )
    written = as_written(texts, local, pattern)
    zone = ""
    if offsets is not None:
        utc = local - (offsets * 10**6).cast(pl.Duration("us"))
        if local.dt.time().n_unique() > 1 and utc.dt.time().n_unique() == 1:  # steps of days in UTC
            local, offsets = utc, offsets * 0
            return _Moments(local, offsets, TimeForm(column.dtype, written, "Z"))
        last = texts.str.extract(r"( ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))$", 1)[-1]
        zone = zone_of(local, offsets, str(last))
    orders = {frozenset(_order(p)) for p, *_ in results if _swaps(p)}
    assumed = f"as {'/'.join(_order(pattern))}" if orders and time_format is None and _swaps(pattern) else ""
    return _Moments(local, offsets, TimeForm(column.dtype, written, zone), assumed)


def _tried(texts: "pl.Series") -> list[str]:
    """Returns the patterns of some cells, each once."""
    some = texts.gather(np.unique(np.linspace(0, len(texts) - 1, _PROBED).astype(int)))
    return list(dict.fromkeys(pattern for cell in some for pattern in patterns_of(cell)))


def _unambiguous(
    fits: "list[tuple[str, pl.Series, pl.Series | None]]", texts: "pl.Series", place: Callable[[int], str]
) -> "tuple[str, pl.Series, pl.Series | None]":
    """Returns the only reading; of several different ones, the only one whose steps are even."""
    different = [fit for k, fit in enumerate(fits) if not any(fit[1].equals(other[1]) for other in fits[:k])]
    if len(different) > 1:
        even = [fit for fit in different if is_even(_seconds_of(fit[1]), integers=False)]
        if len(even) == 1:
            return even[0]
        row = int((different[0][1] != different[1][1]).arg_true()[0])
        readings = " or ".join(
            f"{local[row]:%-d %B %Y} (--time-format {_quoted(pattern)})" for pattern, local, _ in different
        )
        raise AmbiguousTimes(f"{place(row)}: {shown(texts[row])} may be {readings}. Choose one.")
    return different[0]


def _mixed(
    column: "pl.Series",
    texts: "pl.Series",
    results: "list[tuple[str, pl.Series, pl.Series | None]]",
    place: Callable[[int], str],
    time_format: str | None,
) -> _Moments:
    """Reads texts of several patterns that agree in the order of day, month and year."""
    results = sorted(results, key=lambda result: result[1].null_count())
    if time_format is None and results:
        order = _order(results[0][0])
        same = [result for result in results if _order(result[0])[: len(order)] == order]
        rivals = [result for result in results if _swaps(result[0]) and _order(result[0]) != order]
        if all(offsets is None for _, _, offsets in same) and not (_swaps(results[0][0]) and rivals):
            local = pl.select(pl.coalesce([moments for _, moments, _ in same])).to_series()
            if not local.has_nulls():
                pattern = as_written(texts, local, same[0][0])
                return _Moments(local, None, TimeForm(column.dtype, pattern))
    best = min((moments for _, moments, _ in results), key=lambda one: one.null_count(), default=None)
    row = 0 if best is None else int(best.is_null().arg_true()[0])
    if time_format is not None:
        rule = f"a time of the format {time_format}"
    elif two := _two_forms(texts, results, row, place):
        raise InputError(two)
    else:
        rule = (
            "an integer, a date such as 2024-12-31 or a date-time such as 2024-12-31 23:00:00, or in the "
            "format given by --time-format"
        )
    raise InputError(f"{place(row)}: must be {rule}. Got {shown(column[row])}.")


def _two_forms(
    texts: "pl.Series",
    results: "list[tuple[str, pl.Series, pl.Series | None]]",
    row: int,
    place: Callable[[int], str],
) -> str:
    """Returns a message with a row of each of two forms; empty if a row has none of them.

    Args:
        texts: the cells.
        results: each pattern, with the moments that it reads, the one that reads most first.
        row: the first row that this one does not read.
        place: a row's place.
    """
    other = next(((pattern, moments) for pattern, moments, _ in results if moments[row] is not None), None)
    if other is None:
        return ""
    pattern, moments, _ = results[0]
    fits = moments.is_not_null()
    alone = fits & other[1].is_null()
    first = int((alone if alone.any() else fits).arg_true()[0])
    names = [_form(one) for one in (pattern, other[0])]
    if names[0] == names[1]:
        names = [pattern, other[0]]
    (low, own), (high, their) = sorted([(first, names[0]), (row, names[1])])
    return (
        f"{place(low)}: all times must have one form. Got {shown(texts[low])}, which is {own}; "
        f"{place(high)}: {shown(texts[high])}, which is {their}."
    )


def _form(pattern: str) -> str:
    """Returns the order of day, month and year in words, or the pattern if it has not all three."""
    order = _order(pattern)
    return "/".join(order) if len(order) == 3 else pattern


def _order(pattern: str) -> tuple[str, ...]:
    """Returns day, month and year in the order in which a pattern has them."""
    found = sorted((pattern.find(token), name) for token, name in _NAMES.items() if token in pattern)
    return tuple(name for _, name in found)


def _swaps(pattern: str) -> bool:
    """Whether day and month of a pattern could be taken for each other."""
    return set(_order(pattern)) == {"day", "month", "year"} and _order(pattern)[0] != "year"


def _quoted(pattern: str) -> str:
    return f"'{pattern}'" if " " in pattern else pattern


def _as_seconds(
    moments: _Moments, column: "pl.Series", place: Callable[[int], str], freq: str | None, fractions: bool
) -> Times:
    """Converts date-times to seconds in local time or UTC."""
    local, offsets = moments.local, moments.offsets
    wall = True
    if offsets is not None:
        if freq is not None:
            wall = parse_frequency(freq, integers=False).by_days
        else:
            wall = local.dt.time().n_unique() == 1
    micro = local.cast(pl.Int64).to_numpy()
    odd = np.flatnonzero(micro % 10**6)
    if len(odd) and not fractions:
        row = int(odd[0])
        raise InputError(f"{place(row)}: must be a whole second. Got {column[row]}.")
    own = micro / 10**6 if len(odd) else micro // 10**6
    seconds = own if offsets is None or wall else own - offsets.to_numpy()
    zone = "" if offsets is None else str(getattr(column.dtype, "time_zone", None) or moments.form.zone)
    return Times(seconds, own, False, moments.form, wall, zone, moments.assumed)
