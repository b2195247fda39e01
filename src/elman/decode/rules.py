"""Constraints on the next token of a sequence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from elman.state import State

Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""Tokens [N] and a state, rows on axis 1 → log-probabilities [N, V] of the next tokens, and the new state."""


class Grammar(Protocol):
    """Says which tokens may follow those of a sequence, of which one at least always may."""

    def allowed(self) -> np.ndarray:
        """Returns which tokens may come next [V]."""

    def push(self, token: int) -> None:
        """Takes the next token."""


class Hypothesis(NamedTuple):
    """A generated sequence.

    Attributes:
        tokens: the tokens without the final one.
        score: sum of the log-probabilities, the final token's included, divided by the length penalty.
    """

    tokens: list[int]
    score: float


@dataclass(frozen=True)
class Rules:
    """Constraints on generated sequences, regardless of the model.

    Args:
        end: the token that ends a sequence.
        shortest: [B] minimum number of tokens before the end.
        longest: [B] maximum number of tokens before the end.
        never: tokens that are never generated.
        repetition_penalty: factor for the log-probability of tokens already in the sequence; 1: no penalty
            (Keskar et al. 2019, arXiv:1909.05858).
    """

    end: int
    shortest: Tensor
    longest: Tensor
    never: tuple[int, ...] = ()
    repetition_penalty: float = 1.0

    def __call__(self, log_p: Tensor, written: Tensor, row: Tensor) -> Tensor:
        """Returns log-probabilities with −∞ for tokens that are not allowed.

        Args:
            log_p: [N, V].
            written: [N, t], the tokens so far.
            row: [N], index of each sequence among the B rows.
        """
        length = written.shape[1]
        if self.repetition_penalty != 1 and length:
            log_p = log_p.scatter(1, written, log_p.gather(1, written) * self.repetition_penalty)
        # a copy, because the rest modifies it in place
        log_p = log_p.clone()
        log_p[:, list(self.never)] = -torch.inf
        over = self.longest[row] <= length
        log_p[(self.shortest[row] > length) & ~over, self.end] = -torch.inf
        ending = log_p[over, self.end]
        log_p[over] = -torch.inf
        log_p[over, self.end] = ending
        return log_p


def length_penalty(length: int, alpha: float) -> float:
    """Returns the divisor of a sum of log-probabilities that offsets a bias to short sequences.

        ((5 + length) / 6)^α

    Source: Wu et al. 2016, arXiv:1609.08144, 7.
    """
    return ((5 + length) / 6) ** alpha
