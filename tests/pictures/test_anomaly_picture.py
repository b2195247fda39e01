import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from elman.anomalies.anomalies import Analysis
from elman.data.channels.channels import Channels
from elman.pictures.anomalies import draw_anomalies
from elman.pictures.base import BLUE, ORANGE, PALE


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
    wanted = {"blue": to_rgb(BLUE), "pale": to_rgb(PALE), "shade": wash}
    return {name: int((abs(picture[..., :3] - c).max(-1) < 0.02).sum()) for name, c in wanted.items()}


@pytest.mark.parametrize("method", ["dynamic", "likelihood"])
@pytest.mark.parametrize("columns", [1, 2, 9])
def test_series_expectation_and_ranges_are_to_be_seen(tmp_path, method, columns):
    draw_anomalies([analysis(columns, odd=False), analysis(columns)], method, tmp_path / "a.png")
    picture = imread(tmp_path / "a.png")
    panels = min(columns, 6) + 1
    assert picture.shape[:2] == (round(150 * (2 + 1.6 * panels)), 1350)
    assert all(count > 100 for count in colours(picture).values())
    draw_anomalies([analysis(columns, odd=False)], method, tmp_path / "b.png")
    assert colours(imread(tmp_path / "b.png"))["shade"] < 20


def test_missing_values_are_gaps(tmp_path):
    gaps = analysis(1)
    gaps.series.values[50:250] = np.nan
    draw_anomalies([gaps], "dynamic", tmp_path / "a.png")
    draw_anomalies([analysis(1)], "dynamic", tmp_path / "b.png")
    with_gaps, whole = (colours(imread(tmp_path / name))["blue"] for name in ("a.png", "b.png"))
    assert 100 < with_gaps < whole / 2


def test_a_series_of_one_row(tmp_path):
    draw_anomalies([analysis(1, rows=1, odd=False)], "dynamic", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").exists()
