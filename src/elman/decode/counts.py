"""N-gram counts as something to draw from, as from a network."""

import numpy as np
import torch
from torch import Tensor

from elman.baselines.counts import NgramCounts


class CountedStream:
    """Reads one token at a time; ``sample`` draws from it.

    Args:
        counts: of the training part.
        opening: [M] tokens that are read first.
    """

    def __init__(self, counts: NgramCounts, opening: np.ndarray) -> None:
        self._follower = counts.follow(opening)

    def logits(self) -> Tensor:
        """Returns ln P of the next token [1, V]."""
        p, _, _ = self._follower.distribution()
        return torch.from_numpy(np.log(p))[None]

    def step(self, token: Tensor) -> Tensor:
        """Reads a token [1]; returns ln P of the next [1, V]."""
        self._follower.push(int(token))
        return self.logits()
