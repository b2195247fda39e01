"""MiniRocket's features and summaries beside the network of a regressor."""

import json

import numpy as np
import pytest
from tiny import SMALL

import elman
from elman.errors import InputError
from elman.metrics.pool import fit_sum
from elman.tasks.regression.task import SequenceRegressor
from elman.tasks.regression.wide import Known, learn


@pytest.fixture(scope="module", autouse=True)
def few_features():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elman.baselines.minirocket.MOST", 336)
        yield


def data(number: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise of unlike lengths, whose deviation is the target; in large units."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(1, 5, size=number)
    return 500 + y[:, None, None] * rng.normal(size=(number, 30, 1)), 1e3 * y, rng.integers(20, 31, number)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rocket")
    x, y, lengths = data()
    np.savez(folder / "a.npz", x=x, y=y, lengths=lengths)
    options = SMALL | {"split": (0.5, 0.2, 0.3)}
    return SequenceRegressor(**options).train([folder / "a.npz"], folder / "run"), folder


def test_a_report_has_three_rows_and_the_simple_methods(run):
    task, _ = run
    alone, baselines = task.results["alone"], task.results["baselines"]
    assert [*alone] == ["the features alone", "the network alone"]
    assert "MiniRocket + ridge" in baselines
    assert alone["the features alone"]["rmse"] < 0.6 * baselines["mean"]["rmse"]
    assert task.results["test"]["rmse"] < alone["the network alone"]["rmse"]
    assert "this model (network and features)" in task.report()
    assert "features of minirocket and summaries; their predictions count" in task.report()


def test_a_loaded_run_predicts_the_same(run):
    task, folder = run
    loaded = elman.load(folder / "run")
    x, y, lengths = data(20, seed=1)
    np.testing.assert_array_equal(loaded.predict(x, lengths), task.predict(x, lengths))
    assert loaded.facts == task.facts
    assert task.score(x, y, lengths) > 0.5


def test_none_is_the_network_alone_and_facts_name_no_wide_part(run, tmp_path):
    _, folder = run
    task = SequenceRegressor(**SMALL, rocket="none").train([folder / "a.npz"], tmp_path / "run")
    assert "alone" not in task.results
    path = tmp_path / "run/config.json"
    content = json.loads(path.read_text())
    assert "wide" not in content["facts"]
    content["facts"]["wide"] = None
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"config\.json: unknown option 'wide'"):
        elman.load(tmp_path / "run")


def test_weights_and_several_outputs_reach_it():
    x, y, lengths = data(60)
    two = np.stack([y, -y], 1)
    task = SequenceRegressor(**SMALL).fit(x, two, lengths, sample_weight=np.ones(60))
    assert task.predict(x, lengths).shape == (60, 2)
    assert task.score(x, two, lengths) > 0.3
    assert SequenceRegressor(**SMALL).fit(x[:5], two[:5], lengths[:5]).facts.wide is None  # too few


def test_the_better_part_counts_more():
    rng = np.random.default_rng(0)
    items = [rng.normal(size=(20, 1)).astype(np.float32) for _ in range(80)]
    targets = rng.normal(size=(80, 1))
    known = Known(items, targets, np.ones(80), np.arange(80) >= 50)
    _, found = learn(known, targets[50:] + 0.1 * rng.normal(size=(30, 1)))
    assert found["shares"][0] > 0.8 > 0.5 > found["shares"][1]
    assert found["joined_squared_error"] < 0.1 < found["features_squared_error"]


def test_a_sum_of_predictions_by_hand():
    targets, ones = np.full((50, 1), 3.0), np.ones((50, 1))
    weights = fit_sum(targets, [ones, 0 * ones], [1.0, 0.5])
    # the least of 50 (3 − w)² / (2 · 4) + ln(w)² / 2; what is 0 keeps its weight
    w = np.linspace(2, 4, 20001)
    assert weights[0] == pytest.approx(w[np.argmin(50 * (3 - w) ** 2 / 8 + np.log(w) ** 2 / 2)], abs=1e-3)
    assert weights[1] == pytest.approx(0.5)
    none = np.zeros((0, 1))
    assert fit_sum(none, [none, none], [0.3, 0.7]).tolist() == pytest.approx([0.3, 0.7])


def test_few_examples_leave_the_mean_of_network_and_features_and_many_do_not():
    random = np.random.default_rng(0)
    for number, least, most in ((10, 0.4, 0.9), (2000, 0.95, 1.1)):
        items = [random.normal(size=(12, 1)).astype(np.float32) for _ in range(number + 20)]
        targets = random.normal(size=(number + 20, 1))  # nothing to learn from the items
        known = Known(items, targets, np.ones(number + 20), np.arange(number + 20) >= 20)
        _, found = learn(known, targets[20:])
        assert least < found["shares"][0] < most
