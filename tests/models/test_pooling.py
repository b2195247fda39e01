"""Pooling: each by hand, padding never counts, no steps at all give 0."""

import math

import pytest
import torch
from agreement import randomise
from own_cells import MatrixMemory

from elman.batch import Field
from elman.cells import LSTM, Elman, ProjectedLSTM
from elman.heads.squared_error import SquaredError
from elman.layers import Recurrent
from elman.models.pooled import Pooled
from elman.models.pooling import Pooling

T, B, I, H = 7, 4, 3, 5
NAMES = ("last", "max", "mean", "attention", "concat")
each_name = pytest.mark.parametrize("name", NAMES)


def model(name, cell=LSTM, **options):
    layer = Recurrent(cell(I, H), **options)
    pooling = Pooling(layer, name)
    return randomise(Pooled(layer, SquaredError(pooling.features, 2), pooling=pooling)).double().eval()


def by_hand(name, output, query, final):
    """Pooled features of one row's own steps [T, O]."""
    if name == "last":
        return final
    if name == "concat":
        return torch.cat([by_hand(part, output, query, final) for part in ("last", "max", "mean")])
    if name == "max":
        return output.max(0).values
    if name == "mean":
        return output.mean(0)
    scores = [float(h @ query) / math.sqrt(len(query)) for h in output]
    weights = [math.exp(s) for s in scores]
    return sum(w * h for w, h in zip(weights, output, strict=True)) / sum(weights)


@each_name
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", [LSTM, ProjectedLSTM, MatrixMemory])
def test_by_hand_row_by_row(name, bidirectional, cell):
    pooled = model(name, cell, bidirectional=bidirectional, num_layers=2)
    x, lengths = torch.randn(T, B, I, dtype=torch.float64), torch.tensor([3, T, 1, 6])
    features = pooled.features(Field(x, lengths))
    assert features.shape == (B, pooled.pooling.features)
    query = getattr(pooled.pooling, "query", torch.empty(0)).detach()
    for b, n in enumerate(lengths.tolist()):
        output = pooled.layer(x[:n, [b]])[0][:, 0].detach()
        O = output.shape[1] // (2 if bidirectional else 1)
        final = torch.cat([output[-1, :O], output[0, O:]])
        torch.testing.assert_close(features[b], by_hand(name, output, query, final), rtol=0, atol=1e-12)


@each_name
def test_all_of_full_length_needs_no_lengths(name):
    pooled, x = model(name), torch.randn(T, B, I, dtype=torch.float64)
    with_lengths = pooled.features(Field(x, torch.full((B,), T)))
    torch.testing.assert_close(pooled.features(Field(x)), with_lengths, rtol=0, atol=1e-14)


@each_name
def test_no_steps_at_all_give_0_and_a_gradient(name):
    pooled = model(name).train()
    x = torch.randn(T, 2, I, dtype=torch.float64, requires_grad=True)
    features = pooled.features(Field(x, torch.tensor([0, 4])))
    assert not features[0].any()
    features.sum().backward()
    assert torch.isfinite(x.grad).all()
    assert not x.grad[:, 0].any()
    assert x.grad[:4, 1].any()


def test_attention_is_the_mean_at_first_and_then_learns():
    layer = Recurrent(Elman(I, H))
    pooling, x = Pooling(layer, "attention"), torch.randn(T, B, I)
    output, state = layer(x)
    torch.testing.assert_close(pooling(output, state, None), output.mean(0))
    pooling(output, state, None).square().sum().backward()
    assert pooling.query.grad.any()


def test_only_attention_has_weights():
    layer = Recurrent(LSTM(I, H))
    assert [len(list(Pooling(layer, name).parameters())) for name in NAMES] == [0, 0, 0, 1, 0]


@each_name
@pytest.mark.parametrize("cell", [LSTM, MatrixMemory])
def test_what_came_so_far_is_pooled_as_the_sequence_cut_there(name, cell):
    pooled = model(name, cell)
    x = torch.randn(T, B, I, dtype=torch.float64)
    output, _ = pooled.layer(x)
    at_once, running = pooled.pooling.so_far(output), pooled.pooling.running()
    for t in range(T):
        cut = pooled.features(Field(x[: t + 1]))
        torch.testing.assert_close(at_once[t], cut)
        torch.testing.assert_close(running.take(output[t], output[t]), cut)


def test_steps_one_by_one_are_not_pooled_in_two_directions():
    with pytest.raises(ValueError, match="one direction"):
        model("max", bidirectional=True).pooling.running()
