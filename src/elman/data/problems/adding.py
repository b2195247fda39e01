"""The Adding problem."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.data.problems.base import Problem


@dataclass(frozen=True)
class Adding(Problem):
    """Predicts the sum of the two marked numbers.

    Each step has a number uniform in [0, 1) and a mark, which is 1 at one step of the first half and at one
    of the second, otherwise 0. The constant answer 1 has the variance of the sum, 1/6, as squared error;
    knowing one of the numbers leaves the variance of the other, 1/12.

    Source: Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8), in the form of
        Arjovsky, Shah & Bengio 2016, arXiv:1511.06464.
    """

    shortest = 2
    loss_name = "mse"
    names = ("number", "mark")
    classes = None
    sign: ClassVar[tuple[str, str]] = ("+", "sum")
    """Between the marked numbers, and what it gives."""

    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """Draws numbers and marks, with their sum as target."""
        half = self.length // 2
        values = random.random((self.length, number), np.float32)
        marks = np.zeros_like(values)
        marks[random.integers(half, size=number), np.arange(number)] = 1
        marks[random.integers(half, self.length, number), np.arange(number)] = 1
        answers = self.result(values, marks)
        return Batch(
            Field(torch.from_numpy(np.stack([values, marks], -1))),
            Target(torch.from_numpy(answers[:, None])),
        )

    def result(self, values: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """Returns the sums [B] of the marked numbers [steps, B]."""
        sums: np.ndarray = (values * marks).sum(0)
        return sums

    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """Returns no figures: the loss suffices."""
        return {}

    def baselines(self) -> dict[str, dict[str, float]]:
        """Returns the loss without memory, and with memory of one number."""
        return {"always 1": {"mse": 1 / 6}, "the second number + 1/2": {"mse": 1 / 12}}

    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """Returns the marked numbers with their steps, their sum and the answer."""
        values, marks = batch.inputs.values[:, row].unbind(-1)
        steps = marks.nonzero().flatten().tolist()
        return {
            "marked": f" {self.sign[0]} ".join(f"{values[step]:.4f} (step {step + 1})" for step in steps),
            self.sign[1]: f"{batch.targets.values[row].item():.4f}",
            "answer": f"{answers[row].item():.4f}",
        }
