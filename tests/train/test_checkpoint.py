"""Checkpoints and weights: all of it comes back, and a damaged file is refused in one line."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import corpus, language_model, same_bits, weights
from torch import Tensor, nn

from elman.cells import GRU, LSTM
from elman.data.batches.tokens import TokenStreams
from elman.errors import InputError
from elman.state import State
from elman.train.checkpoint import Position, load_checkpoint, load_weights, save_checkpoint, save_weights
from elman.train.optimize import make_optimizer
from elman.train.options import TrainingOptions

POSITION = Position(
    step=7,
    seconds=1.5,
    best_loss=2.25,
    bad_epochs=1,
    history_bytes=99,
    sums=(1.0, 2.0, 3.0, 4.0, 5.0),
    finished=True,
)
ADAMW, MOMENTUM = {"optimizer": "adamw"}, {"optimizer": "sgd", "momentum": 0.9}


def trained(
    seed: int = 0, cell: type = LSTM, steps: int = 3, **options: object
) -> tuple[nn.Module, object, State]:
    """A model and its optimizer after some steps, and the state they carry."""
    torch.manual_seed(seed)
    model, state = language_model(cell, dropout=0.5), None
    optimizer = make_optimizer(model, TrainingOptions(learning_rate=0.1, **options))
    for batch in list(TokenStreams(corpus(60), 2, 5, 0).epoch(0))[:steps]:
        loss, state = model(batch, None if state is None else tuple(s.detach() for s in state))
        optimizer.zero_grad()
        (loss.sum / loss.count).backward()
        optimizer.step()
    return model, optimizer, state


def slots(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{index} {name}": value
        for index, each in optimizer.state_dict()["state"].items()
        for name, value in each.items()
        if value is not None
    }


@pytest.mark.parametrize("cell", [LSTM, GRU])
@pytest.mark.parametrize("options", [ADAMW, MOMENTUM, {"optimizer": "sgd"}], ids=str)
def test_everything_comes_back(tmp_path, cell, options):
    path = tmp_path / "checkpoint.safetensors"
    model, optimizer, state = trained(0, cell, **options)
    save_checkpoint(path, model, optimizer, state, POSITION)
    random = torch.rand(5)
    other, its_optimizer, _ = trained(1, cell, steps=1, **options)
    assert not same_bits(weights(other), weights(model))
    found, position = load_checkpoint(path, other, its_optimizer)
    assert position == POSITION
    assert same_bits(weights(other), weights(model))
    assert len(found) == len(state)
    assert all(torch.equal(a, b) for a, b in zip(found, state, strict=True))
    assert same_bits(slots(its_optimizer), slots(optimizer))
    assert len(slots(optimizer)) == {str(ADAMW): 3, str(MOMENTUM): 1}.get(str(options), 0) * len(
        list(model.parameters())
    )
    assert torch.equal(torch.rand(5), random)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_without_a_state_and_before_the_first_validation(tmp_path):
    model, optimizer, _ = trained(steps=0)
    save_checkpoint(tmp_path / "c", model, optimizer, None, Position())
    state, position = load_checkpoint(tmp_path / "c", model, optimizer)
    assert state is None
    assert position == Position()
    assert math.isinf(position.best_loss)


def altered(path: Path, tensors: dict[str, Tensor | None] | None = None, **fields: object) -> None:
    """The same file with other tensors, None for one that is missing, and other fields of its position."""
    position = {**json.loads(json.dumps(vars(POSITION))), **fields}
    changed = {k: v for k, v in (load_file(path) | (tensors or {})).items() if v is not None}
    save_file(changed, path, {"position": json.dumps(position)})


DAMAGES = {
    "no file": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "no safetensors": lambda path: path.write_bytes(b"x" * 1000),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "a link": lambda path: path.symlink_to(path.rename(path.with_name("elsewhere"))),
    "no position": lambda path: save_file(load_file(path), path),
    "position: text": lambda path: altered(path, step="7"),
    "position: bool": lambda path: altered(path, step=True),
    "position: negative": lambda path: altered(path, step=-1),
    "position: sums": lambda path: altered(path, sums=[1.0]),
    "position: no number": lambda path: altered(path, sums=["a"] * 5),
    "position: unknown": lambda path: altered(path, more=1),
    "weight: missing": lambda path: altered(path, {"model/head.bias": None}),
    "weight: unknown": lambda path: altered(path, {"model/other": torch.ones(1)}),
    "weight: shape": lambda path: altered(path, {"model/head.bias": torch.ones(99)}),
    "optimizer: shape": lambda path: altered(path, {"optimizer/0/exp_avg": torch.ones(99)}),
    "optimizer: parameter": lambda path: altered(path, {"optimizer/99/exp_avg": torch.ones(1)}),
    "optimizer: name": lambda path: altered(path, {"optimizer/x": torch.ones(1)}),
    "state: gap": lambda path: altered(path, {"state/0": None}),
    "random: missing": lambda path: altered(path, {"random/cpu": None}),
    "random: shape": lambda path: altered(path, {"random/cpu": torch.ones(3, dtype=torch.uint8)}),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path, damage):
    path = tmp_path / "checkpoint.safetensors"
    model, optimizer, state = trained()
    save_checkpoint(path, model, optimizer, state, POSITION)
    damage(path)
    with pytest.raises(InputError) as error:
        load_checkpoint(path, model, optimizer)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_weights_come_back_and_the_model_is_not_touched(tmp_path):
    model, other = language_model(), language_model()
    save_weights(model, tmp_path / "model.safetensors")
    before = weights(other)
    assert same_bits(load_weights(tmp_path / "model.safetensors", other), weights(model))
    assert same_bits(weights(other), before)
