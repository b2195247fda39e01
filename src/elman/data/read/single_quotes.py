"""Single quotes around the cells of a table of text, and before them, as Excel marks texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables

SWAPPED = str.maketrans("'\"", "\"'")
"""Makes single quotes double and double ones single."""

_QUOTED = re.compile(r"(?:^|[,;\t|])\s*'(?:[^']|'')*'\s*(?=$|[,;\t|])")
_MARKED = r"^'[+-]?\d[^']*$"
_PROBED = 20  # lines below the first


def are_quotes(text: str) -> bool:
    """Whether single quotes stand around cells: around one in each of the first lines below the header."""
    lines = [line for line in text[: 1 << 16].splitlines()[1 : _PROBED + 1] if line.strip()]
    return len(lines) > 1 and all(_QUOTED.search(line) and '"' not in line for line in lines)


def swapped_back(table: pl.DataFrame) -> pl.DataFrame:
    """Returns a table that was read from a text with swapped quotes, with the quotes of the text."""
    cells = table.with_columns(pl.all().str.replace_many(["'", '"'], ['"', "'"]))
    return cells.rename({name: name.translate(SWAPPED) for name in table.columns})


def without_marks(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Leaves out the single quote before every filled cell of a column of numbers or dates; tells it."""
    columns = (
        [name for name in table.columns if str(table[name][0] or "").startswith("'")] if len(table) else []
    )
    columns = [name for name in columns if table[name].drop_nulls().str.contains(_MARKED).all()]
    if not columns:
        return table
    notice(f"{path}: {', '.join(columns)}: the single quote before each cell left out")
    return table.with_columns(pl.col(columns).str.slice(1))
