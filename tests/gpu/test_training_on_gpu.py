"""Training on a GPU: runs learn, are loaded on a CPU, and are resumed."""

from pathlib import Path

import numpy as np
import pytest
import torch

import elman
from elman.errors import TrainingStopped
from elman.tasks.shared import run_folder
from elman.train import loop

pytestmark = pytest.mark.gpu

WORDS = ("the", "a", "cat", "dog", "ran", "sat", "on", "mat", "big", "red")
SMALL = {"hidden_size": 16, "batch_size": 4, "epochs": 3, "learning_rate": 0.01}


def text(words: int = 300) -> str:
    drawn = np.random.default_rng(0).choice(WORDS, (words // 10, 10))
    return "".join(" ".join(line) + "\n" for line in drawn)


def language_model(device: torch.device, **options: object) -> elman.LanguageModel:
    return elman.LanguageModel(**SMALL, embedding_size=8, bptt=20, device=device.type, **options)


@pytest.mark.parametrize("cell", ["lstm", "gru", "coupled-lstm"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_language_model_learns_and_writes_on_any_device(device, tmp_path, cell, precision):
    task = language_model(device, cell=cell, precision=precision, dropout=0.1, layers=2)
    task.fit(texts=[text(600)], out=tmp_path / "run")
    losses = [line["loss"] for line in task.history if line["kind"] == "train"]
    assert losses[-1] < losses[0] - 0.3
    on_cpu = elman.load(tmp_path / "run")
    assert {p.device.type for p in on_cpu.model.parameters()} == {"cpu"}
    assert len("".join(on_cpu.generate("the ", length=20, seed=1))) == 20


def test_a_classifier_learns_from_numbers(device):
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=80)
    x = rng.normal(size=(80, 12, 3)) + labels[:, None, None]
    judge = elman.SequenceClassifier(**SMALL | {"epochs": 8}, device=device.type).fit(x, labels)
    assert (judge.predict(x) == labels).mean() > 0.9


def test_a_resumed_run_goes_on(device, tmp_path, monkeypatch):
    """On a GPU sums have no fixed order, so weights are compared within rounding."""
    whole = language_model(device, dropout=0.2).fit(texts=[text()])
    path = tmp_path / "run"
    with monkeypatch.context() as patch:
        end = loop.Loop._end_epoch

        def stop(self: loop.Loop) -> None:
            end(self)
            self._checkpoint()
            raise TrainingStopped("a power cut")

        patch.setattr(loop.Loop, "_end_epoch", stop)
        with pytest.raises(TrainingStopped, match="a power cut"):
            language_model(device, dropout=0.2).fit(texts=[text()], out=path)
    resumed = run_folder.resume(path)
    assert resumed.results["steps"] == whole.results["steps"]
    bounds = {"rtol": 0, "atol": 0} if device.type == "cpu" else {"rtol": 1e-3, "atol": 1e-4}
    found = resumed.model.state_dict()
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(found[name], value, **bounds)
    assert not (Path(path) / "checkpoint.safetensors").exists()
