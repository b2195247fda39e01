"""The network's forecasts joined with those of simple methods."""

import json

import numpy as np
import polars as pl
import pytest
from tiny import sales
from tiny_forecaster import OPTIONS

import elman
from elman.baselines.backtest import simple_forecasts
from elman.errors import InputError
from elman.tasks.forecasting.combination import Combination
from elman.tasks.forecasting.query import quantile_levels
from elman.tasks.forecasting.task import Forecaster

SMALL = {
    "model": "direct",
    "horizon": 4,
    "season": (4,),
    "hidden_size": 4,
    "epochs": 1,
    "windows_per_epoch": 40,
}


def walks(series: int, steps: int) -> pl.DataFrame:
    """Random walks with a season of four steps."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(series):
        y = 100 + random.normal(0, 1, steps).cumsum() + np.tile([0.0, 4, 8, 4], steps)[:steps]
        rows.append(pl.DataFrame({"unique_id": f"s{number}", "ds": np.arange(steps), "y": y}))
    return pl.concat(rows)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("combined")
    walks(60, 60).write_csv(folder / "walks.csv")
    return Forecaster(**SMALL).train(folder / "walks.csv", folder / "run")


def test_forecasts_are_the_weighted_mean_and_a_loaded_run_has_the_same(run):
    panel, query = run.data.panel, run.data.windows.test(run.data.panel)
    combination = run.facts.combination
    assert combination.methods == ("network", "naive", "seasonal naive", "Theta", "ETS")
    assert run.results["weights"]["network"] == pytest.approx(combination.shared[0], abs=1e-4)
    found = run.answers.answer(query, quantile_levels((80,)))
    alone = run.answers._of_networks(query, quantile_levels((80,)))["network"]
    simple = simple_forecasts(query.histories(), 4, 4)
    expected = combination.shared[0] * alone.median() + sum(
        weight * simple[name]
        for name, weight in zip(combination.methods[1:], combination.shared[1:], strict=True)
    )
    assert found.median() == pytest.approx(expected)
    low, high = found.intervals((80,))[..., 1], found.intervals((80,))[..., 2]
    assert (low < found.median()).all()
    assert (found.median() < high).all()
    loaded = elman.load(run.folder)
    assert loaded.facts.combination == combination
    again = loaded.answers.answer(loaded.data.windows.test(panel), quantile_levels((80,)))
    assert np.array_equal(again.quantiles, found.quantiles)


def test_the_intervals_of_the_combination_cover_what_they_say(run):
    """Of 60 series with 4 steps, a share of .8 errs by .03, and more as the steps depend on each other."""
    assert run.results["test"]["coverage_80"] == pytest.approx(0.8, abs=0.1)
    assert run.results["test"]["coverage_95"] == pytest.approx(0.95, abs=0.06)


def test_the_table_has_simple_methods_the_network_alone_and_the_combination(run):
    test, alone = run.results["test"], run.results["alone"]["the network alone"]
    assert test["mase"] < alone["mase"]  # a network of four units that has seen forty windows
    assert test["mase"] < run.results["baselines"]["naive"]["mase"]
    lines = run.report().splitlines()
    order = [
        next(k for k, line in enumerate(lines) if line.startswith(name))
        for name in (
            "ETS",
            "the network alone",
            "this model (combination)",
            "weights, chosen on the validation part: ",
        )
    ]
    assert order == sorted(order)


def test_a_long_series_has_weights_of_its_own(tmp_path):
    walks(2, 200).write_csv(tmp_path / "walks.csv")
    run = Forecaster(**SMALL).train(tmp_path / "walks.csv")
    assert run.facts.validation_windows == 5
    assert run.facts.combination.series == ("s0", "s1")
    weights = run.facts.combination.weights(["s1", "new"])
    assert weights[0] == pytest.approx(run.facts.combination.own[1])
    assert weights[1] == pytest.approx(run.facts.combination.shared)


@pytest.mark.parametrize("options", [{"combination": "none"}, {"validation_windows": 0}])
def test_the_network_can_be_left_alone(tmp_path, options):
    (tmp_path / "sales.csv").write_text(sales(future=0))
    run = Forecaster(**OPTIONS | options).train(tmp_path / "sales.csv", tmp_path / "run")
    assert run.facts.combination is None
    assert not (tmp_path / "run/combination.json").exists()
    assert "the network alone" not in run.report()
    assert elman.load(tmp_path / "run").predict().equals(run.predict())


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("methods", ["network", "oracle"], "known"),
        ("shared", [0.5, 0.4], "sum to 1"),
        ("shared", [1.5, -0.5], "at least 0"),
        ("season", 0, "an int in"),
        ("stretch", [0.0, 1.0], "in .0, 100"),
        ("own", [[0.5, 0.5]], "weights of each of the series"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, key, value, rule):
    content = {"methods": ["network", "ETS"], "season": 4, "shared": [0.5, 0.5]}
    path = tmp_path / "combination.json"
    path.write_text(json.dumps(content))
    assert Combination.load(tmp_path).shared == (0.5, 0.5)
    path.write_text(json.dumps(content | {key: value}))
    with pytest.raises(InputError, match=rule) as refused:
        Combination.load(tmp_path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("y", [np.full(60, 50.0), np.zeros(60), 5 + np.arange(60) % 4 * 10.0])
def test_series_that_repeat_themselves_are_left_to_the_methods_that_are_right(y):
    frame = pl.DataFrame({"unique_id": "a", "ds": np.arange(60), "y": y})
    run = Forecaster(**SMALL).fit(frame)
    assert run.results["weights"]["seasonal naive"] > 0.15  # of those that are right
    forecast = run.predict(levels=[80])
    truth = y[:4]  # its next steps
    assert forecast["elman"].to_numpy() == pytest.approx(truth, abs=0.5)
    assert (forecast["elman-lo-80"].to_numpy() <= truth + 1e-6).all()
    assert (forecast["elman-hi-80"].to_numpy() >= truth - 1e-6).all()
