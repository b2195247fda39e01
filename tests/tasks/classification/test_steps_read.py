"""What the network of a classifier or regressor reads of numeric sequences, by its options."""

import json

import numpy as np
import pytest
from tiny import SMALL
from tiny_classifier import numbers

import elman
from elman.errors import InputError
from elman.tasks.classification.task import SequenceClassifier
from elman.tasks.regression.task import SequenceRegressor

OPTIONS = SMALL | {"rocket": "none", "epochs": 1}
SMALLEST = {"centre": "none", "differences": False, "frame": 1}


def layer_of(task):
    """The layer of a task's network, or of the first of several."""
    return getattr(task.model, "each", [task.model])[0].layer


@pytest.mark.parametrize("kind", [SequenceClassifier, SequenceRegressor])
@pytest.mark.parametrize(
    ("options", "inputs"),
    [
        ({}, 6),
        (SMALLEST, 2),
        ({"centre": "own", "differences": False}, 2),
        ({"centre": "none", "frame": 3}, 12),
    ],
)
def test_the_network_has_an_input_for_each(kind, options, inputs):
    x, y, lengths = numbers()
    task = kind(**OPTIONS | options).fit(x, y if kind is SequenceClassifier else x.sum((1, 2)), lengths)
    assert layer_of(task).weight_ih_l0.shape[1] == inputs
    excerpt = task.excerpt()
    assert len(excerpt.features) == excerpt.batch.inputs.values.shape[2] == inputs


def test_answers_do_not_vary_and_a_sequence_less_its_mean_has_no_level():
    x, y, lengths = numbers()
    task = SequenceClassifier(**OPTIONS, centre="own").fit(x, y, lengths)
    p = task.predict_proba(x, lengths)
    np.testing.assert_array_equal(task.predict_proba(x, lengths), p)
    np.testing.assert_allclose(task.predict_proba(x + np.array([5.0, 3e4]), lengths), p, atol=1e-4)


def test_training_varies_only_if_it_is_to():
    x, y, lengths = numbers()

    def weights(**options: float) -> np.ndarray:
        task = SequenceClassifier(**OPTIONS, **options).fit(x, y, lengths)
        return layer_of(task).weight_ih_l0.detach().numpy()

    assert np.array_equal(weights(augment=0.0), weights(augment=0.0))
    assert np.array_equal(weights(), weights())
    assert not np.array_equal(weights(), weights(augment=0.0))


def test_long_sequences_are_read_in_frames():
    x = np.random.default_rng(0).normal(size=(20, 250))
    task = SequenceClassifier(**OPTIONS).fit(x, [0, 1] * 10)
    assert task.config.frame == 3
    assert SequenceClassifier(**OPTIONS, max_length=150).fit(x, [0, 1] * 10).config.frame == 2


def test_a_run_without_these_options_reads_the_steps_alone(tmp_path):
    x, y, lengths = numbers()
    task = SequenceClassifier(**OPTIONS | SMALLEST, augment=0.0).fit(x, y, lengths)
    task.save(tmp_path / "run")
    path = tmp_path / "run/config.json"
    content = json.loads(path.read_text())
    for name in (*SMALLEST, "augment", "rocket"):
        del content["config"][name]
    path.write_text(json.dumps(content))
    loaded = elman.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict_proba(x, lengths), task.predict_proba(x, lengths))


def test_another_training_starts_from_what_a_run_reads(tmp_path):
    x, y, lengths = numbers()
    first = SequenceClassifier(**OPTIONS, centre="own", frame=2).fit(x, y, lengths, out=tmp_path / "run")
    again = SequenceClassifier(pretrained=tmp_path / "run", epochs=1, rocket="none").fit(x, y, lengths)
    assert (again.config.centre, again.config.frame) == ("own", 2)
    assert layer_of(first).weight_ih_l0.shape == layer_of(again).weight_ih_l0.shape
    with pytest.raises(InputError, match=r"--centre must be 'own', as in .*Got 'none'"):
        SequenceClassifier(pretrained=tmp_path / "run", centre="none").fit(x, y, lengths)


@pytest.mark.parametrize(("option", "value"), [("frame", 0), ("augment", -1.0), ("augment", 6.0)])
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(InputError, match=f"--{option} must be"):
        SequenceClassifier(**{option: value})
