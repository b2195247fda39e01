"""The sweep as an operator: what torch asks of one, and the same numbers in compiled and exported graphs."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from rounding import agree_in
from sweeps import MAKE

from elman.cells import GRU, LSTM
from elman.kernels.call import Noise, Sweep
from elman.kernels.compiled import cpu, operator
from elman.kernels.compiled.passes import taken_apart
from elman.layers import Recurrent

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

T, B, I, H = 4, 3, 5, 6
each_cell = pytest.mark.parametrize("name", MAKE)


def arguments(cell, everything, gradients, directions):
    """The operator's, plain or with every option."""

    def make(*shape):
        return torch.randn(*shape).requires_grad_(gradients)

    x, shapes = make(T, B, I), cell.states().values()
    resets, lengths = torch.rand(T, B) < 0.3, torch.tensor([4, 0, 2])
    sweeps = []
    for reverse in [True, False][:directions]:
        w = {name: make(*shape) for name, shape in cell.parameters().items()}
        state, initial = (tuple(make(B, *shape) for shape in shapes) for _ in range(2))
        sweeps.append(Sweep(cell, w, x, state, reverse=reverse))
        if everything:
            mask, share = torch.rand(B, cell.output_size), (torch.rand(T, B, cell.output_size) < 0.3).float()
            noise = Noise((mask,), (share, *[0.2] * (len(shapes) - 1)))
            sweeps[-1] = replace(sweeps[-1], initial=initial, lengths=lengths, resets=resets, noise=noise)
    options, inputs = taken_apart(sweeps)
    return [t for t in inputs if t is not None], *operator._plain(options), gradients


def calls():
    """Every call of an LSTM; of other cells the least and the most. The rest is for ``make test-long``."""
    for call in product(MAKE, (False, True), (False, True), (1, 2)):
        name, *options, directions = call
        quick = name == "lstm" or (options == [directions == 2] * 2)
        kinds = ("every option" if options[0] else "plain", "training" if options[1] else "inference")
        marks = () if quick else pytest.mark.long
        yield pytest.param(*call, id=f"{name}, {', '.join(kinds)}, {directions}", marks=marks)


@pytest.mark.parametrize(("name", "everything", "gradients", "directions"), [*calls()])
def test_torch_finds_nothing_wrong_with_it(name, everything, gradients, directions):
    given = arguments(MAKE[name](I, H, True), everything, gradients, directions)
    found = torch.library.opcheck(operator._sweep, given)
    assert set(found.values()) == {"SUCCESS"}


def numbers(layer, call, x):
    """Output, states and every gradient."""
    x = x.detach().requires_grad_()
    output, state = call(x)
    total = output.square().sum() + sum(s.sum() for s in state)
    return dict(enumerate([output, *state, *torch.autograd.grad(total, [x, *layer.parameters()])]))


@each_cell
def test_a_compiled_layer_calls_it_without_a_break_and_gives_the_same(name):
    layer = Recurrent(MAKE[name](I, H, True), num_layers=2, bidirectional=True, zoneout=0.2).eval()
    x, resets, lengths = torch.randn(T, B, I), torch.rand(T, B) < 0.3, torch.tensor([4, 1, 2])

    def call(x):
        return layer(x, None, lengths, resets)

    torch.compiler.reset()
    graphs = []

    def keep(graph, _):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(call, fullgraph=True, backend=keep)
    found = numbers(layer, compiled, x)
    agree_in(torch.float32, found, lambda: numbers(layer, call, x), [x, *layer.parameters()])
    assert len(graphs) == 1
    assert graphs[0].print_readable(print_output=False).count("torch.ops.elman.sweep") == 2


def test_compiled_by_inductor_it_trains():
    layer = Recurrent(GRU(I, H))
    x = torch.randn(T, B, I)
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True)
    found = numbers(layer, compiled, x)
    agree_in(torch.float32, found, lambda: numbers(layer, layer, x), [x, *layer.parameters()])


def test_a_compiled_graph_can_be_run_backward_twice():
    layer = Recurrent(LSTM(I, H))
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    total = compiled(torch.randn(T, B, I))[0].square().sum()
    first = torch.autograd.grad(total, list(layer.parameters()), retain_graph=True)
    assert all(map(torch.equal, first, torch.autograd.grad(total, list(layer.parameters()))))


def test_an_exported_layer_holds_it():
    layer = Recurrent(LSTM(I, H)).eval()
    x = torch.randn(T, B, I)
    exported = torch.export.export(layer, (x,))
    assert "elman.sweep" in exported.graph_module.code
    inputs = [x, *layer.parameters()]
    agree_in(torch.float32, {"": exported.module()(x)[0]}, lambda: {"": layer(x)[0]}, inputs)
    plain = torch.export.export(Recurrent(LSTM(I, H), backend="reference").eval(), (x,))
    assert "elman" not in plain.graph_module.code
