"""The Copying problem."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.config import require
from elman.data.problems.base import Problem


@dataclass(frozen=True)
class Copying(Problem):
    """Repeats the symbols of the beginning at the end.

    A sequence is ``items`` symbols, T − 1 blanks, a delimiter, and ``items`` blanks during which the symbols
    must be repeated in order; before that the answer is blank. The best method without memory guesses only
    at the end, with items · ln(symbols) / (T + 2 · items) nats per step.

    Args:
        length: T.
        symbols: number of different symbols; the class after them is the blank.
        items: number of symbols to remember.

    Source: Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio 2016, arXiv:1511.06464.
    """

    symbols: int = 8
    items: int = 10

    loss_name = "nats_per_step"

    def __post_init__(self) -> None:
        """Checks length, symbols and items."""
        super().__post_init__()
        require("--symbols", 2 <= self.symbols <= 1000, "an int in [2, 1000]", self.symbols)
        require("--items", 1 <= self.items <= 10**4, "an int in [1, 10000]", self.items)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the symbols, the blank and the delimiter."""
        return *(f"symbol {k}" for k in range(self.symbols)), "blank", "delimiter"

    @property
    def reach(self) -> int:
        """Number of steps from repeating a symbol back to reading it."""
        return self.length + self.items

    @property
    def classes(self) -> int:
        """Number of symbols plus the blank."""
        return self.symbols + 1

    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """Draws one-hot symbols, with the answer of each step as target."""
        shown = random.integers(self.symbols, size=(self.items, number))
        inputs = np.full((self.length + 2 * self.items, number), self.symbols)
        targets = inputs.copy()
        inputs[: self.items] = targets[-self.items :] = shown
        inputs[self.items + self.length - 1] = self.symbols + 1
        one_hot = np.eye(self.features, dtype=np.float32)[inputs]
        return Batch(Field(torch.from_numpy(one_hot)), Target(torch.from_numpy(targets)))

    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """Returns the share of symbols repeated correctly."""
        right = answers[-self.items :] == targets[-self.items :]
        return {"recall": right.double().mean().item()}

    def baselines(self) -> dict[str, dict[str, float]]:
        """Returns the figures without memory, and with memory of one symbol."""

        def knowing(items: int) -> dict[str, float]:
            guessed = self.items - items
            return {
                "nats_per_step": guessed * math.log(self.symbols) / (self.length + 2 * self.items),
                "recall": (items + guessed / self.symbols) / self.items,
            }

        return {"guessing": knowing(0), "remembering one symbol": knowing(1)}

    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """Returns the symbols as numbers, and the answers at the end."""

        def words(values: Tensor) -> str:
            return " ".join("·" if v == self.symbols else str(v) for v in values[-self.items :, row].tolist())

        return {"symbols": words(batch.targets.values), "answer": words(answers)}
