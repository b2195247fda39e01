"""A forecast goes one way: the model forecasts each series once, and all that is shown comes from that."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import sales
from tiny_forecaster import OPTIONS, each_model, fitted, frame, trained
from torch import Tensor

import elman
from elman.baselines.backtest import LEVELS
from elman.batch import Window
from elman.cli import main
from elman.models.forecast.ensemble import Ensemble
from elman.pictures import forecast as pictures
from elman.tasks.forecasting import answers
from elman.tasks.forecasting.query import Query, quantile_levels
from elman.tasks.forecasting.task import Forecaster


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[Any, ...]]:
    """How often the model forecast each window, known by what it reads."""
    counts: Counter[tuple[Any, ...]] = Counter()
    plain = Ensemble.quantiles

    def counted(self: Ensemble, window: Window, levels: Tensor) -> Tensor:
        counts.update(map(tuple, window.values.T.tolist()))
        return plain(self, window, levels)

    monkeypatch.setattr(Ensemble, "quantiles", counted)
    return counts


@pytest.fixture
def pictured(monkeypatch: pytest.MonkeyPatch) -> list[pictures.Forecast]:
    """What is drawn, in place of the picture."""
    found: list[pictures.Forecast] = []
    monkeypatch.setattr(answers, "draw_forecasts", lambda forecasts, path: found.extend(forecasts))
    return found


def once(counts: Counter[tuple[Any, ...]], number: int) -> bool:
    return len(counts) == number and set(counts.values()) == {1}


@each_model
def test_training_forecasts_each_window_of_a_part_once(asked, pictured, tmp_path, model):
    (tmp_path / "sales.csv").write_text(sales(future=0))
    task = Forecaster(**OPTIONS | {"model": model}, test_windows=2)
    task.train(tmp_path / "sales.csv", tmp_path / "run")
    assert once(asked, 5 * (1 + 2))  # series × (validation, test)
    assert task.results["test"]["forecasts"] == 5 * 2
    assert len(pictured) == 6
    assert {drawn.name for drawn in pictured} <= {f"s{k}" for k in range(5)}


def test_the_command_forecasts_each_series_once_for_table_and_picture(asked, pictured, tmp_path, capsys):
    trained(tmp_path).save(tmp_path / "run")
    asked.clear()
    assert main(["forecast", str(tmp_path / "run"), "--plot", str(tmp_path / "fan.png")]) == 0
    assert once(asked, 5)
    table = elman.load(tmp_path / "run").predict()
    for drawn in pictured:
        rows = table.filter(unique_id=drawn.name)
        assert drawn.median.tolist() == rows["elman"].to_list()
        for level, (low, high) in drawn.intervals.items():
            assert low.tolist() == rows[f"elman-lo-{level}"].to_list()
            assert high.tolist() == rows[f"elman-hi-{level}"].to_list()
    assert len(pictured) == 5


def test_cross_validation_forecasts_from_each_cutoff_once(asked):
    found = Forecaster(**OPTIONS).cross_validation(frame(), n_windows=3, step_size=2, levels=(50,))
    assert once(asked, 5 * (1 + 3))  # series × (validation, cutoffs)
    assert len(found) == 5 * 3 * 4


def test_evaluating_forecasts_each_window_once(asked):
    task = fitted()
    asked.clear()
    assert task.evaluate(df=frame())["forecasts"] == 5
    assert once(asked, 5)


@each_model
def test_levels_asked_together_are_those_asked_alone(model):
    """So that a picture may be taken from what figures are made of."""
    task = fitted(model=model)
    query = Query.ahead(task.data.panel, 4)
    levels = (80, 95)
    alone = task.answers.answer(query, quantile_levels(levels))
    together = task.answers.answer(query, LEVELS)
    np.testing.assert_allclose(together.intervals(levels), alone.intervals(levels), rtol=1e-6)


def test_levels_in_per_cent_are_those_of_the_figures():
    assert set(quantile_levels((80, 95))) <= set(LEVELS)
    assert quantile_levels((1, 99)) == (0.5, 0.495, 0.505, 0.005, 0.995)


def test_the_test_parts_picture_shows_what_its_figures_are_made_of(pictured, tmp_path: Path):
    (tmp_path / "sales.csv").write_text(sales(future=0))
    task = Forecaster(**OPTIONS).train(tmp_path / "sales.csv", tmp_path / "run")
    errors = [np.abs(drawn.actual - drawn.median).mean() for drawn in pictured]
    assert len(errors) == 5
    assert np.mean(errors) == pytest.approx(task.results["test"]["mae"])
    inside = [
        (drawn.actual >= low) & (drawn.actual <= high)
        for drawn in pictured
        for low, high in [drawn.intervals[80]]
    ]
    assert np.mean(inside) == pytest.approx(task.results["test"]["coverage_80"])
    assert torch.equal(elman.load(tmp_path / "run").model.stretch, task.model.stretch)
