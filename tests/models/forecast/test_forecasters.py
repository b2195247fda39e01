"""Forecasters: they see what they may and nothing else, whatever surrounds it."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from agreement import randomise
from torch import Tensor

from elman.batch import Window, WindowBatch
from elman.cells import GRU
from elman.data.batches.cutoffs import CutoffWindows
from elman.data.series.covariates import Encoded, Sizes
from elman.heads.normal import Normal
from elman.heads.quantile import Quantile
from elman.heads.student_t import StudentT
from elman.layers import Recurrent
from elman.models.forecast.direct import Direct
from elman.models.forecast.ensemble import Ensemble
from elman.models.forecast.es_rnn import EsRnn
from elman.models.forecast.forecaster import Forecaster, Scaling, measure_scale
from elman.models.forecast.recursive import Recursive
from elman.models.forecast.smoothing import Smoothing, warm_up

SIZES = Sizes(2, 1, (3,), (4,))
H, SEASONS, LAGS = 3, (2, 4), (1, 3)
LEVELS = torch.tensor([0.1, 0.5, 0.9])


def layer(features: int) -> Recurrent:
    return Recurrent(GRU(features, 6), 2)


def direct(scaling: Scaling = "mean") -> Direct:
    options = {"horizon": H, "seasons": SEASONS, "width": 4, "moments": 3, "embedding_size": 2}
    return Direct(layer(Direct.input_size(SIZES, 2)), Quantile(8), SIZES, scaling=scaling, **options)


def recursive() -> Recursive:
    features = Recursive.input_size(SIZES, LAGS, 2)
    return Recursive(layer(features), StudentT(6), SIZES, lags=LAGS, embedding_size=2, paths=50)


def es_rnn() -> EsRnn:
    options = {"horizon": H, "seasons": SEASONS, "width": 4, "moments": 3, "embedding_size": 2, "inputs": 5}
    return EsRnn(layer(EsRnn.input_size(SIZES, 5, 2)), Normal(8), SIZES, series=4, **options)


MODELS: dict[str, Callable[[], Forecaster]] = {
    "direct": direct,
    "relative": lambda: direct("relative"),
    "es-rnn": es_rnn,
    "recursive": recursive,
    "ensemble": lambda: Ensemble([direct(), direct(), direct()]),
}
each_model = pytest.mark.parametrize("name", MODELS)


def make(name: str) -> Forecaster:
    return randomise(MODELS[name]()).eval()


def series(*lengths: int, seed: int = 0) -> Encoded:
    rng = np.random.default_rng(seed)
    total = sum(lengths)
    y = np.exp(rng.normal(2, 0.5, total)).astype(np.float32)
    y[9] = np.nan
    return Encoded(
        np.concatenate([[0], np.cumsum(lengths)]),
        y,
        rng.normal(size=(total, 2)).astype(np.float32),
        rng.normal(size=(total, 1)).astype(np.float32),
        rng.integers(0, 3, (total, 1)),
        rng.integers(0, 4, (total, 1)),
        np.arange(len(lengths)) % 4,
    )


def batch(data: Encoded, cutoffs: list[int], context: int = 16, rows: list[int] | None = None) -> WindowBatch:
    which = np.arange(len(cutoffs)) if rows is None else np.array(rows)
    cut = CutoffWindows(data, which, np.array(cutoffs), context=context, horizon=H, batch_size=99)
    (found,) = cut.epoch()
    return found


def forecast(model: Forecaster, window: Window) -> Tensor:
    torch.manual_seed(0)
    with torch.no_grad():
        return model.quantiles(window, LEVELS)


@each_model
def test_quantiles_are_shaped_and_ordered(name):
    found = forecast(make(name), batch(series(30, 25), [20, 22]).inputs)
    assert found.shape == (3, H, 2)
    assert (found.diff(dim=0) > 0).all()


@pytest.mark.parametrize("name", ["direct", "es-rnn", "recursive"])
def test_what_stands_before_a_series_leaves_no_trace(name, monkeypatch):
    monkeypatch.setattr(
        Direct, "_earliest", lambda _, window: window.context - 4
    )  # else a share of the context
    model, data = make(name), series(13)
    # longer contexts only add steps before the first
    found = [forecast(model, batch(data, [10], context).inputs) for context in (10 + max(LAGS), 16, 21)]
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-4, atol=1e-5)


@each_model
def test_a_batch_is_its_rows_one_by_one(name):
    model, data = make(name), series(30, 12, 25)
    together = forecast(model, batch(data, [20, 9, 22]).inputs)
    for row, cutoff in enumerate([20, 9, 22]):
        alone = forecast(model, batch(data, [cutoff], rows=[row]).inputs)
        torch.testing.assert_close(together[..., [row]], alone, rtol=1e-4, atol=1e-5)


@each_model
def test_the_future_of_targets_and_past_covariates_changes_no_forecast(name):
    model, data = make(name), series(30)
    other = dataclasses.replace(
        data, y=data.y.copy(), past=data.past.copy(), past_codes=data.past_codes.copy()
    )
    other.y[20:] = 999
    other.past[20:] = 999
    other.past_codes[20:] = 1
    first, second = (forecast(model, batch(each, [20]).inputs) for each in (data, other))
    assert torch.equal(first, second)
    other.y[19] = 999
    assert not torch.equal(first, forecast(model, batch(other, [20]).inputs))


@each_model
@pytest.mark.parametrize("field", ["known", "past", "known_codes", "past_codes"])
def test_every_covariate_is_read(name, field):
    model, data = make(name), series(30)
    other = dataclasses.replace(data, **{field: getattr(data, field).copy()})
    last = (
        21 if field.startswith("known") else 19
    )  # known ones of the steps ahead, past ones up to the cutoff
    values = getattr(other, field)
    values[last] = (values[last] + 1) % 3
    first, second = (forecast(model, batch(each, [20]).inputs) for each in (data, other))
    assert not torch.equal(first, second)


@each_model
def test_a_missing_value_is_not_read(name):
    model, data = make(name), series(30)
    window = batch(data, [20]).inputs
    missing = ~window.observed
    assert missing.any()
    other = dataclasses.replace(window, values=torch.where(missing, 5.0, window.values))
    assert torch.equal(forecast(model, window), forecast(model, other))


@each_model
def test_missing_targets_do_not_count(name):
    model = make(name)
    found = batch(series(30, 25), [20, 22])
    weights = found.targets.weights.clone()
    weights[1, 0] = 0
    values = torch.where(weights > 0, found.targets.values, 77.0)
    one = WindowBatch(found.inputs, dataclasses.replace(found.targets, weights=weights))
    other = WindowBatch(found.inputs, dataclasses.replace(found.targets, weights=weights, values=values))
    first, second = model(one)[0], model(other)[0]
    assert torch.equal(first.sum, second.sum)
    members = 3 if name == "ensemble" else 1
    assert first.count == 5 * members
    assert model(found)[0].count == 6 * members


@each_model
def test_every_weight_is_trained(name):
    model = make(name).train()
    loss, state = model(batch(series(40, 40, 40, 40), [30, 29, 28, 27]))
    assert state is None
    loss.sum.backward()
    for weight, parameter in model.named_parameters():
        assert parameter.grad is not None, weight
        assert parameter.grad.abs().sum() > 0, weight


# relative forecasts choose their anchor on the steps before the first moment of training, 24
@pytest.mark.parametrize(
    ("name", "moment"),
    [
        *((name, moment) for name in ("direct", "es-rnn") for moment in (9, 20, 27)),
        ("relative", 24),
        ("relative", 27),
    ],
)
def test_no_moment_sees_a_step_after_it(name, moment):
    model = make(name)
    window = batch(series(40), [36], context=32).inputs

    def features(step: int) -> list[Tensor]:
        values = window.values.clone()
        values[step] += 50
        other = dataclasses.replace(window, values=values)
        with torch.no_grad():
            if name != "es-rnn":
                at = torch.tensor([moment])
                standing = model._standing(other, values, other.observed, at)
                base = standing[0] if name == "relative" else torch.zeros_like(standing[0])
                return [base, model._features(other, values, other.observed, at, base)]
            return list(model._features(other, torch.tensor([moment])))

    wanted = features(31)
    for step, same in ((moment, True), (moment + 1, True), (moment - 1, False)):
        assert all(map(torch.equal, features(step), wanted)) is same


def test_a_recursive_forecast_is_the_full_pass_over_what_it_drew():
    model = make("recursive")
    drawn: list[Tensor] = []
    monkey = model.head.sample

    def sample(features: Tensor, number: int, scale: Tensor) -> Tensor:
        drawn.append(features[:, 0].clone())
        return monkey(features, number, scale)

    model.head.sample = sample
    found = batch(series(30), [20])
    with torch.no_grad():
        paths = model.sample(found.inputs, 1)
    targets = dataclasses.replace(found.targets, values=paths[0], weights=torch.ones(H, 1))
    seen: list[Tensor] = []
    model.head.loss = lambda features, *_, **__: seen.append(features.clone())
    model(WindowBatch(found.inputs, targets))
    torch.testing.assert_close(torch.stack(drawn), seen[0], rtol=1e-4, atol=1e-5)


def test_an_ensemble_takes_the_median_and_the_mean_loss():
    model = make("ensemble")
    found = batch(series(30, 25), [20, 22])
    members = torch.stack([forecast(member, found.inputs) for member in model.members])
    torch.testing.assert_close(forecast(model, found.inputs), members.median(0).values)
    with torch.no_grad():
        losses = [member(found)[0] for member in model.members]
        loss = model(found)[0]
    torch.testing.assert_close(loss.sum / loss.count, sum(each.sum / each.count for each in losses) / 3)


def test_stretched_intervals_keep_the_median_and_their_order():
    model = make("ensemble")
    window = batch(series(30), [20]).inputs
    levels = torch.tensor([0.9, 0.5, 0.1, 0.975, 0.025])
    with torch.no_grad():
        plain = model.quantiles(window, levels)
        model.stretch[:] = torch.tensor([2.0, 3.0])
        wide = model.quantiles(window, levels)
        torch.testing.assert_close(wide[1], plain[1])
        torch.testing.assert_close(wide[0] - wide[1], 2 * (plain[0] - plain[1]))
        torch.testing.assert_close(wide[4] - wide[1], 3 * (plain[4] - plain[1]))
        model.stretch[:] = torch.tensor([5.0, 0.2])  # the inner interval would be the wider
        crossed = model.quantiles(window, levels)
        assert (crossed[[4, 2, 1, 0, 3]].diff(dim=0) >= 0).all()
        model.lowest = float(plain[1].max())
        assert (model.quantiles(window, levels) >= model.lowest).all()


# Scale and smoothing


def test_scales_by_hand():
    values = torch.tensor([[1.0, 5, 7], [-3, 5, 7], [99, 5, 7]])
    observed = torch.tensor([[True, True, False], [True, True, False], [False, True, False]])
    shift, scale = measure_scale(values, observed, "mean")
    assert (shift.tolist(), scale.tolist()) == ([0, 0, 0], [2, 5, 0])
    shift, scale = measure_scale(values, observed, "standard")
    assert shift.tolist() == [-1, 5, 0]
    assert scale.tolist() == [2, 0, 0]
    # a series that is constant for a while may move by 1 % of its swings
    _, scale = measure_scale(values, observed, "standard", torch.tensor([7.0, 7, 7]))
    assert scale.tolist() == pytest.approx([2, 0.07, 0.07])


@pytest.mark.parametrize("seasons", [(1,), (3,), (2, 4)], ids=str)
def test_smoothing_is_the_recursion_step_by_step(seasons):
    data = series(40, 21)
    window = batch(data, [36, 18], context=30).inputs
    smoothing = randomise(Smoothing(4, seasons)).double()
    window = dataclasses.replace(window, values=window.values.double())
    with torch.no_grad():
        level, indices = smoothing(window)
        rates = torch.sigmoid(smoothing.rates + smoothing.own_rates(window.series))
    seasons = smoothing.seasons
    for row in range(2):
        y, there = window.values[:, row], window.observed[:, row]
        (alpha, *gammas) = rates[row].tolist()
        s = [each[:m, row].exp().tolist() for each, m in zip(indices, seasons, strict=True)]
        first = int(there.to(torch.uint8).argmax())
        current = float(y[first]) / float(np.prod([each[first % len(each)] for each in s]))
        for t in range(30):
            if there[t]:
                product = float(np.prod([each[t] for each in s]))
                current = alpha * float(y[t]) / product + (1 - alpha) * current
                ratio = float(y[t]) / (current * product)
                for each, gamma in zip(s, [gamma * (ratio - 1) for gamma in gammas], strict=True):
                    each.append(each[t] * (1 + gamma))
            else:
                for each in s:
                    each.append(each[t])
            if there[: t + 1].any():
                assert level[t, row].exp() == pytest.approx(current, rel=1e-9)
        for found, each in zip(indices, s, strict=True):
            assert found[:, row].exp().tolist() == pytest.approx(each, rel=1e-9)


def test_the_first_seasons_are_those_of_the_series():
    pattern = torch.tensor([0.5, 1.0, 1.5, 1.0])
    window = batch(series(40, 15), [32, 13], context=24).inputs
    steps = torch.arange(24)[:, None] + window.number
    values = torch.where(steps >= 0, 10 * pattern[steps % 4], 0.0)
    observed = steps >= 0
    window = dataclasses.replace(window, values=values, observed=observed)
    begin, end = warm_up(window, (4,))
    assert (begin.tolist(), end.tolist()) == ([0, 11], [8, 19])
    smoothing = Smoothing(4, (4,))
    with torch.no_grad():
        smoothing.powers.fill_(50)  # nothing is drawn towards 1
        _, (found,) = smoothing(window)
    torch.testing.assert_close(found[8:24, 0].exp(), pattern[steps[8:, 0] % 4], rtol=0.05, atol=0)
    torch.testing.assert_close(found[:4].exp(), pattern[(torch.arange(4)[:, None] + window.number) % 4])


def test_a_constant_season_is_forecast_as_it_is():
    """With a net that says nothing, level and season go on."""
    model = es_rnn().eval()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.zero_()
        for parameter in model.head.parameters():
            parameter.zero_()
        model.smoothing.powers.fill_(50)
    window = batch(series(40), [24], context=24).inputs
    pattern = torch.tensor([0.5, 1.0, 1.5, 1.0])
    values = (10 * pattern).repeat(6)[:, None]
    window = dataclasses.replace(window, values=values, observed=torch.ones(24, 1, dtype=torch.bool))
    with torch.no_grad():
        found = model.quantiles(window, torch.tensor([0.5]))
    assert found[0, :, 0].tolist() == pytest.approx([5, 10, 15], rel=1e-3)
