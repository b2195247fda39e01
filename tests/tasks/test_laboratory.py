"""The laboratory's tasks: what they learn, what they draw, and what stands beside the figures."""

import gzip
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import SMALL, idx_files, interrupt_at, same_bits, timeless, weights

import elman
from elman.cli import main
from elman.data.problems.adding import Adding
from elman.errors import InputError, Interrupted
from elman.tasks.digits.data import ImageData, pixel_order
from elman.tasks.shared import laboratory
from elman.tasks.shared.laboratory import DrawnData
from elman.tasks.shared.laboratory_options import Try
from elman.train import progress

TINY = SMALL | {"length": 8, "sequences": 10, "held_out": 9}
QUICK = {"hidden_size": 32, "sequences": 2000, "held_out": 500, "learning_rate": 0.01}
CLASSES = {
    "adding": elman.AddingProblem,
    "copy": elman.CopyingMemory,
    "multiplication": elman.MultiplicationProblem,
    "parity": elman.ParityProblem,
    "reber": elman.ReberProblem,
    "temporal-order": elman.TemporalOrderProblem,
}
each_problem = pytest.mark.parametrize("name", CLASSES)


# Learning


def test_adding_is_learnt():
    results = elman.AddingProblem(**QUICK, length=10, epochs=3).train().results
    guessing, one = (found["mse"] for found in results["baselines"].values())
    assert guessing == pytest.approx(1 / 6)
    assert results["test"]["mse"] < one / 2 < guessing


def test_copying_is_learnt():
    task = elman.CopyingMemory(**QUICK, length=5, items=2, symbols=4, epochs=4).train()
    assert task.results["test"]["recall"] > 0.95
    assert task.results["test"]["nats_per_step"] < 0.2 * 2 * math.log(4) / 9


def test_parity_is_learnt_and_goes_on_beyond_the_length_of_training():
    task = elman.ParityProblem(**QUICK, length=10, epochs=4).train()
    assert task.results["test"]["accuracy"] > 0.99
    found = Try(length=30, sequences=200).json(task)
    assert found["figures"]["last_step"] > 0.9
    assert found["baselines"]["guessing"]["last_step"] == 0.5


def test_a_product_is_learnt():
    results = elman.MultiplicationProblem(**QUICK, length=10, epochs=3).train().results
    assert results["test"]["mse"] < 1 / 36


def test_the_order_of_marks_is_learnt():
    results = elman.TemporalOrderProblem(**QUICK, length=10, epochs=5).train().results
    assert results["test"]["accuracy"] > 0.95
    assert results["baselines"]["guessing"]["nats"] == pytest.approx(math.log(4))


def test_the_grammar_is_learnt_with_the_symbol_that_needs_memory():
    results = elman.ReberProblem(**QUICK, length=12, epochs=5).train().results
    assert results["test"]["recall"] > 0.95
    forgotten, known = (
        results["baselines"][name]["nats_per_step"] for name in list(results["baselines"])[1:]
    )
    assert known <= results["test"]["nats_per_step"] < forgotten


# Drawing


@each_problem
def test_parts_share_no_sequences_and_each_epoch_has_others(name):
    config = CLASSES[name](**TINY | {"length": 40}).config
    parts = DrawnData.read(config, [], None).parts()
    drawn = [
        batches.inputs.values[..., row, :].numpy().tobytes()
        for part, epoch in ((parts.training, 0), (parts.training, 1), (parts.validation, 0), (parts.test, 0))
        for batches in part.epoch(epoch)
        for row in range(batches.inputs.values.shape[1])
    ]
    assert len(set(drawn)) == len(drawn) == 10 + 10 + 9 + 9


@each_problem
def test_training_does_not_see_the_test_part(name, monkeypatch):
    task = CLASSES[name](**TINY).train()
    monkeypatch.setattr(laboratory, "_TEST", 17)
    other = CLASSES[name](**TINY).train()
    assert same_bits(weights(task.model), weights(other.model))
    assert task.results["test"] != other.results["test"]


@each_problem
def test_evaluation_is_of_the_test_part_again(name, tmp_path, capsys):
    task = CLASSES[name](**TINY).train(out=tmp_path / "run")
    assert task.evaluate() == task.results["test"]
    assert main(["evaluate", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == pytest.approx(task.results["test"], rel=1e-5)


@each_problem
def test_an_interrupted_run_goes_on_with_the_same_sequences(name, tmp_path, monkeypatch):
    CLASSES[name](**TINY).train(out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(progress, "make_progress", lambda: interrupt_at(4))
        with pytest.raises(Interrupted):
            CLASSES[name](**TINY).train(out=tmp_path / "run", show_progress=True)
    elman.resume(tmp_path / "run")
    assert timeless(tmp_path / "run") == timeless(tmp_path / "whole")


def test_figures_are_means_over_sequences_whatever_the_batches():
    whole = elman.AddingProblem(**TINY | {"learning_rate": 1e-30, "batch_size": 9}).train()
    problem, model = Adding(8), whole.model
    batch = problem.draw(np.random.default_rng([0, laboratory._TEST, 0, 0, 0]), 9)
    errors = model.predict(batch.inputs) - batch.targets.values
    assert whole.results["test"] == {
        "mse": pytest.approx(errors.square().mean().item(), rel=1e-5),
        "sequences": 9,
    }
    task = elman.ParityProblem(**TINY | {"batch_size": 4}).train()
    right = [
        (task.answers.predict(batch.inputs) == batch.targets.values).double()
        for batch in task.data.parts().test.epoch()
    ]
    assert [each.shape[1] for each in right] == [4, 4, 1]
    together = np.concatenate(right, axis=1)
    assert task.results["test"]["accuracy"] == pytest.approx(together.mean())
    assert task.results["test"]["last_step"] == pytest.approx(together[-1].mean())


# The verb


@each_problem
def test_try_shows_figures_and_examples(name, tmp_path, capsys):
    CLASSES[name](**TINY).train(out=tmp_path / "run")
    call = ["try", str(tmp_path / "run"), "--length", "300", "--sequences", "5", "--show", "2"]
    assert main(call) == 0
    figures, *examples = capsys.readouterr().out.strip().split("\n\n")
    assert figures.startswith("on 5 new sequences of length 300 ")
    assert "this model" in figures
    assert len(examples) == 2
    assert all(len(example.splitlines()) == 3 - (name in ("copy", "reber")) for example in examples)
    assert max(map(len, "\n".join(examples).splitlines())) < 90
    assert main([*call, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"length", "figures", "baselines", "examples"}
    assert (found["length"], found["figures"]["sequences"], len(found["examples"])) == (300, 5, 2)
    assert main([*call, "--json", "--seed", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["examples"] != found["examples"]


def test_try_shows_as_many_as_there_are_and_all_batches_serve():
    task = elman.CopyingMemory(**TINY).train()
    assert len(Try(sequences=6, show=9).json(task)["examples"]) == 6
    assert Try(sequences=2, show=0).json(task)["examples"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, r"--length must be an int in \[1, 1e6\]. Got 0."),
        ({"sequences": 0}, r"--sequences must be an int in \[1, 1e9\]. Got 0."),
        ({"show": -1}, r"--show must be an int in \[0, 1e9\]. Got -1."),
    ],
)
def test_what_cannot_be_tried_is_refused(options, message):
    task = elman.ParityProblem(**TINY).train()
    with pytest.raises(InputError, match=message):
        Try(**options).json(task)


def test_a_verb_of_another_task_is_refused(tmp_path, capsys):
    elman.ParityProblem(**TINY).train(out=tmp_path / "run")
    assert main(["recognise", str(tmp_path / "run"), "x"]) == 2
    assert "is a run of parity; its verb is try" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["sequences", "held_out"])
def test_no_sequences_are_refused(option):
    with pytest.raises(InputError, match=r"must be an int in \[1, 1e9\]\. Got 0\."):
        elman.AddingProblem(**{option: 0})


# Digits


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, content in (idx_files("mnist", "train", 48) | idx_files("mnist", "t10k", 12, seed=1)).items():
        (tmp_path / name).write_bytes(content)
    return folder


def digits(**options: Any) -> elman.DigitClassifier:
    return elman.DigitClassifier(**SMALL | {"hidden_size": 16, "pixels": 28, "validation": 0.25} | options)


def test_bright_rows_are_told_apart(mnist):
    task = digits(epochs=15, learning_rate=0.02).train(mnist)
    assert task.results["test"]["accuracy"] == 1
    assert task.results["baselines"]["most frequent class"]["accuracy"] == pytest.approx(1 / 3)
    assert task.results["baselines"]["nearest mean image"]["accuracy"] == 1
    assert np.sum(task.results["confusion"]) == task.results["test"]["images"] == 12
    assert task.evaluate(mnist) == task.results["test"]
    found = task.verb(data=mnist).json(task)
    assert found["classes"] == [0, 1, 2] * 4
    lines = "".join(task.verb(data=mnist / "t10k-images-idx3-ubyte").text(task)).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["0", "1", "2"] * 4


@pytest.mark.parametrize(("pixels", "steps"), [(1, 784), (28, 28), (784, 1)])
def test_pixels_are_read_in_their_order_brought_to_one_scale(mnist, pixels, steps):
    data = ImageData.read(digits(pixels=pixels, epochs=1).config, [mnist], None)
    facts, parts = data.facts, data.parts()
    batch = next(parts.test.epoch(0))
    assert batch.inputs.values.shape == (steps, 4, pixels)
    image = data.images["test"].pixels[2].reshape(-1) / 255
    wanted = (image - facts.mean) / facts.scale
    np.testing.assert_allclose(batch.inputs.values[:, 2].flatten(), wanted, rtol=1e-5, atol=1e-6)
    training = np.concatenate([b.inputs.values.flatten() for b in parts.training.epoch(0)])
    assert training.mean() == pytest.approx(0, abs=1e-5)
    assert training.std() == pytest.approx(1, abs=1e-5)


def test_the_permutation_is_one_for_all_images_and_of_the_seed(mnist):
    steps, orders = [], []
    for permuted, seed in ((False, 0), (True, 0), (True, 1)):
        data = ImageData.read(digits(permuted=permuted, seed=seed).config, [mnist], None)
        rows = [batch.inputs.values.transpose(0, 1).flatten(1) for batch in data.parts().test.epoch(0)]
        steps.append(np.concatenate(rows) * data.facts.scale + data.facts.mean)
        orders.append(pixel_order(data.config, data.facts))
    plain, order, other = orders
    assert sorted(order.tolist()) == list(range(784))
    np.testing.assert_allclose(steps[1], steps[0][:, order], atol=1e-5)
    np.testing.assert_allclose(steps[2], steps[0][:, other], atol=1e-5)
    assert not np.array_equal(order, other)
    assert np.array_equal(plain, np.arange(784))


def test_validation_is_drawn_from_the_training_images(mnist):
    found = ImageData.read(digits().config, [mnist], None).images
    assert [len(found[part]) for part in ("training", "validation", "test")] == [36, 12, 12]
    images = np.concatenate([found["training"].pixels, found["validation"].pixels])
    assert len(np.unique(images, axis=0)) == 48
    assert digits(validation=0.0).train(mnist).results["test"]["images"] == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mnist/t10k-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\0\x0c" + b"\0\1\3" * 4},
         "must have a label below 3 for each of 12 images"),
        ({"mnist/t10k-images-idx3-ubyte": b"\0\0\x08\x03\0\0\0\x0c\0\0\0\1\0\0\0\2" + b"\0" * 24},
         r"images must be 28 × 28 bytes\. Got 1 × 2\."),
        ({"mnist/train-labels-idx1-ubyte": None}, "train-labels-idx1-ubyte: no such file"),
        ({"mnist/t10k-images-idx3-ubyte": None}, "holds neither t10k-images-idx3-ubyte nor"),
    ],
    ids=["label", "size", "no labels", "no test"],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(mnist, tmp_path, change, message):
    for name, content in change.items():
        (tmp_path / name).write_bytes(content) if content is not None else (tmp_path / name).unlink()
    with pytest.raises(InputError, match=rf"^[^\n]*{message}[^\n]*$"):
        digits().train(mnist, tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["mnist"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pixels": 3}, r"--pixels: pixels must divide the 784 of an image\. Got 3\."),
        ({"pixels": 0}, r"--pixels must be an int in \[1, 1e6\]\. Got 0\."),
        ({"validation": 1.0}, r"--validation must be in \[0, 1\)\. Got 1\.0\."),
        ({"validation": 0.999}, "validation leaves no image to train on"),
    ],
)
def test_options_that_cannot_be_are_refused(mnist, options, message):
    with pytest.raises(InputError, match=message):
        digits(**options).train(mnist)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"shape": [28]}, r"shape must be a list of 2\. Got \[28\]\."),
        ({"shape": [28, 10**9]}, "shape must be two ints"),
        ({"classes": 10**9}, r"classes must be an int in \[1, 256\]"),
        ({"mean": "0"}, r"mean must be a finite number\. Got '0'\."),
        ({"scale": 0}, "scale must be a positive number"),
        ({"shape": [28, 27]}, "pixels must divide the 756 of an image"),
    ],
)
def test_hostile_facts_are_refused(mnist, tmp_path, facts, message):
    digits(epochs=1, pixels=49).train(mnist, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"facts": content["facts"] | facts}))
    with pytest.raises(InputError, match=message):
        elman.load(tmp_path / "run")


def test_a_resumed_run_reads_its_own_copy_of_the_images(mnist, tmp_path, monkeypatch):
    digits().train(mnist, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(progress, "make_progress", lambda: interrupt_at(4))
        with pytest.raises(Interrupted):
            digits().train(mnist, tmp_path / "run", show_progress=True)
    shutil.rmtree(mnist)
    shutil.copytree(tmp_path / "run", tmp_path / "damaged")
    elman.resume(tmp_path / "run")
    assert timeless(tmp_path / "run") == timeless(tmp_path / "whole")
    path = tmp_path / "damaged" / "digits.npz"
    with np.load(path) as found:
        arrays = dict(found)
    for change, message in (
        ({"test": arrays["test"][:, 1:]}, "test: images must be 28 × 28 bytes. Got 27 × 28."),
        ({"training_labels": arrays["training_labels"] + 9}, "training: must have a label below 3"),
        ({"training": arrays["training"][:0], "training_labels": arrays["training_labels"][:0]}, "no images"),
    ):
        np.savez(path, **arrays | change)
        with pytest.raises(InputError, match=message):
            elman.resume(tmp_path / "damaged")


def test_a_slice_of_the_real_digits_is_learnt(shared, tmp_path):
    """600 images row by row, and 200 others, packed as they are."""
    for part, number in (("train", 600), ("t10k", 200)):
        for kind, width in (("images-idx3", 784), ("labels-idx1", 1)):
            name = f"{part}-{kind}-ubyte.gz"
            head = 16 if width > 1 else 8
            with gzip.open(shared / "mnist" / name) as file:
                content = file.read(head + number * width)
            content = content[:4] + number.to_bytes(4, "big") + content[8:]
            (tmp_path / name).write_bytes(gzip.compress(content))
    options = {"pixels": 28, "hidden_size": 48, "epochs": 15, "learning_rate": 0.01, "validation": 0.1}
    results = elman.DigitClassifier(**options, seed=1).train(tmp_path).results
    baselines = results["baselines"]
    assert 0.05 < baselines["most frequent class"]["accuracy"] < 0.2
    assert 0.6 < baselines["nearest mean image"]["accuracy"] < 0.85
    assert results["test"]["accuracy"] > 0.8


# The report


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("adding", ("number", "mark")),
        ("copy", ("symbol 0", "symbol 1", "blank", "delimiter")),
        ("multiplication", ("number", "mark")),
        ("parity", ("bit",)),
        ("reber", tuple("BTPSXVE")),
        ("temporal-order", ("a", "b", "c", "d", "X", "Y", "start", "end")),
    ],
)
def test_a_sample_names_all_that_is_read(name, wanted):
    options = TINY | ({"symbols": 2} if name == "copy" else {})
    sample = CLASSES[name](**options).train().excerpt()
    assert sample.features == wanted
    assert sample.batch.inputs.values.shape[-1] == len(wanted)
