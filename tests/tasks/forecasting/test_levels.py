"""Levels and signs of series: small swings on a high level, zeros, counts, and histories of other steps."""

import logging

import numpy as np
import polars as pl
import pytest
from tiny_forecaster import OPTIONS, each_model, fitted

from elman.errors import InputError
from elman.tasks.forecasting.task import Forecaster

MONTHS = pl.date_range(pl.date(2010, 1, 1), pl.date(2019, 12, 1), "1mo", eager=True)


def table(*series: np.ndarray, dates: pl.Series = MONTHS) -> pl.DataFrame:
    frames = [
        pl.DataFrame({"unique_id": f"s{k}", "ds": dates[: len(y)], "y": y.astype(float)})
        for k, y in enumerate(series)
    ]
    return pl.concat(frames)


def waves(level: float, swing: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.15, len(MONTHS))
    return level + swing * (np.sin(np.arange(len(MONTHS)) * np.pi / 6) + noise)


@pytest.mark.parametrize("model", ["direct", "recursive"])
def test_small_swings_on_a_high_level_are_forecast_as_around_zero(model):
    options = OPTIONS | {
        "model": model,
        "scaling": "standard",
        "season": (12,),
        "epochs": 8,
        "hidden_size": 16,
    }
    options |= {"epochs": 8, "windows_per_epoch": 64, "batch_size": 16, "learning_rate": 0.02, "horizon": 6}
    errors = {}
    for level, swing in ((0.0, 1.0), (1e6, 1.0), (1e9, 5.0)):
        y = np.stack([waves(level, swing, seed) for seed in range(3)])
        found = Forecaster(**options).fit(table(*y[:, :-6])).predict()["elman"].to_numpy().reshape(3, 6)
        naive = np.abs(y[:, -18:-12] - y[:, -6:]).mean()
        errors[level] = np.abs(found - y[:, -6:]).mean() / naive
    assert errors[1e6] < 1.1 * errors[0.0]
    assert errors[1e9] < 1.1 * errors[0.0]
    assert errors[1e9] < 1.5


@each_model
def test_series_that_were_never_negative_are_forecast_without_negative_values(model):
    falling = [np.linspace(30, 0.4 + k / 10, len(MONTHS)) for k in range(3)]
    found = fitted(table(*falling), model=model).predict(levels=(80, 95))
    assert found.select(pl.exclude("unique_id", "ds")).min_horizontal().min() >= 0


def test_forecasts_go_below_zero_if_asked_or_if_the_series_did():
    falling = [np.linspace(30, 0.1 + k / 10, len(MONTHS)) for k in range(3)]
    lowest = "elman-lo-95"
    bounded, free = (fitted(table(*falling), below_zero=below) for below in (False, True))
    assert (bounded.facts.bounded, free.facts.bounded) == ("all", "none")
    assert bounded.predict(levels=(95,))[lowest].min() >= 0
    assert free.predict(levels=(95,))[lowest].min() < 0
    assert bounded.predict(table(*(y - 15 for y in falling)), levels=(95,))[lowest].min() < 0
    mixed = fitted(table(falling[0], falling[1] - 15))
    assert mixed.facts.bounded == "long"
    ends = mixed.predict(levels=(95,)).group_by("unique_id", maintain_order=True).min()[lowest]
    assert ends[0] >= 0 > ends[1]


@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e6])
@pytest.mark.parametrize("model", ["direct", "recursive"])
def test_a_series_of_zeros_is_forecast_as_zeros_in_any_unit(model, unit):
    series = table(*(unit * waves(9, 3, seed) for seed in range(3)))
    task = fitted(series, model=model, scaling="mean", combination="none")
    ended = np.concatenate([unit * waves(9, 3)[:60], np.zeros(60)])
    found = task.predict(table(np.zeros(120), ended), levels=(80,))
    assert found.select(pl.exclude("unique_id", "ds")).to_numpy().tolist() == [[0.0] * 3] * 8


def test_a_history_with_other_steps_is_refused():
    task = fitted(table(waves(9, 3)))
    quarters = table(waves(9, 3)).gather_every(3)
    with (
        pytest.warns(UserWarning, match="steps without a row"),
        pytest.raises(InputError, match=r"'s0': targets must be 1 step of MS apart.* Got 3 steps"),
    ):
        task.predict(quarters)
    days = pl.date_range(pl.date(2010, 1, 1), pl.date(2010, 5, 1), "1d", eager=True)
    with pytest.raises(InputError, match=r"trained on steps of MS. Here, rows are mostly 1 day apart"):
        task.predict(table(waves(9, 3), dates=days))
    ends = table(waves(9, 3)).with_columns(pl.col("ds").dt.month_end())
    assert task.predict(ends)["ds"].to_list() == sorted(task.predict()["ds"].dt.month_end())


def test_series_shorter_than_the_models_window_are_named(caplog):
    caplog.set_level(logging.INFO, "elman")
    task = fitted(table(waves(9, 3), waves(9, 3)[:12]))
    context = task.answers.windows.context
    line = next(record.message for record in caplog.records if "model reads" in record.message)
    assert f"1 of 2 series have fewer than the {context} steps" in line
    assert "first: unique_id 's1' with " in line
    caplog.clear()
    task.predict(table(waves(9, 3)[:5], waves(9, 3)))
    assert "forecast from what they have; the first: unique_id 's0' with 5" in caplog.text


@pytest.mark.parametrize(
    ("lowest", "change"),
    [
        ("zeros", lambda y: np.maximum(np.round(y - y.mean()), 0)),
        ("negative", lambda y: y - 2 * y.max()),
        ("both signs", lambda y: y - y.mean()),
        ("small swings on a high level", lambda y: 1e6 + (y - y.mean()) / y.std()),
        ("small swings on a low level", lambda y: -1e6 + (y - y.mean()) / y.std()),
    ],
)
def test_es_rnn_learns_series_without_logarithms(lowest, change, caplog):
    caplog.set_level(logging.INFO, "elman")
    values = change(50 + 20 * np.sin(2 * np.pi * np.arange(84) / 12) + np.arange(84) % 5)
    options = {"hidden_size": 16, "epochs": 5, "windows_per_epoch": 64, "learning_rate": 0.02}
    task = fitted(table(values[:72]), model="es-rnn", horizon=12, season=(12,), **options)
    found = task.predict()
    errors = np.abs(found["elman"].to_numpy() - values[72:])
    assert errors.mean() < 0.5 * np.abs(values[72:] - values[72:].mean()).mean()
    if lowest == "zeros":
        assert (found["elman-lo-95"] >= 0).all()
    told = [r.message for r in caplog.records if "shifted to be positive for --model es-rnn" in r.message]
    assert len(told) == (lowest != "small swings on a high level")


def test_es_rnn_takes_series_of_zeros_alone_and_first_zeros_after_training():
    zeros, late = np.zeros(60), np.repeat([5.0, 0.0], [50, 10])
    found = fitted(table(zeros, late), model="es-rnn", season=(12,), epochs=1).predict()
    assert found["elman"].is_finite().all()
    assert found["elman"][:4].to_numpy() == pytest.approx([0] * 4, abs=0.2)
