"""Layers on a GPU against the reference in float64 on the CPU: outputs, states and every gradient."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import elman
from elman.cells.named import make_cell
from elman.layers import Recurrent

pytestmark = pytest.mark.gpu

T, B, I, H = 13, 4, 5, 6
CELLS = (
    "elman",
    "elman:nonlinearity=relu",
    "lstm",
    "gru",
    "projected-lstm:proj_size=3",
    "layer-norm-lstm",
    "peephole-lstm",
    "coupled-lstm",
    "gru-reset-before",
)
LAYERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two layers": {"num_layers": 2},
    "both directions": {"num_layers": 2, "bidirectional": True},
    "residual": {"num_layers": 3, "residual": True},
    "learned state": {"learned_state": True},
    "recomputed": {"num_layers": 2, "recompute": 4},
    "zoneout in evaluation": {"zoneout": 0.2},
}
CALLS = ("full", "lengths", "resets", "both")
ROUNDING = 5e-4  # of a tensor's norm; a layer norm of few units divides by small numbers
TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}  # float32: some hundred roundings of sums of a few numbers


def arguments(call: str) -> dict[str, Tensor]:
    given: dict[str, Tensor] = {}
    if call in ("lengths", "both"):
        given["lengths"] = torch.tensor([T, 2, 0, 7])
    if call in ("resets", "both"):
        given["resets"] = torch.rand(T, B) < 0.2
    return given


def moved(given: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in given.items()}


def compare(layer: Recurrent, device: torch.device, call: str) -> None:
    """One call with its gradients on the device, and the same in float64 on the CPU."""
    truth = copy.deepcopy(layer).double()
    truth.backend = "reference"
    layer.to(device)
    x, given = torch.randn(T, B, I), arguments(call)
    results = []
    for each, place, kind in ((layer, device, torch.float32), (truth, torch.device("cpu"), torch.float64)):
        own = x.to(place, kind, copy=True).requires_grad_()
        output, state = each(own, **moved(given, place))
        weights = torch.linspace(-1, 1, output.numel(), dtype=kind).view_as(output).to(place)
        ((output * weights).sum() + sum(s.square().sum() for s in state)).backward()
        gradients = {name: p.grad for name, p in each.named_parameters()}
        results.append({"output": output, "x": own.grad, **dict(enumerate(state)), **gradients})
    found, expected = results
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert (found[name] is None) == (value is None), name
        if value is not None:
            apart = (found[name].cpu().double() - value).norm() / value.norm().clamp(min=1)
            assert apart < ROUNDING, f"{name} is {float(apart):.2g} of its norm from the reference"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell(device, cell, call):
    compare(Recurrent(make_cell(cell, I, H), 2), device, call)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_option(device, cell, options, call):
    layer = Recurrent(make_cell(cell, I, H), **options)
    compare(layer.eval() if "zoneout" in options else layer, device, call)


NOISE: dict[str, dict[str, Any]] = {
    name: {name: 0.4}
    for name in ("dropout", "input_dropout", "recurrent_dropout", "weight_dropout", "zoneout")
}


@pytest.mark.parametrize("options", NOISE.values(), ids=NOISE)
def test_noise_is_drawn_anew_in_training_and_off_in_evaluation(device, options):
    layer = Recurrent(make_cell("lstm", I, H), 2, **options).to(device)
    x = torch.randn(T, B, I, device=device)
    torch.manual_seed(1)
    first, second = layer(x)[0], layer(x)[0]
    torch.manual_seed(1)
    assert torch.equal(layer(x)[0], first)
    assert not torch.equal(first, second)
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_packed_sequences_as_torch(device, name):
    theirs = getattr(torch.nn, name)(I, H, 2, bidirectional=True).to(device)
    ours = getattr(elman, name)(I, H, 2, bidirectional=True).to(device)
    ours.load_state_dict(theirs.state_dict())
    packed = pack_padded_sequence(
        torch.randn(T, 3, I, device=device), torch.tensor([5, T, 2]), enforce_sorted=False
    )
    found, expected = pad_packed_sequence(ours(packed)[0]), pad_packed_sequence(theirs(packed)[0])
    torch.testing.assert_close(found[0], expected[0], **TOLERANCE)
    assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("cell", ["lstm", "gru", "coupled-lstm"])
def test_autocast_keeps_the_state_in_float32(device, cell):
    layer, x = Recurrent(make_cell(cell, I, H), 2).to(device), torch.randn(T, B, I, device=device)
    expected, _ = layer(x)
    with torch.autocast(device.type, torch.bfloat16):
        output, state = layer(x)
    assert {output.dtype, *(s.dtype for s in state)} == {torch.float32}
    torch.testing.assert_close(output, expected, rtol=0.1, atol=0.05)  # bfloat16 has eight bits
    output.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters())


@pytest.mark.parametrize("cell", CELLS)
def test_a_stream_gives_the_steps_of_the_whole(device, cell):
    layer = Recurrent(make_cell(cell, I, H), 2).to(device).eval()
    x = torch.randn(T, B, I, device=device)
    stream = layer.stream(batch_size=B)
    with torch.inference_mode():
        expected, _ = layer(x)
        steps = torch.stack([stream.step(each, copy=True) for each in x])
    torch.testing.assert_close(steps, expected, **TOLERANCE)


def test_a_run_draws_its_own_masks_on_the_device(device):
    layer = Recurrent(make_cell("lstm", I, H), 3, dropout=0.5).to(device)
    x = torch.randn(T, B, I, device=device)
    outputs = []
    for _ in range(2):
        with elman.draws.Draws(3).running(layer):
            outputs.append(layer(x)[0])
        torch.rand(3, device=device)
    assert torch.equal(*outputs)
