"""What errors and sizes say to try, on runs of numeric sequences made to be wrong."""

import numpy as np
import pytest
from tiny_classifier import TINY

from elman.tasks.classification.task import SequenceClassifier
from elman.tasks.regression.options import RegressionConfig
from elman.tasks.regression.task import SequenceRegressor
from elman.tasks.shared.sequence_advice import (
    rare_remedies,
    rocket_remedies,
    sequence_figures,
    sequence_remedies,
)


def made(kind: str, number: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Returns noise [N, 12, 1], and numbers [N] that follow from what the kind says."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(number, 12, 1)), random.normal(size=number)
    if kind == "level":
        x += 3 * y[:, None, None]
    if kind == "changes":
        x *= np.exp(y)[:, None, None]
    if kind == "large":
        x *= 1000
    return x, y


OF_NUMBERS = {"hidden_size": 4, "epochs": 1, "learning_rate": 1e-4, "rocket": "none"}


@pytest.mark.parametrize(
    ("kind", "options", "flags", "why"),
    [
        ("level", {"centre": "own"}, "--centre both", "mean, which is not read"),
        ("changes", {"differences": False}, "--differences", "mean change from step to step"),
        ("large", {"standardise": False}, "--standardise", "from 1e+03 to 1e+03"),
        ("noise", {"frame": 6}, "--frame 1", "6 steps at once leave 2 of a typical sequence"),
        ("noise", {"augment": 0.0}, "--augment 1.0", "26 sequences are few"),
        ("noise", {}, None, None),
        ("level", {}, None, None),
    ],
)
def test_a_regression_made_to_be_wrong_is_told_what_is_wrong(tmp_path, kind, options, flags, why):
    x, y = made(kind)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    split = (0.32, 0.6, 0.08) if "augment" in options else (0.5, 0.4, 0.1)
    task = SequenceRegressor(**OF_NUMBERS, split=split, **options).train([tmp_path / "a.npz"])
    tried = task.results["what_to_try"]
    assert len(tried) <= 3
    if flags is None:
        assert not list(sequence_remedies(task.config, task.results))
        return
    assert tried[0]["flags"] == flags
    assert why in tried[0]["why"]
    assert f"  {flags}: {tried[0]['why']}" in task.report()


@pytest.mark.parametrize(
    ("kind", "options", "flags", "why"),
    [
        ("level", {"centre": "own"}, "--centre both", "mean, which is not read"),
        ("noise", {"max_length": 6}, "--max-length 0", "100% of the sequences are longer"),
        ("large", {"standardise": False}, "--standardise", "a network learns from values near 1"),
    ],
)
def test_a_classification_made_to_be_wrong_is_told_what_is_wrong(kind, options, flags, why):
    x, y = made(kind)
    labels = np.where(y > 0, "high", "low")
    task = SequenceClassifier(**TINY | OF_NUMBERS | options)
    task.fit(x[:40], labels[:40], validation=(x[40:], labels[40:]))
    assert task.results["what_to_try"][0]["flags"] == flags
    assert why in task.results["what_to_try"][0]["why"]


def test_long_sequences_of_single_steps_get_frames():
    x = np.zeros((3, 1000, 1))
    found = sequence_figures(list(x), [], np.zeros((0, 1)))
    (remedy,) = sequence_remedies(RegressionConfig(frame=1), {"residuals": found})
    assert (remedy.flags, "1,000 frames" in remedy.why) == ("--frame 10", True)
    assert not list(sequence_remedies(RegressionConfig(frame=10), {"residuals": found}))


def test_few_validation_sequences_and_chance_say_nothing():
    random = np.random.default_rng(1)
    for number in (0, 1, 15):
        level = random.normal(size=(number, 1))
        items = [np.full((4, 1), value) for value in level[:, 0]]
        assert sequence_figures([np.ones((4, 1))], items, level)["level"] == 0
    level = random.normal(size=(40, 1))
    items = [np.full((4, 1), value) for value in level[:, 0]]
    assert sequence_figures([np.ones((4, 1))], items, level)["level"] == pytest.approx(1)
    assert sequence_figures([np.ones((4, 1))], items, random.normal(size=(40, 1)))["level"] == 0


def test_sizes_of_columns_and_steps_by_hand():
    training = [np.array([[3.0, 0.0], [4.0, 0.0]]), np.array([[5.0, 0.0]] * 6)]
    found = sequence_figures(training, [], np.zeros((0, 2)), limit=4)
    assert (found["sequences"], found["outputs"], found["steps"], found["cut"]) == (2, 2, 3, 0.5)
    assert found["largest"] == found["smallest"] == pytest.approx(np.sqrt((9 + 16 + 150) / 8))


def test_a_network_behind_minirocket_gets_its_features():
    ahead = ["linear regression", "MiniRocket + ridge"]
    (remedy,) = rocket_remedies(RegressionConfig(rocket="none"), ahead)
    assert remedy.flags == "--rocket auto"
    assert not list(rocket_remedies(RegressionConfig(), ahead))
    assert not list(rocket_remedies(RegressionConfig(rocket="none"), ahead[:1]))


def test_a_rare_label_that_is_never_found_gets_weight():
    labels = {"often": {"examples": 50, "recall": 0.9}, "rare": {"examples": 5, "recall": 0.0}}
    (remedy,) = rare_remedies(labels)
    assert remedy.flags == "--class-weights balanced"
    assert remedy.why.startswith("rare is rare")
    labels["rare"] = {"examples": 5, "recall": 0.2}
    assert not list(rare_remedies(labels))
    assert not list(rare_remedies({}))
