"""Excel sheets are read like other tables; the library that unpacks them is optional."""

import logging
import zipfile
from html import escape

import numpy as np
import pytest

from elman.data.labelled.columns import Columns
from elman.data.labelled.files import read_labelled
from elman.data.read import excel
from elman.data.read.tables import read_table
from elman.data.series.panel import Columns as SeriesColumns
from elman.data.series.read import read_panel
from elman.errors import InputError

_NAMES = "http://schemas.openxmlformats.org"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def relations(target: str, kind: str) -> str:
    namespace = f"{_NAMES}/package/2006/relationships"
    link = (
        f'<Relationship Id="r1" Type="{_NAMES}/officeDocument/2006/relationships/{kind}" Target="{target}"/>'
    )
    return f'{_HEAD}<Relationships xmlns="{namespace}">{link}</Relationships>'


def sheet(path, rows):
    """Writes the least that is an Excel file: one sheet of texts, numbers and empty cells."""
    main = f"{_NAMES}/spreadsheetml/2006/main"
    kinds = {"workbook.xml": "sheet.main", "worksheets/sheet1.xml": "worksheet"}
    types = "".join(
        f'<Override PartName="/xl/{name}" '
        f'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml"/>'
        for name, kind in kinds.items()
    )
    default = (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
    )
    links = f'xmlns="{main}" xmlns:r="{_NAMES}/officeDocument/2006/relationships"'
    tab = '<sheet name="a" sheetId="1" r:id="r1"/>'
    lines = ["".join(map(_cell, row)) for row in rows]
    body = "".join(f"<row>{line}</row>" for line in lines)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_NAMES}/package/2006/content-types">{default}{types}</Types>',
        "_rels/.rels": relations("xl/workbook.xml", "officeDocument"),
        "xl/workbook.xml": f"<workbook {links}><sheets>{tab}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations("worksheets/sheet1.xml", "worksheet"),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content if content.startswith(_HEAD) else _HEAD + content)
    return path


def _cell(value: object) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


MONTHS = [[f"2020-{month:02}", 1.5 * month] for month in range(1, 9)]


def test_texts_and_labels_of_a_sheet(tmp_path):
    pytest.importorskip("fastexcel", reason="fastexcel, which reads Excel files, is not installed")
    rows = [["review", "stars"], ["a fine film & more", 5], ["dull", 1], ["quite fine", 5], ["very dull", 1]]
    part = read_labelled(sheet(tmp_path / "r.xlsx", rows), Columns())
    assert part.items == [(row[0],) for row in rows[1:]]
    assert part.labels == [("5",), ("1",), ("5",), ("1",)]


@pytest.mark.parametrize("above", [[], [["Visitors"], ["Source: town hall"], [None, None]]])
def test_a_series_of_a_sheet_with_a_title_and_a_total(tmp_path, above, caplog):
    pytest.importorskip("fastexcel", reason="fastexcel, which reads Excel files, is not installed")
    caplog.set_level(logging.INFO, "elman")
    path = sheet(tmp_path / "s.xlsx", [*above, ["month", "visitors"], *MONTHS, ["Total", 54]])
    panel = read_panel([path], SeriesColumns())
    np.testing.assert_array_equal(panel.y, [value for _, value in MONTHS])
    assert "the last row is a total and left out: Total" in caplog.text
    assert ("above the table left out ('Visitors')" in caplog.text) == bool(above)


def test_a_source_below_a_sheet_is_left_out(tmp_path, caplog):
    pytest.importorskip("fastexcel", reason="fastexcel, which reads Excel files, is not installed")
    caplog.set_level(logging.INFO, "elman")
    below = [["Summe", 54], ["Quelle: SAP", None]]
    path = sheet(tmp_path / "s.xlsx", [["month", "visitors"], *MONTHS, *below])
    panel = read_panel([path], SeriesColumns())
    np.testing.assert_array_equal(panel.y, [value for _, value in MONTHS])
    assert "1 line below the table left out ('Quelle: SAP')" in caplog.text
    assert "the last row is a total and left out: Summe" in caplog.text


def test_a_sheet_without_the_library_says_what_to_install(tmp_path, monkeypatch):
    def absent(*_arguments: object, **_options: object) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(excel.pl, "read_excel", absent)
    path = sheet(tmp_path / "s.xlsx", [["month", "visitors"], *MONTHS])
    with pytest.raises(
        InputError, match=r"s\.xlsx: needs a library that reads it: pip install 'elman\[excel\]'"
    ):
        read_table(path)


def test_a_damaged_sheet_is_named(tmp_path):
    pytest.importorskip("fastexcel", reason="fastexcel, which reads Excel files, is not installed")
    path = tmp_path / "s.xlsx"
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"s\.xlsx: cannot be read"):
        read_table(path)
