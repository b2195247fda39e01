"""The kernels of planes: what they refuse, second derivatives, precision under autocast."""

import pytest
import torch
from agreement import agree, draw, randomise, results
from kinds import OF_PLANES

from elman.kernels import planes, reference
from elman.layers import Recurrent

T, B, I, H = 5, 3, 2, 4
each_cell = pytest.mark.parametrize("kind", OF_PLANES.values(), ids=OF_PLANES)
LENGTHS, RESETS = torch.tensor([5, 2, 0]), torch.eye(T, B).bool()


def layer_of(kind, **options):
    return randomise(Recurrent(kind(I, H), dtype=torch.float64, **options))


@each_cell
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
def test_gradients_through_gradients_are_those_of_the_reference(kind, bidirectional):
    layer = layer_of(kind, bidirectional=bidirectional, backend="planes")
    x, state = draw(layer, T, B)

    def of_gradients(backend):
        layer.backend = backend
        output, final = layer(x, state)
        (d_x,) = torch.autograd.grad(sum(v.sin().sum() for v in (output, *final)), x, create_graph=True)
        return results((d_x, final), x, state, layer)

    agree(of_gradients("planes"), of_gradients("reference"), 1e-10)


@each_cell
def test_parameters_that_are_frozen_have_no_gradient(kind):
    layer = layer_of(kind, backend="planes")
    layer.weight_ih_l0.requires_grad_(False)
    layer.bias_hh_l0.requires_grad_(False)
    x, _ = draw(layer, T, B)
    layer(x.detach())[0].square().sum().backward()
    assert layer.weight_ih_l0.grad is None
    assert layer.bias_hh_l0.grad is None
    assert layer.weight_hh_l0.grad.any()
    assert layer.bias_ih_l0.grad.any()


CASES = {
    "lengths": ({}, {"lengths": LENGTHS}, "full rows"),
    "resets": ({}, {"resets": RESETS}, "full rows"),
    "zoneout": ({"zoneout": 0.5}, {}, "full rows"),
}


@each_cell
@pytest.mark.parametrize(("options", "call", "rule"), CASES.values(), ids=CASES)
def test_what_they_refuse_runs_by_the_reference(kind, options, call, rule):
    layer = layer_of(kind, **options)
    x, state = draw(layer, T, B)
    said = layer.explain(x, state, **call).splitlines()
    assert said[0] == f"{kind.__name__}: backend 'reference' runs this call"
    assert said[1].startswith("  not 'planes': ")
    assert rule in said[1]
    layer.backend = "planes"
    with pytest.raises(ValueError, match=f"^backend 'planes' cannot run this call: .*{rule}"):
        layer(x, state, **call)


def test_other_cells_are_refused():
    layer = Recurrent(type("Own", (OF_PLANES["conv-gru"],), {})(I, H))
    with layer.calls() as calls:
        layer(torch.randn(T, B, I, 3, 2))
    assert planes.supports(calls[0][0]) == "no kernel of planes for Own"
    assert reference.supports(calls[0][0]) is None


@each_cell
def test_a_tracer_sees_torchs_operators(kind):
    layer = Recurrent(kind(I, H))
    x = torch.randn(T, B, I, 3, 2)
    forward = torch.func.jvp(lambda x: layer(x)[0], (x,), (torch.ones_like(x),))[1]
    assert forward.shape == (T, B, H, 3, 2)
