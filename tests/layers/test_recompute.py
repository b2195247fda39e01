"""What a backward pass keeps and tells: recomputation over chunks of time, and the states' gradients."""

import pytest
import torch
from kinds import OF_FEATURES
from rounding import agree_in

from elman.cells import LSTM
from elman.layers import Recurrent

T, B, I, H = 11, 3, 5, 7
CELLS = list(OF_FEATURES.values())
OPTIONS = [{}, {"bidirectional": True, "num_layers": 2}, {"zoneout": 0.3}, {"recurrent_dropout": 0.4}]
LENGTHS = torch.tensor([11, 4, 0])
RESETS = torch.rand(T, B, generator=torch.Generator().manual_seed(0)) < 0.25


def results(layer, x, seed=1):
    """Output, final states, every gradient, and those of the states after each step."""
    torch.manual_seed(seed)
    x = x.clone().requires_grad_()
    layer.zero_grad()
    with layer.state_gradients() as found:
        output, state = layer(x, None, LENGTHS, RESETS)
        (output.square().sum() + sum(s.sum() for s in state)).backward()
    assert layer._record is None
    gradients = [p.grad.clone() for p in layer.parameters()]
    values = [
        output.detach(),
        *(s.detach() for s in state),
        x.grad,
        *gradients,
        *(t for s in found for t in s),
    ]
    return dict(enumerate(values))


@pytest.mark.parametrize(
    ("backend", "steps", "options"),
    # each number of steps with each of the options, on one backend in turn
    [
        (("reference", "auto")[(k + n) % 2], steps, options)
        for k, steps in enumerate((1, 4, 11, 50))
        for n, options in enumerate(OPTIONS)
    ],
    ids=str,
)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.__name__)
def test_chunks_that_are_recomputed_change_nothing(cell, options, steps, backend):
    if "recurrent_dropout" in options and not cell.recurrent_weights:
        options = {"zoneout": 0.4}  # it has no recurrent product to drop from
    plain = Recurrent(cell(I, H), **options, backend="reference")
    layer = Recurrent(cell(I, H), **options, backend=backend, recompute=steps)
    layer.load_state_dict(plain.state_dict())
    x = torch.randn(T, B, I)
    agree_in(torch.float32, results(layer, x), lambda: results(plain, x), [x, *plain.parameters()])


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.__name__)
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_state_gradients_are_those_of_a_state_put_in_by_hand(cell, backend):
    layer = Recurrent(cell(I, H), backend=backend)
    x, weights = torch.randn(T, B, I), torch.randn(T, B, layer.output_size)
    with layer.state_gradients() as found:
        (layer(x)[0] * weights).sum().backward()
    assert len(found) == 1

    def by_hand(t):
        _, state = layer(x[: t + 1])
        state = tuple(s.detach().requires_grad_() for s in state)
        w = {name: getattr(layer, f"{name}_l0") for name in layer.cell.parameters()}
        read = layer.cell.read(w, tuple(s[0] for s in state), layer.cell.project(w, x[t]))
        rest = (read * weights[t]).sum()
        if t + 1 < T:
            rest = rest + (layer(x[t + 1 :], state)[0] * weights[t + 1 :]).sum()
        gradients = torch.autograd.grad(rest, state, allow_unused=True, materialize_grads=True)
        return {k: gradient[0] for k, gradient in enumerate(gradients)}

    for t in (0, 4, T - 1):
        told = {k: each[t] for k, each in enumerate(found[0])}
        agree_in(torch.float32, told, lambda t=t: by_hand(t), [x, *layer.parameters()])


def kept_bytes(layer, steps):
    """Of what autograd keeps from a call's forward to its backward pass, parameters left out."""
    own = {p.data_ptr() for p in layer.parameters()}
    kept = {}

    def pack(tensor):
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(torch.randn(steps, 4, I))
    return sum(kept.values())


def test_recomputation_keeps_a_state_a_chunk_in_place_of_gates():
    whole, chunks = (Recurrent(LSTM(I, 64), recompute=n) for n in (0, 100))
    assert kept_bytes(chunks, 1000) < kept_bytes(whole, 1000) / 10


def test_a_chunk_has_at_least_one_step():
    with pytest.raises(ValueError, match=r"recompute must be an int in \[1, inf\). Got -1"):
        Recurrent(LSTM(2, 3), recompute=-1)
