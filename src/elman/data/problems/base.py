"""Problems that measure memory: sequences are random, and the score without memory is known.

Each problem defines how its sequences are drawn, how answers are scored, and the expected scores of simple
methods.
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
    """Random sequences of one length.

    Args:
        length: T.

    Raises:
        InputError: the length is less than ``shortest``.
    """

    length: int

    shortest: ClassVar[int] = 1
    loss_name: ClassVar[str]
    """Name of the mean loss per target among the figures."""

    def __post_init__(self) -> None:
        """Checks the length."""
        rule = f"an int in [{self.shortest}, 1e6]"
        require("--length", self.shortest <= self.length <= 10**6, rule, self.length)

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the features of a step."""

    @property
    def features(self) -> int:
        """I, number of features."""
        return len(self.names)

    @property
    def reach(self) -> int:
        """Number of steps from an answer back to the farthest step that it depends on."""
        return self.length - 1

    @property
    @abstractmethod
    def classes(self) -> int | None:
        """V, number of classes of the answer at each step; None: the answer is one number at the end."""

    @abstractmethod
    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """Draws B sequences: inputs [steps, B, I]; targets [steps, B] of classes, or [B, 1]."""

    @abstractmethod
    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """Returns figures other than the loss, averaged over sequences; answers have the targets' shape."""

    @abstractmethod
    def baselines(self) -> dict[str, dict[str, float]]:
        """Returns the expected loss and figures of simple methods."""

    @abstractmethod
    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """Returns one sequence, its target and the answer, as text to read."""
