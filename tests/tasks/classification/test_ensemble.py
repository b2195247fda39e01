"""Several networks of a classifier, trained at once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_classifier import GOOD, TINY, X, Y, fitted, learnt, numbers, said, trained

import elman
from elman.errors import InputError
from elman.models.classifier_ensemble import ClassifierEnsemble
from elman.tasks.classification.task import SequenceClassifier


def members_p(task, texts):
    """The probabilities by each member."""
    from elman.data.batches.ragged import pad

    tokens = [task.vocabulary.encode(text) for text in texts]
    with torch.inference_mode():
        return torch.stack([member.logits(pad(tokens)).softmax(-1) for member in task.model.each]).numpy()


def test_the_mean_probability_of_different_members_decides():
    task = learnt(ensemble=3)
    assert isinstance(task.model, ClassifierEnsemble)
    each = members_p(task, X[:5])
    assert np.abs(each[0] - each[1]).max() > 1e-4
    np.testing.assert_allclose(task.predict_proba(X[:5]), each.mean(0), atol=1e-5)
    assert task.score(X, Y) > 0.9


def test_of_several_labels_too():
    several = [[y, "all"] for y in Y]
    task = learnt(y=several, ensemble=2)
    assert isinstance(task.model, ClassifierEnsemble)
    assert task.score(X, several) > 0.9


def test_numbers_pairs_and_a_run_folder(here, capsys):
    x, y, lengths = numbers()
    assert learnt(x, y, lengths, ensemble=2).score(x, y, lengths) > 0.8
    Path("a.csv").write_text(GOOD)
    task = trained("a.csv", ensemble=2, epochs=15, learning_rate=0.02)
    loaded = elman.load("run")
    np.testing.assert_array_equal(loaded.predict_proba(X), task.predict_proba(X))
    assert said(capsys, "classify", "run", "--text", X[0], "--explain").startswith(Y[0])
    pair = learnt([(x, x) for x in X], Y, ensemble=2)
    assert [len(words) for words in pair.explain((X[0], X[1]))] == [len(X[0].split()), len(X[1].split())]


def test_explaining_is_the_mean_of_the_members():
    from elman.diagnose.saliency import saliency

    task = learnt(ensemble=2)
    tokens = (task.vocabulary.encode(X[0]),)
    whole = np.array(saliency(task.model, tokens, 0))
    each = [np.array(saliency(member, tokens, 0)) for member in task.model.each]
    np.testing.assert_allclose(whole, np.mean(each, 0), rtol=1e-5)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 3)])
def test_a_run_starts_another_whatever_their_numbers(here, before, after):
    Path("a.csv").write_text(GOOD)
    trained("a.csv", ensemble=before)
    options = {name: TINY[name] for name in ("batch_size", "ngrams")} | {"epochs": 1, "learning_rate": 1e-12}
    task = SequenceClassifier(**options, ensemble=after, pretrained=Path("run")).fit(X, Y)
    first = elman.load("run").model.each
    for number, member in enumerate(task.model.each):
        source = first[number % before]
        torch.testing.assert_close(member.layer.weight_hh_l0, source.layer.weight_hh_l0, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(member.head.weight, source.head.weight, atol=1e-6, rtol=1e-5)


def test_learning_rates_fall_towards_the_embedding_in_each_member():
    groups = fitted(ensemble=2, layers=2).model.parameter_groups()
    one = fitted(layers=2).model.parameter_groups()
    assert [len(group["params"]) for group in groups] == [2 * len(group["params"]) for group in one]


def test_no_network_is_refused():
    with pytest.raises(InputError, match=r"--ensemble must be an int in \[1, 1000\]. Got 0."):
        SequenceClassifier(ensemble=0)
