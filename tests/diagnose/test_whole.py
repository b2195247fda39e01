"""One loss for a whole sequence: where it enters, and the way back from there."""

import numpy as np
import pytest
import torch
from torch import nn

from agreement import randomise
from elman.cells import GRU, LSTM, Elman
from elman.diagnose import gradient_flow
from elman.layers import Recurrent

T, B, I, H = 9, 3, 3, 4
LENGTHS = torch.tensor([9, 6, 4])


def flow_of(layer, loss, lags=4, **options):
    return gradient_flow(layer, torch.randn(T, B, I), loss, lags=lags, **options)


@pytest.mark.parametrize("cell", [GRU, LSTM], ids=lambda cell: cell.__name__)
@pytest.mark.parametrize("layers", [1, 2])
def test_what_enters_at_the_last_step_is_followed_through_all_layers(cell, layers):
    layer = randomise(Recurrent(cell(I, H), layers))
    x = torch.randn(T, B, I)

    def whole(model, x):
        return model(x, None, LENGTHS)[0][LENGTHS - 1, torch.arange(B)].square().sum(-1)

    def steps(model, x):
        losses = model(x, None, LENGTHS)[0].square().sum(-1)
        return losses.masked_fill(torch.arange(T)[:, None] != LENGTHS - 1, torch.nan)

    found, wanted = (gradient_flow(layer, x, loss, lags=T, positions=1) for loss in (whole, steps))
    np.testing.assert_allclose(found.norms, wanted.norms, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("cell", [Elman, LSTM], ids=lambda cell: cell.__name__)
@pytest.mark.parametrize("reverse", [0, 1])
def test_of_a_mean_over_steps_each_is_followed_back_by_itself(cell, reverse):
    """As if each step had a loss of its own: the output of one direction at that step, times a constant."""
    layer = randomise(Recurrent(cell(I, H), bidirectional=True))
    x = torch.randn(T, B, I)
    own = slice(reverse * H, (reverse + 1) * H)

    def pooled(model, x):
        return model(x)[0][..., own].sum((0, -1))

    def steps(model, x):
        return model(x)[0][..., own].sum(-1)

    found, wanted = (gradient_flow(layer, x, loss, lags=5, positions=5) for loss in (pooled, steps))
    for lag in range(5):
        ours, theirs = (np.unique(np.round(f.norms[reverse, :, lag], 5), axis=-1) for f in (found, wanted))
        for part in range(len(ours)):
            there = theirs[part][~np.isnan(theirs[part])]
            for norm in ours[part][~np.isnan(ours[part])]:
                assert abs(there - norm).min() <= 2e-5
    assert np.isnan(found.norms[1 - reverse]).all() or (np.nan_to_num(found.norms[1 - reverse]) == 0).all()


def test_a_model_that_sees_every_step_has_no_longer_memory_for_that():
    torch.manual_seed(0)
    layer = Recurrent(LSTM(I, 16))
    x = torch.randn(60, 4, I)
    last, mean, weighted = (
        gradient_flow(layer, x, loss, lags=40)
        for loss in (
            lambda m, x: m(x)[0][-1].square().sum(-1),
            lambda m, x: m(x)[0].mean(0).square().sum(-1),
            lambda m, x: torch.linspace(0.5, 1, 60) @ m(x)[0].square().sum(-1),
        )
    )
    for found in (mean, weighted):
        assert found.half_life[0, -1] == pytest.approx(last.half_life[0, -1], rel=0.3)


def test_a_last_state_of_two_layers_that_read_both_ways_does_not_explode():
    torch.manual_seed(0)
    model = nn.LSTM(I, 8, num_layers=2, bidirectional=True)
    found = gradient_flow(model, torch.randn(30, 4, I), lambda m, x: m(x)[0][-1].sum(-1), lags=20)
    assert found.layers[-1] == "recurrent layer 2 reverse"
    assert found.verdicts == ("healthy", "healthy", "healthy", "not measured")
    assert (found.decay[:3, -1] < 0.9).all()


def test_a_layer_of_ones_own_may_answer_otherwise():
    class Last(Recurrent):
        def forward(self, *arguments):
            return super().forward(*arguments)[0][-1]

    layer = Last(GRU(I, H))
    plain = Recurrent(GRU(I, H))
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(T, B, I)
    found = gradient_flow(layer, x, lambda m, x: m(x).sum(-1), lags=5)
    wanted = gradient_flow(plain, x, lambda m, x: m(x)[0][-1].sum(-1), lags=5)
    np.testing.assert_allclose(found.norms, wanted.norms, rtol=1e-4)


def test_rows_whose_loss_is_nan_or_has_no_gradient():
    def loss(model, x):
        losses = model(x)[0][-1].sum(-1) * torch.tensor([1.0, 0.0, 1.0])
        return losses.masked_fill(torch.tensor([False, False, True]), torch.nan)

    found = flow_of(Recurrent(GRU(I, H)), loss)
    assert (found.norms[0, 0, :, 0] > 0).all()
    assert (found.norms[0, 0, :, 1] == 0).all()
    assert np.isnan(found.norms[0, 0, :, 2]).all()


def test_the_share_left():
    found = flow_of(Recurrent(GRU(I, H)), lambda m, x: m(x)[0][-1].sum(-1), lags=T)
    median = found.median[0, 0]
    (lag,) = found.left_after(0.5)[0]
    assert median[int(lag)] <= 0.5 * median[1] < median[int(lag) - 1]
    assert found.left_after(1e-12)[0, 0] == np.inf


def test_of_many_rows_whose_loss_enters_at_several_steps_some_are_looked_at():
    lengths = torch.arange(100) % 5 + 5
    layer, x = randomise(Recurrent(GRU(I, H))), torch.randn(T, 100, I)

    def loss(model, x):
        return model(x, None, lengths)[0][lengths - 1, torch.arange(100)].sum(-1)

    found = gradient_flow(layer, x, loss, lags=5).norms[0, 0]
    assert found.shape == (5, 100)
    pooled = gradient_flow(layer, x, lambda m, x: m(x)[0].mean((0, -1)), lags=5, positions=1)
    assert pooled.norms.shape == (1, 1, 5, 32)  # each of which is followed by itself
    alone = gradient_flow(
        layer, x[: lengths[99], 99:], lambda model, x: model(x)[0][-1].sum(-1), lags=5
    ).norms[0, 0, :, 0]
    np.testing.assert_allclose(found[:, -1], alone, rtol=1e-4)
