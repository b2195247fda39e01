"""Calls of one step, of layers and cells: torch's operators of a cell run them, and give what torch gives."""

import copy

import pytest
import torch
from torch import nn
from torch.autograd import gradgradcheck
from torch.nn.utils import parametrizations, prune
from torch.profiler import ProfilerActivity, profile

import elman

B, I, H = 3, 4, 5
OPERATORS = {
    "LSTM": ("LSTM", {}, "aten::lstm_cell"),
    "GRU": ("GRU", {}, "aten::gru_cell"),
    "RNN": ("RNN", {}, "aten::rnn_tanh_cell"),
    "RNN-relu": ("RNN", {"nonlinearity": "relu"}, "aten::rnn_relu_cell"),
}
OPTIONS = {
    "plain": {},
    "no-bias": {"bias": False},
    "both-ways": {"bidirectional": True, "num_layers": 2},
    "dropout": {"num_layers": 3, "dropout": 0.5},
}


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def case(request):
    return request.param


def pair(name, **options):
    """Torch's module and ours with the same weights, in float64."""
    theirs = getattr(nn, name)(I, H, dtype=torch.float64, **options)
    ours = getattr(elman, name)(I, H, dtype=torch.float64, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def state_of(name, *leading):
    h = torch.randn(*leading, H, dtype=torch.float64)
    return (h, h + 1) if name.startswith("LSTM") else h


def flat(result):
    return [result] if isinstance(result, torch.Tensor) else [t for part in result for t in flat(part)]


def outcome(module, *args):
    """Results and the gradients of the parameters, with the same masks in every call."""
    torch.manual_seed(1)
    module.zero_grad()
    results = flat(module(*args))
    sum(r.square().sum() for r in results).backward()
    return [*results, *(p.grad for p in module.parameters())]


def operators(call):
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        call()
    return {event.name for event in seen.events()}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_layer_gives_what_torchs_layer_gives(case, options):
    name, more, _ = case
    theirs, ours = pair(name, **options, **more)
    layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    x = torch.randn(1, B, I, dtype=torch.float64)
    for state in (None, state_of(name, layers, B)):
        for a, b in zip(outcome(theirs, x, state), outcome(ours, x, state), strict=True):
            torch.testing.assert_close(a, b)


def test_a_layer_runs_the_operator_in_inference_and_in_training(case):
    name, more, operator = case
    layer, x = getattr(elman, name)(I, H, **more), torch.randn(1, B, I)
    assert operator in operators(lambda: layer(x))
    with torch.inference_mode():
        assert operator in operators(lambda: layer(x))
        assert operator not in operators(lambda: layer(x.expand(2, B, I)))
    assert operator not in operators(lambda: layer(x, None, torch.ones(B, dtype=torch.int64)))


def test_resets_apply_before_the_step(case):
    name, more, _ = case
    layer = getattr(elman, name)(I, H, learned_state=True, dtype=torch.float64, **more)
    with torch.no_grad():
        for key in layer.cell.states():
            getattr(layer, f"initial_{key}").fill_(0.25)
    exact = copy.copy(layer)
    exact.backend = "reference"
    x, resets = torch.randn(1, B, I, dtype=torch.float64), torch.tensor([[True, False, True]])
    assert layer.explain(x, resets=resets).endswith("backend 'aten' runs this call")
    state = state_of(name, 1, B)
    found, expected = (flat(module(x, state, resets=resets)) for module in (layer, exact))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_output_and_state_share_no_memory(case):
    name, more, _ = case
    layer = getattr(elman, name)(I, H, **more)
    with torch.no_grad():
        output, state = layer(torch.randn(1, B, I))
        before = [s.clone() for s in flat(state)]
        output.zero_()
    assert all(torch.equal(a, b) for a, b in zip(before, flat(state), strict=True))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_trace_of_one_step_reads_more_steps(case):
    name, more, _ = case
    layer = getattr(elman, name)(I, H, **more).eval()
    traced = torch.jit.trace(layer, torch.randn(1, B, I), check_trace=False)
    x = torch.randn(4, B, I)
    torch.testing.assert_close(traced(x)[0], layer(x)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["bias_ih_l0", "bias_hh_l0", "weight_ih_l0", "weight_hh_l0"])
def test_a_parameter_of_another_shape_is_refused(case, name):
    layer = getattr(elman, case[0])(I, H, **case[1])
    getattr(layer, name).data = torch.randn((1,) if "bias" in name else (H, 2))
    with pytest.raises(ValueError, match=rf"{name[:-3]} must have shape \[.*\]\. Got \["):
        layer(torch.randn(1, B, I))


def test_a_batch_may_have_no_rows(case):
    output, _ = getattr(elman, case[0])(I, H, **case[1])(torch.zeros(1, 0, I))
    assert output.shape == (1, 0, H)


def test_a_cell_without_an_operator_is_left_to_the_other_backends():
    layer = elman.Recurrent(elman.cells.LayerNormLSTM(I, H))
    assert layer.explain(torch.zeros(1, B, I)).startswith("LayerNormLSTM: backend 'reference' runs this call")


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_gives_what_torchs_cell_gives_bit_for_bit(case, batched, bias):
    name, more, operator = case
    theirs, ours = pair(f"{name}Cell", bias=bias, **more)
    rows = (B,) if batched else ()
    x = torch.randn(*rows, I, dtype=torch.float64)
    for state in (None, state_of(name, *rows)):
        for a, b in zip(outcome(theirs, x, state), outcome(ours, x, state), strict=True):
            assert torch.equal(a, b)
        assert operator in operators(lambda state=state: ours(x, state))


def test_a_cell_whose_weights_are_computed(case):
    _, ours = pair(f"{case[0]}Cell", **case[1])
    x, state = torch.randn(B, I, dtype=torch.float64), state_of(case[0], B)
    expected = flat(ours(x, state))
    for a, b in zip(expected, flat(parametrizations.weight_norm(ours, "weight_hh")(x, state)), strict=True):
        torch.testing.assert_close(a, b)
    _, pruned = pair(f"{case[0]}Cell", **case[1])
    prune.random_unstructured(pruned, "bias_hh", 1.0)
    _, zeroed = pair(f"{case[0]}Cell", **case[1])
    zeroed.load_state_dict(
        {k.removesuffix("_orig"): v for k, v in pruned.state_dict().items() if "mask" not in k}
    )
    nn.init.zeros_(zeroed.bias_hh)
    for a, b in zip(flat(zeroed(x, state)), flat(pruned(x, state)), strict=True):
        assert torch.equal(a, b)


def test_a_cell_is_differentiated_twice_mapped_compiled_and_exported(case):
    name, more, _ = case
    _, cell = pair(f"{name}Cell", **more)
    x = torch.randn(B, I, dtype=torch.float64, requires_grad=True)
    expected = flat(cell(x))
    assert gradgradcheck(lambda x: cell(x), x)
    _, tangent = torch.func.jvp(lambda x: flat(cell(x))[0], (x.detach(),), (torch.ones_like(x),))
    assert tangent.abs().sum() > 0
    found = {
        "vmap": flat(torch.vmap(cell)(x)),
        "compiled": flat(torch.compile(cell, fullgraph=True, backend="eager")(x)),
        "exported": flat(torch.export.export(cell, (x.detach(),)).module()(x.detach())),
    }
    for way in found.values():
        for a, b in zip(expected, way, strict=True):
            torch.testing.assert_close(a, b)


def test_a_cell_under_autocast_keeps_torchs_types(case):
    name, more, _ = case
    theirs, ours = (module.float() for module in pair(f"{name}Cell", **more))
    with torch.autocast("cpu", torch.bfloat16):
        for a, b in zip(*(flat(cell(torch.ones(B, I))) for cell in (theirs, ours)), strict=True):
            assert a.dtype == b.dtype
            assert torch.equal(a, b)


WRONG = {
    "features": (torch.zeros(B, I + 1), None, "input must be"),
    "axes": (torch.zeros(1, B, I), None, "input must be"),
    "rows": (torch.zeros(B, I), torch.zeros(B + 1, H), "state must have shapes"),
    "units": (torch.zeros(B, I), torch.zeros(B, H + 1), "state must have shapes"),
    # these would be stretched to [B, H, …]
    "state-axes": (torch.zeros(1, I), torch.zeros(1, H, H), "state must have shapes"),
}


@pytest.mark.parametrize(("x", "h", "message"), WRONG.values(), ids=WRONG)
def test_a_cell_names_what_does_not_fit(case, x, h, message):
    cell = getattr(elman, f"{case[0]}Cell")(I, H, **case[1])
    with pytest.raises(ValueError, match=message):
        cell(x, (h, h) if case[0] == "LSTM" and h is not None else h)
