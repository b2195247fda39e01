"""Tasks in Python: options, failed fits, scikit-learn's tools, data in memory."""

import base64
import re

import numpy as np
import pytest
import torch
from tiny import SMALL, text

import elman
from elman.errors import InputError, TrainingStopped

X, Y = np.random.default_rng(0).normal(size=(20, 4, 2)), np.arange(20.0)


def regressor(**options):
    return elman.SequenceRegressor(**SMALL | options)


def test_options_of_other_types_that_mean_the_same_are_taken(tmp_path):
    model = elman.Forecaster(known_future=["p"], season=[4], horizon=np.int64(3), learning_rate=np.float32(1))
    assert (model.config.known_future, model.config.season) == (("p",), (4,))
    assert type(model.config.horizon) is int
    assert type(model.config.learning_rate) is float
    judge = elman.SequenceClassifier(vectors=str(tmp_path / "v.txt"))
    assert judge.config.vectors == tmp_path / "v.txt"
    with pytest.raises(InputError, match=r"--hidden-size must be an int or null\. Got 2\.5"):
        regressor(hidden_size=2.5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((elman.LanguageModel.Config(),), {}, "one RegressionConfig. Got LanguageModelConfig"),
        ((5,), {}, "Got 5"),
        ((elman.SequenceRegressor.Config(),), {"hidden_size": 3}, "not both"),
        ((), {"hidden": 3}, "no option 'hidden'"),
    ],
)
def test_other_arguments_are_refused(arguments, options, message):
    with pytest.raises(InputError, match=message):
        elman.SequenceRegressor(*arguments, **options)


def test_a_task_shows_the_options_that_it_was_given():
    assert repr(elman.SequenceRegressor(hidden_size=8)) == "SequenceRegressor(hidden_size=8)"


@pytest.mark.parametrize(
    ("error", "options"),
    [(InputError, {}), (TrainingStopped, {"learning_rate": 1e38, "clip": "off", "optimizer": "sgd"})],
)
def test_what_ends_in_an_error_leaves_a_fitted_task_as_it_was(error, options):
    model = elman.LanguageModel(**SMALL).fit(texts=[text()])
    before = "".join(model.generate("the", length=20, seed=1))
    other = elman.LanguageModel(**SMALL | options)
    model.config, model.named, model.origin = other.config, other.named, other.origin
    kept = dict(vars(model))
    with pytest.raises(error):
        model.fit(texts=["xyz"] if error is InputError else [text(seed=1)])
    assert vars(model) == kept
    assert "".join(model.generate("the", length=20, seed=1)) == before


def test_an_unfitted_task_stays_so_when_training_stops():
    model = regressor(learning_rate=1e38, clip="off", optimizer="sgd")
    with pytest.raises(TrainingStopped):
        model.fit(X, Y)
    with pytest.raises(InputError, match="is not fitted yet"):
        model.predict(X)


def test_a_fit_leaves_torchs_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    regressor().fit(X, Y)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(("data", "message"), [([], "at least one path"), (5, "a list of paths. Got 5")])
def test_data_must_be_paths(data, message):
    with pytest.raises(InputError, match=message):
        elman.LanguageModel(**SMALL).train(data)


def test_scikit_learns_tools_run():
    selection = pytest.importorskip("sklearn.model_selection")
    base = pytest.importorskip("sklearn.base")
    assert len(selection.cross_val_score(regressor(), X, Y, cv=2)) == 2
    grid = selection.GridSearchCV(regressor(), {"hidden_size": np.array([2, 3])}, cv=2).fit(X, Y)
    assert grid.best_params_["hidden_size"] in (2, 3)
    assert base.is_regressor(regressor())
    judge = elman.SequenceClassifier(**SMALL, embedding_size=4)
    assert base.is_classifier(judge)
    assert selection.cross_val_score(judge, ["good", "bad"] * 8, [1, 0] * 8, cv=2).shape == (2,)
    assert base.clone(judge).config == judge.config


def test_a_language_model_reads_texts_in_memory():
    model = elman.LanguageModel(**SMALL).fit(texts=iter([text()]))
    figures = model.evaluate(texts=[text(seed=1)])
    assert figures["tokens"] == len(text(seed=1)) - 1  # predictions
    for texts, message in (([None], "text 0 must be a text. Got None"), ({"a": "b"}, "Got dict")):
        with pytest.raises(InputError, match=message):
            model.evaluate(texts=texts)
    with pytest.raises(InputError, match="give one of them"):
        model.evaluate("a.txt", texts=["the cat"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": None}, "--temperature must be a finite number. Got None"),
        ({"top_k": 2.5}, "--top-k must be an int. Got 2.5"),
        ({"length": "5"}, "--length must be an int. Got '5'"),
        ({"seed": 1.5}, "--seed must be an int"),
        ({"prompt": b"the"}, "prompt must be a text. Got b'the'"),
    ],
)
def test_options_of_generation_are_checked_at_once(options, message):
    model = elman.LanguageModel(**SMALL).fit(texts=[text()])
    with pytest.raises(InputError, match=message):
        model.generate(**options)


def test_a_notebook_shows_the_curve_and_the_numbers(tmp_path):
    task = elman.CopyingMemory(length=5, sequences=20, held_out=9, epochs=2, hidden_size=4)
    assert task._repr_html_().startswith("<code>CopyingMemory(")
    assert "length=5" in task._repr_html_()
    in_memory = task.train()._repr_html_()
    task.train(out=tmp_path / "run")
    for shown in (in_memory, elman.load(tmp_path / "run")._repr_html_()):
        picture = re.search(r'src="data:image/png;base64,([^"]+)"', shown)
        assert base64.b64decode(picture[1]).startswith(b"\x89PNG")
        assert "copy: lstm, 4 units, 1 layer" in shown
        assert "this model" in shown
