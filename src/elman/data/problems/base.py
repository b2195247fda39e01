"""Problems that measure memory: their sequences are drawn, and what is reached without memory is known.

Each problem says how its sequences are drawn, how answers to them are scored, and what simple methods are
expected to score.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from elman.batch import Batch
from elman.config import require


@dataclass(frozen=True)
class Problem(ABC):
    """Sequences of one length, as many as are asked for.

    Args:
        length: T.

    Raises:
        InputError: the length is less than ``shortest``.
    """

    length: int

    shortest: ClassVar[int] = 1
    loss_name: ClassVar[str]
    """What the loss of a target is called among the figures."""

    def __post_init__(self) -> None:
        """Checks the length."""
        rule = f"an int in [{self.shortest}, 1e6]"
        require("--length", self.shortest <= self.length <= 10**6, rule, self.length)

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Of the numbers that are read at a step."""

    @property
    def features(self) -> int:
        """I, how many they are."""
        return len(self.names)

    @property
    def reach(self) -> int:
        """Steps between an answer and the farthest that it depends on."""
        return self.length - 1

    @property
    @abstractmethod
    def classes(self) -> int | None:
        """V, of which one is the answer at every step; None: the answer is a number, at the end."""

    @abstractmethod
    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """B sequences: inputs [steps, B, I]; targets [steps, B] of classes, or [B, 1]."""

    @abstractmethod
    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """Figures beside the loss, each a mean over the sequences; answers have the targets' shape."""

    @abstractmethod
    def baselines(self) -> dict[str, dict[str, float]]:
        """The expected loss and figures of simple methods."""

    @abstractmethod
    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """One sequence, what is true of it, and the answer, for people."""
