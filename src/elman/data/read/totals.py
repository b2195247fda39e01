"""Totals, means and the like in a table, which are no rows or series of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.notice import notice

if TYPE_CHECKING:
    import polars as pl

_WORDS = (
    "total|totals|sum|sums|average|avg|mean|summe|gesamt|gesamtsumme|insgesamt|durchschnitt|mittelwert|mittel|"
    "somme|moyenne|suma|promedio|media|totale|somma|totaal|som"
)
_TOTAL = re.compile(rf"((grand|overall|sub)[ -]?)?({_WORDS})( general)?[.:]?", re.IGNORECASE)
_NAMED = re.compile(rf"\b({_WORDS})\b", re.IGNORECASE)
_MOST = 3  # rows of totals below a table
_FEWEST = 2  # steps that show a sum
_DIGITS = 6  # most decimals that are looked at


def names_total(cell: object) -> bool:
    """Whether a cell or a name has a word such as Total or Summe; its numbers show whether it is one."""
    return isinstance(cell, str) and _NAMED.search(cell) is not None


def sum_or_mean(total: np.ndarray, others: np.ndarray) -> str:
    """Returns "sum" or "mean" if a series is that of the others at each step, to rounding; else "".

    Shapes:
        total [T], others [T, N]; NaN where a value is missing.
    """
    known = ~np.isnan(total) & ~np.isnan(others).all(axis=1)
    if known.sum() < _FEWEST:
        return ""
    total, others = total[known], others[known]
    filled = others[~np.isnan(others)]
    size = np.abs(total).max() * 1e-9
    sums = np.nansum(others, axis=1)
    if (np.abs(sums - total) <= size + (others.shape[1] * _unit(filled) + _unit(total)) / 2).all():
        return "sum"
    means = sums / (~np.isnan(others)).sum(axis=1)
    return "mean" if (np.abs(means - total) <= size + _unit(total)).all() else ""


def _unit(values: np.ndarray) -> float:
    """Returns the unit of the last decimal to which values are rounded."""
    for digits in range(_DIGITS):
        if np.allclose(values * 10**digits, np.round(values * 10**digits), rtol=0, atol=1e-6):
            return float(10.0**-digits)
    return 0.0


def without_totals(table: pl.DataFrame, path: Path, is_odd: Callable[[int, list[str]], bool]) -> pl.DataFrame:
    """Returns a table without the totals below it; reports what was left out in one line.

    Args:
        table: the table.
        path: where it was read, for the report.
        is_odd: whether a row does not belong to those above it, by its number and the columns in which it has
            a word such as Total or Summe.
    """
    words: list[str] = []
    for row in range(len(table) - 1, max(1, len(table) - 1 - _MOST), -1):
        cells = table.row(row, named=True)
        own = [c for c, cell in cells.items() if isinstance(cell, str) and _TOTAL.fullmatch(cell.strip())]
        if not own:
            break
        words.insert(0, cells[own[0]].strip())
        if is_odd(row, own):
            rows = "the last row is a total" if len(words) == 1 else f"the last {len(words)} rows are totals"
            notice(f"{path}: {rows} and left out: {', '.join(words)}")
            return table.head(row)
    return table
