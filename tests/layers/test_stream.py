"""Streams: the full pass taken apart, in whatever precision, and never behind the layer's parameters.

What holds of changed parameters is also said of slots.
"""

import copy
import pickle

import numpy as np
import pytest
import torch
from kinds import OF_FEATURES
from rounding import agree_in
from torch import nn
from torch.nn.utils import prune

import elman
from elman.cells import LSTM
from elman.kernels.compiled.table import kernels
from elman.layers import Recurrent

CELLS = list(OF_FEATURES.values())


class SomeSlots:
    """Slots as a stream: the second of two is stepped."""

    def __init__(self, layer, rows=1):
        self.slots, self.rows = layer.slots(rows + 1), list(range(1, rows + 1))

    def step(self, x, copy=False):
        output = self.slots.step(x.view(len(self.rows), -1), self.rows, copy)
        return output if x.dim() == 2 else output[0]

    def reset(self):
        self.slots.reset(self.rows)

    @property
    def state(self):
        states = [self.slots.state[row] for row in self.rows]
        return tuple(torch.stack(parts, 1) for parts in zip(*states, strict=True))


STEPPED = {"stream": Recurrent.stream, "slots": SomeSlots}


def steps(stream, x):
    return torch.stack([stream.step(row, copy=True) for row in x])


@pytest.mark.parametrize(
    "rows", [1, 3, 9]
)  # the last is more than streams in bfloat16 read weights for as they lie
@pytest.mark.parametrize(("inputs", "units"), [(1, 5), (33, 17), (16, 64), (70, 130)])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.__name__)
def test_steps_are_the_full_pass(cell, inputs, units, rows):
    layer = Recurrent(
        cell(inputs, units), num_layers=2, residual=True, zoneout=0.2, learned_state=True
    ).eval()
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -0.3, 0.3)
    x = torch.randn(6, rows, inputs)

    def whole():
        output, final = layer(x)
        return dict(enumerate((output, *final)))

    stream = layer.stream(rows)
    for _ in range(2):
        found = dict(enumerate((steps(stream, x), *stream.state)))
        agree_in(torch.float32, found, whole, [x, *layer.parameters()])
        stream.reset()


@pytest.mark.long
@torch.no_grad()
# not the last, layer-norm: new from its initialisation it multiplies every difference until states are unlike
@pytest.mark.parametrize("cell", CELLS[:-1], ids=lambda cell: cell.__name__)
def test_twenty_thousand_steps_do_not_drift(cell):
    layer = Recurrent(cell(3, 16)).eval()
    x = torch.randn(20_000, 1, 3)
    stream = layer.stream(1)
    found = {"output": steps(stream, x)}
    agree_in(torch.float32, found, lambda: {"output": layer(x)[0]}, [x, *layer.parameters()])


@pytest.mark.parametrize("cell", sorted({k.cell for k in kernels()}, key=str), ids=lambda cell: cell.__name__)
def test_bfloat16(cell):
    layer = Recurrent(cell(20, 40), num_layers=2, residual=True)
    x = torch.randn(9, 2, 20)
    expected, _ = layer(x)
    low = layer.bfloat16()
    stream = low.stream(2)
    found = steps(stream, x.bfloat16())
    assert found.dtype == torch.bfloat16 == stream.state[0].dtype
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.03)
    stream.reset()
    arrays = np.stack([stream.step(row.numpy(), copy=True) for row in x])
    assert arrays.dtype == np.float32
    torch.testing.assert_close(torch.from_numpy(arrays), found.float())


def test_answers_come_in_kind_and_in_one_buffer():
    layer = elman.GRU(3, 5)
    stream = layer.stream()
    x = torch.randn(4, 3)
    expected = layer(x)[0].detach()
    first = stream.step(x[0])
    kept = first.clone()
    assert stream.step(x[1]) is first
    assert not torch.equal(first, kept)
    own = stream.step(x[2], copy=True)
    array = stream.step(x[3].numpy())
    assert isinstance(array, np.ndarray)
    assert array.shape == (5,)
    torch.testing.assert_close(torch.stack([kept, own, torch.from_numpy(array)]), expected[[0, 2, 3]])
    assert stream.step(x[:1]).shape == (1, 5) == stream.step(x[:1].numpy()).shape
    assert stream.step(x.double().numpy()[0]).shape == (5,)  # what must be converted is
    assert stream.step(x.T.contiguous().T[0]).shape == (5,)


CHANGES = {
    "optimizer": lambda layer: torch.optim.SGD(layer.parameters(), 1.0).step(),
    "load": lambda layer: layer.load_state_dict({k: v + 1 for k, v in layer.state_dict().items()}),
    "assign": lambda layer: layer.load_state_dict(
        {k: v + 1 for k, v in layer.state_dict().items()}, assign=True
    ),
    "data in place": lambda layer: layer.weight_hh_l0.data.mul_(-2),
    "one element": lambda layer: layer.weight_ih_l0.data.view(-1)[7:8].add_(1),
    "data replaced": lambda layer: setattr(layer.weight_hh_l0, "data", -2 * layer.weight_hh_l0.data),
    "through NumPy": lambda layer: layer.bias_hh_l0.detach().numpy().__imul__(-2),
    "another parameter": lambda layer: setattr(layer, "weight_ih_l0", nn.Parameter(-layer.weight_ih_l0.data)),
    "another twice": lambda layer: [
        setattr(layer, "weight_ih_l0", nn.Parameter(-layer.weight_ih_l0.data * k)) for k in (1, 2)
    ],
    "precision": lambda layer: layer.bfloat16(),
    "precision and back": lambda layer: layer.bfloat16().float(),
    "parametrised": lambda layer: nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0", dim=1),
    "not contiguous": lambda layer: setattr(
        layer.weight_hh_l0, "data", (-layer.weight_hh_l0.data.T.contiguous()).T
    ),
    "reset": lambda layer: layer.reset_parameters(),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("form", STEPPED.values(), ids=STEPPED)
def test_a_stream_is_never_behind_its_layer(form, kind, change):
    layer = getattr(elman, kind)(6, 11)
    sum(p.sum() for p in layer.parameters()).backward()
    stream, x = form(layer), torch.randn(8, 6)
    steps(stream, x[:4])
    CHANGES[change](layer)
    x = x.to(layer.bias_ih_l0.dtype)
    before = stream.state
    bare = tuple(s[:, 0] for s in before)
    expected, _ = layer(x[4:], bare if kind == "LSTM" else bare[0])
    tolerance = {"rtol": 0.05, "atol": 0.02} if change == "precision" else {}
    torch.testing.assert_close(steps(stream, x[4:]), expected.detach(), **tolerance)


def test_dropout_is_drawn_in_training_alone():
    layer = Recurrent(LSTM(4, 50), recurrent_dropout=0.5)
    x = torch.randn(5, 4)
    layer.train()
    streams = [layer.stream() for _ in range(2)]
    assert not torch.equal(*(steps(stream, x) for stream in streams))
    layer.eval()
    for stream in streams:
        stream.reset()
    assert torch.equal(*(steps(stream, x) for stream in streams))
    layer.train()
    assert not torch.equal(*(steps(stream, x) for stream in streams))


def test_made_or_used_in_inference_mode():
    layer, head = elman.LSTM(3, 5), nn.Linear(5, 2)
    with torch.inference_mode():
        stream = layer.stream()
        stream.step(torch.randn(3))
    output = stream.step(torch.randn(3, requires_grad=True))
    assert not output.requires_grad
    head(output).sum().backward()


def test_what_no_step_can_read():
    stream = elman.LSTM(3, 5).stream()
    with pytest.raises(ValueError, match=r"a step's last axis must be input_size \(3\). Got \[4\]"):
        stream.step(torch.randn(4))
    with pytest.raises(ValueError, match="a step of this stream must have 1 rows"):
        stream.step(np.zeros((2, 3), np.float32))
    before = stream.state
    with pytest.raises(ValueError, match="must have 1 rows"):
        stream.step(torch.randn(1, 1, 3))
    assert all(map(torch.equal, before, stream.state))


def masked(module, _):
    """A hook that changes a parameter in place before each call."""
    with torch.no_grad():
        module.weight_hh_l0.mul_(module.mask)


def halved_input(_, args):
    return (args[0] / 2, *args[1:])


def add_mask(layer):
    layer.register_buffer("mask", torch.eye(6).repeat(len(layer.weight_hh_l0) // 6, 1))
    layer.register_forward_pre_hook(masked)


HOOKS = {
    "old-weight-norm": lambda layer: nn.utils.weight_norm(layer, "weight_hh_l0"),
    "old-spectral-norm": lambda layer: nn.utils.spectral_norm(layer, "weight_ih_l0"),
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", 0.5),
    "parametrized": lambda layer: nn.utils.parametrizations.weight_norm(layer, "weight_ih_l0"),
    "mask-in-place": add_mask,
    "input": lambda layer: layer.register_forward_pre_hook(halved_input),
    "input-with-keywords": lambda layer: layer.register_forward_pre_hook(
        lambda module, args, options: (halved_input(module, args), options), with_kwargs=True
    ),
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("batch_first", [False, True], ids=["time-first", "batch-first"])
@pytest.mark.parametrize("change", HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize("make", [elman.LSTM, elman.GRU, elman.RNN], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("form", STEPPED.values(), ids=STEPPED)
def test_steps_see_what_forward_pre_hooks_do(form, make, change, batch_first):
    layer, other = make(4, 6, batch_first=batch_first), make(4, 6, batch_first=batch_first)
    for each in (layer, other):
        change(each)
        each.eval()
    stream = form(layer, 2)
    stream.step(torch.zeros(2, 4))
    stream.reset()
    layer.load_state_dict(other.state_dict())
    x = torch.randn(5, 2, 4)
    streamed, single, state = [], [], None
    for row in x:  # the first steps come before any call after the change
        streamed.append(stream.step(row, copy=True))
        output, state = layer.step(row, state)
        single.append(output)
    wanted = other(x.transpose(0, 1) if batch_first else x)[0]
    wanted = wanted.transpose(0, 1) if batch_first else wanted
    for found in (streamed, single):
        assert torch.allclose(torch.stack(found), wanted, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 9])
def test_copies_of_a_stream_go_their_own_way(rows):
    layer = elman.LSTM(4, 6, 2).eval()
    stream = layer.stream(rows)
    x = torch.randn(5, rows, 4)
    steps(stream, x[:2])
    shallow, deep, again = copy.copy(stream), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))
    pair = copy.deepcopy({"layer": layer, "stream": stream})
    wanted = steps(stream, x[2:])
    for twin in (shallow, deep, again, pair["stream"]):
        assert torch.equal(steps(twin, x[2:]), wanted)
    with torch.no_grad():
        layer.weight_hh_l1.zero_()
        pair["layer"].weight_ih_l0.zero_()
    moved = steps(stream, x)
    assert torch.equal(steps(shallow, x), moved)
    kept = steps(deep, x)
    assert not torch.equal(kept, moved)
    assert torch.equal(steps(again, x), kept)
    assert not torch.equal(steps(pair["stream"], x), kept)
