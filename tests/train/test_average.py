"""Averages of the weights: by hand, in the loop, and resumed."""

import json

import pytest
import torch
from tiny import corpus, language_model, same_bits, weights
from torch import nn

from elman.data.batches.tokens import TokenStreams
from elman.errors import InputError
from elman.train import loop as loop_module
from elman.train.average import Average
from elman.train.loop import Loop, Mean
from elman.train.options import TrainingOptions


def walk(kind: str, span: int, values: list[float], start: int = 0) -> tuple[Average, nn.Linear]:
    """Averages a weight that takes these values, one after another."""
    model = nn.Linear(1, 1, bias=False)
    average = Average(model, kind, span)
    for step, value in enumerate(values):
        if step == start:
            average.start()
        with torch.no_grad():
            model.weight.fill_(value)
        average.update()
    return average, model


def mean_of(average: Average, model: nn.Module) -> float:
    with average.in_place():
        return float(next(model.parameters()).detach())


def test_the_first_steps_have_a_plain_mean_and_then_an_exponential_one():
    average, model = walk("ema", 4, [1.0, 2.0, 3.0, 4.0])
    assert mean_of(average, model) == 2.5
    with torch.no_grad():
        model.weight.fill_(10.0)
    average.update()
    assert mean_of(average, model) == 2.5 + (10 - 2.5) / 4


def test_a_mean_since_an_epoch_counts_all_its_steps_alike():
    average, model = walk("asgd", 1, [7.0, 8.0, 1.0, 2.0, 3.0], start=2)
    assert mean_of(average, model) == 2.0
    assert not Average(model, "asgd", 1).has_started


def test_the_weights_come_back_whatever_happens():
    average, model = walk("ema", 4, [1.0, 2.0])
    with pytest.raises(KeyError), average.in_place():
        raise KeyError
    assert float(model.weight.detach()) == 2.0


def test_tensors_continue_a_mean_and_those_of_another_model_are_refused():
    average, model = walk("ema", 4, [1.0, 2.0])
    other = Average(model, "ema", 4)
    other.load({name: tensor.clone() for name, tensor in average.tensors().items()})
    for each in (average, other):
        each.update()
    assert mean_of(average, model) == mean_of(other, model) == pytest.approx(5 / 3)
    with pytest.raises(ValueError, match="another model"):
        Average(nn.Linear(2, 1, bias=False), "ema", 4).load(average.tensors())


def data() -> TokenStreams:
    return TokenStreams(corpus(61), 2, 5, 0)


def trained(monkeypatch, losses: list[float], **options) -> tuple[Loop, list[dict]]:
    """Runs with these validation losses; returns the loop and the weights that each was asked of."""
    told, seen = iter(losses), []

    def score(model: nn.Module, _) -> Mean:
        seen.append(weights(model))
        return Mean(next(told), 1)

    monkeypatch.setattr(loop_module, "evaluate", score)
    loop = Loop(language_model(), data(), data(), TrainingOptions(**options))
    loop.run()
    return loop, seen


def test_the_better_of_both_is_kept_and_both_are_in_the_history(monkeypatch):
    # of the last weights and of the average, epoch by epoch
    loop, seen = trained(monkeypatch, [3.0, 3.5, 2.5, 2.0, 2.2, 2.1], epochs=3, average="ema")
    assert same_bits(weights(loop._model), seen[3])
    assert not same_bits(seen[3], seen[2])
    lines = [line for line in loop.history.lines if line["kind"] == "validation"]
    assert [(line["loss"], line["last"], line["average"]) for line in lines] == [
        (3.0, 3.0, 3.5),
        (2.0, 2.5, 2.0),
        (2.1, 2.2, 2.1),
    ]
    assert (loop.position.best_loss, loop.position.bad_epochs) == (2.0, 1)


def test_the_last_weights_are_kept_where_they_are_better(monkeypatch):
    loop, seen = trained(monkeypatch, [3.0, 3.5, 2.0, 2.5], epochs=2, average="ema")
    assert same_bits(weights(loop._model), seen[2])


def test_averaged_sgd_waits_for_the_first_rise(monkeypatch):
    loop, seen = trained(monkeypatch, [3.0, 2.0, 2.5, 2.4, 2.3, 1.9], epochs=4, average="asgd")
    # once for two epochs, then twice: the third epoch rose, where the mean is the weights themselves
    assert len(seen) == 6
    assert same_bits(seen[2], seen[3])
    assert not same_bits(seen[4], seen[5])
    assert same_bits(weights(loop._model), seen[5])


def test_without_validation_nothing_is_averaged():
    loop = Loop(language_model(), data(), None, TrainingOptions(epochs=1, average="ema"))
    loop.run()
    assert loop._average is None


def test_a_damaged_average_in_a_checkpoint_is_refused(tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    options = TrainingOptions(epochs=1, average="ema", checkpoint_seconds=1e-9)
    Loop(language_model(), data(), data(), options, tmp_path).run()
    path = tmp_path / "checkpoint.safetensors"
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        metadata = file.metadata()
    position = json.loads(metadata["position"]) | {"finished": False}
    tensors = {name: t for name, t in tensors.items() if not name.startswith("average/e")}
    save_file(tensors, path, {"position": json.dumps(position)})
    with pytest.raises(InputError, match="not a checkpoint of this run"):
        Loop(language_model(), data(), data(), options, tmp_path).run(resume=True)
