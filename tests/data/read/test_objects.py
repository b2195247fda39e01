"""Tables of JSON objects, of rows and of columns."""

import json
import logging
from pathlib import Path

import pytest

from elman.data.labelled.columns import Columns
from elman.data.labelled.files import read_labelled
from elman.data.read.tables import check_columns, read_table
from elman.errors import InputError

ROWS = [{"day": "2024-01-01", "n": 3}, {"day": "2024-01-02", "n": None}, {"day": "2024-01-03", "n": 5}]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
FORMS = {
    "rows": ROWS,
    "rows under a name": {"of": "the town", "rows": ROWS},
    "columns": COLUMNS,
    "columns with an index": {name: dict(zip("abc", cells, strict=True)) for name, cells in COLUMNS.items()},
    "split": {"columns": ["day", "n"], "index": [0, 1, 2], "data": [list(row.values()) for row in ROWS]},
}


def read(folder: Path, content: object) -> list[dict]:
    path = folder / "table.json"
    path.write_text(json.dumps(content, indent=1))
    return read_table(path).to_dicts()


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_table_has_the_same_rows(tmp_path, form, caplog):
    caplog.set_level(logging.INFO, "elman")
    assert read(tmp_path, FORMS[form]) == ROWS
    assert ("is an object of columns: day, n" in caplog.text) == form.startswith("columns")


@pytest.mark.parametrize(
    "content", [{"a": [1, 2], "b": [1]}, {"a": {"x": 1}, "b": {"y": 2}}, {"a": 1, "b": [2]}]
)
def test_other_objects_are_no_tables_of_columns(tmp_path, content):
    with pytest.raises(InputError, match=r"table\.json: line 1: must be a JSON object.* an array of objects"):
        read(tmp_path, content)


def test_objects_in_a_column_are_named(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(
        "".join(
            json.dumps({"said": {"by": "me", "words": f"a {k}"}, "tone": "ab"[k % 2]}) + "\n"
            for k in range(9)
        )
    )
    told = r"'said' holds objects of by, words: write these as columns of their own"
    with pytest.raises(InputError, match=told):
        read_labelled(path, Columns())
    with pytest.raises(InputError, match="has no column 'text'; columns: said, tone; " + told):
        check_columns(read_table(path), ["text"], path)
