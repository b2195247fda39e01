"""The gradient by time lag: where it is known in closed form, and against brute force everywhere else."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
import torch
from agreement import randomise
from kinds import OF_FEATURES
from torch import nn

from elman.cells import LSTM, Cell
from elman.diagnose import gradient_flow, verdict
from elman.errors import InputError
from elman.kernels import stack
from elman.layers import Recurrent

I, H = 3, 4
LENGTHS = torch.tensor([9, 6, 1, 0])
POSITIONS = [4, 2, 0]  # of a loss in each row; none in the row without steps


@dataclass(frozen=True)
class Linear(Cell):
    """h' = W_ih x + b_ih + W_hh h + b_hh."""

    def pointwise(self, w, projected, recurrent, state):
        return (projected + recurrent,)


@dataclass(frozen=True)
class Delayed(Cell):
    """h' = tanh(z + W_hh h), z' = W_ih x: what the state keeps depends on the input alone."""

    def states(self):
        return {"h": (self.hidden_size,), "z": (self.hidden_size,)}

    def pointwise(self, w, projected, recurrent, state):
        return torch.tanh(state[1] + recurrent), projected


def orthogonal(scale):
    layer = Recurrent(Linear(I, 16))
    with torch.no_grad():
        layer.weight_hh_l0.copy_(scale * nn.init.orthogonal_(torch.empty(16, 16)))
    return layer


def fixed_forget_gate(f):
    """An LSTM whose gates see neither the input nor the state."""
    layer = Recurrent(LSTM(I, 8))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.weight_ih_l0[16:24].normal_()  # the content alone reads
        layer.bias_ih_l0[8:16] = np.log(f / (1 - f))
    return layer


def squared(model, x):
    """Of each step, the output's square."""
    return model(x)[0].square().sum(-1)


@pytest.mark.parametrize("scale", [0.45, 0.9, 0.99, 1.0, 1.05])
def test_of_an_orthogonal_recurrence_the_gradient_is_its_scales_power(scale):
    flow = gradient_flow(orthogonal(scale), torch.randn(120, 4, I), squared, lags=100)
    assert flow.parts == ("h",)
    assert flow.norms.shape == (1, 1, 100, 8 * 4)
    wanted = flow.norms[0, 0, :1] * scale ** flow.lags[:, None]
    np.testing.assert_allclose(flow.norms[0, 0], wanted, rtol=1e-4)
    assert flow.decay.item() == pytest.approx(scale, abs=1e-3)
    if scale < 1:
        assert flow.half_life.item() == pytest.approx(np.log(0.5) / np.log(scale), rel=1e-3)
    assert flow.verdicts == ({0.45: "vanishing", 1.05: "exploding"}.get(scale, "healthy"),)


def test_without_a_number_of_lags_there_are_as_many_as_the_longest_sequence_has_steps():
    layer, x = orthogonal(0.9), torch.randn(9, 4, I)

    def loss(model, x):
        losses = model(x, None, LENGTHS)[0].square().sum(-1)
        return losses.masked_fill(torch.arange(9)[:, None] == 8, torch.nan)

    flow = gradient_flow(layer, x, loss, lags=None, positions=1)
    assert flow.lags.tolist() == list(range(9))
    assert (~np.isnan(flow.norms[0, 0])).sum(0).tolist() == [8, 6, 1, 0]  # the last step has no loss
    same = gradient_flow(layer, x, loss, lags=9, positions=1)
    np.testing.assert_array_equal(flow.norms, same.norms)
    with pytest.raises(InputError, match=r"^the longest sequence must have at least 3 steps\. Got 2\.$"):
        gradient_flow(layer, x[:2], squared, lags=None)


@pytest.mark.parametrize("f", [0.6, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["ours", "torch"])
def test_of_a_fixed_forget_gate_the_cells_gradient_is_its_power(f, kind):
    model = fixed_forget_gate(f)
    if kind == "torch":
        theirs = nn.LSTM(I, 8)
        theirs.load_state_dict(model.state_dict())
        model = theirs
    flow = gradient_flow(model, torch.randn(70, 3, I), squared, lags=60)
    assert flow.parts == ("h", "c", "all")
    for part in (1, 2):  # h reaches nothing, so all is c
        assert flow.decay[0, part] == pytest.approx(f, abs=1e-3)
        assert flow.half_life[0, part] == pytest.approx(np.log(0.5) / np.log(f), rel=1e-3)
    np.testing.assert_allclose(
        flow.norms[0, 1, 1:] / flow.norms[0, 1, 1], f ** flow.lags[:-1, None] * np.ones(24), rtol=1e-4
    )
    assert flow.decay[0, 0] == 0.0
    assert (flow.norms[0, 0, 1:] == 0).all()
    assert flow.verdicts == (verdict(f),)


CELLS = [*OF_FEATURES.values(), Delayed]


def nudged(layer, x, deltas):
    """The layer's output from cell steps alone, a delta added to each state after each step."""
    turn = iter(deltas)

    def unroll(sweep):
        own, cell, w, x, state = next(turn), sweep.cell, sweep.w, sweep.x, sweep.state
        outputs = [torch.zeros(x.shape[1], cell.output_size, dtype=x.dtype)] * len(x)
        for t in reversed(range(len(x))) if sweep.reverse else range(len(x)):
            projected = cell.project(w, x[t])
            new = cell.step(w, projected, state)
            new = tuple(s + delta[t] for s, delta in zip(new, own, strict=True))
            alive = (t < sweep.lengths)[:, None]
            outputs[t] = torch.where(alive, cell.read(w, new, projected), 0.0)
            state = tuple(torch.where(alive, n, s) for n, s in zip(new, state, strict=True))
        return torch.stack(outputs), state

    with layer.calls() as calls, torch.no_grad():
        layer(x, None, LENGTHS)
    return stack.run(calls[0][0]._replace(weights=layer._weights()), unroll)[0]


def only_at(losses, positions):
    """Losses [T, B], NaN but at one step of each row."""
    taken = torch.zeros_like(losses, dtype=torch.bool)
    for row, t in enumerate(positions):
        taken[t, row] = True
    return losses.masked_fill(~taken, torch.nan)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
def test_every_lag_equals_brute_force(kind, bidirectional, dtype):
    cell = kind(I, H)
    layer = randomise(Recurrent(cell, 2, bidirectional=bidirectional, dtype=dtype))
    x = torch.randn(9, 4, I, dtype=dtype)

    def loss(model, x):
        return only_at(model(x, None, LENGTHS)[0].square().sum(-1), POSITIONS)

    flow = gradient_flow(layer, x, loss, lags=5, positions=1)
    shapes = list(cell.states().values())
    exact = layer.double()
    deltas = [
        tuple(torch.zeros(9, 4, *shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
        for _ in range(2 * len(layer._names) // layer.num_layers)
    ]
    losses = nudged(exact, x.double(), deltas).square().sum(-1)
    passes = 2 if bidirectional else 1
    assert flow.norms.shape == (len(deltas), len(shapes) + 1 if len(shapes) > 1 else 1, 5, 4 * passes)
    largest = np.nanmax(flow.norms)
    for row, t in enumerate(POSITIONS):
        found = torch.autograd.grad(losses[t, row], [d for own in deltas for d in own], retain_graph=True)
        found = [found[k : k + len(shapes)] for k in range(0, len(found), len(shapes))]
        for k, lag in product(range(len(deltas)), range(5)):
            step = t + lag if k % 2 and bidirectional else t - lag
            there = 0 <= step < LENGTHS[row]
            parts = [g[step, row] if there else torch.full((1,), torch.nan) for g in found[k]]
            wanted = [float(part.norm()) for part in parts]
            if len(parts) > 1:
                wanted.append(float(torch.cat(parts).norm()))
            for number in range(passes):
                got = flow.norms[k, :, lag, 4 * number + row]
                np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6 * largest)
    assert np.isnan(flow.norms[..., 3]).all()  # the row of no steps
