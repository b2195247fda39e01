"""Tables of JSON objects."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.config import listed, shown
from elman.data.read.opening import kind_of
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.text import read_text
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # arrays and texts in memory need no tables


def read_objects(path: Path, reading: Reading = PLAIN) -> pl.DataFrame:
    """Reads objects with a row each, one per line or in an array; or, of a .json file, its only list of them.

    A .json file may also be an object of columns: lists of equally many cells, or objects with the same keys,
    or a list of names and one of rows, as pandas writes them.

    Raises:
        InputError: a line or an element is no object, or the file is no JSON.
    """
    text = "".join(read_text(path, in_lines=True, reading=reading))
    if text.lstrip().startswith("["):
        text = _lines_of_array(text, path)
    elif kind_of(path) == ".json" and (rows := _rows_of_whole(text, path)):
        text = "\n".join(map(json.dumps, rows))
    try:
        # a column's type depends on all of its cells
        return pl.read_ndjson(io.BytesIO(text.encode()), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        for number, line in enumerate(text.split("\n"), 1):
            try:
                parsed = json.loads(line) if line.strip() else {}
            except (ValueError, RecursionError):
                parsed = None
            if not isinstance(parsed, dict):
                raise InputError(
                    f"{path}: line {number}: must be a JSON object. Got {shown(line)}."
                    + " A .json file holds an array of objects, or one object per line."
                    * (kind_of(path) == ".json")
                ) from None
        raise


def _rows_of_whole(text: str, path: Path) -> list[Any]:
    """Returns the rows in an object that is the whole of a text; empty if it is no such."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return (_only_rows(whole, path) or _rows_of_columns(whole, path)) if isinstance(whole, dict) else []


def _only_rows(whole: dict[str, Any], path: Path) -> list[Any]:
    """Returns the only list of objects in an object; empty if it has none, several, or other lists."""
    lists = {
        name: value
        for name, value in whole.items()
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
    }
    others = [value for name, value in whole.items() if name not in lists] if lists else []
    if len(lists) != 1 or any(isinstance(value, list) for value in others):
        return []
    ((name, rows),) = lists.items()
    notice(f"{path}: the rows are those of {name!r}")
    return rows


def _rows_of_columns(whole: dict[str, Any], path: Path) -> list[Any]:
    """Returns the rows of an object of columns; empty if it is no such."""
    names, data = whole.get("columns"), whole.get("data")
    if isinstance(names, list) and isinstance(data, list) and whole.keys() <= {"columns", "index", "data"}:
        fits = all(isinstance(row, list) and len(row) == len(names) for row in data)
        return [dict(zip(map(str, names), row, strict=True)) for row in data] if fits else []
    columns = list(whole.values())
    if columns and all(isinstance(column, dict) for column in columns):
        keys = columns[0].keys()
        if any(column.keys() != keys for column in columns):
            return []
        columns = [list(column.values()) for column in columns]
    if len(columns) < 2 or not all(isinstance(column, list) for column in columns):
        return []
    if not columns[0] or len({len(column) for column in columns}) > 1:
        return []
    if any(isinstance(column[0], dict) for column in columns):  # lists of rows
        return []
    notice(f"{path}: is an object of columns: {listed(list(whole))}")
    return [dict(zip(whole, row, strict=True)) for row in zip(*columns, strict=True)]


def _lines_of_array(text: str, path: Path) -> str:
    """Returns the objects of a JSON array, one per line."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: must be a JSON array of objects: {error}") from None
    if not rows:
        raise InputError(f"{path}: has no rows")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InputError(f"{path}: row {number}: must be a JSON object. Got {shown(row)}.")
    return "\n".join(map(json.dumps, rows))
