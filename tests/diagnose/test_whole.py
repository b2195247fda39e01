"""One loss for a whole sequence: where it enters, and the way back from there."""

import numpy as np
import pytest
import torch
from agreement import randomise
from torch import nn

from elman.cells import GRU, LSTM, Elman
from elman.diagnose import gradient_flow
from elman.layers import Recurrent

T, B, I, H = 9, 3, 3, 4
LENGTHS = torch.tensor([9, 6, 4])


def measured(flow):
    return [verdict != "not measured" for verdict in flow.verdicts]


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
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_enters_at_one_of_several_steps_goes_back_as_that_steps_own_loss(cell, layers, bidirectional):
    layer = randomise(Recurrent(cell(I, H), layers, bidirectional=bidirectional))
    x = torch.randn(T, B, I)

    def steps(model, x):
        losses = model(x, None, LENGTHS)[0].square().sum(-1)
        return losses.masked_fill(torch.arange(T)[:, None] >= LENGTHS, torch.nan)

    def whole(model, x):
        return steps(model, x).nansum(0)

    found, wanted = (gradient_flow(layer, x, loss, lags=4, positions=T) for loss in (whole, steps))
    assert found.layers == wanted.layers
    for ours, theirs in zip(found.norms, wanted.norms, strict=True):
        ours, theirs = (own[..., ~np.isnan(own).any((0, 1))] for own in (ours, theirs))
        # 4 lags behind them have 6 of the 9 steps, 3 of the 6 and 1 of the 4
        assert ours.shape[-1] == 10
        for sample in np.moveaxis(ours, -1, 0):
            assert np.isclose(theirs, sample[..., None], rtol=1e-4, atol=1e-6).all((0, 1)).any()


def test_what_enters_through_final_states_goes_back_from_each_directions_own_end():
    layer = randomise(Recurrent(LSTM(I, H), 2, bidirectional=True))
    x = torch.randn(T, 1, I)

    def whole(model, x):
        return torch.cat(model(x)[1], -1)[2:].square().sum((0, 2))  # of the upper layer

    def steps(model, x):
        output, (_, c) = model(x)
        ends = output[-1, :, :H].square().sum(-1), output[0, :, H:].square().sum(-1)
        losses = torch.full((T, 1), torch.nan)
        losses[-1], losses[0] = (end + own.square().sum(-1) for end, own in zip(ends, c[2:], strict=True))
        return losses

    found, wanted = (gradient_flow(layer, x, loss, lags=T, positions=1).norms for loss in (whole, steps))
    assert found.shape == wanted.shape == (4, 3, T, 2)
    for k in range(4):
        np.testing.assert_allclose(found[k, ..., k % 2], wanted[k, ..., k % 2], rtol=1e-5)
        assert np.isnan(found[k, ..., 1 - k % 2]).all()


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


def test_of_one_position_the_rows_of_layers_that_read_both_ways_take_turns():
    layer, x = randomise(Recurrent(GRU(I, H), 2, bidirectional=True)), torch.randn(T, 4, I)

    def loss(model, x):
        return torch.cat(model(x)[1])[-2:].square().sum((0, 2))

    one, two = (gradient_flow(layer, x, loss, lags=T, positions=n).norms[:, 0] for n in (1, 2))
    assert one.shape == (4, T, 4)
    assert two.shape == (4, T, 8)  # of each row its end, then its beginning
    for k in range(4):
        turn, each = slice(k % 2, None, 2), slice(4 * (k % 2), 4 * (k % 2) + 4)
        np.testing.assert_allclose(one[k, :, turn], two[k, :, each][:, turn], rtol=1e-5)
        assert np.isnan(one[k, :, 1 - k % 2 :: 2]).all()


@pytest.mark.parametrize("lengths", [[T, 0, 0], [0, 6, 0], [T, 3] * 3])
def test_rows_take_turns_so_that_both_directions_are_measured(lengths):
    layer, x = Recurrent(GRU(I, H), 2, bidirectional=True), torch.randn(T, len(lengths), I)

    def loss(model, x):
        return model(x, None, torch.tensor(lengths))[0].square().sum((0, -1))

    found = gradient_flow(layer, x, loss, positions=1)
    assert (np.isfinite(found.median[:, 0]).sum(-1) == max(lengths)).all()  # every lag, by the longest rows


def test_a_last_state_of_two_layers_that_read_both_ways_does_not_explode():
    torch.manual_seed(0)
    model = nn.LSTM(I, 8, num_layers=2, bidirectional=True)
    x = torch.randn(30, 4, I)
    ends = gradient_flow(model, x, lambda m, x: m(x)[1][0][-2:].sum((0, 2)), lags=20)
    assert ends.verdicts == ("healthy",) * 4
    assert (ends.decay[:, -1] < 0.9).all()
    # at the last step of the output, nothing lies behind those that read from the end
    last = gradient_flow(model, x, lambda m, x: m(x)[0][-1].sum(-1), lags=20)
    assert last.layers[1::2] == ("recurrent layer 1 reverse", "recurrent layer 2 reverse")
    assert last.verdicts == ("healthy", "not measured") * 2


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


def test_rows_whose_loss_is_nan_or_has_no_gradient_are_not_measured():
    def loss(model, x):
        losses = model(x)[0][-1].sum(-1) * torch.tensor([1.0, 0.0, 1.0])
        return losses.masked_fill(torch.tensor([False, False, True]), torch.nan)

    found = flow_of(Recurrent(GRU(I, H)), loss)
    assert (found.norms[0, 0, :, 0] > 0).all()
    assert np.isnan(found.norms[0, 0, :, 1:]).all()


@pytest.mark.parametrize("layers", [1, 2])
def test_a_direction_that_no_loss_enters_is_not_measured(layers):
    layer, x = Recurrent(GRU(I, H), layers, bidirectional=True), torch.randn(T, B, I)
    forward = gradient_flow(layer, x, lambda m, x: m(x)[0][-1, :, :H].square().sum(-1))
    assert measured(forward) == [True, False] * layers
    reverse = gradient_flow(layer, x, lambda m, x: m(x)[1][0][-1].square().sum(-1), positions=1)
    assert measured(reverse) == [False, True] * layers


def test_layers_and_calls_without_gradients_are_not_measured():
    class Translator(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.GRU(I, H), nn.GRU(H, H)

        def forward(self, x):
            with torch.no_grad():
                code, _ = self.encoder(x)
            return self.decoder(code)[0]

    x = torch.randn(T, B, I)
    found = gradient_flow(Translator(), x, lambda m, x: m(x).mean(0).sum(-1))
    assert measured(found) == [False, True]

    def after_burn_in(layer, x):
        with torch.no_grad():
            _, state = layer(x[:3])
        return layer(x[3:], state)[0].mean(0).sum(-1)

    found = gradient_flow(Recurrent(GRU(I, H)), x, after_burn_in, lags=T, positions=1)
    norms = np.nan_to_num(found.norms[0, 0], nan=-1)
    assert (norms[: T - 3] > 0).all()
    assert (norms[T - 3 :] <= 0).all()


def test_the_share_left():
    found = flow_of(Recurrent(GRU(I, H)), lambda m, x: m(x)[0][-1].sum(-1), lags=T)
    median = found.median[0, 0]
    (lag,) = found.left_after(0.5)[0]
    assert median[int(lag)] <= 0.5 * median[1] < median[int(lag) - 1]
    assert found.left_after(1e-12)[0, 0] == np.inf
