"""The regressor in scikit-learn's manner, and on files."""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import PLAIN, SMALL, same_bits, table, weights

import elman
from elman.errors import InputError
from elman.tasks.classification.task import SequenceClassifier
from elman.tasks.regression.task import SequenceRegressor


def data(sequences: int = 60, steps: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of two features and two targets: the sum of one, and the last of the other."""
    x = np.random.default_rng(seed).normal(size=(sequences, steps, 2))
    return x, np.stack([x[:, :, 0].sum(1), 50 + x[:, -1, 1]], 1)


ALONE = SMALL | PLAIN | {"pooling": "last", "bidirectional": False, "dropout": 0.0, "learning_rate": 0.002}
X, Y = data()


def fitted(x: Any = X, y: Any = Y, lengths: Any = None, **options: Any) -> SequenceRegressor:
    return SequenceRegressor(**ALONE | options).fit(x, y, lengths)


# In scikit-learn's manner


def test_it_learns_much_better_than_the_mean():
    task = SequenceRegressor(
        **ALONE | {"hidden_size": 16, "epochs": 60, "learning_rate": 0.02, "batch_size": 32}
    )
    assert task.fit(X, Y) is task
    new_x, new_y = data(seed=1)
    assert task.score(new_x, new_y) > 0.8
    assert task.score(new_x, np.broadcast_to(Y.mean(0), new_y.shape) + [[1], [-1]] * 30) < 0


def test_the_score_by_hand(monkeypatch):
    task = fitted(y=Y[:, 0])
    monkeypatch.setattr(task.Answers, "predict", lambda self, data: np.array([[1.0], [2.0], [5.0]]))
    assert task.score(X[:3], [1.0, 2.0, 3.0]) == pytest.approx(1 - 4 / 2)
    # of targets that are constant
    assert task.score(X[:3], [0.1] * 3) == 0
    monkeypatch.setattr(task.Answers, "predict", lambda self, data: data.targets)
    assert task.score(X[:3], [0.1] * 3) == 1


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "y: targets are needed"),
        (Y.T, r"y: must be \[60\] or \[60, outputs\]. Got \[2, 60\]"),
        (Y.ravel(), r"y: must be \[60\] or \[60, outputs\]. Got \[120\]"),
        (Y[:, 0], r"y must have 2 outputs. Got 1"),
        (Y[:5], r"y: must be \[60\]"),
        (np.where(Y > 1, np.nan, Y), r"y: value at .* must be finite. Got nan"),
        ([["a", "b"]] * 60, "y: must hold numbers"),
    ],
)
def test_targets_are_checked_wherever_they_are_given(y, message):
    task = fitted()
    for use in (task.score, lambda x, y: task.evaluate(X=x, y=y)):
        with pytest.raises(InputError, match=message):
            use(X, y)


def test_sequences_in_memory_are_evaluated_as_those_of_a_file(tmp_path):
    task, lengths = fitted(), np.arange(60) % 5 + 1
    path = tmp_path / "new.npz"
    np.savez(path, x=X, y=Y, lengths=lengths)
    assert task.evaluate(X=X, y=Y, lengths=lengths) == task.evaluate(path)
    for given, got in [
        ({}, "neither"),
        ({"data": path, "X": X, "y": Y}, "both"),
        ({"data": path, "y": Y}, "both"),
    ]:
        with pytest.raises(InputError, match=rf"give either data \(files\) or X and y\. Got {got}"):
            task.evaluate(**given)
    with pytest.raises(InputError, match="SequenceRegressor is not fitted yet"):
        SequenceRegressor().evaluate(X=X, y=Y)


def test_numbers_come_in_whatever_holds_them():
    task = fitted()
    wanted = task.predict(X.astype(np.float32))
    tensor = torch.tensor(X, dtype=torch.float32)
    for x in (tensor.clone().requires_grad_(), list(tensor), X.astype(np.float32).astype(object)):
        assert np.array_equal(task.predict(x), wanted)
    assert task.predict(tensor.bfloat16()).shape == wanted.shape
    assert same_bits(weights(fitted(y=list(torch.tensor(Y, requires_grad=True))).model), weights(task.model))
    masked = np.ma.masked_array(X, X > 2)
    with pytest.raises(InputError, match=r"X: value at .* must be finite. Got nan"):
        task.predict(masked)
    # what is masked may be past the ends
    beyond = np.broadcast_to(np.arange(5)[:, None] > 3, X.shape)
    assert task.predict(np.ma.masked_array(X, beyond), [4] * 60).shape == (60, 2)


@pytest.mark.parametrize(
    ("y", "shape"), [(Y[:, 0], (60,)), (Y[:, :1], (60, 1)), (Y, (60, 2))], ids=["one", "a column", "two"]
)
def test_predictions_are_shaped_as_the_targets_were_even_after_loading(tmp_path, y, shape):
    task = fitted(y=y)
    task.save(tmp_path / "run")
    loaded = elman.load(tmp_path / "run")
    assert task.predict(X).shape == loaded.predict(X).shape == shape
    assert np.array_equal(task.predict(X), loaded.predict(X))
    assert task.score(X, y) == loaded.score(X, y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flat": True}, "flat must be false if there are several outputs. Got True."),
        ({"features": ()}, "features must be 1 to 100,000 names. Got []."),
        ({"input_scale": (1.0,)}, "input_scale must be 2 numbers in [1e-37, 3.4e+38]. Got [1.0]."),
    ],
)
def test_facts_that_do_not_fit_each_other_are_refused(change, message):
    facts = fitted().facts
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        dataclasses.replace(facts, **change)


def test_one_feature_needs_no_axis():
    flat, deep = fitted(X[:, :, 0]), fitted(X[:, :, :1])
    assert same_bits(weights(flat.model), weights(deep.model))
    assert np.array_equal(flat.predict(X[:, :, 0]), deep.predict(X[:, :, :1]))


def test_weights_decide_between_targets_that_contradict_each_other():
    x, y = np.zeros((40, 3)), np.array([1.0] * 8 + [0.0] * 32)
    options = {"epochs": 40, "learning_rate": 0.05, "batch_size": 20}
    task = SequenceRegressor(**ALONE | options)
    means = [
        task.fit(x, y, sample_weight=weights).predict(x[:1])[0]
        for weights in (None, [4.0] * 8 + [1.0] * 32, [40] * 8 + [10] * 32, [0] * 8 + [1] * 32)
    ]
    assert means == pytest.approx([0.2, 0.5, 0.5, 0.0], abs=0.1)


def test_the_weighted_score_is_that_of_repeated_rows():
    task, times = fitted(), np.arange(60) % 3
    repeated = np.repeat(np.arange(60), times)
    assert task.score(X, Y, sample_weight=times) == pytest.approx(task.score(X[repeated], Y[repeated]))
    assert task.score(X, Y, sample_weight=[2.0] * 60) == pytest.approx(task.score(X, Y))


def test_weights_survive_in_the_run_folder_and_others_are_refused(tmp_path):
    given = np.linspace(0, 2, 60)
    task = SequenceRegressor(**ALONE).fit(X, Y, sample_weight=given, out=tmp_path / "run")
    opened = elman.load(tmp_path / "run").opened_data().sequences
    assert opened.weights.tolist() == given.tolist()
    (batch, *_) = task.opened_data().parts().training.epoch()
    assert batch.targets.weights is not None
    for wrong in ([1] * 59, [1] * 59 + [-1], [1] * 59 + [math.nan], [0] * 60, "heavy"):
        with pytest.raises(InputError, match="sample_weight must be 60 finite numbers from 0 on"):
            SequenceRegressor(**ALONE).fit(X, Y, sample_weight=wrong)
        with pytest.raises(InputError, match="sample_weight must be 60 finite numbers from 0 on"):
            task.score(X, Y, sample_weight=wrong)


def test_parameters_are_the_options():
    task = SequenceRegressor(cell="gru", epochs=3, split=(0.5, 0.25, 0.25))
    assert task.get_params() == vars(task.config)
    assert task.set_params(epochs=4, cell="elman") is task
    assert (task.config.epochs, task.config.cell, task.config.split) == (4, "elman", (0.5, 0.25, 0.25))
    assert SequenceRegressor(**task.get_params()).config == task.config
    with pytest.raises(InputError, match="has no option 'units'"):
        task.set_params(units=3)
    assert task.config.epochs == 4


def test_scikit_learn_can_clone_it():
    base = pytest.importorskip("sklearn.base")
    task = fitted(learning_rate=0.01)
    copy = base.clone(task)
    assert copy.get_params() == task.get_params()
    assert copy.model is None
    assert same_bits(weights(copy.fit(X, Y).model), weights(task.model))


# Lengths and scales


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_is_past_a_sequences_end_does_not_count(bidirectional):
    lengths = np.arange(60) % 5 + 1
    padded = np.where(np.arange(5)[None, :, None] < lengths[:, None, None], X, np.nan)
    clean = np.nan_to_num(padded, nan=1e6)
    tasks = [fitted(x, Y, lengths, bidirectional=bidirectional) for x in (padded, clean)]
    assert same_bits(*(weights(task.model) for task in tasks))
    assert tasks[0].facts == tasks[1].facts
    together = tasks[0].predict(padded, lengths)
    alone = np.concatenate([tasks[0].predict(x[None, :n]) for x, n in zip(X, lengths, strict=True)])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)
    assert not np.allclose(tasks[0].predict(clean), together)


def test_scales_are_measured_by_hand():
    task = fitted([[[1, 5], [3, 5]], [[8, 5], [9, 9]]], [10, 30], [2, 1])
    assert task.facts.input_mean == pytest.approx([4, 5])
    assert task.facts.input_scale == pytest.approx(
        [math.sqrt((9 + 1 + 16) / 3), 1]
    )  # a constant keeps its unit
    assert task.facts.target_mean == (20,)
    assert task.facts.target_scale == (10,)
    plain = fitted(standardise=False).facts
    assert (plain.input_mean, plain.target_scale) == ((0, 0), (1, 1))


@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_no_deviation_is_lost_beside_a_large_mean(tmp_path, offset):
    x, y = np.round(X, 3), np.round(Y, 3)
    task, moved = fitted(x, y), fitted(x + offset, y - offset)
    assert moved.facts.target_scale == pytest.approx(task.facts.target_scale, rel=1e-6)
    found = moved.predict(x + offset)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found + offset, task.predict(x), atol=1e-5)
    assert moved.score(x + offset, y - offset) == pytest.approx(task.score(x, y), abs=1e-5)
    # a file, and what is printed of it, too
    np.savez(tmp_path / "x.npz", x=x + offset)
    verb = task.verb(data=tmp_path / "x.npz")
    lines = [line.split(",")[1:] for line in "".join(verb.text(moved)).splitlines()[1:]]
    np.testing.assert_allclose(np.array(lines, float), found, rtol=0, atol=1e-6)


def test_the_unit_of_the_target_and_of_the_features_does_not_matter():
    other = fitted(X * 1000 + 7, Y * 1e20 - 5e20)
    np.testing.assert_allclose(
        other.predict(X * 1000 + 7) / 1e20 + 5, fitted().predict(X), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(fitted(X * 1e25).predict(X * 1e25), fitted().predict(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, None), "y: targets are needed to fit"),
        ((X, Y[:5]), r"y: must be \[60\] or \[60, outputs\]. Got \[5, 2\]."),
        ((X[0, 0], Y), r"X: must be \[sequences, steps, features\]"),
        ((X * np.nan, Y), r"X: value at \[0, 0, 0\] must be finite. Got nan."),
        ((X, Y, [9] * 60), r"X: lengths must be 60 ints in \[1, 5\]"),
    ],
)
def test_what_cannot_be_fitted_is_refused(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        SequenceRegressor(**ALONE).fit(*arguments, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_predicted_is_refused():
    with pytest.raises(InputError, match=r"X must have 2 features\. Got 3\."):
        fitted().predict(np.ones((4, 5, 3)))
    with pytest.raises(InputError, match="SequenceRegressor is not fitted yet"):
        SequenceRegressor().predict(X)
    with pytest.raises(InputError, match="SequenceRegressor is not fitted yet"):
        SequenceRegressor().score(X, Y)


# On files


def trained(folder: Path, content: str, out: str | None = None, **options: Any) -> SequenceRegressor:
    (folder / "table.csv").write_text(content)
    out = None if out is None else folder / out
    return SequenceRegressor(**ALONE | {"split": (0.6, 0.2, 0.2)} | options).train(
        [folder / "table.csv"], out
    )


def test_figures_and_simple_methods_by_hand(tmp_path):
    task = trained(tmp_path, table(40))
    training, test = task.data.part("training"), task.data.part("test")
    assert (len(training), len(test)) == (24, 8)
    padded = (test.inputs, None, test.lengths)
    errors = task.predict(padded[0], padded[2]) - test.targets[:, 0]
    assert task.results["test"]["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
    assert task.results["test"]["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-5)
    of_mean = test.targets - training.targets.mean()
    assert task.results["baselines"]["mean"]["rmse"] == pytest.approx(np.sqrt((of_mean**2).mean()), rel=1e-5)
    assert task.results["test"]["sequences"] == 8


def test_the_linear_method_finds_what_is_linear(tmp_path):
    rows = table(40).splitlines()
    sequences: dict[str, list[list[float]]] = {}
    for row in rows[1:]:
        name, _, a, b, _ = row.split(",")
        sequences.setdefault(name, []).append([float(a), float(b)])
    y = {name: 3 * np.mean(s, 0)[0] - 2 * s[-1][1] + 1 for name, s in sequences.items()}
    content = "\n".join([rows[0], *(f"{row.rpartition(',')[0]},{y[row.split(',')[0]]}" for row in rows[1:])])
    baselines = trained(tmp_path, content).results["baselines"]
    assert baselines["linear regression"]["rmse"] < 1e-4 < baselines["mean"]["rmse"]


def test_a_file_of_arrays_and_a_table_give_the_same_model(tmp_path):
    task = trained(tmp_path, table(30), seed=2)
    whole = task.data.sequences
    np.savez(tmp_path / "data.npz", x=whole.inputs, y=whole.targets[:, 0], lengths=whole.lengths)
    other = SequenceRegressor(**ALONE, split=(0.6, 0.2, 0.2), seed=2).train([tmp_path / "data.npz"])
    assert same_bits(weights(other.model), weights(task.model))
    assert other.results["test"] == task.results["test"]
    # each reads the other's kind: arrays do not name their columns
    assert task.evaluate([tmp_path / "data.npz"]) == other.evaluate([tmp_path / "data.npz"])
    ids, values = task.predict_file(tmp_path / "table.csv")
    assert ids[:2] == ["s0", "s1"]
    assert np.array_equal(values, task.predict_file(tmp_path / "data.npz")[1])


def test_columns_of_other_names_are_refused_wherever_a_file_is_read(tmp_path):
    task = trained(tmp_path, table(30))
    (tmp_path / "swapped.csv").write_text(table(30, columns="unique_id,ds,b,a,y"))
    (tmp_path / "more.csv").write_text(table(30).replace("\n", ",1\n").replace("y,1", "y,c"))
    for use in (lambda path: task.evaluate([path]), task.predict_file):
        with pytest.raises(InputError, match=r"swapped\.csv: features must be a, b. Got b, a."):
            use(tmp_path / "swapped.csv")
        with pytest.raises(InputError, match=r"more\.csv: features must be a, b. Got a, b, c."):
            use(tmp_path / "more.csv")
    np.savez(tmp_path / "two.npz", x=X, y=Y)
    with pytest.raises(InputError, match=r"two\.npz: outputs must be y. Got y0, y1."):
        task.evaluate([tmp_path / "two.npz"])
    for paths in ([], [tmp_path / "table.csv"] * 2):
        with pytest.raises(InputError, match="regression reads one file"):
            task.evaluate(paths)


def test_a_resumed_run_reads_its_own_copy_of_the_data(tmp_path):
    task = trained(tmp_path, table(30), out="run")
    (tmp_path / "table.csv").unlink()
    again = elman.load(tmp_path / "run").opened_data()
    assert np.array_equal(again.sequences.inputs, task.data.sequences.inputs)
    assert all(map(np.array_equal, again.split, task.data.split))


DAMAGES = {
    "is not an .npz archive": lambda arrays: b"junk",
    "has no array 'validation'": lambda arrays: {k: v for k, v in arrays.items() if k != "validation"},
    "must hold each of the 30 sequences once": lambda arrays: arrays | {"test": arrays["test"] * 0},
    "x: lengths must be 30 ints": lambda arrays: arrays | {"lengths": arrays["lengths"] + 99},
    "must have 2 features. Got 1": lambda arrays: arrays | {"x": arrays["x"][:, :, :1]},
}


@pytest.mark.parametrize(("message", "damage"), DAMAGES.items(), ids=DAMAGES)
def test_a_damaged_copy_of_the_data_is_refused(tmp_path, message, damage):
    trained(tmp_path, table(30), out="run")
    path = tmp_path / "run" / "sequences.npz"
    with np.load(path) as arrays:
        changed = damage(dict(arrays))
    path.write_bytes(changed) if isinstance(changed, bytes) else np.savez(path, **changed)
    (tmp_path / "run" / "results.json").unlink()
    (tmp_path / "run" / "model.safetensors").unlink()
    with pytest.raises(InputError, match=rf"sequences\.npz: .*{message}"):
        elman.resume(tmp_path / "run")


def test_the_verb_prints_a_table_and_gives_an_object(tmp_path):
    task = trained(tmp_path, table(10), split=(0.6, 0.2, 0.2))
    verb = task.verb(data=tmp_path / "table.csv")
    head, *lines = "".join(verb.text(task)).splitlines()
    said = json.loads(json.dumps(verb.json(task)))
    assert head == "unique_id,y"
    assert [line.split(",")[0] for line in lines] == list(said["predictions"]) == [f"s{k}" for k in range(10)]
    for line, (value,) in zip(lines, said["predictions"].values(), strict=True):
        assert float(line.split(",")[1]) == pytest.approx(value, rel=1e-5)
    assert said["outputs"] == ["y"]


# Tables whose columns have other names


def trips(header: str, mark: str = ",") -> str:
    """Sequences of 4 steps with a number each; the columns stand in the order of the header."""
    rng = np.random.default_rng(0)
    columns = header.split(mark)
    lines = [header]
    for number, fare in enumerate(rng.uniform(5, 50, 20).round(2)):
        for step in range(4):
            cells = {
                "speed": f"{rng.normal():.3f}",
                "fare": f"{fare}",
                "score": str(int(fare)),
                "age": str(number % 7),
            }
            cells |= {"when": f"2024-03-0{step + 1}", "lap": str(step + 1)}
            lines.append(mark.join(cells.get(column, f"t{number}") for column in columns))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("header", "found", "features"),
    [
        ("trip,when,speed,fare", ("trip", "when", "fare"), ("speed",)),
        ("fare;speed;engine;lap", ("engine", "lap", "fare"), ("speed",)),
        ("patient,speed,age,score", ("patient", "ds", "score"), ("speed", "age")),
        ("unique_id,speed,fare", ("unique_id", "ds", "fare"), ("speed",)),
    ],
)
def test_a_table_is_read_where_only_one_reading_makes_sense(tmp_path, header, found, features, caplog):
    caplog.set_level("INFO", "elman")
    path = tmp_path / "t.csv"
    path.write_text(trips(header, ";" if ";" in header else ","))
    task = SequenceRegressor(**SMALL | {"epochs": 1}).train([path], tmp_path / "run")
    config = task.config
    assert (config.id_column, config.time_column, config.target_column) == found
    assert task.facts.features == features
    assert f"{found[0]} names the sequence" in caplog.text
    assert f"{found[2]} the number to predict" in caplog.text
    later = elman.load(tmp_path / "run")
    assert later.predict_file(path)[0] == [f"t{k}" for k in range(20)]
    assert later.evaluate(path)["sequences"] == 20


@pytest.mark.parametrize(
    ("header", "options", "told"),
    [
        (
            "trip,speed,age,fare",
            {},
            "--id-column trip --target-column age or --id-column trip --target-column fare; ",
        ),
        (
            "speed,lap",
            {},
            "has no column 'unique_id' of the sequences (--id-column names another) nor 'y' of the number to "
            "predict (--target-column names another); columns: speed, lap",
        ),
        (
            "speed,lap",
            {"target_column": "lap"},
            "beside 'lap' it has no column 'unique_id' of the sequences (",
        ),
        ("trip,speed,fare", {"target_column": "cost"}, "has no column 'cost'; columns: trip, speed, fare"),
        ("speed,lap", {"columns": ("speed", "laps")}, "has no column 'laps'. Its columns: speed, lap."),
    ],
)
def test_a_table_of_several_readings_shows_the_options(tmp_path, header, options, told):
    path = tmp_path / "t.csv"
    path.write_text(trips(header))
    with pytest.raises(InputError) as error:
        SequenceRegressor(**SMALL | options).train([path], None)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def turbines(header: str) -> str:
    """Six turbines of eight hours each, whose rest of life falls in each row."""
    lines = [header]
    for turbine in range(6):
        for hour in range(8):
            cells = {"turbine": turbine, "hours": 10 * hour, "rest": 80 - 10 * hour, "site": turbine // 2}
            cells |= {"heat": round(0.37 * turbine + hour, 2), "heavy": (turbine + hour) % 2}
            lines.append(",".join(str(cells[column]) for column in header.split(",")))
    return "\n".join(lines) + "\n"


def test_what_restarts_in_each_block_of_rows_names_no_sequences(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(turbines("turbine,hours,heat,rest"))
    with pytest.raises(InputError) as error:
        SequenceRegressor(**SMALL).train([path], None)
    told = "--id-column hours --target-column rest (but rest and hours may be a step in each turbine; "
    assert told in str(error.value)
    with pytest.raises(InputError, match="rest must be the same in every row of turbine '0'"):
        SequenceRegressor(**SMALL, id_column="turbine", target_column="rest").train([path], None)
    with pytest.raises(InputError, match="elman train regression with .*" + re.escape(told)):
        SequenceClassifier(**SMALL).train([path], None)
    path.write_text(turbines("turbine,hours,heat,rest,site"))
    with pytest.raises(InputError) as error:
        SequenceRegressor(**SMALL).train([path], None)
    assert "--id-column turbine --target-column site or --id-column rest --target-column hours or " in str(
        error.value
    )
