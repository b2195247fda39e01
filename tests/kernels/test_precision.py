"""Layers in bfloat16, whole and under autocast, on the compiled kernels."""

import copy

import pytest
import torch
from agreement import results
from torch import Tensor, nn

import elman
from elman.kernels.compiled import cpu, table

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

T, B, I, H = 12, 5, 33, 65
KINDS = {
    "RNN": {},
    "RNN relu": {"nonlinearity": "relu"},
    "LSTM": {},
    "LSTM projected": {"proj_size": 9},
    "GRU": {},
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(params=[True, False], ids=["halves", "widened"], autouse=True)
def halves(request, monkeypatch) -> bool:
    """Whether calls in bfloat16 are computed in it, as where the processor multiplies it faster."""
    monkeypatch.setattr(table, "HALVES_PAY", request.param)
    return request.param


def pair(kind: str, **options) -> tuple[nn.Module, elman.Recurrent]:
    """torch's layer and ours, on the compiled kernels, with the same weights."""
    name, options = kind.split()[0], KINDS[kind] | {"num_layers": 2, "bidirectional": True} | options
    theirs = getattr(nn, name)(I, H, **options)
    ours = getattr(elman, name)(I, H, **options, backend="cpu")
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def off(found: dict[str, Tensor], truth: dict[str, Tensor]) -> dict[str, float]:
    """The norm of each error, relative to the value's."""
    return {k: ((found[k].double() - v.double()).norm() / v.double().norm()).item() for k, v in truth.items()}


def assert_as_close(own: dict[str, float], torchs: dict[str, float]) -> None:
    """On the whole: single errors are large by chance where relu's kink is near."""
    assert own["output"] <= 1.1 * torchs["output"]
    assert sum(own.values()) <= 1.1 * sum(torchs.values())


@each_kind
def test_autocast_is_as_close_as_torchs(kind, halves):
    theirs, ours = pair(kind)
    x = torch.randn(T, B, I, requires_grad=True)
    truth = results(theirs(x), x, None, theirs)
    found = {}
    # where the processor lacks the instructions, oneDNN refuses what torch's LSTM hands to it
    known = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    for layer in (theirs, ours):
        with torch.autocast("cpu", torch.bfloat16), torch.backends.mkldnn.flags(enabled=known):
            run = layer(x)
        found[layer] = results(run, x, None, layer)
    # the memory keeps its precision; of torch's layers only the GRU does so
    assert all(value.dtype == torch.float32 for value in found[ours].values())
    torchs, own = off(found[theirs], truth), off(found[ours], truth)
    assert (min(own.values()) > 1e-5) == halves  # only then were products in bfloat16
    assert_as_close(own, torchs)


@pytest.mark.parametrize("lowered", [False, True], ids=["bfloat16", "autocast"])
def test_explain_says_whether_bfloat16_is_computed_in_float32(lowered, halves):
    layer = elman.LSTM(I, H, dtype=None if lowered else torch.bfloat16)
    x = torch.randn(T, B, I, dtype=layer.weight_ih_l0.dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=lowered):
        said = layer.explain(x)
    wide = " in float32: this processor multiplies bfloat16 no faster"
    assert said == "LSTM: backend 'cpu' runs this call" + ("" if halves else wide)
    assert layer.float().explain(x.float()) == "LSTM: backend 'cpu' runs this call"


@each_kind
def test_autocast_without_gradients(kind):
    layer = pair(kind)[1].eval()
    x = torch.randn(T, B, I)
    with torch.autocast("cpu", torch.bfloat16):
        wanted, _ = layer(x)
        with torch.no_grad():
            assert torch.equal(layer(x)[0], wanted)


def test_autocast_to_another_type_is_not_for_the_kernels():
    _, ours = pair("GRU")
    with (
        torch.autocast("cpu", torch.float16),
        pytest.raises(ValueError, match="the compiled kernels take float32 or bfloat16"),
    ):
        ours(torch.randn(T, B, I))


@each_kind
def test_second_gradients_under_autocast(kind):
    layer = pair(kind)[1]
    x = torch.randn(T, B, I, requires_grad=True)
    truth, found = None, None
    for lowered in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=lowered):
            output, _ = layer(x)
        (first,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        truth, found = found, torch.autograd.grad(first.square().sum(), list(layer.parameters()))
    for got, want in zip(found, truth, strict=True):
        assert (got - want).norm() <= 0.06 * want.norm()


@each_kind
@pytest.mark.parametrize("backend", ["cpu", "auto"])
def test_a_layer_in_bfloat16_trains_as_in_float32(backend, kind):
    single = pair(kind, bidirectional=False)[1]
    single.backend = backend
    x, target = torch.randn(T, B, I).bfloat16(), torch.randn(T, B, single.output_size)
    half = copy.deepcopy(single).bfloat16()
    single.load_state_dict({k: v.float() for k, v in half.state_dict().items()})  # the same numbers
    losses = {}
    for layer in (single, half):
        losses[layer] = []
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
        entered = x.to(next(layer.parameters()).dtype)
        for _ in range(8):
            output, final = layer(entered)
            assert output.dtype == entered.dtype
            assert all(s.dtype == entered.dtype for s in (final if isinstance(final, tuple) else (final,)))
            loss = (output.float() - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses[layer].append(loss.item())
    assert losses[half][-1] < 0.9 * losses[half][0]
    assert losses[half] == pytest.approx(losses[single], rel=2e-3)
    assert losses[half] != losses[single]


@each_kind
def test_a_layer_in_bfloat16_is_as_close_as_torchs(kind):
    theirs, ours = pair(kind)
    theirs, ours = theirs.bfloat16(), ours.bfloat16()
    x = torch.randn(T, B, I).bfloat16().requires_grad_()
    exact = x.detach().float().requires_grad_()
    float_layer = copy.deepcopy(theirs).float()
    truth = results(float_layer(exact), exact, None, float_layer)
    torchs, own = (off(results(layer(x), x, None, layer), truth) for layer in (theirs, ours))
    assert_as_close(own, torchs)
