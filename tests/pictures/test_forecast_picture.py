"""The picture of a forecast: what is drawn is what was given."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from elman.pictures.base import new_figure
from elman.pictures.forecast import Forecast, draw_forecasts, plot_forecast


def example(name: str = "a", dates: bool = False, actual: bool = True) -> Forecast:
    steps = np.arange(8)
    median = np.array([3.0, 4, 5])
    return Forecast(
        name,
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
    assert axes.get_title() == "a"


def test_what_is_not_known_yet_is_not_drawn():
    axes = new_figure().subplots()
    plot_forecast(axes, example(actual=False))
    assert "actual" not in [line.get_label() for line in axes.lines]


@pytest.mark.parametrize("hours", [1, 5, 24, 70, 24 * 90, 24 * 365 * 9])
def test_dates_on_the_axis_do_not_touch(hours):
    figure = new_figure(5, 2.4)
    axes = figure.subplots()
    times = np.datetime64("2024-01-30T22:00:00") + np.arange(8) * np.timedelta64(hours * 450, "s")
    plot_forecast(axes, replace(example(), times=times))
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
    assert len(boxes) >= 3
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


@pytest.mark.parametrize("number", [1, 3])
def test_some_series_make_one_file(tmp_path: Path, number):
    draw_forecasts([example(str(k), dates=True) for k in range(number)], tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[1:4] == b"PNG"
    assert len(list(tmp_path.iterdir())) == 1
