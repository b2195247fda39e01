"""Layers under torch's tools for deployment: TorchScript, torch.fx, quantization, AOTInductor."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.export import Dim
from torch.nn.utils._per_sample_grad import call_for_per_sample_grads
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils._pytree import tree_leaves

from elman import cells, convert, layers
from elman.errors import InputError
from elman.kernels.compiled import cpu
from elman.layers import Recurrent

B, T, I = 3, 5, 4


class Model(nn.Module):
    """Layers and a cell in places of their own: an attribute, a list, a dictionary."""

    def __init__(self):
        super().__init__()
        self.encode = layers.LSTM(I, 6, 2, batch_first=True, bidirectional=True)
        self.stack = nn.ModuleList([layers.GRU(12, 5, batch_first=True, bias=False)])
        self.parts = nn.ModuleDict({"relu": layers.RNN(5, 5, nonlinearity="relu", batch_first=True)})
        self.cell, self.out = layers.LSTMCell(5, 3), nn.Linear(3, 2)

    def forward(self, x):
        y, (h, _) = self.encode(x)
        for layer in self.stack:
            y, _ = layer(y)
        y, _ = self.parts["relu"](y, h[:1, :, :5].contiguous())
        state = self.cell(y[:, 0])
        state = self.cell(y[:, 1], state)
        return self.out(state[0]), state[1]


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = layers.LSTM(I, 6, bidirectional=True)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        output, (h, c) = self.layer(packed)
        return pad_packed_sequence(output)[0], h, c


@pytest.fixture
def model():
    return Model().eval()


@pytest.fixture
def x():
    return torch.randn(B, T, I)


def agree(found, expected):
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=2e-6)


def test_script_compiles_torchs_layers_on_the_same_parameters(model, x):
    expected, parameters = model(x), dict(model.named_parameters())
    scripted = torch.jit.script(model)
    agree(scripted(x), expected)
    assert scripted.state_dict().keys() == model.state_dict().keys()
    assert all(p.data_ptr() == parameters[name].data_ptr() for name, p in scripted.named_parameters())
    with torch.no_grad():
        parameters["stack.0.weight_hh_l0"].mul_(2)
    assert not torch.equal(scripted(x)[0], expected[0])
    agree(scripted(x), model(x))


def test_script_takes_a_module_alone_and_leaves_it_as_it_is(x):
    cell = layers.RNNCell(I, 3, nonlinearity="relu")
    agree([torch.jit.script(cell)(x[0])], [cell(x[0])])
    assert type(cell) is layers.RNNCell
    layer = layers.LSTM(I, 3, proj_size=2)
    scripted = torch.jit.script(nn.Sequential(layer))
    agree(tree_leaves(scripted(x)), tree_leaves(layer(x)))


@pytest.mark.parametrize(
    "layer",
    [layers.LSTM(I, 3, zoneout=0.1), layers.GRU(I, 3, learned_state=True), Recurrent(cells.GRU(I, 3))],
    ids=["zoneout", "learned state", "Recurrent"],
)
def test_script_refuses_what_torch_lacks_in_one_line_with_the_way_out(layer):
    with pytest.raises(
        InputError, match=r"torch\.jit\.script takes .* torch\.jit\.trace or torch\.export\.$"
    ):
        torch.jit.script(nn.Sequential(layer))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_trace_takes_every_layer(model, x):
    traced = torch.jit.trace(model, (x,))
    other = torch.randn(2, 7, I)
    agree(traced(other), model(other))
    packed = Packed().eval()
    lengths = torch.tensor([2, 5, 1])
    traced = torch.jit.trace(packed, (torch.randn(T, B, I), lengths))
    x = torch.randn(T, B, I)
    agree(traced(x, torch.tensor([5, 4, 3])), packed(x, torch.tensor([5, 4, 3])))


def test_fx_takes_the_layers_as_leaves(model, x):
    graph = torch.fx.symbolic_trace(model)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == [
        "encode",
        "stack.0",
        "parts.relu",
        "cell",
        "cell",
        "out",
    ]
    agree(graph(x), model(x))
    x.requires_grad_()
    graph(x)[0].sum().backward()
    assert model.encode.weight_ih_l0.grad is not None


def test_fx_passes_lengths_and_options_on():
    class Ragged(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Recurrent(cells.PeepholeLSTM(I, 3))

        def forward(self, x, state, lengths):
            output, (_, c) = self.layer(x, state, lengths=lengths)
            return output.relu(), c

    ragged = Ragged()
    given = (torch.randn(T, B, I), (torch.randn(1, B, 3), torch.randn(1, B, 3)), torch.tensor([0, 5, 2]))
    agree(torch.fx.symbolic_trace(ragged)(*given), ragged(*given))


def test_fx_names_the_way_out():
    with pytest.raises(InputError, match="Sequential"):
        torch.fx.symbolic_trace(layers.LSTM(I, 3))

    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layers.GRU(I, 3)

        def forward(self, x):
            return self.layer.step(x)[0]

    with pytest.raises(InputError, match="leaf"):
        torch.fx.symbolic_trace(Steps())


def quantized(model, names):
    """The quantized model and the warnings of our layers."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = torch.ao.quantization.quantize_dynamic(model, names)
    return result, [str(w.message) for w in caught if "leaves" in str(w.message)]


def test_quantization_replaces_layers_that_are_named(x):
    model = nn.ModuleList([layers.LSTM(I, 6, 2, bidirectional=True), layers.GRU(I, 6), layers.GRUCell(I, 6)])
    result, said = quantized(model.eval(), {layers.LSTM, layers.GRU, layers.GRUCell})
    assert not said
    assert all(type(module).__module__.startswith("torch.ao.nn.quantized") for module in result)
    for ours, theirs in zip(model, result, strict=True):
        given = x if ours is not model[2] else x[0]
        expected = tree_leaves(ours(given))
        for one, other in zip(tree_leaves(theirs(given)), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0.05)


@pytest.mark.parametrize("names", [None, {nn.LSTM, nn.Linear}], ids=["default", "torch's"])
def test_quantization_by_torchs_names_says_what_stays_in_float(model, names):
    result, said = quantized(model, names)
    assert "dynamic" in type(result.out).__module__
    assert [line.partition(" leaves ")[2].partition(" ")[0] for line in said] == [
        "LSTM",
        "GRU",
        "RNN",
        "LSTMCell",
    ]
    assert "elman.LSTM in qconfig_spec" in said[0]
    assert "convert(model, back=True)" in said[0]
    back, said = quantized(convert(copy.deepcopy(model), back=True), {nn.LSTM})
    assert not said
    assert type(back.encode) is torch.ao.nn.quantized.dynamic.LSTM


def test_quantization_refuses_a_projection():
    with pytest.raises(InputError, match="proj_size"):
        quantized(nn.Sequential(layers.LSTM(I, 6, proj_size=2)), {layers.LSTM})


@pytest.mark.parametrize("kind", [layers.RNN, layers.LSTM, layers.GRU])
def test_expanded_weights_give_the_gradient_of_each_sample(kind, x):
    layer = kind(I, 6, batch_first=True)
    x.requires_grad_()  # torch's own LSTM needs it too
    call_for_per_sample_grads(layer)(x)[0].square().sum().backward()
    for row in range(B):
        expected = torch.autograd.grad(layer(x[row : row + 1])[0].square().sum(), layer.weight_hh_l0)
        agree([layer.weight_hh_l0.grad_sample[row]], expected)


@pytest.mark.skipif(cpu._kernels is None, reason="elman was installed without a C++ compiler")
@pytest.mark.parametrize(
    "options", [{}, pytest.param({"num_layers": 2, "bidirectional": True}, marks=pytest.mark.long)]
)
def test_aotinductor_runs_the_compiled_kernels(tmp_path, options):
    class Ragged(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layers.LSTM(I, 6, **options)

        def forward(self, x, lengths):
            return self.layer(x, lengths=lengths)

    model = Ragged().eval()
    free = {
        "x": {0: Dim("T", min=2, max=64), 1: Dim("B", min=2, max=64)},
        "lengths": {0: Dim("B", min=2, max=64)},
    }
    program = torch.export.export(model, (torch.randn(T, B, I), torch.tensor([5, 0, 2])), dynamic_shapes=free)
    package = torch._inductor.aoti_compile_and_package(program, package_path=str(tmp_path / "model.pt2"))
    compiled = torch._inductor.aoti_load_package(package)
    for steps, lengths in ((T, [5, 0, 2]), (9, [1, 9])):
        x, n = torch.randn(steps, len(lengths), I), torch.tensor(lengths)
        (y, found), (expected, state) = compiled(x, n), model(x, n)
        agree([y, *found], [expected, *state])
