"""Layers inside torch's own programs: second gradients, vmap, autocast, compile, export, parametrizations."""

import copy
from dataclasses import dataclass
from typing import ClassVar

import own_cells
import pytest
import torch
from agreement import agree, draw, draw_side, leaves, randomise, results, several, weighted_sum
from rounding import agree_in
from torch import Tensor
from torch.export import Dim
from torch.func import functional_call, grad, vmap
from torch.nn.utils.parametrizations import weight_norm

from elman import cells, layers, registry
from elman.cells import Cell
from elman.cells.base import Weights
from elman.layers import Recurrent
from elman.state import State

T, B, I, H = 4, 3, 4, 6
LENGTHS = torch.tensor([2, 4, 0])


@dataclass(frozen=True)
class MinimalGated(Cell):
    """A user's own cell: f = σ(p_f + u_f); h' = f ⊙ h + (1 − f) ⊙ tanh(p_n + u_n)."""

    gates: ClassVar[tuple[str, ...]] = ("f", "n")

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        f, n = (projected + recurrent).chunk(2, -1)
        return (torch.lerp(torch.tanh(n), state[0], torch.sigmoid(f)),)


DROP_INS = {
    "rnn-tanh": lambda **options: layers.RNN(I, H, **options),
    "rnn-relu": lambda **options: layers.RNN(I, H, nonlinearity="relu", **options),
    "lstm": lambda **options: layers.LSTM(I, H, **options),
    "lstm-proj": lambda **options: layers.LSTM(I, H, proj_size=2, **options),
    "gru": lambda **options: layers.GRU(I, H, **options),
}
drop_ins = pytest.mark.parametrize("make", DROP_INS.values(), ids=DROP_INS)


def bare(state: State) -> Tensor | State:
    """The state as torch's layers take it."""
    return state if len(state) > 1 else state[0]


@drop_ins
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "ragged"])
def test_second_gradients(make, lengths):
    layer = randomise(make(num_layers=2, bidirectional=True))
    reference = copy.deepcopy(layer).double()
    reference.backend = "reference"

    def second(layer: Recurrent, x: Tensor, state: State) -> dict[str, Tensor]:
        output, final = layer(x, bare(state), lengths)
        inputs = leaves(x, state, layer)
        total = weighted_sum([output, *several(final)])
        first = torch.autograd.grad(total, inputs.values(), create_graph=True)
        return dict(zip(inputs, torch.autograd.grad(weighted_sum(first), inputs.values()), strict=True))

    x, state = draw(layer, T, B)
    found = second(layer, x, state)
    x, *state = (leaf.detach().double().requires_grad_() for leaf in (x, *state))
    inputs = leaves(x, state, reference).values()
    agree_in(torch.float32, found, lambda: second(reference, x, tuple(state)), inputs)


@drop_ins
def test_vmap_over_the_batch(make):
    layer = randomise(make(num_layers=2, bidirectional=True, dtype=torch.float64))
    x, state = draw(layer, T, B)
    wanted, mapped = layer(x, bare(state)), vmap(layer, in_dims=1, out_dims=1)(x, bare(state))
    agree(results(mapped, x, state, layer), results(wanted, x, state, layer), 1e-11)


@drop_ins
def test_gradients_of_each_sample(make):
    layer = randomise(make(num_layers=2, dtype=torch.float64))
    parameters = dict(layer.named_parameters())

    def loss(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        return weighted_sum([functional_call(layer, parameters, (x,))[0]])

    x = torch.randn(T, B, I, dtype=torch.float64)
    each = vmap(grad(loss), in_dims=(None, 1))(parameters, x)
    for row in range(B):
        wanted = torch.autograd.grad(loss(parameters, x[:, row]), parameters.values())
        agree({k: g[row] for k, g in each.items()}, dict(zip(parameters, wanted, strict=True)), 1e-11)


@pytest.mark.parametrize("name", registry.names("cells"))
@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("options", [{}, {"lengths": LENGTHS}], ids=["whole", "ragged"])
def test_autocast_lowers_the_products_and_keeps_the_state(options, backend, name):
    cell = registry.find("cells", name, Cell)(I, H)
    layer = randomise(Recurrent(cell, 2, bidirectional=True, backend=backend))
    x, state = draw(layer, T, B)

    def run() -> dict[str, Tensor]:
        return results(layer(x, state, **options), x, state, layer)

    with torch.autocast("cpu", torch.bfloat16):
        lowered = layer(x, state, **options)
    found = results(lowered, x, state, layer)
    assert {value.dtype for value in found.values()} == {torch.float32}
    inputs = list(leaves(x, state, layer).values())
    agree_in(torch.bfloat16, found, run, inputs)
    with pytest.raises(AssertionError, match="is allowed"):
        agree_in(torch.float32, found, run, inputs)


def assert_compiles(layer: Recurrent, **options: Tensor) -> None:
    """The compiled layer gives what the layer gives, in one graph, gradients included."""
    torch.compiler.reset()
    x, state = draw(layer, T, B)
    hx = state if type(layer) is Recurrent else bare(state)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    found = results(compiled(x, hx, **options), x, state, layer)

    def run() -> dict[str, Tensor]:
        return results(layer(x, hx, **options), x, state, layer)

    agree_in(torch.float32, found, run, leaves(x, state, layer).values())


@drop_ins
def test_compiled_drop_in(make):
    assert_compiles(make(bidirectional=True))


@pytest.mark.parametrize("options", [{"lengths": LENGTHS}, {"resets": torch.eye(T, B).bool()}], ids=list)
def test_compiled_drop_in_with(options):
    assert_compiles(layers.GRU(I, H), **options)


def test_compiled_cell_of_ones_own():
    layer = Recurrent(MinimalGated(I, H), 2, bidirectional=True, learned_state=True, zoneout=0.1).eval()
    assert_compiles(layer, lengths=LENGTHS, resets=torch.rand(T, B) < 0.4)


@pytest.mark.parametrize("kind", own_cells.CELLS, ids=lambda kind: kind.__name__)
def test_compiled_cell_unlike_the_built_in_ones(kind):
    layer = Recurrent(kind(I, H))
    side = {name: value.float() for name, value in draw_side(layer.cell, T, B).items()}
    assert_compiles(layer, lengths=LENGTHS, **side)


@pytest.mark.parametrize("ragged", [False, True], ids=["whole", "ragged"])
@pytest.mark.parametrize(
    "make", [*DROP_INS.values(), lambda: Recurrent(cells.PeepholeLSTM(I, H))], ids=[*DROP_INS, "peephole"]
)
def test_export_runs_with_any_number_of_rows(make, ragged):
    layer = randomise(make()).eval()
    options, axes = {}, {"input": {1: Dim.DYNAMIC}}
    if ragged:
        options, axes = {"lengths": LENGTHS}, axes | {"lengths": {0: Dim.DYNAMIC}}
    program = torch.export.export(layer, (torch.randn(T, B, I),), options, dynamic_shapes=axes).module()
    x, options = torch.randn(T, 5, I), {name: torch.tensor([0, 3, 4, 1, 2]) for name in options}

    def run(module: torch.nn.Module) -> dict[int, Tensor]:
        output, final = module(x, **options)
        return dict(enumerate([output, *several(final)]))

    agree_in(torch.float32, run(program), lambda: run(layer), [x, *layer.parameters()])


@drop_ins
def test_parametrized_weights(make):
    layer = randomise(make(dtype=torch.float64))
    x, state = draw(layer, T, B)
    wanted, doubled = layer(x, bare(state)), copy.deepcopy(layer)
    weight_norm(layer, "weight_hh_l0")
    agree({"": layer(x, bare(state))[0]}, {"": wanted[0]}, 1e-11)

    magnitude = layer.parametrizations.weight_hh_l0.original0
    with torch.no_grad():
        magnitude.mul_(2)
        doubled.weight_hh_l0.mul_(2)
    found = results(layer(x, bare(state)), x, state, layer)
    agree({"": found["output"]}, {"": doubled(x, bare(state))[0]}, 1e-11)
    # d loss / d magnitude is d loss / d weight along the weight's direction
    pulled = results(doubled(x, bare(state)), x, state, doubled)["gradient of weight_hh_l0"]
    direction = doubled.weight_hh_l0 / doubled.weight_hh_l0.norm(dim=1, keepdim=True)
    along = (pulled * direction).sum(1, keepdim=True)
    agree({"": found["gradient of parametrizations.weight_hh_l0.original0"]}, {"": along}, 1e-11)
