"""Problems that measure memory: their sequences are drawn, and what is reached without memory is known.

Each problem says how its sequences are drawn, how answers to them are scored, and what simple methods are
expected to score.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
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


@dataclass(frozen=True)
class Adding(Problem):
    """The sum of the two numbers that are marked.

    At each step a number uniform in [0, 1) and a mark, 1 at one step of the first half and at one of the
    second, otherwise 0. Who always says 1 has the variance of the sum as squared error, 1/6; who knows
    one of the two, that of the other, 1/12.

    Source: Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8), in the form of
        Arjovsky, Shah & Bengio 2016, arXiv:1511.06464.
    """

    shortest = 2
    loss_name = "mse"
    names = ("number", "mark")
    classes = None

    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """Numbers and marks; their sum."""
        half = self.length // 2
        values = random.random((self.length, number), np.float32)
        marks = np.zeros_like(values)
        marks[random.integers(half, size=number), np.arange(number)] = 1
        marks[random.integers(half, self.length, number), np.arange(number)] = 1
        sums = (values * marks).sum(0)
        return Batch(
            Field(torch.from_numpy(np.stack([values, marks], -1))), Target(torch.from_numpy(sums[:, None]))
        )

    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """None: the loss says it all."""
        return {}

    def baselines(self) -> dict[str, dict[str, float]]:
        """No memory, and memory of one number."""
        return {"always 1": {"mse": 1 / 6}, "the second number + 1/2": {"mse": 1 / 12}}

    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """The marked numbers with their steps, their sum and the answer."""
        values, marks = batch.inputs.values[:, row].unbind(-1)
        steps = marks.nonzero().flatten().tolist()
        return {
            "marked": " + ".join(f"{values[step]:.4f} (step {step + 1})" for step in steps),
            "sum": f"{batch.targets.values[row].item():.4f}",
            "answer": f"{answers[row].item():.4f}",
        }


@dataclass(frozen=True)
class Copying(Problem):
    """Symbols that are shown first and asked for at the end.

    ``items`` symbols, T − 1 blanks, a delimiter, and ``items`` blanks during which the symbols are to be
    said again in their order; before that the answer is blank. Without memory the best is to guess at
    the end alone: items · ln(symbols) / (T + 2 · items) nats a step.

    Args:
        length: T.
        symbols: different ones; the class after them is the blank.
        items: how many are shown.

    Source: Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio 2016, arXiv:1511.06464.
    """

    symbols: int = 8
    items: int = 10

    loss_name = "nats_per_step"

    def __post_init__(self) -> None:
        """Checks all three."""
        super().__post_init__()
        require("--symbols", 2 <= self.symbols <= 1000, "an int in [2, 1000]", self.symbols)
        require("--items", 1 <= self.items <= 10**4, "an int in [1, 10000]", self.items)

    @property
    def names(self) -> tuple[str, ...]:
        """One for each symbol, the blank and the delimiter."""
        return *(f"symbol {k}" for k in range(self.symbols)), "blank", "delimiter"

    @property
    def reach(self) -> int:
        """From saying a symbol to the step that showed it."""
        return self.length + self.items

    @property
    def classes(self) -> int:
        """The symbols and the blank."""
        return self.symbols + 1

    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """One-hot symbols; what is to be said at each step."""
        shown = random.integers(self.symbols, size=(self.items, number))
        inputs = np.full((self.length + 2 * self.items, number), self.symbols)
        targets = inputs.copy()
        inputs[: self.items] = targets[-self.items :] = shown
        inputs[self.items + self.length - 1] = self.symbols + 1
        one_hot = np.eye(self.features, dtype=np.float32)[inputs]
        return Batch(Field(torch.from_numpy(one_hot)), Target(torch.from_numpy(targets)))

    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """The share of the symbols that are said again at their steps."""
        right = answers[-self.items :] == targets[-self.items :]
        return {"recall": right.double().mean().item()}

    def baselines(self) -> dict[str, dict[str, float]]:
        """No memory, and memory of one symbol."""

        def knowing(items: int) -> dict[str, float]:
            guessed = self.items - items
            return {
                "nats_per_step": guessed * math.log(self.symbols) / (self.length + 2 * self.items),
                "recall": (items + guessed / self.symbols) / self.items,
            }

        return {"guessing": knowing(0), "remembering one symbol": knowing(1)}

    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """The symbols as numbers, and what was said where they were asked for."""

        def words(values: Tensor) -> str:
            return " ".join("·" if v == self.symbols else str(v) for v in values[-self.items :, row].tolist())

        return {"symbols": words(batch.targets.values), "answer": words(answers)}


@dataclass(frozen=True)
class Parity(Problem):
    """Whether the ones so far are odd, at every step of T bits.

    One bit of memory suffices, but each step turns on all before it: who does not count has half of the
    answers right, but for the first.
    """

    loss_name = "nats_per_step"
    names = ("bit",)
    classes = 2

    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """Bits; at each step their sum so far, modulo 2."""
        bits = random.integers(2, size=(self.length, number))
        inputs = torch.from_numpy(bits[..., None].astype(np.float32))
        return Batch(Field(inputs), Target(torch.from_numpy(bits.cumsum(0) % 2)))

    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """Shares of right answers: of all, and of those at the last step."""
        right = (answers == targets).double()
        return {"accuracy": right.mean().item(), "last_step": right[-1].mean().item()}

    def baselines(self) -> dict[str, dict[str, float]]:
        """No answer known, and the first known, which is its bit."""
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
        """Bits, parities and answers, a digit each."""

        def digits(values: Tensor) -> str:
            return "".join(str(int(value)) for value in values[:, row].flatten().tolist())

        return {
            "bits": digits(batch.inputs.values),
            "parity": digits(batch.targets.values),
            "answer": digits(answers),
        }


class Drawn:
    """Batches of a problem, each drawn when it is asked for, in every epoch others.

    Args:
        problem: what is drawn.
        sequences: N, of an epoch.
        batch_size: B; an epoch's last batch may be smaller.
        seed: numbers, which with those of epoch and batch decide what is drawn.
    """

    def __init__(self, problem: Problem, sequences: int, batch_size: int, seed: Sequence[int]) -> None:
        self._problem, self._sequences, self._batch_size = problem, sequences, batch_size
        self._seed = tuple(seed)
        self.steps = -(-sequences // batch_size)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """Batches from batch ``start`` on."""
        for step in range(start, self.steps):
            size = min(self._batch_size, self._sequences - step * self._batch_size)
            yield self._problem.draw(np.random.default_rng([*self._seed, number, step]), size)
