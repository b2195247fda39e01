"""What spreadsheets leave in tables of series: fiscal years, days as numbers, merged cells."""

import logging

import numpy as np
import pytest

from elman.data.series.panel import Columns
from elman.data.series.read import read_panel
from elman.errors import InputError


def panel(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return read_panel([path], Columns())


@pytest.mark.parametrize(
    ("form", "step"),
    [
        ("FY{0}", "YS"),
        ("FY {0}/{1:02}", "YS"),
        ("FY{2:02}", "YS"),
        ("GJ {0}", "YS"),
        ("FY{0} Q{3}", "QS"),
    ],
)
def test_fiscal_years_are_times_and_are_written_as_they_were(tmp_path, form, step):
    months = [(2003 + k // 4, k % 4 + 1) if step == "QS" else (2003 + k, 1) for k in range(12)]
    cells = [form.format(year, (year + 1) % 100, year % 100, quarter) for year, quarter in months]
    found = panel(tmp_path / "f.csv", "period,revenue", [(cell, k) for k, cell in enumerate(cells)])
    assert str(found.frequency).startswith(step)
    assert found.y.tolist() == list(range(12))
    again = found.ds(found.times(np.zeros(12, np.int64), np.arange(12)))
    assert again.to_list() == cells


def test_days_of_excel_are_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = tmp_path / "days.csv"
    found = panel(path, "Datum,sold", [(44197 + k, k % 7) for k in range(30)])
    assert len(found.y) == 30
    told = "Datum holds plain numbers such as 44197, which is 2021-01-01 in Excel: write dates"
    assert any(told in line for line in caplog.messages)
    caplog.clear()
    panel(path, "step,sold", [(44197 + k, k % 7) for k in range(30)])
    panel(path, "date,sold", [(2000 + k, k % 7) for k in range(30)])
    assert not any("Excel" in line for line in caplog.messages)


def test_a_name_in_the_first_row_of_a_series_alone_is_refused(tmp_path):
    rows = [({0: "north", 6: "south"}.get(k, ""), 2010 + k % 6, k) for k in range(12)]
    with pytest.raises(InputError, match="column 'area' names a series only in the first of its rows"):
        panel(tmp_path / "m.csv", "area,year,sold", rows)
