"""Cells unlike the built-in ones, beyond the conformance tests: equations, layouts, options, refusals."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import own_cells
import pytest
import torch
from agreement import agree, draw, draw_side, planes_of, randomise, results
from own_cells import MatrixMemory, MinGRU, TimeAwareLSTM
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.batch import Batch, Field, Target, to_device
from elman.cells import GRU, LSTM, Cell, ConvGRU
from elman.cells.named import make_cell
from elman.diagnose import gate_statistics, gradient_flow, hidden_states, jacobian_spectrum
from elman.diagnose.blowup import recurrent_growth
from elman.errors import InputError
from elman.heads.squared_error import SquaredError
from elman.kernels import aten, reference
from elman.kernels.compiled import cpu
from elman.layers import Recurrent
from elman.layers.torch_cells import StepModule
from elman.models.framewise import Framewise
from elman.models.pooling import Pooling

T, B, I, H = 6, 3, 3, 4
TOLERANCE = 1e-11

each_cell = pytest.mark.parametrize("kind", [*own_cells.CELLS, ConvGRU], ids=lambda kind: kind.__name__)
by_row = pytest.mark.parametrize(
    "kind", [MinGRU, TimeAwareLSTM, MatrixMemory], ids=lambda kind: kind.__name__
)


def build(kind: type[Cell], **options: Any) -> Recurrent:
    return randomise(Recurrent(kind(I, H), dtype=torch.float64, **options))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# Each step of one row, written once more in NumPy with one matrix per gate


def min_gru(w: dict[str, np.ndarray], x: np.ndarray, side: float, h: np.ndarray) -> Any:
    z, n = np.split(w["weight_ih"] @ x + w["bias_ih"], 2)
    h = (1 - sigmoid(z)) * h + sigmoid(z) * n
    return h, (h,)


def time_aware(w: dict[str, np.ndarray], x: np.ndarray, side: float, h: np.ndarray, c: np.ndarray) -> Any:
    short = np.tanh(w["weight_d"] @ c + w["bias_d"])
    c = (c - short) + short * (1 / np.log(np.e + side))
    i, f, g, o = np.split(w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, (h, c)


def matrix_memory(w: dict[str, np.ndarray], x: np.ndarray, side: float, S: np.ndarray) -> Any:
    f, v, q = np.split(w["weight_ih"] @ x + w["bias_ih"], 3)
    f = sigmoid(f)
    S = np.diag(f) @ S + np.outer(1 - f, v)
    return S.T @ q, (S,)


STEPS: dict[type[Cell], Callable[..., Any]] = {
    MinGRU: min_gru,
    TimeAwareLSTM: time_aware,
    MatrixMemory: matrix_memory,
}


@by_row
def test_equations(kind):
    layer = build(kind)
    x, state = draw(layer, T, B)
    side = draw_side(layer.cell, T, B)
    output, final = layer(x, state, **side)
    w = {name.removesuffix("_l0"): value.detach().numpy() for name, value in layer.named_parameters()}
    times = side.get("side", torch.zeros(T, B)).detach().numpy()
    for row in range(B):
        now = tuple(s[0, row].detach().numpy() for s in state)
        for t in range(T):
            y, now = STEPS[kind](w, x[t, row].detach().numpy(), times[t, row], *now)
            np.testing.assert_allclose(output[t, row].detach(), y, rtol=0, atol=1e-12)
        for found, wanted in zip(final, now, strict=True):
            np.testing.assert_allclose(found[0, row].detach(), wanted, rtol=0, atol=1e-12)


def test_a_convolution_of_one_place_is_a_gru_at_every_place():
    layer = randomise(Recurrent(ConvGRU(I, H, kernel_size=1), 2, bidirectional=True, dtype=torch.float64))
    plain = Recurrent(GRU(I, H), 2, bidirectional=True, dtype=torch.float64)
    weights = {
        name: value.flatten(1) if value.dim() == 4 else value for name, value in layer.state_dict().items()
    }
    plain.load_state_dict(weights)
    (x, (h,)), lengths = draw(layer, T, B), torch.tensor([6, 0, 3])
    output, (final,) = layer(x, (h,), lengths)
    # places as rows of a batch

    def rows(planes: Tensor) -> Tensor:
        return planes.flatten(3).movedim(3, 2).flatten(1, 2)

    places = math.prod(planes_of(layer.cell))
    wanted, (last,) = plain(rows(x), (rows(h),), lengths.repeat_interleave(places))
    agree({"": rows(output), "h": rows(final)}, {"": wanted, "h": last}, TOLERANCE)


def test_a_convolution_reads_the_neighbours_of_its_state():
    layer = build(ConvGRU)
    (x, (h,)), other = draw(layer, 1, 1), None
    other = h.detach().clone()
    other[..., 0, 0] += 1
    changed = (layer(x, (h,))[0] != layer(x, (other,))[0])[0, 0].any(0)
    assert changed.tolist() == [[True, True], [True, True], [False, False]]


# Layouts and options of the layer


@each_cell
def test_every_layout_gives_the_same(kind):
    options = {"num_layers": 2, "bidirectional": True}
    layer, turned = build(kind, **options), build(kind, **options, batch_first=True)
    turned.load_state_dict(layer.state_dict())
    x, state = draw(layer, T, B)
    side = draw_side(layer.cell, T, B)
    lengths, resets = torch.tensor([4, 6, 1]), torch.rand(T, B) < 0.3
    wanted = layer(x, state, lengths, resets, **side)
    turn = {name: value.transpose(0, 1) for name, value in side.items()}
    output, final = turned(x.transpose(0, 1), state, lengths, resets.T, **turn)
    agree(
        {"": output.transpose(0, 1), **dict(enumerate(final))},
        {"": wanted[0], **dict(enumerate(wanted[1]))},
        0,
    )

    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    leaving, final = layer(packed, state, resets=resets, **side)
    found = {"": pad_packed_sequence(leaving)[0], **dict(enumerate(final))}
    agree(found, {"": wanted[0], **dict(enumerate(wanted[1]))}, 0)

    row = tuple(s[:, 1] for s in state)
    alone = {name: value[:, 1] for name, value in side.items()}
    output, final = layer(x[:, 1], row, resets=resets[:, 1], **alone)
    agree(
        {"": output, **dict(enumerate(final))},
        {"": wanted[0][:, 1], **dict(enumerate(s[:, 1] for s in wanted[1]))},
        TOLERANCE,
    )


@each_cell
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
def test_chunks_made_again_give_the_same_gradients(kind, bidirectional):
    options = {"num_layers": 2, "bidirectional": bidirectional}
    whole, layer = build(kind, **options), build(kind, **options, recompute=2)
    layer.load_state_dict(whole.state_dict())
    x, state = draw(whole, T, B)
    side, lengths, resets = draw_side(whole.cell, T, B), torch.tensor([4, 6, 1]), torch.rand(T, B) < 0.3
    wanted = results(whole(x, state, lengths, resets, **side), x, state, whole, **side)
    agree(results(layer(x, state, lengths, resets, **side), x, state, layer, **side), wanted, TOLERANCE)


@each_cell
def test_noise_is_drawn_in_training_alone(kind):
    plain = build(kind, num_layers=2)
    x, state = draw(plain, T, B)
    side = draw_side(plain.cell, T, B)
    wanted = plain(x, state, **side)[0]
    rates: dict[str, Any] = {"dropout": 0.5, "input_dropout": 0.5}
    if kind.recurrent_weights:
        rates |= {"recurrent_dropout": 0.5, "weight_dropout": 0.5}
    for name, rate in rates.items():
        layer = build(kind, num_layers=2, **{name: rate})
        layer.load_state_dict(plain.state_dict())
        assert not torch.allclose(layer(x, state, **side)[0], wanted), name
        agree({name: layer.eval()(x, state, **side)[0]}, {name: wanted}, TOLERANCE)
    kept = build(kind, zoneout=1.0)
    _, final = kept(x, tuple(s[:1] for s in state), **side)
    assert all(map(torch.equal, final, (s[:1] for s in state)))


def test_dropout_hides_each_state_from_its_own_product():
    layer = build(TimeAwareLSTM, recurrent_dropout=0.5)
    x, state = draw(layer, 1, 50)
    side = draw_side(layer.cell, 1, 50)
    with layer.calls() as told:
        _, (_, final) = layer(x, state, **side)
    ((of_h, of_c),) = (noise.recurrent for noise in told[0][0].noise)
    assert of_h.shape == of_c.shape == (50, H)
    assert set(of_h.unique().tolist()) == set(of_c.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(of_h, of_c)
    w = {name: getattr(layer, f"{name}_l0") for name in layer.cell.parameters()}
    (h, c), p = (s[0] for s in state), layer.cell.project(w, x[0])
    products = layer.cell.recur(w, (h * of_h, c * of_c))
    agree({"": final[0]}, {"": layer.cell.pointwise(w, p, products, (h, c), side["side"][0])[1]}, TOLERANCE)


def test_a_learned_state_is_the_same_all_over_a_plane():
    layer = build(ConvGRU, num_layers=2, learned_state=True)
    assert layer.initial_h.shape == (2, H, 1, 1)
    (h,) = layer.initial_state(B, (3, 2))
    assert torch.equal(h, layer.initial_h[:, None].expand(2, B, H, 3, 2))


# What no fast kernel takes, and what is refused


@by_row
def test_the_fast_kernels_say_why_not(kind):
    layer = build(kind).float()
    x, state = draw(layer, T, B)
    side = {name: value.float() for name, value in draw_side(layer.cell, T, B).items()}
    with layer.calls() as told:
        layer(x, state, **side)
    ((call, _),) = told
    special = bool(side)
    assert reference.supports(call) is None
    assert cpu.supports(call) == (
        "the compiled kernels take neither a side input nor planes"
        if special
        else f"no compiled kernel of {kind.__name__}"
    )
    assert aten.supports(call) == (
        "torch's layers take neither a side input nor planes"
        if special
        else f"torch has no fused {kind.__name__}"
    )
    explained = layer.explain(x, state, **side)
    assert explained.splitlines() == [
        f"{kind.__name__}: backend 'reference' runs this call",
        f"  not 'cpu': {cpu.supports(call)}",
        f"  not 'aten': {aten.supports(call)}",
    ]
    layer.backend = "cpu"
    with pytest.raises(ValueError, match="backend 'cpu' cannot run this call: "):
        layer(x, state, **side)


class Halving(ConvGRU):
    """Its state has half the height and width of its input."""

    def state_shapes(self, *planes: int) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size, *((size + 1) // 2 for size in planes))}

    def project(self, w: Any, x: Tensor) -> Tensor:
        return super().project(w, x)[..., ::2, ::2]


def test_states_may_be_smaller_than_the_input():
    layer = build(Halving)
    output, (h,) = layer(torch.randn(T, B, I, 5, 4, dtype=torch.float64))
    assert output.shape == (T, B, H, 3, 2)
    assert h.shape == (1, B, H, 3, 2)
    with pytest.raises(
        ValueError, match=r"^num_layers must be 1, as Halving changes the planes' sizes. Got 2"
    ):
        build(Halving, num_layers=2)(torch.randn(T, B, I, 5, 4, dtype=torch.float64))


@dataclass(frozen=True)
class Wrong(Cell):
    recurrent_weights: ClassVar = {"weight_hr": "h"}
    gate_biases: ClassVar = ("bias_ih",)

    def parameters(self) -> dict[str, tuple[int, ...]]:
        return {"weight_ih": (self.hidden_size, self.input_size), "bias_ih": (self.hidden_size,)}


class WrongState(MinGRU):
    recurrent_weights: ClassVar = {"weight_ih": "c"}


class WrongGate(MinGRU):
    memory_gate: ClassVar = "f"


class WrongEnd(MinGRU):
    keeps_at: ClassVar = 2


class WrongRate(MinGRU):
    rate_shares: ClassVar = {"weight_hh": 0.5}


class WrongDecay(MinGRU):
    without_decay: ClassVar = ("gain",)


class WithoutRecur(LSTM):
    recurrent_weights: ClassVar = {"weight_hh": "h", "weight_ih": "c"}


class WithoutSide(MinGRU):
    needs_side_input: ClassVar = True


FACTS = {
    Wrong: "Wrong.recurrent_weights must be among weight_ih, bias_ih. Got weight_hr.",
    WrongState: "WrongState.recurrent_weights' values must be among h. Got c.",
    WrongGate: "WrongGate.memory_gate must be among z, n. Got f.",
    WrongEnd: "WrongEnd.keeps_at must be 0 or 1. Got 2.",
    WrongRate: "WrongRate.rate_shares must be among weight_ih, bias_ih. Got weight_hh.",
    WrongDecay: "WrongDecay.without_decay must be among weight_ih, bias_ih. Got gain.",
    WithoutSide: "WithoutSide must define side_input, because needs_side_input is True.",
    WithoutRecur: "WithoutRecur must define recur, because it has several recurrent_weights.",
}


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("make", [Recurrent, StepModule])
def test_facts_that_contradict_each_other_are_refused(make, kind):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        make(kind(I, H))
    assert str(error.value) == FACTS[kind]


CALLS = {
    "features alone": (
        lambda: build(ConvGRU)(torch.zeros(T, B, I)),
        "input must have 4 or 5 axes. Got shape [6, 3, 3].",
    ),
    "too many axes": (
        lambda: build(MinGRU)(torch.zeros(T, B, I, 3, 2)),
        "input must have 2 or 3 axes. Got shape [6, 3, 3, 3, 2].",
    ),
    "features": (
        lambda: build(ConvGRU)(torch.zeros(T, B, 2, 3, 2)),
        "input's axis of features must be input_size (3). Got 2.",
    ),
    "axes of a step": (
        lambda: build(ConvGRU).step(torch.zeros(B, I)),
        "a step's input must be [B, I, ·, ·]. Got shape [3, 3].",
    ),
    "state": (
        lambda: build(ConvGRU)(torch.zeros(T, B, I, 3, 2), (torch.zeros(1, B, H, 2, 3),)),
        "state must have shape [1, 3, 4, 3, 2]. Got [1, 3, 4, 2, 3].",
    ),
    "a stream without planes": (lambda: build(ConvGRU).stream(B), "planes must be 2 sizes. Got []."),
    "a stream with planes": (lambda: build(MinGRU).stream(B, (3, 2)), "planes must be 0 sizes. Got [3, 2]."),
    "other planes of a stream": (
        lambda: build(ConvGRU).stream(B, (3, 2)).step(torch.zeros(B, I, 2, 3)),
        "a step's last planes must be [3, 3, 2]. Got [3, 3, 2, 3].",
    ),
    "planes in a module": (
        lambda: StepModule(ConvGRU(I, H)),
        f"cell must read only features, no planes and no side input. Got {ConvGRU(I, H)!r}.",
    ),
    "a side input in a module": (
        lambda: StepModule(TimeAwareLSTM(I, H)),
        f"cell must read only features, no planes and no side input. Got {TimeAwareLSTM(I, H)!r}.",
    ),
    "pooling": (
        lambda: Pooling(build(ConvGRU)),
        f"pooling needs a layer whose output is features alone. Got {ConvGRU(I, H)!r}.",
    ),
    "weight dropout": (
        lambda: build(MinGRU, weight_dropout=0.1),
        f"weight_dropout needs a cell with recurrent_weights. Got {MinGRU(I, H)!r}.",
    ),
}


@pytest.mark.parametrize(("call", "message"), CALLS.values(), ids=CALLS)
def test_refusals(call, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        call()
    assert str(error.value) == message


def test_a_command_refuses_a_cell_that_reads_what_no_task_gives():
    name = f"{own_cells.__file__}:TimeAwareLSTM"
    with pytest.raises(InputError) as error:
        make_cell(name, I, H)
    assert str(error.value) == f"--cell {name}: needs a side input, which no task provides"


@pytest.mark.parametrize(
    ("name", "axes", "rule"),
    [
        ("conv-lstm", 0, "reads planes, and this task gives features"),
        ("gru", 2, "reads features, and this task gives planes"),
        (f"{own_cells.__file__}:MinGRU", 2, "reads features, and this task gives planes"),
        ("conv-gru:kernel_size=4", 2, "kernel_size must be odd. Got 4."),
    ],
)
def test_a_command_refuses_a_cell_that_reads_something_else(name, axes, rule):
    with pytest.raises(InputError) as error:
        make_cell(name, I, H, axes)
    assert str(error.value) == f"--cell {name}: {rule}"


def test_a_command_takes_a_cell_that_reads_what_the_task_gives():
    assert make_cell("conv-gru:kernel_size=5", I, H, 2) == ConvGRU(I, H, kernel_size=5)
    assert make_cell(f"{own_cells.__file__}:MinGRU", I, H).gates == MinGRU.gates


# The way of a side input through a batch and a model; reports on gates and gradients


def test_a_batch_carries_a_side_input_to_the_layer():
    model = randomise(Framewise(build(TimeAwareLSTM), SquaredError(H, 1).double()))
    x, _ = draw(model.layer, T, B)
    (side,) = draw_side(model.layer.cell, T, B).values()
    lengths, resets = torch.tensor([4, 6, 1]), torch.rand(T, B) < 0.3
    field = Field(x, lengths, resets, side)
    target = Target(torch.zeros(T, B, 1, dtype=torch.float64))
    loss, _ = model(to_device(Batch(field, target), torch.device("cpu")))
    output, _ = model.layer(x, None, lengths, resets, side)
    assert loss.sum == model.head.loss(output, target).sum
    other, _ = model(Batch(Field(x, lengths, resets, side + 1), target))
    assert other.sum != loss.sum
    # a run that left the finite numbers is explained by the same steps, side input and all
    assert 0 < recurrent_growth(model, Batch(field, target), None) < 1e3


class WithSide(nn.Module):
    """A layer that is given its side input with x."""

    def __init__(self, kind: type[Cell], side: dict[str, Tensor], **options: Any) -> None:
        super().__init__()
        self.layer, self.side = build(kind, **options), {k: v.detach() for k, v in side.items()}

    def forward(self, x: Tensor) -> Any:
        return self.layer(x, **self.side)


def looked_at(kind: type[Cell], **options: Any) -> tuple[WithSide, Tensor]:
    model = WithSide(kind, draw_side(kind(I, H), T, B), **options)
    return model, draw(model.layer, T, B)[0].detach()


@each_cell
def test_reports_take_states_of_any_shape(kind):
    model, x = looked_at(kind, num_layers=2, bidirectional=True)
    shapes = list(model.layer.cell.state_shapes(*planes_of(kind)).values())
    size = sum(map(math.prod, shapes))
    assert [each.singular_values.shape for each in jacobian_spectrum(model, x, samples=2)] == [(2, size)] * 4
    for each in hidden_states(model, x):
        assert [values.shape[2:] for values in each.states.values()] == shapes
    for each in gate_statistics(model, x):
        assert len(each.low_units) == H * math.prod(planes_of(kind))
        assert (each.time_constants is not None) == (each.gate == kind.memory_gate)

    def of_steps(model: nn.Module, x: Tensor) -> Tensor:
        return model(x)[0].square().flatten(2).sum(-1)

    def of_sequences(model: nn.Module, x: Tensor) -> Tensor:
        return of_steps(model, x).sum(0)

    for loss in (of_steps, of_sequences):
        flow = gradient_flow(model, x, loss, lags=3)
        assert (flow.median[:, :, 1:] > 0).all()


def test_the_example_s_gate_keeps_at_0():
    example = Path(__file__).parents[2] / "examples/own_cell.py"
    layer = Recurrent(make_cell(f"{example}:MinimalGatedUnit", I, H), init="orthogonal+forget-bias")
    f, _ = layer.bias_ih_l0.chunk(2)
    assert torch.equal(f, -torch.ones(H))
    x, (h,) = draw(layer, 1, B)
    with torch.no_grad():
        layer.weight_ih_l0[:H] = layer.weight_hh_l0[:H] = 0
    (gate,) = gate_statistics(layer, (x.detach(), (h,)))
    np.testing.assert_allclose(gate.time_constants, 1 + math.e, rtol=1e-5)  # 1 / σ(−1)
    with torch.no_grad():
        f -= 100
    torch.testing.assert_close(layer(x, (h,))[1][0], h)


@pytest.mark.parametrize("z", [0.1, 0.5])
def test_time_constants_of_a_gate_that_keeps_at_0(z):
    model, x = looked_at(MinGRU)
    with torch.no_grad():
        model.layer.weight_ih_l0[:H] = 0
        model.layer.bias_ih_l0[:H] = math.log(z / (1 - z))
    (gate,) = gate_statistics(model, x)
    np.testing.assert_allclose(gate.time_constants, 1 / z)
    (spectrum,) = jacobian_spectrum(model, x)
    np.testing.assert_allclose(spectrum.singular_values, 1 - z)
    flow = gradient_flow(model, x, lambda model, x: model(x)[0].sum(-1), lags=4)
    np.testing.assert_allclose(flow.decay, 1 - z)
