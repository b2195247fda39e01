"""Trained tasks as ONNX: the files give the answers that the task gives."""

import json

import numpy as np
import pytest
import tiny
from exported import opened

import elman
from elman.tasks.tagging.batches import STEPS

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def metadata(path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def states(path, rows: int) -> dict[str, np.ndarray]:
    """Zeros for each state that a file reads."""
    ports = {
        v.name: [d.dim_value or rows for d in v.type.tensor_type.shape.dim]
        for v in onnx.load(path).graph.input
    }
    return {name: np.zeros(shape, "float32") for name, shape in ports.items() if name.endswith("_in")}


def test_a_classifier_of_numbers_gives_its_probabilities(tmp_path):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)).astype("float32") for length in (4, 7, 5, 6, 4, 3, 8, 5) * 3]
    y = ["up" if x[-1, 0] > 0 else "down" for x in X]
    options = {**tiny.SMALL, **tiny.PLAIN, "pooling": "concat", "bidirectional": False, "ensemble": 1}
    task = elman.SequenceClassifier(**options).fit(X, y)
    elman.export(task, tmp_path / "out")
    path = tmp_path / "out/model.onnx"
    facts = json.loads(metadata(path)["facts"])
    scaled = [(x - facts["input_mean"]) / facts["input_scale"] for x in X]
    padded = np.zeros((8, len(X), 2), "float32")
    for row, x in enumerate(scaled):
        padded[: len(x), row] = x
    lengths = np.array([len(x) for x in X])
    found = opened(path)({"x": padded, "lengths": lengths, **states(path, len(X))})["probabilities"]
    assert np.abs(found - task.predict_proba(X)).max() <= 2e-5
    assert [facts["classes"][k] for k in found.argmax(1)] == list(task.predict(X))


def test_a_regression_of_both_directions(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 5, 2)).astype("float32")
    options = {**tiny.SMALL, **tiny.PLAIN, "bidirectional": True}
    task = elman.SequenceRegressor(**options).fit(X, X.sum((1, 2)))
    exported = elman.export(task, tmp_path / "out")
    assert exported.files == ("model.onnx", "metadata.json")
    path = tmp_path / "out/model.onnx"
    facts = json.loads(metadata(path)["facts"])
    x = ((X - facts["input_mean"]) / facts["input_scale"]).transpose(1, 0, 2).astype("float32")
    given = {"x": x, "lengths": np.full(20, 5), **states(path, 20)}
    found = opened(path)(given)["values"][:, 0]
    answers = found * facts["target_scale"][0] + facts["target_mean"][0]
    assert np.abs(answers - task.predict(X)).max() <= 1e-4


def test_a_tagger_of_numbers_gives_its_tags(tmp_path):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(20, 2)).astype("float32") for _ in range(12)]
    y = [["up" if a > 0 else "down" for a in x[:, 0]] for x in X]
    task = elman.SequenceTagger(**tiny.SMALL, bidirectional=False).fit(X, y)
    exported = elman.export(task, tmp_path / "out")
    assert exported.files == ("model.onnx", "step.onnx", "metadata.json")
    kept = metadata(tmp_path / "out/step.onnx")
    assert json.loads(kept["facts"])["tags"] == ["down", "up"]
    facts, bias = json.loads(kept["facts"]), np.array(json.loads(kept["bias"]))
    x = X[0]
    read = STEPS.inputs(((x - facts["input_mean"]) / facts["input_scale"]).astype("float32"))
    path = tmp_path / "out/step.onnx"
    run, state, tags = opened(path), states(path, 1), []
    for step in read:
        results = run({"x": step[None], "reset": np.array([False]), **state})
        state = {name.replace("_out", "_in"): v for name, v in results.items() if name != "probabilities"}
        tags.append(facts["tags"][(np.log(results["probabilities"][0]) + bias).argmax()])
    assert tags == task.predict([x])[0]


@pytest.mark.parametrize("task", ["forecasting", "translation", "video-prediction"])
def test_what_is_more_than_a_network_is_told_in_a_line(task, tmp_path):
    from task_cases import CASES

    case = CASES[task]
    with pytest.raises(elman.InputError, match="is not exported"):
        elman.export(case.train(tmp_path, None), tmp_path / "out")
