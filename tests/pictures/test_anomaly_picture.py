from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from elman.anomalies.anomalies import Analysis
from elman.data.channels.channels import Channels
from elman.pictures import anomalies
from elman.pictures.anomalies import draw_anomalies, places
from elman.pictures.base import BLUE, GREEN, ORANGE, PALE, new_figure


def analysis(columns: int = 2, rows: int = 300, odd: bool = True) -> Analysis:
    values = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
    errors = 0.01 * values  # too small to be anything
    if odd:
        errors[200:230, -1] = 5
    scores = np.where(np.arange(rows) == 210, 9.0, 0.0) * odd
    names = [f"column {k}" for k in range(columns)]
    series = Channels("", [f"t{k}" for k in range(rows)], values)
    blamed = np.full(rows, columns - 1)
    return Analysis(
        series,
        names,
        values + 5,
        errors,
        scores,
        blamed,
        threshold=5.0,
        smoothing=5,
        history=900,
    )


def colours(picture: np.ndarray) -> dict[str, int]:
    wash = np.asarray(to_rgb(ORANGE)) * 0.25 + 0.75  # the ranges' orange over white
    wanted = {"blue": to_rgb(BLUE), "pale": to_rgb(PALE), "shade": wash, "green": to_rgb(GREEN)}
    return {name: int((abs(picture[..., :3] - c).max(-1) < 0.02).sum()) for name, c in wanted.items()}


@pytest.mark.parametrize(("columns", "method"), [(1, "likelihood"), (2, "dynamic"), (9, "likelihood")])
def test_series_expectation_and_ranges_are_to_be_seen(tmp_path, method, columns):
    draw_anomalies([analysis(columns, odd=False), analysis(columns)], method, tmp_path / "a.png")
    picture = imread(tmp_path / "a.png")
    panels = min(columns, 6) + 1
    assert picture.shape[:2] == (round(150 * (2 + 1.6 * panels)), 1350)
    assert all(count > 100 for name, count in colours(picture).items() if name != "green")
    assert colours(picture)["green"] < 20
    draw_anomalies([analysis(columns, odd=False)], method, tmp_path / "b.png")
    assert colours(imread(tmp_path / "b.png"))["shade"] < 20


def test_missing_values_are_gaps(tmp_path):
    gaps = analysis(1)
    gaps.series.values[50:250] = np.nan
    draw_anomalies([gaps], "dynamic", tmp_path / "a.png")
    draw_anomalies([analysis(1)], "dynamic", tmp_path / "b.png")
    with_gaps, whole = (colours(imread(tmp_path / name))["pale"] for name in ("a.png", "b.png"))
    assert 100 < with_gaps < whole / 2


def test_no_line_is_drawn_across_a_long_time_without_rows(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(anomalies, "save_figure", lambda figure, path: figures.append(figure))
    for pause in (5, 300):  # days; rows are a day apart
        days = np.arange(300) + np.where(np.arange(300) < 120, 0, pause)
        times = [str(day) for day in np.datetime64("2024-02-01") + days]
        given = analysis(1)
        draw_anomalies(
            [replace(given, series=replace(given.series, times=times))], "likelihood", tmp_path / "a.png"
        )
    short, long = ([line.get_ydata() for axes in f.axes for line in axes.lines] for f in figures)
    assert len(short) == len(long) == 4  # observed and expected, score and threshold
    for before, after in zip(short, long, strict=True):
        assert len(before) == 300
        assert np.isnan(after[120])
        np.testing.assert_array_equal(np.delete(after, 120), before)


def test_rows_that_come_in_bursts_stay_joined():
    x = np.array([0.0, 1, 2, 100, 101, 102, 200])
    axes = new_figure().subplots()
    anomalies.plot_series(axes, x, x, x, "a")
    assert all(np.isfinite(line.get_ydata()).all() for line in axes.lines)


def test_a_series_of_one_row(tmp_path):
    draw_anomalies([analysis(1, rows=1, odd=False)], "dynamic", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").exists()


def test_labels_and_the_end_of_the_training_part_are_to_be_seen(tmp_path):
    given = analysis(1)
    labels = np.zeros(300, dtype=bool)
    labels[205:225] = True
    given = replace(given, series=replace(given.series, labels=labels))
    draw_anomalies([given], "dynamic", tmp_path / "a.svg", [150])
    text = (tmp_path / "a.svg").read_text()
    for name in ("labelled", "detected", "observed", "expected", "threshold", "end of training part"):
        assert f"<!-- {name} -->" in text
    draw_anomalies([given], "dynamic", tmp_path / "a.png")
    assert colours(imread(tmp_path / "a.png"))["green"] > 100
    draw_anomalies([analysis(1)], "dynamic", tmp_path / "b.svg", [0])
    text = (tmp_path / "b.svg").read_text()
    assert "<!-- labelled -->" not in text
    assert "<!-- end of training part -->" not in text


def test_rows_are_drawn_at_their_times():
    assert places(["2024-01-01", "2024-01-02 12:00"]).dtype.kind == "M"
    assert places(["2024-01-01T00:00+05:30"])[0] == np.datetime64("2024-01-01")  # as it is written
    assert places(["10", "10.5", "30"]).tolist() == [10, 10.5, 30]
    assert places([]).tolist() == []
    assert places(["7"]).tolist() == [7]


def test_rows_of_the_same_time_are_spread_until_the_next():
    assert places(["1", "1", "3", "4", "4"]).tolist() == [1, 2, 3, 4, 4.5]
    days = places(["2024-01-01", "2024-01-01", "2024-01-02"])
    assert days.astype("datetime64[h]").tolist() == [
        datetime(2024, 1, 1),
        datetime(2024, 1, 1, 12),
        datetime(2024, 1, 2),
    ]


def test_rows_in_no_order_are_drawn_by_number():
    for odd in (["b", "a"], ["2024-01-02", "2024-01-01"], ["2024-01-01", "x"], ["3", "3"], ["nan", "1"]):
        assert places(odd).tolist() == [0, 1]


def test_dates_are_written_short(tmp_path):
    times = [str(np.datetime64("2024-02-01") + k) for k in range(300)]
    given = analysis(1)
    given = replace(given, series=replace(given.series, times=times))
    draw_anomalies([given], "likelihood", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<!-- Mar -->" in text
    assert text.count("<!-- 2024 -->") == 1
    assert "<!-- 2024-" not in text
