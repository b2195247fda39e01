"""The picture of a forecast: what is drawn is what was given."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import elman.pictures.forecast as forecast_picture
from elman.data.series.panel import Columns
from elman.data.series.read import make_panel
from elman.pictures.base import new_figure
from elman.pictures.forecast import Forecast, as_drawn, draw_forecasts, plot_forecast


def example(name: str = "a", dates: bool = False, actual: bool = True) -> Forecast:
    steps = np.arange(8)
    median = np.array([3.0, 4, 5])
    return Forecast(
        name,
        "sales",
        np.datetime64("2024-01-01") + steps if dates else steps,
        np.array([1.0, 2, np.nan, 4, 5]),
        median + 0.5 if actual else None,
        median,
        {95: (median - 2, median + 2), 80: (median - 1, median + 1)},
    )


def test_history_median_and_fans_stand_where_they_belong():
    axes = new_figure().subplots()
    plot_forecast(axes, example())
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    assert set(lines) == {"history", "actual", "median"}
    assert lines["history"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert lines["median"].tolist() == [[5, 3], [6, 4], [7, 5]]
    assert lines["actual"][:, 1].tolist() == [3.5, 4.5, 5.5]
    fans = {fan.get_label(): fan.get_paths()[0].vertices for fan in axes.collections}
    assert list(fans) == ["95 % interval", "80 % interval"]  # the widest behind
    for level, width in (("95 % interval", 2), ("80 % interval", 1)):
        first = fans[level][fans[level][:, 0] == 5]
        assert {first[:, 1].min(), first[:, 1].max()} == {3 - width, 3 + width}
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("a", "time", "sales")


def test_what_is_not_known_yet_is_not_drawn():
    axes = new_figure().subplots()
    plot_forecast(axes, example(actual=False))
    assert "actual" not in [line.get_label() for line in axes.lines]


def test_the_outer_axes_of_several_are_named(tmp_path: Path, monkeypatch):
    figures = []
    monkeypatch.setattr(forecast_picture, "save_figure", lambda figure, path: figures.append(figure))
    draw_forecasts([example(str(k)) for k in range(3)], tmp_path / "picture.png")
    names = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figures[0].axes[:3]]
    assert names == [("", "sales"), ("time", ""), ("time", "sales")]


@pytest.mark.parametrize("layout", ["one", "wide"])
def test_the_values_have_their_columns_name(layout):
    """In a table with a column for each series, no column is the values' name."""
    days = [f"2024-01-{day:02d}" for day in range(1, 21)]
    other, columns = {}, Columns()
    if layout == "wide":
        other, columns = {"pears": range(20)}, Columns(layout="wide")
    table = pl.DataFrame({"day": days, "apples": range(20), **other})
    panel = make_panel([(table, Path("fruit.csv"))], columns)
    drawn = as_drawn(panel, 0, 15, np.zeros((3, 3)), [80])
    assert (drawn.name, drawn.column) == ("apples", "value" if layout == "wide" else "apples")


@pytest.mark.parametrize("number", [1, 3])
def test_some_series_make_one_file(tmp_path: Path, number):
    draw_forecasts([example(str(k), dates=True) for k in range(number)], tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[1:4] == b"PNG"
    assert len(list(tmp_path.iterdir())) == 1
