"""Attention: for each query, a weighted mean of a sequence's states; the query decides the weights."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Memory(NamedTuple):
    """States to attend to, with everything that can be computed before a query is known.

    Rows are on axis 1 as in a layer's state, so that ``state.reorder`` takes it.

    Attributes:
        values: [S, B, K], the states.
        keys: [S, B, A], compared with the queries.
        padding: [S, B] bool, true past a row's end.
    """

    values: Tensor
    keys: Tensor
    padding: Tensor


class Attention(nn.Module, ABC):
    """A mean of states k_s, weighted by how well each matches the query q.

        a = softmax over s of score(q, k_s),    context = Σ a_s k_s

    States past a row's end have weight 0.

    Args:
        query_size: Q.
        value_size: K.

    Shapes:
        query [T, B, Q], memory of S states → context [T, B, K], weights [T, B, S]
    """

    def __init__(self, query_size: int, value_size: int) -> None:
        super().__init__()
        self.query_size, self.value_size = query_size, value_size

    def memory(self, values: Tensor, lengths: Tensor | None = None) -> Memory:
        """Returns the states with their keys, which are computed once for all queries.

        Args:
            values: [S, B, K].
            lengths: [B] states of each row, at least 1; None: all S.
        """
        S, B, _ = values.shape
        steps = torch.arange(S, device=values.device)[:, None]
        ends = torch.full((B,), S) if lengths is None else lengths
        padding = steps >= ends.to(values.device)
        return Memory(values, self.keys(values), padding)

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Returns the context of each query and the attention weights."""
        scores = self.scores(query.transpose(0, 1), memory.keys.transpose(0, 1))
        lowest = torch.finfo(scores.dtype).min
        weights = torch.softmax(scores.masked_fill(memory.padding.T[:, None], lowest), -1)
        context = weights.to(memory.values.dtype) @ memory.values.transpose(0, 1)
        return context.transpose(0, 1), weights.transpose(0, 1)

    @abstractmethod
    def keys(self, values: Tensor) -> Tensor:
        """Maps states [S, B, K] to keys [S, B, A]."""

    @abstractmethod
    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """Scores queries [B, T, Q] against keys [B, S, A]; returns [B, T, S]."""


class Dot(Attention):
    """The product of query and state.

        score(q, k) = q · k

    Raises:
        ValueError: query and states differ in size.

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025.
    """

    def __init__(self, query_size: int, value_size: int) -> None:
        super().__init__(query_size, value_size)
        if query_size != value_size:
            raise ValueError(
                f"dot attention needs queries and states of one size. Got {query_size} and {value_size}."
            )

    def keys(self, values: Tensor) -> Tensor:
        """Returns the states themselves."""
        return values

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """Computes one matrix product for each row."""
        return query @ keys.transpose(1, 2)


class Bilinear(Attention):
    """A learned product of query and state.

        score(q, k) = q · W k

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025 ("general").
    """

    def __init__(self, query_size: int, value_size: int) -> None:
        super().__init__(query_size, value_size)
        self.key = _linear(value_size, query_size)

    def keys(self, values: Tensor) -> Tensor:
        """Returns W k for each state."""
        return self.key(values)

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """Computes one matrix product for each row."""
        return query @ keys.transpose(1, 2)


class Additive(Attention):
    """A small network that reads query and state.

        score(q, k) = v · tanh(U q + W k)

    A equals Q. Needs memory for T × B × S × A numbers; the other kinds need T × B × S.

    Source: Bahdanau, Cho & Bengio 2014, arXiv:1409.0473.
    """

    def __init__(self, query_size: int, value_size: int) -> None:
        super().__init__(query_size, value_size)
        self.query = _linear(query_size, query_size)
        self.key = _linear(value_size, query_size)
        self.score = _linear(query_size, 1)

    def keys(self, values: Tensor) -> Tensor:
        """Returns W k for each state."""
        return self.key(values)

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """Scores every query against every key."""
        return self.score(torch.tanh(self.query(query)[:, :, None] + keys[:, None]))[..., 0]


def _linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.xavier_uniform_(linear.weight)
    return linear


ATTENTIONS: dict[str, type[Attention]] = {"additive": Additive, "dot": Dot, "bilinear": Bilinear}
"""The kinds of attention, by name."""
