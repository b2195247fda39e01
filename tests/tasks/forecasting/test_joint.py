"""Unlike networks, each with windows of its own, trained together and combined."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest
import torch
from tiny import sales
from tiny_forecaster import OPTIONS, frame

import elman
from elman.baselines.backtest import LEVELS
from elman.cli import main
from elman.errors import InputError
from elman.inspect.findings import look
from elman.tasks.forecasting.facts import with_model
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.forecasting.task import Forecaster

JOINT = OPTIONS | {"model": "direct+es-rnn", "ensemble": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("joint")
    (folder / "sales.csv").write_text(sales(future=0))
    return Forecaster(**JOINT).train(folder / "sales.csv", folder / "run")


def test_each_kind_of_network_has_members_and_windows_of_its_own(run):
    networks = run.answers.networks
    assert list(networks) == ["direct", "es-rnn"]
    assert [len(own.members) for own in networks.values()] == [2, 1]
    (batch,) = run.data.parts().validation.epoch()
    direct, smoothed = batch.kinds
    assert smoothed.inputs.context > direct.inputs.context  # two seasons to begin with
    # the same forecasts; one in units above the last target, the other as they are
    last = direct.inputs.values.flip(0)[0]
    assert torch.equal(last, torch.zeros_like(last))
    raised = direct.targets.values + (smoothed.targets.values - direct.targets.values)[:1]
    torch.testing.assert_close(smoothed.targets.values, raised)


def test_both_are_trained_by_the_mean_of_their_losses(run):
    model = run.model.train()
    batch = next(run.data.parts().training.epoch())
    torch.manual_seed(0)
    loss, _ = model(batch)
    torch.manual_seed(0)
    each = [own(part)[0] for own, part in zip(model.kinds.values(), batch.kinds, strict=True)]
    mean = sum(own.sum / own.count for own in each) / 2
    model.eval()
    torch.testing.assert_close(loss.sum / loss.count, mean)
    (loss.sum / loss.count).backward()
    assert all(p.grad is not None for own in model.kinds.values() for p in own.members[0].layer.parameters())
    model.zero_grad()


def test_the_combination_weighs_each_and_the_table_shows_each(run):
    methods = ("direct", "es-rnn", "naive", "seasonal naive", "Theta", "ETS")
    assert run.facts.combination.methods == tuple(run.results["weights"]) == methods
    assert list(run.results["alone"]) == ["direct alone", "es-rnn alone"]
    query = run.data.windows.test(run.data.panel)
    answer = run.answers.answer(query, LEVELS)
    weights = run.facts.combination.weights([query.panel.ids[row] for row in query.series])
    points = np.stack([answer.points[name] for name in methods], axis=-1)
    np.testing.assert_allclose(answer.median(), np.einsum("mk,mhk->mh", weights, points))
    lines = run.report().splitlines()
    assert any(line.startswith("es-rnn alone ") for line in lines)


def test_without_a_combination_networks_count_equally():
    task = Forecaster(**JOINT, combination="none", validation_windows=2).fit(frame(sales(30, future=0)))
    query = task.data.windows.validation(task.data.panel)
    each = task.answers._of_networks(query, LEVELS)
    mean = (each["direct"].quantiles + each["es-rnn"].quantiles) / 2
    np.testing.assert_allclose(task.answers.answer(query, LEVELS).quantiles, mean)
    stretches = [own.stretch.tolist() for own in task.answers.networks.values()]
    assert stretches[0] == stretches[1] != [1, 1]


def test_a_loaded_run_forecasts_alike_and_another_models_weights_are_refused(run):
    assert elman.load(run.folder).predict().equals(run.predict())
    path = run.folder / "combination.json"
    content = path.read_text()
    path.write_text(json.dumps(json.loads(content) | {"methods": ["network", "ETS"], "shared": [0.5, 0.5]}))
    with pytest.raises(InputError, match=r"combination.json: methods must hold direct, es-rnn"):
        elman.load(run.folder)
    path.write_text(content)


def test_its_verbs_and_reports_work(run, capsys):
    assert main(["evaluate", str(run.folder), str(run.folder.parent / "sales.csv")]) == 0
    assert main(["show", str(run.folder)]) == 0
    assert "es-rnn alone" in capsys.readouterr().out
    assert look(run, None, 3).sample.features[0] == "y (scaled)"
    assert len(run.cross_validation(frame(), n_windows=2, levels=(80,))) == 5 * 2 * 4


def test_it_starts_from_a_run_like_it(run):
    task = Forecaster(pretrained=run.folder, epochs=1, learning_rate=1e-30).fit(frame())
    assert task.config.model == "direct+es-rnn"
    for name, weights in run.model.state_dict().items():
        if "stretch" not in name and "own_rates" not in name:
            torch.testing.assert_close(task.model.state_dict()[name], weights)


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({}, "direct+es-rnn"),
        ({"model": "recursive"}, "recursive"),
        ({"distribution": "negative-binomial"}, "direct"),
        ({"season": (12, 365)}, "direct"),
        ({"horizon": 100}, "direct"),
    ],
)
def test_what_the_series_allow_is_chosen(run, options, model):
    assert with_model(ForecastingConfig(**options), run.data.panel).model == model


def test_another_series_may_choose_another_model():
    """The choice of a first training is none of the user's, and not kept for the second."""
    options = {name: value for name, value in OPTIONS.items() if name not in ("model", "horizon")}
    task = Forecaster(**options, horizon=2)
    task.fit(frame())
    assert task.config.model == "direct+es-rnn"
    hours = pl.DataFrame(
        {
            "unique_id": "a",
            "ds": pl.datetime_range(pl.datetime(2020, 1, 1), pl.datetime(2020, 2, 20), "1h", eager=True),
        }
    )
    task.fit(hours.with_columns(y=pl.int_range(pl.len()).cast(float) % 24))
    assert task.config.model == "direct"
    assert dataclasses.asdict(task.config)["horizon"] == 2
