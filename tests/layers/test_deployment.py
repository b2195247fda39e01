"""Layers under torch's tools for deployment: TorchScript, torch.fx, quantization, AOTInductor."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.ao.quantization import quantize_fx
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


class OwnStep(cells.Elman):
    """A cell without a compiled kernel."""


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


class Flat(torch.fx.Tracer):
    """A tracer of one's own, as for feature extraction: it enters every module."""

    def is_leaf_module(self, module, path):
        return False


class OwnLeaves(torch.fx.Tracer):
    def is_leaf_module(self, module, path):
        return isinstance(module, (layers.LSTM, nn.Linear)) or super().is_leaf_module(module, path)


@pytest.mark.parametrize("tracer", [Flat, OwnLeaves])
def test_features_are_taken_from_inside_a_traced_model(model, x, tracer):
    graph = tracer().trace(model)
    last = next(node for node in graph.nodes if node.op == "call_module" and node.target == "parts.relu")
    for node in reversed(graph.nodes):
        if node.op == "output":
            node.args = (last,)
    features = torch.fx.GraphModule(model, graph)
    graph.eliminate_dead_code()
    features.recompile()
    y, (h, _) = model.encode(x)
    agree(tree_leaves(features(x)), model.parts["relu"](model.stack[0](y)[0], h[:1, :, :5].contiguous()))


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_quantization_of_a_graph_leaves_the_layers_in_float(model, x):
    mapping = torch.ao.quantization.QConfigMapping().set_global(torch.ao.quantization.default_dynamic_qconfig)
    prepared = quantize_fx.prepare_fx(model, mapping, (x,))
    result = quantize_fx.convert_fx(prepared)
    assert "dynamic" in type(result.out).__module__
    assert type(result.encode) is layers.LSTM
    for one, other in zip(result(x), model(x), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0.05)


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


@pytest.mark.parametrize(
    ("make", "training"),
    [
        (lambda: layers.LSTM(I, 6, 2, zoneout={"c": 0.3}, recompute=2), False),
        (lambda: layers.LSTM(I, 6, 2, zoneout={"c": 0.3}, recompute=2), True),
        pytest.param(
            lambda: Recurrent(OwnStep(I, 6), zoneout=0.2, bidirectional=True), False, marks=pytest.mark.long
        ),
        pytest.param(
            lambda: layers.LSTM(I, 6, zoneout=0.2, recurrent_dropout=0.1, dtype=torch.float64),
            True,
            marks=pytest.mark.long,
        ),
    ],
    ids=["operator", "operator in training", "loop", "loop in training"],
)
def test_an_exported_layer_with_resets_and_zoneout_leaves_steps_and_rows_free(make, training):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = make()

        def forward(self, x, resets):
            return self.layer(x, resets=resets)

    def given(steps, rows):
        dtype = next(model.parameters()).dtype
        return torch.randn(steps, rows, I, dtype=dtype), torch.rand(steps, rows) < 0.4

    model, free = Model().train(training), {0: Dim("T"), 1: Dim("B")}
    program = torch.export.export(model, given(T, B), dynamic_shapes={"x": free, "resets": free}).module()
    for steps, rows in ((1, 1), (8, 5)):
        arguments = given(steps, rows)
        results = tree_leaves(program(*arguments))
        if not training:
            agree(results, tree_leaves(model(*arguments)))
    if training:  # a graph draws other masks than the layer, and new ones at every call
        assert not torch.equal(results[0], tree_leaves(program(*arguments))[0])


class Ragged(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.layer = layers.LSTM(I, 6, **options)

    def forward(self, x, lengths):
        return self.layer(x, lengths=lengths)


def ragged(steps, *lengths):
    return torch.randn(steps, len(lengths), I), torch.tensor(lengths)


def free_program(model):
    steps, rows = Dim("T", min=2, max=64), Dim("B", min=2, max=64)
    free = {"x": {0: steps, 1: rows}, "lengths": {0: rows}}
    return torch.export.export(model.eval(), ragged(T, 5, 1, 2), dynamic_shapes=free)


@pytest.mark.skipif(cpu._kernels is None, reason="elman was installed without a C++ compiler")
@pytest.mark.parametrize(
    "make",
    [
        Ragged,
        Packed,
        lambda: Ragged(num_layers=2, bidirectional=True, zoneout=0.1),
        lambda: Ragged(bias=False),
    ],
    ids=["lengths", "packed", "both ways", "no bias"],
)
def test_no_list_of_the_operator_is_empty(make):
    """AOTInductor passes an empty list on as None, which the operator does not take."""
    calls = [
        node for node in free_program(make()).graph.nodes if node.target is torch.ops.elman.sweep.default
    ]
    assert calls
    for node in calls:
        assert all(part for part in node.args if isinstance(part, list | tuple))


@pytest.mark.long  # compiles C++
@pytest.mark.skipif(cpu._kernels is None, reason="elman was installed without a C++ compiler")
@pytest.mark.parametrize(
    "make", [Ragged, Packed, lambda: Ragged(num_layers=2, bidirectional=True)], ids=["one", "packed", "two"]
)
def test_aotinductor_runs_the_compiled_kernels(tmp_path, make):
    model = make()
    package = torch._inductor.aoti_compile_and_package(
        free_program(model), package_path=str(tmp_path / "model.pt2")
    )
    compiled = torch._inductor.aoti_load_package(package)
    for given in (ragged(T, 5, 1, 2), ragged(9, 1, 9)):
        agree(tree_leaves(compiled(*given)), tree_leaves(model(*given)))
