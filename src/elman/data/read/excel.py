"""The first sheet of a file of Excel as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elman.data.read.delimited import table_of, tell_left_out
from elman.data.read.margins import lines_below
from elman.data.read.reading import Reading
from elman.errors import InputError
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables

_UNNAMED = "__UNNAMED__"  # what polars calls a column of a sheet without a name
_ENDS = 60  # rows at either end of a sheet that show where its rows end


def read_excel(path: Path) -> pl.DataFrame:
    """Reads the first sheet; one whose first row does not name all columns is read as a table of text."""
    try:
        table = pl.read_excel(path, infer_schema_length=None)
        if not any(name.startswith(_UNNAMED) for name in table.columns):
            return _without_notes(table, path)
        cells = pl.read_excel(path, infer_schema_length=None, has_header=False)
    except ModuleNotFoundError:
        raise InputError(f"{path}: needs a library that reads it: pip install 'elman[excel]'") from None
    except Exception as error:  # a damaged file can raise nearly anything
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    text = cells.cast(pl.String).write_csv(separator="\t", include_header=False)
    return table_of(text, path, Reading(separator="tab"))


def _without_notes(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Leaves out notes below the last row of a sheet; see ``margins.lines_below``."""
    head, tail = (
        [["" if cell is None else str(cell).strip() for cell in row] for row in some.rows()]
        for some in (table.head(_ENDS), table.tail(_ENDS))
    )
    lines = lines_below(tail, head)
    if lines:
        tell_left_out(path, lines, "below", next(row[0] for row in tail[-lines:] if any(row)))
    return table.head(len(table) - lines)
