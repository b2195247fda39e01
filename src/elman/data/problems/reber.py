"""The embedded Reber grammar."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.data.problems.base import Problem

_SYMBOLS = "BTPSXVE"
_EDGES = (  # of each state: the symbols that may come next, and where they lead; after the last state comes E
    (("T", 1), ("P", 2)),
    (("S", 1), ("X", 3)),
    (("T", 2), ("V", 4)),
    (("X", 2), ("S", 5)),
    (("P", 3), ("V", 5)),
)
_LAST = len(_EDGES)
_AROUND = 6  # symbols of a string beside those of the inner walk: B, T or P, B … E, T or P, E


@dataclass(frozen=True)
class Reber(Problem):
    """Predicts the next symbol of strings of the embedded Reber grammar, T symbols and then the last.

    A string is B, T or P, a string of Reber's grammar (B … E), the same T or P again, E. Within the inner
    string the next symbol is one of two; the last but one alone needs memory, of the second. Strings have one
    length, so that it says how long that is; all of a length are equally probable.

    Source: Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Computation 9(8), experiment 1;
        there lengths vary, with each branch as probable as the other.
    """

    shortest = 8
    loss_name = "nats_per_step"
    names = tuple(_SYMBOLS)
    classes = len(_SYMBOLS)

    @property
    def reach(self) -> int:
        """Number of steps from the answer that repeats the second symbol back to reading it."""
        return self.length - 3

    def draw(self, random: np.random.Generator, number: int) -> Batch:
        """Draws strings of T + 1 symbols: one-hot inputs but for the last, and the next symbol as target."""
        B, T, P, E = (_SYMBOLS.index(letter) for letter in "BTPE")
        choice = np.where(random.random(number) < 0.5, T, P)
        rows = [np.full(number, B), choice, np.full(number, B), *self._walks(random, number)]
        string = np.stack([*rows, np.full(number, E), choice, np.full(number, E)])
        one_hot = np.eye(self.features, dtype=np.float32)[string[:-1]]
        return Batch(Field(torch.from_numpy(one_hot)), Target(torch.from_numpy(string[1:])))

    def _walks(self, random: np.random.Generator, number: int) -> list[np.ndarray]:
        """Draws the symbols of walks through the inner grammar, each of a length as probable as another."""
        state, symbols = np.zeros(number, dtype=np.int64), []
        shares, _ = self._first_shares()
        letters = np.array([[_SYMBOLS.index(letter) for letter, _ in edges] for edges in _EDGES])
        ends = np.array([[end for _, end in edges] for edges in _EDGES])
        for share in shares:
            edge = (random.random(number) >= share[state]).astype(np.int64)
            symbols.append(letters[state, edge])
            state = ends[state, edge]
        return symbols

    def _first_shares(self) -> tuple[list[np.ndarray], float]:
        """Returns, for each step of the walk, the probability of each state's first edge.

        Also returns the logarithm of the number of walks. Numbers of walks from a state to the last one are
        counted from the end, scaled so that they stay in range.
        """
        count, log, shares = np.eye(_LAST + 1)[_LAST], 0.0, []
        for _ in range(self.length + 1 - _AROUND):
            ways = np.array([[count[end] for _, end in edges] for edges in _EDGES])
            total = ways.sum(1)
            shares.append(np.divide(ways[:, 0], total, out=np.zeros(_LAST), where=total > 0))
            log += math.log(total.max())
            count = np.append(total / total.max(), 0.0)
        return shares[::-1], log + math.log(count[0])

    def score(self, targets: Tensor, answers: Tensor) -> dict[str, float]:
        """Returns how often the second symbol was repeated."""
        return {"recall": (answers[-2] == targets[-2]).double().mean().item()}

    def baselines(self) -> dict[str, dict[str, float]]:
        """Returns figures of guessing, and of the grammar without and with memory of the second symbol."""
        walks = self._first_shares()[1]

        def knowing(forgotten: int, recall: float) -> dict[str, float]:
            nats = walks + (1 + forgotten) * math.log(2)
            return {"nats_per_step": nats / self.length, "recall": recall}

        guessing = {"nats_per_step": math.log(len(_SYMBOLS)), "recall": 1 / len(_SYMBOLS)}
        return {
            "guessing": guessing,
            "the grammar, the second symbol forgotten": knowing(1, 0.5),
            "the grammar": knowing(0, 1.0),
        }

    def show(self, batch: Batch, answers: Tensor, row: int) -> dict[str, str]:
        """Returns the string, and the answers under its symbols from the second on."""

        def letters(values: Tensor) -> str:
            return "".join((*_SYMBOLS, "·")[min(int(k), len(_SYMBOLS))] for k in values[:, row].tolist())

        return {"next": letters(batch.targets.values), "answer": letters(answers)}
