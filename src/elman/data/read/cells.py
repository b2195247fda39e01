"""Cells of a table as numbers: one rule for whole columns and for rows that arrive one by one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elman.config import shown
from elman.data.read.reading import PLAIN, Reading
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables

MISSING = (
    *("", "-", "−", "–", "—", "?", "..", "na", "n/a", "#n/a", "nan", "null", "none"),
    *("#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"),  # of spreadsheets
)
"""Cells that count as missing numbers, in lower case."""
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
# numbers with marks between thousands, by decimal mark
_GROUPED = {
    ".": r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?$",
    ",": r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?$",
}
# a unit before a number, such as US$ or EUR, and one after it, such as €, % or km/h; not a code such as A1
_UNITS = (
    r"^([+-]?)(?:([A-Za-z]{0,2}\p{Sc}|[A-Z]{3}\s)\s*)?"
    r"([+-]?(?:[0-9]{1,3}(?:['’\s][0-9]{3})+(?:[.,][0-9]*)?|[0-9.][0-9.,]*))"
    r"(?:\s*([^\d\s'’.,:;/_+-]\D{0,11}[23]?))?$"
)
# numbers with spaces or apostrophes between thousands
_THOUSANDS = r"^[+-]?[1-9]\d{0,2}(?:['’\s]\d{3})+(?:[.,]\d*)?$"
_SYMBOL = r"[A-Za-z]{0,2}\p{Sc}"
_CODE = (
    "EUR|USD|GBP|CHF|JPY|CNY|INR|BRL|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|ZAR|MXN|ARS|CLP|"
    "COP|KRW|SGD|HKD|TWD|THB|IDR|MYR|PHP|VND|ILS|AED|SAR|EGP|NGN|KES"
)
_SHORT = "kr|zł|Kč|Ft|lei"
# an amount of money: sign, currency, number, currency; or in brackets, which are a minus
_MONEY = (
    rf"^(\()?\s*([+-]?)\s*(?:({_SYMBOL}|(?:{_CODE})\b)\s*)?([+-]?[0-9.][0-9.,'’\s]*?)"
    rf"(?:\s*({_SYMBOL}|{_CODE}|{_SHORT})\.?)?\s*(\))?$"
)
_MAY_BE_MONEY = rf"\p{{Sc}}|\d['’\s]\d{{3}}|[A-Z]\s*\d|\d\s*(?:{_CODE}|{_SHORT})"
# a minus of typesetting before a number, and any minus behind it, as programs of accounting write it
_HYPHENS = "−–—‑﹣－"
_MINUS = (rf"^[{_HYPHENS}]\s?((?:\p{{Sc}}\s?)?[0-9.])", rf"^([^-{_HYPHENS}]*[0-9][.,]?)\s?[-{_HYPHENS}]$")
_KINDS = 3  # most units in one column
_USUAL_UNITS = (
    rf"{_SYMBOL}|{_CODE}|{_SHORT}|%|‰|[kmcdµn]?[gmlLsWVAJN]|[kMGT]?[WVA]h?|[kMGT]i?B|t|lbs?|oz|mi|ft|in|min|h|hrs?|d|°[CF]?|K|M|k|[kMG]?Hz|h?Pa|"
    "bar|mmHg|km/h|m/s|mph|m[23²³]|ppm|ppb|µg/m3|kcal|pcs"
)
_MOSTLY = 0.8  # share of numbers in a column that would be numbers but for some cells


class Numbers(NamedTuple):
    """A column read as numbers.

    Attributes:
        values: [rows] Float64; null where a cell is missing or is no number.
        missing: [rows] Boolean, whether a cell counts as missing.
        named: the cells that count as missing by a marker, as written.
        two_ways: whether its commas, or its points, may be decimal marks or stand between thousands; the
            decimal mark is taken to be the point then.
        decimal: decimal mark; None if no cell has a comma or a point.
        currency: the currency that was left out of its numbers; empty if they had none.
    """

    values: pl.Series
    missing: pl.Series
    named: list[str]
    two_ways: bool = False
    decimal: str | None = None
    currency: str = ""


def numbers_of(column: pl.Series, reading: Reading = PLAIN) -> Numbers:
    """Reads a column of texts, numbers or truth values as numbers.

    Texts: spaces around a cell do not count; true and false are 1 and 0. The usual markers of a missing
    value (empty, NA, N/A, #N/A, NaN, null, None, - and ?, in any case) count as missing, and so do those of
    ``reading``. Commas and points are decimal marks or stand between thousands, whichever fits every cell.
    Spaces and apostrophes between thousands do not count, and neither does a currency, if a column has one
    alone; ($5) is −5.

    Other types: null, NaN and numbers equal to a marker of ``reading`` are missing; dates and lists are no
    numbers.
    """
    if column.dtype != pl.String:
        return _of_other_type(column, reading)
    if (plain := _of_plain_numbers(column, reading)) is not None:
        return plain
    cell = pl.col("text").str.strip_chars()
    marked = cell.str.to_lowercase().is_in(MISSING) | cell.is_in(reading.missing)
    # one query for all: each has its own cost, which is most of the time for a small column
    text, missing, named = (
        column.alias("text")
        .to_frame()
        .select(cell, missing=cell.is_null() | marked, named=marked & (cell != ""))
    )
    markers = text.filter(named.fill_null(False)).to_list()
    text, currency = _bare(_with_plain_minus(_without(text, missing)))
    return _read(text, missing, markers, reading)._replace(currency=currency)


def _of_plain_numbers(column: pl.Series, reading: Reading) -> Numbers | None:
    """Reads a column of texts of which each is a plain number, as most columns are; None for any other."""
    if reading.decimal == "," or reading.missing:
        return None
    cells, cell = column.alias("text").to_frame(), pl.col("text").str.strip_chars()
    pointed = cell.str.contains(".", literal=True)
    plain, points, decimals = cells.select(
        plain=cell.str.contains(_NUMBER).all(),
        points=pointed.any(),
        decimals=(pointed & ~cell.str.contains(_GROUPED[","])).any(),
    ).row(0)
    if not plain or (points and not decimals):  # its points may stand between thousands
        return None
    values, missing = cells.select(cell.cast(pl.Float64), missing=cell.is_null())
    return Numbers(values, missing, [], decimal=reading.decimal or ("." if points else None))


def _with_plain_minus(text: pl.Series) -> pl.Series:
    """Returns texts with a hyphen before negative numbers, for −5, 5- and 5−."""
    if not text.str.contains(rf"^[{_HYPHENS}]|[-{_HYPHENS}]$").any():
        return text  # fast
    return text.str.replace(_MINUS[0], "-${1}").str.replace(_MINUS[1], "-${1}")


def _bare(text: pl.Series) -> tuple[pl.Series, str]:
    """Returns texts without their currency, and without spaces and apostrophes between thousands.

    The currencies of a column with several stay.
    """
    if not text.str.contains(_MAY_BE_MONEY).any():
        return text, ""  # fast
    opened, sign, before, number, after, closed = (text.str.extract(_MONEY, k) for k in range(1, 7))
    units = before.fill_null("") + after.fill_null("")
    amounts = number.is_not_null() & (opened.is_null() == closed.is_null())
    own = units.filter(amounts & (units != "")).unique()
    currency = str(own[0]) if len(own) == 1 else ""
    if currency:
        minus = opened.replace("(", "-").fill_null("")
        text = (minus + sign + number).zip_with(amounts, text)
    spaced = text.str.contains(_THOUSANDS).fill_null(False)
    return text.str.replace_all(r"['’\s]", "").zip_with(spaced, text), currency


def _read(text: pl.Series, missing: pl.Series, named: list[str], reading: Reading) -> Numbers:
    if reading.decimal is None and not text.str.contains(",", literal=True).any():
        pointed = text.filter(text.str.contains(".", literal=True))
        if not len(pointed) or not pointed.str.contains(_GROUPED[","]).all():
            return Numbers(_plain(text), missing, named, decimal="." if len(pointed) else None)
    ways = {mark: _plain(_pointed(text, mark)) for mark in ".,"}
    fits = [mark for mark, values in ways.items() if values.null_count() == missing.sum()]
    mark = reading.decimal or max(ways, key=lambda own: ways[own].count())  # the point if it is a draw
    return Numbers(ways[mark], missing, named, reading.decimal is None and len(fits) == 2, mark)


class Stray(NamedTuple):
    """The first cell that keeps a column from being numbers.

    Attributes:
        row: its row, from 0.
        cell: as written.
        units: the units of the column's numbers; empty if the cell is no number.
    """

    row: int
    cell: str
    units: tuple[str, ...] = ()


def stray_of(column: pl.Series, reading: Reading = PLAIN) -> Stray | None:
    """Returns the first cell that is no number in a column of texts that holds numbers in most cells.

    A number with the column's most common unit, such as 12.5 kg, or with one of a few usual ones, counts as
    a number here, though ``numbers_of`` does not read it. None: all cells are numbers, or too few are.
    """
    if column.dtype != pl.String:
        return None
    own = numbers_of(column, reading)
    bad = own.values.is_null() & ~own.missing
    if not bad.any():
        return None
    text = column.str.strip_chars()
    sign, before, number, after = (text.str.extract(_UNITS, k) for k in range(1, 5))
    units = (before.fill_null("") + after.fill_null("")).str.strip_chars()
    common = units.filter(units != "").mode().sort().head(1).to_list()
    usual = units.filter(units.str.contains(f"^(?:{_USUAL_UNITS})$")).unique().sort().to_list()
    row = int(bad.arg_true()[0])
    for kinds in (common, usual if len(usual) <= _KINDS else []):
        known = (units.is_in(["", *kinds]) & number.is_not_null()).fill_null(False)
        bare = (sign + number.str.replace_all(r"['’\s]", "")).zip_with(known, text)
        result = _read(_without(bare, own.missing), own.missing, [], reading)
        enough = result.values.count() >= _MOSTLY * int((~own.missing).sum())
        if enough and not holds_names(bare).any():
            return Stray(row, text[row], tuple(kinds) if known[row] else ())
    return None


def holds_names(text: pl.Series) -> pl.Series:
    """Whether cells are names though they could be read as numbers: 01234, true."""
    return text.str.strip_chars().str.contains("^(?i:[+-]?0[0-9]|true$|false$)").fill_null(False)


def _without(text: pl.Series, where: pl.Series) -> pl.Series:
    """Returns a column with null at these rows."""
    return text.zip_with(~where.fill_null(True), pl.Series([None], dtype=text.dtype))


def _pointed(text: pl.Series, decimal: str) -> pl.Series:
    """Writes numbers with a decimal point and no marks between thousands; other texts are kept or null."""
    group = "," if decimal == "." else "."
    grouped = text.str.contains(_GROUPED[decimal]).fill_null(False)
    text = text.str.replace_all(group, "", literal=True).zip_with(grouped, text)
    if decimal == ".":
        return text
    # where the comma is the decimal mark, 1.5 is no number
    return _without(text, text.str.contains(".", literal=True)).str.replace(",", ".", literal=True)


def _plain(text: pl.Series) -> pl.Series:
    """Returns texts of plain numbers and truth values as Float64; null for others."""
    lower = pl.col("text").str.to_lowercase()
    number = (
        pl.when(lower == "true").then(pl.lit("1")).when(lower == "false").then(pl.lit("0")).otherwise(lower)
    )
    plain = pl.when(number.str.contains(_NUMBER)).then(number).alias("text").cast(pl.Float64)
    return text.alias("text").to_frame().select(plain).to_series()


def _of_other_type(column: pl.Series, reading: Reading) -> Numbers:
    kind = column.dtype
    # polars would cast dates and categories to their internal numbers
    readable = kind.is_numeric() or kind in (pl.Boolean, pl.Null)
    values = column.cast(pl.Float64) if readable else pl.Series([None] * len(column), dtype=pl.Float64)
    markers = [float(marker) for marker in reading.missing if re.match(_NUMBER, marker)]
    marked = values.is_in(markers).fill_null(False)
    missing = column.is_null() | values.is_nan().fill_null(False) | marked
    return Numbers(_without(values, missing), missing, [f"{value:g}" for value in values.filter(marked)])


def values_of(column: pl.Series, reading: Reading = PLAIN) -> np.ndarray:
    """Returns a column as float64 [rows], NaN where a cell is missing or no number."""
    return numbers_of(column, reading).values.fill_null(float("nan")).to_numpy()


def number_of(cell: object, reading: Reading = PLAIN) -> float:
    """Returns one cell as a number by the rules of ``numbers_of``; NaN if it is missing.

    Raises:
        ValueError: the cell is no number; the message has the rule.
    """
    usual = isinstance(cell, str) and not reading.missing and reading.decimal != ","
    if usual and re.match(_NUMBER, str(cell)):  # fast
        return float(str(cell))
    try:
        # an int may be too large for any type of polars
        wide = isinstance(cell, int) and not isinstance(cell, bool)
        found = numbers_of(pl.Series([float(cell) if wide else cell], strict=True), reading)  # type: ignore[arg-type]
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        found = None
    if found is None or (found.values.has_nulls() and not found.missing[0]):
        raise ValueError(f"must be a number. Got {shown(cell)}.")
    if found.two_ways and "," in str(cell):
        raise ValueError(f"{shown(cell)} is a number in two ways; training's --decimal says which")
    return float("nan") if found.missing[0] else float(found.values[0])


def is_iso_date(value: object) -> bool:
    """Whether a cell is a date or a date-time of ISO 8601."""
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True
