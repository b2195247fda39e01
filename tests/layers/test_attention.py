"""Attention against its formula, row by row and state by state."""

import math

import pytest
import torch
from torch import Tensor

from elman.layers.attention import ATTENTIONS, Attention, Memory
from elman.state import reorder

T, B, S, Q, K = 3, 4, 5, 6, 7
LENGTHS = torch.tensor([5, 1, 3, 4])
each_kind = pytest.mark.parametrize("kind", ATTENTIONS)


def make(kind: str) -> tuple[Attention, Tensor, Tensor]:
    """The attention, queries and states."""
    size = Q if kind == "dot" else K
    attention = ATTENTIONS[kind](Q, size).double()
    values = torch.randn(S, B, size, dtype=torch.float64)
    return attention, torch.randn(T, B, Q, dtype=torch.float64), values


def score(kind: str, attention: Attention, q: Tensor, k: Tensor) -> float:
    """The formula of one query and one state."""
    w = attention.state_dict()
    if kind == "dot":
        return float(q @ k)
    if kind == "bilinear":
        return float(q @ w["key.weight"] @ k)
    return float(w["score.weight"][0] @ torch.tanh(w["query.weight"] @ q + w["key.weight"] @ k))


@each_kind
def test_contexts_and_weights_are_those_of_the_formula(kind):
    attention, query, values = make(kind)
    context, weights = attention(query, attention.memory(values, LENGTHS))
    assert context.shape == (T, B, values.shape[2])
    assert weights.shape == (T, B, S)
    for t in range(T):
        for b in range(B):
            n = int(LENGTHS[b])
            odds = [math.exp(score(kind, attention, query[t, b], values[s, b])) for s in range(n)]
            wanted = [odd / sum(odds) for odd in odds] + [0.0] * (S - n)
            assert weights[t, b].tolist() == pytest.approx(wanted)
            mean = sum(wanted[s] * values[s, b] for s in range(n))
            torch.testing.assert_close(context[t, b], mean)


@each_kind
def test_what_stands_past_a_rows_end_does_not_matter(kind):
    attention, query, values = make(kind)
    context, _ = attention(query, attention.memory(values, LENGTHS))
    past = torch.arange(S)[:, None] >= LENGTHS
    other = torch.where(past[..., None], 1e3, values)
    torch.testing.assert_close(attention(query, attention.memory(other, LENGTHS))[0], context)
    for b, n in enumerate(LENGTHS.tolist()):
        alone, _ = attention(query[:, b : b + 1], attention.memory(values[:n, b : b + 1]))
        torch.testing.assert_close(alone, context[:, b : b + 1])


@each_kind
def test_rows_of_a_memory_are_picked_as_those_of_a_state(kind):
    attention, query, values = make(kind)
    memory = attention.memory(values, LENGTHS)
    context, _ = attention(query, memory)
    index = torch.tensor([2, 2, 0])
    picked, _ = attention(query[:, index], Memory(*reorder(memory, index)))
    torch.testing.assert_close(picked, context[:, index])


@each_kind
def test_queries_one_by_one_and_all_at_once_are_answered_alike(kind):
    attention, query, values = make(kind)
    memory = attention.memory(values, LENGTHS)
    steps = torch.cat([attention(q[None], memory)[0] for q in query])
    torch.testing.assert_close(steps, attention(query, memory)[0])


@each_kind
def test_gradients_equal_numerical_ones(kind):
    attention, query, values = make(kind)

    def context(query: Tensor, values: Tensor) -> Tensor:
        return attention(query, attention.memory(values, LENGTHS))[0]

    assert torch.autograd.gradcheck(context, (query.requires_grad_(), values.requires_grad_()))
    context(query, values).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in attention.parameters())


def test_dot_attention_needs_one_size():
    with pytest.raises(ValueError, match="queries and states of one size"):
        ATTENTIONS["dot"](Q, K)
