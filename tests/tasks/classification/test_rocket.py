"""MiniRocket's features and summaries beside the network of a classifier of numeric sequences."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_classifier import TINY, numbers

import elman
from elman.baselines.summaries import Summaries
from elman.errors import InputError
from elman.metrics.pool import fit_pool
from elman.tasks.classification.task import SequenceClassifier
from elman.tasks.classification.wide import OF_NUMBERS, Examples, learn, shares_of
from elman.tasks.shared.wide import Wide, trust

BOTH = TINY | {"rocket": "auto"}


@pytest.fixture(scope="module", autouse=True)
def few_features():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elman.baselines.minirocket.MOST", 336)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rocket")
    x, y, lengths = numbers(90)
    np.savez(folder / "a.npz", x=x, y=y, lengths=lengths)
    task = SequenceClassifier(**BOTH, split=(0.5, 0.2, 0.3)).train([folder / "a.npz"], folder / "run")
    return task, folder


def test_a_report_has_three_rows(run):
    task, _ = run
    assert [*task.results["alone"]] == ["the features alone", "the network alone"]
    assert task.results["alone"]["the features alone"]["accuracy"] > 0.8
    report = task.report()
    assert "this model (network and features)" in report
    assert "features of minirocket and summaries; their logits count" in report
    assert task.results["rocket"]["kinds"] == [*OF_NUMBERS]


def test_a_loaded_run_predicts_the_same_by_both_parts(run):
    task, folder = run
    loaded = elman.load(folder / "run")
    x, _, lengths = numbers(8, seed=1)
    np.testing.assert_array_equal(loaded.predict_proba(x, lengths), task.predict_proba(x, lengths))
    part = loaded.read_alike(folder / "a.npz", with_labels=True)
    items = [loaded.scheme.standardised(item) for item in part.items]
    wide = loaded.facts.wide
    expected = wide.shares[0] * task.answers.network_logits(part) + wide.shares[1] * wide.outputs(items)
    np.testing.assert_allclose(loaded.answers.logits(part), expected, rtol=1e-4, atol=1e-5)


def test_none_and_too_many_steps_leave_the_network_alone(run, tmp_path, monkeypatch):
    _, folder = run
    task = SequenceClassifier(**TINY).train([folder / "a.npz"], tmp_path / "run")
    assert "alone" not in task.results
    assert not (tmp_path / "run/rocket.safetensors").exists()
    monkeypatch.setattr("elman.baselines.minirocket._MOST_STEPS", 100)
    x, y, lengths = numbers()
    assert SequenceClassifier(**BOTH).fit(x, y, lengths).facts.wide is None


def test_a_limit_of_steps_holds_for_both_parts():
    x, y, lengths = numbers()
    task = SequenceClassifier(**BOTH, max_length=3).fit(x, y, lengths)
    before, beyond = task.predict_proba(x, lengths), x.copy()
    beyond[:, 3:] = 1e3
    np.testing.assert_array_equal(task.predict_proba(beyond, lengths), before)


def test_several_labels_and_balanced_ones():
    x, y, lengths = numbers()
    several = [[label, "all"] for label in y]
    task = SequenceClassifier(**BOTH | {"class_weights": "balanced", "epochs": 1}).fit(x, several, lengths)
    assert task.score(x, several, lengths) > 0.8


def test_what_counts_is_what_is_said_of_examples_that_were_not_learnt():
    random = np.random.default_rng(0)
    items = [random.normal(size=(20, 1)).astype(np.float32) for _ in range(60)]
    truth = np.eye(2, dtype=np.int64)[np.arange(60) % 2]  # nothing to learn
    examples = Examples(
        items, truth, [str(k % 2) for k in range(60)], np.ones(60), np.arange(60) >= 40, False
    )
    wide, _, found = learn(OF_NUMBERS, examples, 4.0 * truth[40:] - 2)
    assert found["features_log_loss"] > 0.5
    assert found["joined_log_loss"] < 0.3
    assert wide.size == found["features"] == 336 + 7


def test_the_report_proposes_to_leave_out_what_harms(run):
    task, _ = run
    found = task.results["rocket"] | {"joined_log_loss": 0.7, "network_log_loss": 0.6}
    assert [r.flags for r in task.answers.proposals({"rocket": found})] == ["--rocket none"]


def test_a_refused_file_names_itself(run, tmp_path):
    _, folder = run
    path = tmp_path / "rocket.safetensors"
    arrays = load_file(folder / "run/rocket.safetensors")
    for content in (
        arrays | {"bias": np.zeros(3, np.float32)},
        arrays | {"minirocket/counts": np.array([10**9])},
        arrays | {"summaries/scale": -arrays["summaries/scale"]},
        {name: a for name, a in arrays.items() if name != "summaries/mean"},
        arrays | {"other/mean": np.zeros(1)},
    ):
        save_file(content, path)
        with pytest.raises(InputError, match=r"rocket\.safetensors: not the features of this run: "):
            Wide.load(path, 2, "the features of this run")


def test_summaries_by_hand():
    items = [np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[2.0, 7.0]])]
    features = Summaries.learn(items)
    # length; then of each column mean, deviation, minimum, maximum, first and last value
    plain = [[2, 2, 5, 1, 0, 1, 5, 3, 5, 1, 5, 3, 5], [1, 2, 7, 0, 0, 2, 7, 2, 7, 2, 7, 2, 7]]
    np.testing.assert_allclose(features.mean, np.mean(plain, 0))
    np.testing.assert_allclose(
        features.rows(items).numpy() * features.scale + features.mean, plain, atol=1e-6
    )
    assert features.rows([np.array([[1e9, 5.0]])]).abs().max() == 10
    with pytest.raises(ValueError, match="must have 2 columns"):
        features.rows([np.zeros((2, 3))])


@pytest.mark.parametrize(("number", "least", "most"), [(20, 0.0, 0.2), (400, 0.2, 5.0)])
def test_a_network_is_believed_as_far_as_examples_that_chose_its_epoch_can_say(number, least, most):
    random = np.random.default_rng(0)
    truth = np.eye(2, dtype=np.int64)[random.integers(2, size=number)]
    network, features = (2.0 * truth - 1 + random.normal(size=(number, 2)) for _ in range(2))
    shares = shares_of(truth, (network, features), OF_NUMBERS, multi_label=False)
    assert least < shares[0] < most
    assert shares[1] == pytest.approx(1, abs=0.25)


def test_without_a_validation_part_the_shares_are_those_before_anything_is_seen():
    none = np.zeros((0, 2))
    np.testing.assert_allclose(shares_of(none, (none, none), OF_NUMBERS, multi_label=False), [0.5, 1.0])
    assert [trust(number) for number in (0, 100)] == [1.0, 0.5]
    assert trust(20) < trust(2000) < 1


def test_texts_keep_their_shares():
    random = np.random.default_rng(0)
    truth = np.eye(2, dtype=np.int64)[np.arange(20) % 2]
    both = [random.normal(size=(20, 2)) for _ in range(2)]
    found = shares_of(truth, both, ("words", "characters"), multi_label=False)
    np.testing.assert_array_equal(found, fit_pool(truth, both, (0.5, 1.0)))
