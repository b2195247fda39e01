"""The Parity problem."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.data.problems.base import Problem


@dataclass(frozen=True)
class Parity(Problem):
    """Predicts, at each of T bits, whether the number of ones so far is odd.

    One bit of memory suffices, but each answer depends on all steps before it: without counting, half of
    the answers after the first are right.
    """

    loss_name = "nats_per_step"
    names = ("bit",)
    classes = 2

    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """Draws bits, with their cumulative sum modulo 2 as targets."""
        bits = random.integers(2, size=(self.length, number))
        inputs = torch.from_numpy(bits[..., None].astype(np.float32))
        return Batch(Field(inputs), Target(torch.from_numpy(bits.cumsum(0) % 2)))

    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """Returns the share of right answers over all steps, and at the last step."""
        right = (answers == targets).double()
        return {"accuracy": right.mean().item(), "last_step": right[-1].mean().item()}

    def baselines(self) -> dict[str, dict[str, float]]:
        """Returns the figures of guessing, and of knowing only the first answer, which is the first bit."""
        rest = (self.length - 1) / self.length
        return {
            "guessing": {"nats_per_step": math.log(2), "accuracy": 0.5, "last_step": 0.5},
            "knowing the first": {
                "nats_per_step": math.log(2) * rest,
                "accuracy": 1 - rest / 2,
                "last_step": 1.0 if self.length == 1 else 0.5,
            },
        }

    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """Returns bits, parities and answers as digits."""

        def digits(values: Tensor) -> str:
            return "".join(str(int(value)) for value in values[:, row].flatten().tolist())

        return {
            "bits": digits(batch.inputs.values),
            "parity": digits(batch.targets.values),
            "answer": digits(answers),
        }
