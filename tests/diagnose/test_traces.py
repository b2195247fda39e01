"""What is read off a network step by step: hidden states, Jacobians of its steps, gates."""

import copy
import math
import re

import numpy as np
import pytest
import torch
from agreement import randomise
from kinds import OF_FEATURES
from tiny import V, language_model
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

import elman
from elman import registry
from elman.batch import Batch, Field, Target
from elman.cells import GRU, LSTM, Cell, Elman
from elman.diagnose import gate_statistics, gradient_flow, hidden_states, jacobian_spectrum, layer_names
from elman.errors import InputError
from elman.layers import Recurrent

T, I, H = 7, 3, 4
LENGTHS = torch.tensor([7, 4, 0])
RESETS = torch.rand(T, 3, generator=torch.Generator().manual_seed(3)) < 0.3
each_cell = pytest.mark.parametrize("name", OF_FEATURES)


class Ragged(nn.Module):
    """A layer that is given lengths and resets with its input."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x, None, LENGTHS, RESETS)


def ragged(name, **options):
    cell = registry.find("cells", name, Cell)(I, H)
    return Ragged(randomise(Recurrent(cell, 2, bidirectional=True, dtype=torch.float64, **options)))


@each_cell
def test_hidden_states_are_those_of_the_run(name):
    model, x = ragged(name), torch.randn(T, 3, I, dtype=torch.float64)
    output, final = model(x)
    found = hidden_states(model, x)
    assert (
        [each.layer for each in found]
        == list(layer_names(model))
        == [
            "recurrent layer 1",
            "recurrent layer 1 reverse",
            "recurrent layer 2",
            "recurrent layer 2 reverse",
        ]
    )
    cell = model.layer.cell
    both = np.concatenate([next(iter(each.states.values())) for each in found[2:]], -1)
    for row, n in enumerate(LENGTHS.tolist()):
        if cell.outputs_state:
            np.testing.assert_allclose(both[:n, row], output[:n, row].detach(), rtol=1e-10)
        for k, each in enumerate(found):
            assert list(each.states) == list(cell.states())
            for values, last in zip(each.states.values(), final, strict=True):
                assert np.isnan(values[n:, row]).all()
                if n:
                    ended = values[0 if k % 2 else n - 1, row]
                    np.testing.assert_allclose(ended, last[k, row].detach(), rtol=1e-10)


def test_a_layer_in_pieces_is_joined_in_time():
    class Stepwise(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = elman_layer

        def forward(self, x):
            state = None
            for step in x:
                _, state = self.layer(step[None], state)

    elman_layer = Recurrent(LSTM(I, H), 2)
    x = torch.randn(T, 2, I)
    for found, wanted in zip(hidden_states(Stepwise(), x), hidden_states(elman_layer, x), strict=True):
        for name, values in wanted.states.items():
            np.testing.assert_allclose(found.states[name], values, rtol=1e-5, atol=1e-7)


def test_dead_units_are_those_that_stand_still():
    layer = Recurrent(Elman(I, H, nonlinearity="relu"))
    with torch.no_grad():
        layer.bias_ih_l0[1] = -100.0  # never active
    (found,) = hidden_states(layer, torch.randn(50, 4, I))
    assert found.dead["h"].tolist() == [False, True, False, False]


@pytest.mark.parametrize("model", [nn.LSTM(I, H, 2, batch_first=True), nn.GRU(I, H), nn.RNN(I, H)])
def test_torchs_layers_are_read_and_left_as_they_are(model):
    before, x = copy.deepcopy(model.state_dict()), torch.randn(5, 5, I)
    kind = type(model)
    for look in (hidden_states, jacobian_spectrum, gate_statistics):
        look(model, x)
    (*_, top) = hidden_states(model, (x, None))
    output = model(x)[0].detach()
    wanted = output.transpose(0, 1) if model.batch_first else output
    np.testing.assert_allclose(top.states["h"], wanted, rtol=1e-4, atol=1e-6)
    assert type(model) is kind
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


# Jacobians


def test_of_a_linear_map_the_spectrum_is_its_matrix():
    layer = Recurrent(Elman(I, H, nonlinearity="relu"), dtype=torch.float64)
    with torch.no_grad():
        layer.bias_ih_l0.fill_(100.0)  # always active, and so linear
    (found,) = jacobian_spectrum(layer, torch.randn(T, 2, I, dtype=torch.float64), samples=5)
    wanted = torch.linalg.svdvals(layer.weight_hh_l0).detach().numpy()
    np.testing.assert_allclose(found.singular_values, np.tile(wanted, (5, 1)), rtol=1e-10)


@each_cell
@pytest.mark.parametrize("zoneout", [0.0, 0.25])
def test_the_spectrum_is_that_of_the_steps_jacobian(name, zoneout):
    model, x = ragged(name, zoneout=zoneout), torch.randn(T, 3, I, dtype=torch.float64)
    found = jacobian_spectrum(model, x, samples=100)
    layer, states = model.layer, hidden_states(model, x)
    cell, w = layer.cell, layer._weights()[0]
    sizes = [math.prod(shape) for shape in cell.states().values()]
    assert [each.layer for each in found] == [each.layer for each in states]
    assert all(each.singular_values.shape == (11, sum(sizes)) for each in found)  # 7 + 4 steps
    for number, (t, row) in enumerate((t, row) for t in range(T) for row in range(2) if t < LENGTHS[row]):
        first = t == 0 or RESETS[t, row]
        before = [
            torch.zeros(shape, dtype=x.dtype) if first else torch.from_numpy(states[0].states[k][t - 1, row])
            for k, shape in cell.states().items()
        ]

        def step(*state, x=x[t, row]):
            new = cell.step(w, cell.project(w, x[None]), tuple(s[None] for s in state))
            return tuple(torch.lerp(n[0], s, zoneout) for n, s in zip(new, state, strict=True))

        blocks = torch.autograd.functional.jacobian(step, tuple(before))
        whole = torch.cat([torch.cat(line, -1) for line in blocks])
        wanted = torch.linalg.svdvals(whole).detach().numpy()
        np.testing.assert_allclose(found[0].singular_values[number], wanted, rtol=1e-6, atol=1e-9)


# Gates


def test_gates_of_known_biases_are_counted():
    layer = Recurrent(LSTM(I, H))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.view(4, H)[1] = torch.tensor([5.0, -5.0, 0.0, math.log(9.5)])
        layer.weight_ih_l0[3 * H] = 1.0  # of the output gates only the first one moves
    x = torch.randn(20, 3, I)
    i, f, o = gate_statistics(layer, x, bins=10)
    assert [(g.layer, g.gate) for g in (i, f, o)] == [("recurrent layer 1", g) for g in "ifo"]
    assert f.counts.tolist() == [60, 0, 0, 0, 0, 60, 0, 0, 0, 120]
    np.testing.assert_allclose(f.edges, np.linspace(0, 1, 11))
    assert (f.low, f.high) == (0.25, 0.5)
    assert f.low_units.tolist() == [0, 1, 0, 0]
    assert f.high_units.tolist() == [1, 0, 0, 1]
    np.testing.assert_allclose(f.time_constants, [1 + math.exp(5), 1 + math.exp(-5), 2, 10.5], rtol=1e-4)
    assert i.time_constants is None
    assert f.dead.all()
    assert o.dead.tolist() == [False, True, True, True]


def test_gates_past_a_rows_length_do_not_count():
    for gate in gate_statistics(ragged("gru"), torch.randn(T, 3, I, dtype=torch.float64)):
        assert gate.counts.sum() == (7 + 4) * H
        assert gate.gate in "rz"
        assert (gate.time_constants is None) == (gate.gate == "r")


def test_of_a_cell_without_gates_there_is_nothing_to_tell():
    assert gate_statistics(Recurrent(Elman(I, H)), torch.randn(T, 2, I)) == ()


# What cannot be looked into


def flow(model, x):
    return gradient_flow(model, x, lambda model, x: model(x)[0].sum(-1), lags=3)


LOOKS = pytest.mark.parametrize("look", [hidden_states, jacobian_spectrum, gate_statistics])
ALL = pytest.mark.parametrize("look", [hidden_states, jacobian_spectrum, gate_statistics, flow])


@LOOKS
def test_a_model_without_a_recurrent_layer_is_named(look):
    with pytest.raises(ValueError, match=r"^the model must have a recurrent layer: .* Got Linear\.$"):
        look(nn.Linear(2, 3), torch.randn(4, 2))


@LOOKS
@pytest.mark.parametrize("value", [torch.nan, -torch.inf])
def test_a_weight_that_is_not_finite_is_named(look, value):
    model = language_model(GRU)
    with torch.no_grad():
        model.layer.weight_hh_l0[0, :2] = value
    batch = Batch(Field(torch.zeros(3, 2, dtype=torch.int64)), Target(torch.randint(V, (3, 2))))
    line = r"^weights must be finite\. Got 2 values that are not, in layer\.weight_hh_l0\.$"
    with pytest.raises(InputError, match=line):
        look(model, batch)


@LOOKS
def test_a_layer_that_reads_twice_or_never_is_named(look):
    class Twice(nn.Module):
        def __init__(self, times):
            super().__init__()
            self.first, self.second, self.times = nn.GRU(I, H), nn.GRU(I, H), times

        def forward(self, x):
            self.first(x)
            for _ in range(self.times):
                self.second(x)

    look(Twice(1), torch.randn(4, 2, I))
    for times in (0, 2):
        with pytest.raises(ValueError, match=rf"must read one batch .* Got {times} calls of second\.$"):
            look(Twice(times), torch.randn(4, 2, I))


class Stepwise(nn.Module):
    """A cell that its model calls."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        return torch.stack([self.cell(step) for step in x]), None


class Own(nn.GRU):
    """A class of the user's."""


@ALL
@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Stepwise(nn.GRUCell(I, H)), "not a cell that the model calls step by step"),
        (Stepwise(elman.GRUCell(I, H)), "not a cell that the model calls step by step"),
        (Own(I, H), "not a subclass"),
    ],
)
def test_what_only_looks_like_a_recurrent_layer_is_named(look, model, reason):
    with pytest.raises(
        InputError, match=rf"^the model must have a recurrent layer: .* or GRU, {reason}\. Got "
    ):
        look(model, torch.randn(T, 2, I))


@ALL
def test_weights_that_are_computed_are_read(look):
    model, x = nn.LSTM(I, H), torch.randn(T, 2, I)
    kind, wanted = type(model), str(look(copy.deepcopy(model), x))
    found = str(look(weight_norm(model, "weight_hh_l0"), x))
    numbers = [[float(n) for n in re.findall(r"-?\d+\.\d+", text)] for text in (found, wanted)]
    assert numbers[1]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-2, abs=1e-2)
    assert isinstance(model, kind), "the model stays as it was"


X = torch.randn(T, 2, I)


def with_one(value):
    x = X.clone()
    x[0, 0, 0] = value
    return x


@ALL
@pytest.mark.parametrize(
    ("x", "line"),
    [
        (X.numpy(), "read a tensor. Got ndarray."),
        ([X], "read a tensor. Got list."),
        (X[:, 0], "read a batch with 3 axes. Got shape [7, 3]."),
        (X[:, :0], "read at least one step. Got none, of 0 rows."),
        (X[:0], "read at least one step. Got none, of 2 rows."),
        (with_one(torch.nan), "read finite numbers. Got 1 that are not."),
        (with_one(torch.inf), "read finite numbers. Got 1 that are not."),
    ],
)
def test_input_that_is_no_batch_of_numbers_is_named(look, x, line):
    with pytest.raises(InputError) as error:
        look(nn.LSTM(I, H), x)
    assert str(error.value) == f"recurrent must {line}"


@LOOKS
def test_what_lies_past_a_rows_length_need_be_no_number(look):
    x = torch.randn(T, 3, I, dtype=torch.float64)
    x[4:, 1] = torch.nan
    x[:, 2] = torch.inf
    look(ragged("gru"), x)


@LOOKS
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_within_no_grad_the_numbers_are_the_same(look, mode):
    model = nn.LSTM(I, H)
    with mode():
        found = look(model, X)
    assert str(found) == str(look(model, X))


def test_a_loss_that_does_not_use_its_model_is_told_so():
    model = nn.LSTM(I, H)
    for loss in (lambda _, x: model(x)[0].sum(-1), lambda _, x: torch.zeros(T, 2)):
        with pytest.raises(
            InputError, match=r"0 calls of recurrent; a loss must call the model passed to it"
        ):
            gradient_flow(model, X, loss, lags=3)
