"""The tensors of a record as blocks of units, and torch's operations that only move blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from elman.compiler.trace import Call, Ref


@dataclass(frozen=True)
class Units:
    """A tensor [B, …, k·H].

    Attributes:
        places: [..., k] the place in the program of each block of H units.
    """

    places: np.ndarray


@dataclass(frozen=True)
class Rows:
    """A tensor [B] or [B, 1]: a number for each row.

    Attributes:
        place: its place in the program.
    """

    place: int


@dataclass(frozen=True)
class Weight:
    """A tensor computed of parameters alone."""

    ref: Ref


class Reader(Protocol):
    """What knows the tensors of a record.

    Attributes:
        units: H.
        known: tensors by number.
    """

    units: int
    known: dict[int, Any]

    def blocks(self, value: Any, axes: int) -> Any:
        """Returns the places of a tensor's blocks, with at most ``axes`` axes."""
        ...


def refs_of(values: tuple[Any, ...]) -> list[Ref]:
    """Returns all tensors among arguments."""
    found = []
    for value in values:
        if isinstance(value, Ref):
            found.append(value)
        elif isinstance(value, tuple):
            found += refs_of(value)
    return found


@dataclass(frozen=True)
class Tensors:
    """The tensors of an operation that moves blocks.

    Attributes:
        reader: knows their values.
        call: the operation.
    """

    reader: Reader
    call: Call

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first argument."""
        return refs_of(self.call.args)[0].shape

    def argument(self, place: int, absent: Any = None) -> Any:
        """Returns an argument that is no tensor."""
        return self.call.args[place] if len(self.call.args) > place else absent

    def places(self, number: int = 0) -> np.ndarray:
        """Returns the blocks of a tensor."""
        ref = refs_of(self.call.args)[number]
        value = self.reader.known[ref.number]
        if isinstance(value, Rows):
            raise ValueError("the side input must be used as it is")
        found: np.ndarray = self.reader.blocks(value, len(ref.shape) - 1)
        return found

    def axis(self, dim: int, more: int = 0) -> int:
        """Returns the axis of blocks for a dimension of the tensor, or of one with ``more`` dimensions."""
        axes = len(self.shape) + more
        dim += axes if dim < 0 else 0
        if dim == 0:
            raise ValueError("it takes rows of the batch apart")
        return dim - 1

    def counted(self, size: int, axis: int) -> int:
        """Returns a number of blocks from a number of elements along an axis."""
        if axis < len(self.shape) - 2:
            return size
        if size % self.reader.units:
            raise ValueError(f"it takes the {self.reader.units} units apart")
        return size // self.reader.units


def _split(t: Tensors, sizes: Sequence[int], axis: int) -> list[Units]:
    ends = np.cumsum([t.counted(size, axis) for size in sizes])[:-1]
    return [Units(part) for part in np.split(t.places(), ends, axis)]


def _split_evenly(t: Tensors) -> list[Units]:
    axis, size = t.axis(t.argument(2, 0)), t.argument(1)
    whole = t.shape[axis + 1]
    return _split(t, [min(size, whole - k) for k in range(0, whole, size)], axis)


def _slice(t: Tensors) -> Any:
    dim, begin, end = t.argument(1, 0), t.argument(2) or 0, t.argument(3)
    dim += len(t.shape) if dim < 0 else 0
    end = t.shape[dim] if end is None else min(end, t.shape[dim])
    begin += t.shape[dim] if begin < 0 else 0
    end += t.shape[dim] if end < 0 else 0
    if t.argument(4, 1) == 1 and (begin, end) == (0, t.shape[dim]):
        return t.reader.known[refs_of(t.call.args)[0].number]
    axis = t.axis(dim)
    own = slice(t.counted(begin, axis), t.counted(end, axis))
    if t.argument(4, 1) != 1:
        raise ValueError("it takes units or blocks in steps")
    return Units(t.places()[(slice(None),) * axis + (own,)])


def _one(t: Tensors, places: np.ndarray, axis: int, index: int) -> Units:
    if axis == len(t.shape) - 2:
        raise ValueError("it takes one of the units")
    return Units(places.take(index, axis))


def _view(t: Tensors) -> Any:
    value = t.reader.known[refs_of(t.call.args)[0].number]
    result = t.call.results[0]
    assert result is not None
    if isinstance(value, Rows):
        return value
    if result.shape[0] != t.shape[0] or len(result.shape) < 2:
        raise ValueError("it mixes rows of the batch with units")
    *leading, last = result.shape[1:]
    if last % t.reader.units:
        raise ValueError(f"it takes the {t.reader.units} units apart")
    return Units(t.places().reshape(*leading, last // t.reader.units))


def _expand(t: Tensors) -> Any:
    result, value = t.call.results[0], t.reader.known[refs_of(t.call.args)[0].number]
    assert result is not None
    if isinstance(value, Rows):
        if len(result.shape) != 2 or result.shape[1] % t.reader.units:
            raise ValueError("a number for each row becomes one for each unit, or stays as it is")
        return Units(np.full(result.shape[1] // t.reader.units, value.place))
    return Units(np.broadcast_to(t.places(), (*result.shape[1:-1], t.places().shape[-1])))


def _unsqueezed(t: Tensors) -> Any:
    value = t.reader.known[refs_of(t.call.args)[0].number]
    if isinstance(value, Rows):
        return value
    axis = t.axis(t.argument(1), more=1)
    if axis == len(t.shape) - 1:
        raise ValueError("it takes the units apart")
    return Units(np.expand_dims(t.places(), axis))


def _all_places(t: Tensors) -> list[np.ndarray]:
    return [t.places(k) for k in range(len(refs_of(t.call.args)))]


MOVES: dict[str, Callable[[Tensors], Any]] = {
    "aten.split.Tensor": _split_evenly,
    "aten.split_with_sizes.default": lambda t: _split(t, t.argument(1), t.axis(t.argument(2, 0))),
    "aten.slice.Tensor": _slice,
    "aten.select.int": lambda t: _one(t, t.places(), t.axis(t.argument(1)), t.argument(2)),
    "aten.unbind.int": lambda t: [
        _one(t, t.places(), t.axis(t.argument(1, 0)), k) for k in range(t.shape[t.argument(1, 0)])
    ],
    "aten.cat.default": lambda t: Units(np.concatenate(_all_places(t), t.axis(t.argument(1, 0)))),
    "aten.stack.default": lambda t: Units(np.stack(_all_places(t), t.axis(t.argument(1, 0), more=1))),
    "aten.view.default": _view,
    "aten._unsafe_view.default": _view,
    "aten.reshape.default": _view,
    "aten.unsqueeze.default": _unsqueezed,
    "aten.expand.default": _expand,
}
