"""What may come next in a sequence that is being written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from elman.state import State

Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""Tokens [N] and a state, rows on axis 1 → log-probabilities [N, V] of what comes next, and the new state."""


class Hypothesis(NamedTuple):
    """A sequence that was written.

    Attributes:
        tokens: without the one that ends it.
        score: the sum of its log-probabilities, the end's included, over its length penalty.
    """

    tokens: list[int]
    score: float


@dataclass(frozen=True)
class Rules:
    """Bounds on what is written, whatever the model says.

    Args:
        end: the token that ends a sequence.
        shortest: [B] tokens before the end may come.
        longest: [B] tokens after which it must.
        never: tokens that are not written.
        repetition_penalty: what the log-probability of a token that was written before is multiplied by; 1:
            nothing (Keskar et al. 2019, arXiv:1909.05858).
    """

    end: int
    shortest: Tensor
    longest: Tensor
    never: tuple[int, ...] = ()
    repetition_penalty: float = 1.0

    def __call__(self, log_p: Tensor, written: Tensor, row: Tensor) -> Tensor:
        """Log-probabilities with −∞ where a token may not come.

        Args:
            log_p: [N, V].
            written: [N, t], the tokens so far.
            row: [N], which of the B sequences each is.
        """
        length = written.shape[1]
        if self.repetition_penalty != 1 and length:
            log_p = log_p.scatter(1, written, log_p.gather(1, written) * self.repetition_penalty)
        # of its own, as the rest writes into it
        log_p = log_p.clone()
        log_p[:, list(self.never)] = -torch.inf
        over = self.longest[row] <= length
        log_p[(self.shortest[row] > length) & ~over, self.end] = -torch.inf
        ending = log_p[over, self.end]
        log_p[over] = -torch.inf
        log_p[over, self.end] = ending
        return log_p


def length_penalty(length: int, alpha: float) -> float:
    """What a sum of log-probabilities is divided by, lest short sequences win: ((5 + length) / 6)^α.

    Source: Wu et al. 2016, arXiv:1609.08144, 7.
    """
    return ((5 + length) / 6) ** alpha
