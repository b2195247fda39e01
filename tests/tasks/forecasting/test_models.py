"""What each model of the forecaster learns, and what moves its forecasts."""

import io

import numpy as np
import polars as pl
import pytest
import torch
from tiny import sales, same_bits, weights
from tiny_forecaster import COVARIATES, OPTIONS, each_model, fitted, frame, trained

import elman
from elman.errors import InputError
from elman.registry import names_of_kind
from elman.tasks.forecasting.query import Query, quantile_levels
from elman.tasks.forecasting.task import Forecaster


@pytest.mark.parametrize("distribution", ["student-t", "negative-binomial"])
def test_a_recursive_forecast_does_not_depend_on_the_other_series(distribution):
    table = frame().with_columns(pl.col("y").round() + 1)
    task = fitted(table, model="recursive", distribution=distribution)
    alone = task.predict(table.filter(pl.col("unique_id") == "s2"))
    among = task.predict(table).filter(pl.col("unique_id") == "s2")
    np.testing.assert_allclose(among["elman-lo-80"], alone["elman-lo-80"], rtol=1e-4)


def answer(task: Forecaster, query: Query, levels: tuple[int, ...]) -> pl.DataFrame:
    """A query's forecasts beside what came."""
    found = task.answers.answer(query, quantile_levels(levels))
    return found.frame(levels, with_actual=True)


@each_model
def test_every_input_of_the_first_layer_has_a_name(model, tmp_path):
    task = trained(tmp_path, sales(), model=model, **COVARIATES)
    names = task.excerpt(tmp_path / "sales.csv").features
    assert len(names) == task.model.members[0].layer.input_size
    assert {"y is there", "y, 1 before, is there"} & set(names)
    assert names[-1] == f"weather {task.config.embedding_size}"


@each_model
def test_changing_the_future_moves_no_forecast(tmp_path, model):
    """Scales, categories and weights come from before the test part, and forecasts from before a cutoff."""
    content = sales(future=0)
    options = COVARIATES | {"known_future": (), "model": model}
    table = frame(content)
    late = pl.int_range(pl.len()).over("unique_id") >= pl.len().over("unique_id") - 4
    changed = table.with_columns(
        y=pl.when(late).then(pl.col("y") * 50 + 1).otherwise(pl.col("y")),
        weather=pl.when(late).then(pl.lit("storm")).otherwise(pl.col("weather")),
    )
    one, other = trained(tmp_path, content, **options), trained(tmp_path, changed.write_csv(), **options)
    assert one.facts == other.facts
    assert same_bits(weights(one.model), weights(other.model))
    first, second = (answer(task, task.data.windows.test(task.data.panel), (80,)) for task in (one, other))
    assert first.drop("y").equals(second.drop("y"))
    assert one.results["test"] != other.results["test"]


@each_model
def test_it_learns_a_season_better_than_the_last_value(model, tmp_path):
    options = {
        "hidden_size": 16,
        "epochs": 8,
        "windows_per_epoch": 64,
        "learning_rate": 0.02,
        "batch_size": 16,
    }
    task = trained(tmp_path, model=model, season=(12,), **options)
    assert task.results["test"]["smape"] < 0.6 * task.results["baselines"]["naive"]["smape"]


@pytest.mark.parametrize("distribution", names_of_kind("heads", "Distribution"))
@each_model
def test_every_distribution_with_every_model(model, distribution):
    table = frame().with_columns(pl.col("y").round() + 1)
    if model == "es-rnn" and distribution == "negative-binomial":
        with pytest.raises(InputError, match="--distribution must be another for es-rnn"):
            fitted(table, model=model, distribution=distribution)
        return
    found = fitted(table, model=model, distribution=distribution).predict()
    assert found["elman"].is_finite().all()
    if distribution == "negative-binomial":
        assert (found["elman-lo-95"] >= 0).all()


def test_the_scale_of_a_series_does_not_matter():
    big = frame().with_columns(y=pl.col("y") * 1e6)
    for options in ({"scaling": "mean"}, {"scaling": "standard"}, {"model": "es-rnn"}):
        one, other = fitted(**options), fitted(big, **options)
        np.testing.assert_allclose(other.predict()["elman"] / 1e6, one.predict()["elman"], rtol=2e-3)


def test_a_shifted_series_is_forecast_alike_under_standard_scaling():
    up = frame().with_columns(y=pl.col("y") - 500)
    one, other = (fitted(df, scaling="standard", combination="none") for df in (frame(), up))
    np.testing.assert_allclose(other.predict()["elman"] + 500, one.predict()["elman"], atol=0.05)


def test_intervals_are_stretched_by_the_validation_part(tmp_path):
    (tmp_path / "sales.csv").write_text(sales(30, future=0))
    options = OPTIONS | {"validation_windows": 2, "epochs": 1, "windows_per_epoch": 40, "combination": "none"}
    task = Forecaster(**options).train(tmp_path / "sales.csv", tmp_path / "run")
    assert (task.model.stretch != 1).all()
    table = answer(task, task.data.windows.validation(task.data.panel), (80, 95))
    for level in (80, 95):
        inside = table["y"].is_between(table[f"elman-lo-{level}"], table[f"elman-hi-{level}"])
        assert inside.mean() == pytest.approx(level / 100, abs=0.02)
    assert torch.equal(elman.load(tmp_path / "run").model.stretch, task.model.stretch)
    plain = Forecaster(**options | {"validation_windows": 0}).train(tmp_path / "sales.csv")
    assert plain.model.stretch.tolist() == [1, 1]


def test_missing_values_and_gaps_are_neither_targets_nor_inputs():
    table = frame()
    gap = pl.int_range(pl.len()).over("unique_id").is_in([10, 11, 30])
    empty = table.with_columns(y=pl.when(gap).then(None).otherwise(pl.col("y")))
    with pytest.warns(UserWarning, match="steps without a row become missing values"):
        absent = fitted(table.filter(~gap), freq="MS")
    assert same_bits(weights(fitted(empty).model), weights(absent.model))
    with pytest.warns(UserWarning, match="steps without a row"):
        again = absent.predict(table.filter(~gap))
    assert again.equals(absent.predict(empty))


def test_an_ensembles_members_differ_and_its_forecast_is_between():
    task = fitted(ensemble=3)
    alone = [weights(member) for member in task.model.members]
    assert not same_bits(alone[0], alone[1])
    assert task.predict()["elman"].is_finite().all()


def test_what_is_known_ahead_moves_the_forecast_and_must_be_given(tmp_path):
    task = trained(tmp_path, sales(), epochs=4, learning_rate=0.05, **COVARIATES)
    ahead = pl.read_csv(io.StringIO(sales()))
    dear = ahead.with_columns(price=pl.when(pl.col("y").is_null()).then(9).otherwise(pl.col("price")))
    assert not task.predict(ahead, h=3)["elman"].equals(task.predict(dear, h=3)["elman"])
    with pytest.raises(
        InputError, match=r"unique_id 's0', ds 2019-04-01: column 'price' is known ahead and must be given"
    ):
        task.predict(ahead)  # the table goes on for three months, the horizon is four
    with pytest.raises(InputError, match="has no column 'price'"):
        task.predict(ahead.drop("price"))
