"""The gradient by lag of whole models: which losses count, at which steps, and what is refused."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from agreement import randomise
from tiny import V, language_model
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.batch import Batch, Field, Target
from elman.cells import GRU, LSTM, Elman
from elman.data.batches.cutoffs import CutoffWindows
from elman.data.series.covariates import Encoded, Sizes
from elman.diagnose import RULE, gradient_flow, verdict
from elman.errors import InputError
from elman.heads.categorical import Categorical
from elman.heads.quantile import Quantile
from elman.heads.squared_error import SquaredError
from elman.heads.student_t import StudentT
from elman.layers import Recurrent
from elman.layers.attention import ATTENTIONS
from elman.models.autoencoder import Autoencoder
from elman.models.classifier import Classifier
from elman.models.forecast.direct import Direct
from elman.models.forecast.ensemble import Ensemble
from elman.models.forecast.recursive import Recursive
from elman.models.framewise import Framewise
from elman.models.pooled import Pooled
from elman.models.pooling import Pooling
from elman.models.seq2seq import Seq2Seq

T, B, I, H = 12, 3, 3, 4
LENGTHS = torch.tensor([12, 7, 4])


def tokens(**options):
    drawn = torch.randint(V, (T + 1, B))
    return Batch(Field(drawn[:-1], **options), Target(drawn[1:]))


def same(found, wanted):
    assert (found.layers, found.parts) == (wanted.layers, wanted.parts)
    np.testing.assert_allclose(found.norms, wanted.norms, rtol=1e-5, atol=1e-9)


# Whose loss it is


def test_a_language_models_losses_are_those_of_each_token():
    model, batch = language_model(num_layers=2, dropout=0.5), tokens()

    def by_hand(model, batch):
        logits = model.head.logits(model.features(batch.inputs.values)[0])
        return F.cross_entropy(logits.movedim(-1, 1), batch.targets.values, reduction="none")

    found = gradient_flow(model, batch, lags=8)
    same(found, gradient_flow(model, batch, by_hand, lags=8))
    assert found.norms.shape == (2, 3, 8, 5 * B)  # 8 positions asked for, 5 have all lags behind them
    assert not np.isnan(found.norms).any()


def test_targets_of_no_weight_are_no_losses_and_others_count_by_theirs():
    layer = Recurrent(GRU(I, H))
    model = randomise(Framewise(layer, SquaredError(H, 2)))
    x, y, weights = torch.randn(T, B, I), torch.randn(T, B, 2), torch.zeros(T, B)
    weights[9, 0], weights[8, 1], weights[10, 2] = 1.0, 2.0, 0.5

    def by_hand(model, batch):
        losses = (model.predict(x)[0] - y).square().mean(-1) * weights
        return losses.masked_fill(weights == 0, torch.nan)

    batch = Batch(Field(x), Target(y, weights))
    found = gradient_flow(model, batch, lags=9)
    assert found.norms.shape == (1, 1, 9, B)
    same(found, gradient_flow(model, batch, by_hand, lags=9))
    # weights of each output's own
    batch = Batch(Field(x), Target(y, weights[..., None].expand(T, B, 2) / 2))
    same(gradient_flow(model, batch, lags=9), found)


def test_a_sequences_loss_counts_from_its_last_step():
    layer = Recurrent(LSTM(I, H), bidirectional=True)
    model = randomise(Pooled(layer, SquaredError(2 * H, 2)))
    batch = Batch(Field(torch.randn(T, B, I), LENGTHS), Target(torch.randn(B, 2)))
    found = gradient_flow(model, batch, lags=12)

    def by_hand(model, batch):
        return (model.predict(batch.inputs) - batch.targets.values).square().mean(-1)

    same(found, gradient_flow(model, batch, by_hand, lags=12))
    assert found.norms.shape == (2, 3, 12, B)
    for row, n in enumerate(LENGTHS.tolist()):  # every row's first lag is its own last step
        assert (found.norms[:, 2, :n, row] > 0).all()
        assert np.isnan(found.norms[:, :, n:, row]).all()


@pytest.mark.parametrize("kind", ["packed", "picked"])
def test_padding_is_no_step_whether_torchs_layer_knows_of_it_or_not(kind):
    class Theirs(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(I, H, batch_first=True)

        def forward(self, x):
            if kind == "picked":
                return self.rnn(x)[0][torch.arange(B), LENGTHS - 1]
            packed = pack_padded_sequence(x, LENGTHS, batch_first=True)
            output, lengths = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
            return output[torch.arange(B), lengths - 1]

    model, x = Theirs(), torch.randn(B, T, I)
    found = gradient_flow(model, x, lambda model, x: model(x).square().sum(-1), lags=12)
    for row, n in enumerate(LENGTHS.tolist()):
        alone = gradient_flow(
            model.rnn, x[row : row + 1, :n], lambda rnn, x: rnn(x)[0][:, -1].square().sum(-1), lags=3
        )
        np.testing.assert_allclose(found.norms[..., :3, row], alone.norms[..., 0], rtol=1e-4)
        assert np.isnan(found.norms[..., n:, row]).all()


def test_of_a_pair_both_halves_are_samples():
    layer = Recurrent(GRU(I, H), bidirectional=True)
    head = Categorical(4 * 2 * H, 2)
    model = randomise(Classifier(layer, head, Pooling(layer), nn.Embedding(V, I), pair=True))
    lengths = torch.tensor([12, 7, 4, 2, 9, 12])
    batch = Batch(Field(torch.randint(V, (T, 2 * B)), lengths), Target(torch.tensor([0, 1, 1])))
    found = gradient_flow(model, batch, lags=12)
    assert found.norms.shape == (2, 1, 12, 2 * B)
    assert (~np.isnan(found.norms[0, 0])).sum(0).tolist() == lengths.tolist()


def test_an_autoencoders_lags_count_from_each_layers_end():
    model = Autoencoder(Recurrent(LSTM(2, H)), Recurrent(LSTM(H, H)), SquaredError(H, 2), T).eval()
    batch = Batch(Field(torch.randn(T, B, 2)), Target(torch.randn(T, B, 2)))
    found = gradient_flow(randomise(model), batch, lags=T)
    assert found.layers == ("encoder layer 1", "decoder layer 1")
    codes = []
    code = model._code
    model._code = lambda values: codes.append(code(values)) or codes[-1]
    loss, _ = model(batch)
    (gradient,) = torch.autograd.grad(loss.sum, codes[0])
    np.testing.assert_allclose(found.norms[0, 0, 0], gradient.norm(dim=-1), rtol=1e-5)


@pytest.mark.parametrize("feeding", [False, True], ids=["plain", "input-feeding"])
def test_a_translators_padding_has_no_part_in_its_loss(feeding):
    encoder, decoder = Recurrent(GRU(I, H), bidirectional=True), Recurrent(LSTM(I + feeding * I, 2 * H))
    attention = ATTENTIONS["dot"](2 * H, 2 * H)
    encoder = Recurrent(LSTM(I, H), bidirectional=True)
    model = Seq2Seq(V, encoder, decoder, attention, begin=0, input_feeding=feeding)
    real = (torch.arange(T)[:, None] < LENGTHS).float()
    batch = Batch(
        Field(torch.randint(V, (9, B)), torch.tensor([9, 5, 3])), Target(torch.randint(V, (T, B)), real)
    )
    found = gradient_flow(randomise(model), batch, lags=5)
    assert found.layers == ("encoder layer 1", "encoder layer 1 reverse", "decoder layer 1")
    there = ~np.isnan(found.norms[:, 2])
    # a draw each of every row, then of the longer ones further steps at which attention enters
    assert there[..., :3].sum(1).tolist() == [[5, 5, 3], [5, 5, 3], [5, 5, 4]]
    assert set(there[..., 3:].sum(1).ravel().tolist()) == {0, 5}
    assert (found.norms[:, 2][there] > 0).all()


SIZES = Sizes(0, 0, (), ())


def direct():
    options = {"horizon": 3, "seasons": (2,), "width": 4, "moments": 2, "embedding_size": 2}
    return Direct(Recurrent(GRU(Direct.input_size(SIZES, 2), H)), Quantile(8), SIZES, **options)


def recursive():
    layer = Recurrent(GRU(Recursive.input_size(SIZES, (1, 3), 2), H))
    return Recursive(layer, StudentT(H), SIZES, lags=(1, 3), embedding_size=2)


@pytest.mark.parametrize(
    ("make", "samples"),
    [(direct, 2), (recursive, 3 * 2), (lambda: Ensemble([direct(), direct()]), 2)],
    ids=["direct", "recursive", "ensemble"],
)
def test_forecasts_count_from_the_cutoff(make, samples):
    y = np.exp(np.random.default_rng(0).normal(size=60)).astype(np.float32)
    none, codes = np.zeros((60, 0), np.float32), np.zeros((60, 0), np.int64)
    data = Encoded(np.array([0, 30, 60]), y, none, none, codes, codes, np.zeros(2, np.int64))
    windows = CutoffWindows(data, np.array([0, 1]), np.array([20, 25]), context=16, horizon=3, batch_size=9)
    found = gradient_flow(randomise(make()), next(windows.epoch()), lags=13)
    assert found.norms.shape[-2:] == (13, samples)
    assert (found.norms[:, -1] > 0).all()


# At which steps


def test_no_lag_reaches_across_a_reset():
    resets = torch.zeros(T, B, dtype=torch.bool)
    resets[5, 0] = resets[0, 1] = resets[2, 1] = resets[11, 2] = True
    found = gradient_flow(language_model(GRU), tokens(resets=resets), lags=10, positions=1)
    # the longest piece of each row; row 0's has 7 steps, rows 1's and 2's are longer than the lags
    assert (~np.isnan(found.norms[0, 0])).sum(0).tolist() == [7, 10, 10]
    assert (found.norms[~np.isnan(found.norms)] > 0).all()


def test_the_same_seed_draws_the_same_steps_and_another_one_others():
    model, batch = language_model(), tokens()
    runs = [gradient_flow(model, batch, lags=3, positions=2, seed=seed).norms for seed in (0, 0, 1)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_quartiles_are_those_of_the_samples():
    found = gradient_flow(language_model(), tokens(), lags=4)
    assert np.array_equal(found.median, np.median(found.norms, -1))
    np.testing.assert_allclose(found.lower, np.quantile(found.norms, 0.25, -1), rtol=1e-12)
    np.testing.assert_allclose(found.upper, np.quantile(found.norms, 0.75, -1), rtol=1e-12)


# Beyond the ordinary


def test_a_gradient_that_leaves_the_floating_point_range_explodes():
    layer = Recurrent(Elman(I, H, bias=False), init="identity")
    with torch.no_grad():
        layer.weight_hh_l0.mul_(1e30)
    # all states are 0, where tanh has slope 1
    found = gradient_flow(layer, torch.zeros(6, 2, I), lambda m, x: m(x)[0].sum(-1), lags=5)
    np.testing.assert_allclose(found.median[0, 0], [2.0, 2e30, np.inf, np.inf, np.inf], rtol=1e-5)
    assert (found.decay.item(), found.half_life.item()) == (np.inf, np.inf)
    assert found.verdicts == ("exploding",)


def test_a_gradient_that_is_gone_at_once_vanishes():
    layer = Recurrent(Elman(I, H))
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
    found = gradient_flow(layer, torch.randn(6, 2, I), lambda m, x: m(x)[0].sum(-1), lags=5)
    assert (found.decay.item(), found.half_life.item(), found.verdicts) == (0.0, 0.0, ("vanishing",))


def test_the_rule_says_what_the_verdict_does():
    assert RULE == (
        "vanishing: the gradient halves in less than 1 step; "
        "exploding: it doubles in fewer than 50 steps, and within the steps measured; healthy: neither"
    )
    assert verdict(0.5 ** (1 / 0.9)) == "vanishing"
    assert verdict(0.5 ** (1 / 1.1)) == verdict(1.0) == verdict(2 ** (1 / 50.1)) == "healthy"
    assert verdict(2 ** (1 / 49.9)) == verdict(float("inf")) == verdict(float("inf"), 1) == "exploding"
    assert verdict(2 ** (1 / 20), 21) == "exploding"
    assert verdict(2 ** (1 / 20), 19) == "healthy"  # it has not doubled
    assert verdict(float("nan")) == "not measured"


def test_looking_leaves_the_model_as_it_was():
    model, batch = language_model(dropout=0.5), tokens()
    before = copy.deepcopy(model.state_dict())
    gradient_flow(model, batch, lags=4)
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


# What is refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"lags": 13},
            r"lags must be at most the steps of the longest sequence. Got 13 lags and 12 steps",
        ),
        ({"lags": 2}, r"lags must be an int in \[3, inf\)\. Got 2\."),
        ({"lags": 4.0}, r"lags must be an int in \[3, inf\)\. Got 4\.0\."),
        ({"lags": 4, "positions": 0}, r"positions must be an int in \[1, inf\)\. Got 0\."),
        ({"loss": lambda m, x: m(x)[0].sum()}, r"loss must return losses \[T, B\].* Got shape \[\]\."),
        ({"loss": lambda m, x: m(x)}, r"loss must return losses \[T, B\].* Got tuple\."),
        ({"loss": lambda m, x: m(x)[0].sum(-1)[:, :2]}, r"Got 2 columns and 3 rows of recurrent layer 1\."),
        ({"loss": lambda m, x: m(x)[0].sum(-1) * torch.nan}, r"must have a loss\. Got only NaN\."),
        ({"loss": lambda m, x: m(x)[0].sum(-1).detach()}, r"loss must depend on the recurrent layers"),
        (
            {"loss": None},
            r"for a model without one of Elman's heads, loss must be .* Got None for Recurrent\.",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(options, said):
    options = {"loss": lambda m, x: m(x)[0].sum(-1), "lags": 4} | options
    with pytest.raises(ValueError, match=said) as caught:
        gradient_flow(Recurrent(GRU(I, H)), torch.randn(T, B, I), **options)
    assert "\n" not in str(caught.value)


def test_a_loss_of_another_model_is_refused():
    other = Recurrent(GRU(I, H))
    with pytest.raises(
        ValueError, match=r"^each recurrent layer must read one batch .* Got 0 calls of recurrent"
    ):
        gradient_flow(Recurrent(GRU(I, H)), torch.randn(T, B, I), lambda _, x: other(x)[0].sum(-1), lags=4)


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_what_is_recomputed_has_the_same_gradients(backend):
    layer = randomise(Recurrent(LSTM(I, H), 2, learned_state=True, backend=backend))
    x = torch.randn(T, B, I)

    def loss(model, x):
        return model(x, lengths=LENGTHS)[0].square().sum(-1)

    wanted = gradient_flow(layer, x, loss, lags=6)
    layer.recompute = 5
    same(gradient_flow(layer, x, loss, lags=6), wanted)


def test_it_works_where_gradients_are_off_and_says_where_they_cannot_be_taken():
    layer, x = Recurrent(GRU(I, H)), torch.randn(T, B, I)
    wanted = gradient_flow(layer, x, lambda m, x: m(x)[0].sum(-1), lags=4)
    with torch.no_grad():
        same(gradient_flow(layer, x, lambda m, x: m(x)[0].sum(-1), lags=4), wanted)
    with torch.inference_mode(), pytest.raises(InputError, match="inference_mode"):
        gradient_flow(layer, x, lambda m, x: m(x)[0].sum(-1), lags=4)
