"""The Temporal order problem."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.data.problems.base import Problem

_NOISE, _MARKS = 4, 2  # symbols a to d, and X and Y
_CLASSES = ("XX", "XY", "YX", "YY")


@dataclass(frozen=True)
class TemporalOrder(Problem):
    """Says, after T symbols, which two marks stood among them, and in which order.

    A sequence begins with a start and finishes with an end; X or Y stands at one step of each half, drawn
    apart; all others are a, b, c or d. Only the answer at the end counts.

    Source: Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8), experiment 6a;
        there the marks stand within two tenths of the sequence.
    """

    shortest = 4
    loss_name = "nats"
    names = ("a", "b", "c", "d", "X", "Y", "start", "end")
    classes = len(_CLASSES)

    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """Draws one-hot symbols, with the class of both marks as target; its weight is 0 before the end."""
        half, rows = self.length // 2, np.arange(number)
        symbols = random.integers(_NOISE, size=(self.length, number))
        symbols[0], symbols[-1] = _NOISE + _MARKS, _NOISE + _MARKS + 1
        first, second = random.integers(_MARKS, size=(2, number))
        symbols[random.integers(1, half, number), rows] = _NOISE + first
        symbols[random.integers(half, self.length - 1, number), rows] = _NOISE + second
        targets = np.broadcast_to(_MARKS * first + second, symbols.shape).copy()
        weights = torch.zeros(symbols.shape)
        weights[-1] = 1
        one_hot = np.eye(self.features, dtype=np.float32)[symbols]
        return Batch(Field(torch.from_numpy(one_hot)), Target(torch.from_numpy(targets), weights))

    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """Returns the share of right answers at the end."""
        return {"accuracy": (answers[-1] == targets[-1]).double().mean().item()}

    def baselines(self) -> dict[str, dict[str, float]]:
        """Returns the figures of guessing, and of knowing the second mark alone."""
        return {
            "guessing": {"nats": math.log(4), "accuracy": 0.25},
            "knowing the second": {"nats": math.log(2), "accuracy": 0.5},
        }

    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """Returns the symbols, the marks and the answer."""
        shown = (self.names[k] for k in batch.inputs.values[1:-1, row].argmax(-1).tolist())
        truth, answer = batch.targets.values[-1, row].item(), answers[-1, row].item()
        return {"symbols": "".join(shown), "marks": _CLASSES[int(truth)], "answer": _word(int(answer))}


def _word(number: int) -> str:
    return _CLASSES[number] if number < len(_CLASSES) else "·"
