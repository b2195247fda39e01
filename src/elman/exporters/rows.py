"""A cell's step on one row of the batch: values that are lists of numbers, and operations on them.

What only moves numbers is a ``Pick``, arithmetic a program of the compiler, and what mixes numbers a
``Product`` or a ``Fold``. ``reading`` makes such steps of cells.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from elman.compiler.program import Program

FoldKind = Literal["sum", "mean", "max", "min", "softmax", "log_softmax", "normal"]


@dataclass(frozen=True)
class Constant:
    """Numbers that do not depend on the row.

    Attributes:
        result: the value's number.
        numbers: [n].
    """

    result: int
    numbers: np.ndarray


@dataclass(frozen=True)
class Pick:
    """Numbers of other values.

    Attributes:
        result: the value's number.
        sources: values, joined one after another.
        index: [n] places in what they are joined to.
    """

    result: int
    sources: tuple[int, ...]
    index: np.ndarray


@dataclass(frozen=True)
class Apply:
    """Arithmetic on each of n numbers.

    Attributes:
        results: values of n numbers each.
        args: values of n numbers, or of one.
        program: inputs ("arg", k); results in their order.
    """

    results: tuple[int, ...]
    args: tuple[int, ...]
    program: Program


@dataclass(frozen=True)
class Product:
    """x · weight + bias.

    Attributes:
        result: the value's number.
        x: a value of n numbers.
        weight: [n, m].
        bias: [m], or None.
    """

    result: int
    x: int
    weight: Tensor
    bias: Tensor | None


@dataclass(frozen=True)
class Fold:
    """What mixes the numbers of each group of ``size`` that follow each other.

    Sum, mean, max and min give a number for each group; softmax, its logarithm and ``normal`` (mean 0 and
    variance 1, with ``epsilon`` added to the variance) as many as they take.
    """

    result: int
    x: int
    kind: FoldKind
    size: int
    epsilon: float = 0.0

    @property
    def keeps(self) -> bool:
        """Whether it gives as many numbers as it takes."""
        return self.kind in ("softmax", "log_softmax", "normal")


Operation = Constant | Pick | Apply | Product | Fold


@dataclass(frozen=True)
class Step:
    """A step of one cell with its parameters, on one row.

    Attributes:
        operations: in an order in which each follows what it needs.
        sizes: how many numbers each value has.
        x: the value that is the input.
        side: the side input; None if there is none.
        state: the values that are the states before the step.
        new: the states after it.
        output: the output.
    """

    operations: tuple[Operation, ...]
    sizes: tuple[int, ...]
    x: int
    side: int | None
    state: tuple[int, ...]
    new: tuple[int, ...]
    output: int
