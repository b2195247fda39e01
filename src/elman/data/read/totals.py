"""Totals, means and the like below the rows of a table, which are no rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from elman.notice import notice

if TYPE_CHECKING:
    import polars as pl

_TOTAL = re.compile(
    r"((grand|overall|sub)[ -]?)?(total|totals|sum|sums|average|avg|mean|summe|gesamt|gesamtsumme|insgesamt|"
    r"durchschnitt|mittelwert|somme|moyenne|suma|promedio|media|totale|somma|totaal|som)( general)?[.:]?",
    re.IGNORECASE,
)
_MOST = 3  # rows of totals below a table


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
