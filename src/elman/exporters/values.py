"""The tensors of a traced step, each as the numbers that it has for one row of the batch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.compiler.ops import Expr
from elman.compiler.trace import Recorder, Ref
from elman.exporters.arithmetic import Group
from elman.exporters.rows import Constant, Fold, FoldKind, Operation, Pick, Product


@dataclass(frozen=True)
class Held:
    """A tensor that has numbers of its own for each row.

    Attributes:
        value: the value that holds them, in the order of the tensor without its axis of rows.
        axis: the axis of rows.
    """

    value: int
    axis: int


class Values:
    """Values, and the operations that make them.

    Args:
        recorder: the trace.
        rows: B.

    Attributes:
        held: tensors with numbers for each row, by their numbers in the trace.
        fixed: tensors that are computed of parameters alone, likewise.
        sizes: how many numbers each value has.
        operations: those that are written; the arithmetic of ``group`` follows them.
    """

    def __init__(self, recorder: Recorder, rows: int) -> None:
        self.recorder, self.rows = recorder, rows
        self.held: dict[int, Held] = {}
        self.fixed: dict[int, Tensor] = {}
        self.sizes: list[int] = []
        self.operations: list[Operation] = []
        self.group = Group(self.sizes, self.operations.append)

    def value(self, size: int) -> int:
        """Returns a new value."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def append(self, operation: Operation, *needs: int) -> None:
        """Adds an operation; before it the open arithmetic, if it needs its results."""
        if any(value in self.group.places for value in needs):
            self.group.close()
        self.operations.append(operation)

    def constant(self, numbers: Tensor) -> int:
        """Returns a value of numbers that do not depend on the row."""
        result = self.value(numbers.numel())
        self.operations.append(Constant(result, numbers.detach().flatten().float().numpy()))
        return result

    def pick(self, sources: Sequence[int], index: np.ndarray) -> int:
        """Returns a value of numbers of others; the other itself if it is the same."""
        begin = 0
        for source in sources:
            size = self.sizes[source]
            if len(index) == size and np.array_equal(index, np.arange(begin, begin + size)):
                return source
            begin += size
        result = self.value(len(index))
        self.append(Pick(result, tuple(sources), index), *sources)
        return result

    def product(self, x: int, weight: Tensor, bias: Tensor | None) -> int:
        """Returns a product with a matrix [n, m]."""
        result = self.value(weight.shape[1])
        self.append(Product(result, x, weight, bias), x)
        return result

    def fold(self, x: int, kind: FoldKind, size: int, epsilon: float = 0.0) -> int:
        """Returns what mixes groups of numbers."""
        whole = self.sizes[x]
        fold = Fold(self.value(whole), x, kind, size, epsilon)
        if not fold.keeps:
            self.sizes[fold.result] = whole // size
        self.append(fold, x)
        return fold.result

    def arithmetic(self, rule: Callable[..., Expr], *args: Any, **kwargs: Any) -> int:
        """Returns the value of a rule; an argument is a number or ("value" or "mask", number of a value)."""
        return self.group.apply(rule, args, kwargs)

    def of_rows(self, value: Any) -> int:
        """Returns the value of a tensor [B, …]. Raises ValueError for anything else."""
        held = self.held.get(value.number) if isinstance(value, Ref) else None
        if held is None or held.axis:
            raise ValueError("it must be of the input and the states, rows first")
        return held.value

    def starts(self, tensor: Tensor) -> int:
        """Makes a tensor [B, …] that is given."""
        value = self.value(tensor[0].numel())
        self.held[self.recorder.ref(tensor).number] = Held(value, 0)
        return value

    def tags(self, ref: Ref, begin: int, whole: int) -> Tensor:
        """Returns a tensor of the same layout that says of each number its row and its place.

        Args:
            ref: a held tensor.
            begin: the first place of its value among those that are joined.
            whole: number of all these places.
        """
        held = self.held[ref.number]
        shape = list(ref.shape)
        rows = shape.pop(held.axis)
        places = torch.arange(begin, begin + math.prod(shape)).view(1, *shape)
        return (places + whole * torch.arange(rows).view(-1, *(1,) * len(shape))).movedim(0, held.axis)

    def tagged(self, tags: Tensor, sources: Sequence[int]) -> Held:
        """Returns the numbers that tags name, of joined values."""
        whole = sum(self.sizes[source] for source in sources)
        row = tags // whole
        for axis, size in enumerate(tags.shape):
            own = torch.arange(self.rows).view(-1, *(1,) * (tags.dim() - 1 - axis))
            if size == self.rows and torch.equal(row, own.expand(row.shape)):
                index = (tags % whole).movedim(axis, 0)
                if bool((index == index[:1]).all()):
                    return Held(self.pick(sources, index[0].flatten().numpy()), axis)
        raise ValueError("it mixes rows of the batch")
