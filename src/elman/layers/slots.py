"""Slots: the states of many streams side by side, of which any may step together."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elman.cells.base import Shape, check_size
from elman.errors import ShapeError
from elman.layers.carried import Carried
from elman.state import State

Rows = Iterable[int]
Places = NDArray[np.int64]


def as_places(rows: Rows) -> Places:
    """Returns rows as an array. Raises ValueError unless they are ints in one axis."""
    found = np.asarray(rows if isinstance(rows, np.ndarray | Tensor) else list(rows))
    if found.ndim != 1 or (found.dtype.kind not in "iu" and len(found)):
        raise ValueError(f"rows must be ints. Got {found.tolist()}.")
    return np.ascontiguousarray(found, dtype=np.int64)


class Slots(Carried):
    """Carries the states of many streams, without gradients; made by ``layer.slots(S)``.

    Each slot is a stream of its own: one call advances any of them together, for a service whose clients come
    and go. Like a stream, it reads the layer's own parameters at every step, so changes to them take effect
    at once, and belongs in evaluation mode.

    On a CPU, a cell that has a compiled kernel, also one that ``elman.compile`` made, advances its rows
    together, whatever the layer's ``backend``, and a row's result is the same bits whichever rows share the
    call. Other cells, and layers with forward pre-hooks, advance row by row, each as a call of its own:
    ``is_together`` tells.

    It serves one thread at a time, and Python's other threads run while it computes. A copy has states of its
    own.

    Args:
        layer: a ``Recurrent`` of one direction; its module imports this one, so no type names it here.
        count: S, the number of slots.
        planes: sizes of the input's planes, for a cell that reads them.

    Shapes:
        ``step``: x [n, I, *planes], side [n, *shape], rows n → output [n, O, *planes'];
        ``state[row]``: for each state of the cell [layers, *shape]
    """

    def __init__(self, layer: Any, count: int, planes: Shape = ()) -> None:
        check_size("count", count)
        super().__init__(layer, count, planes)

    def __len__(self) -> int:
        return self._count

    @property
    def is_together(self) -> bool:
        """Whether a kernel advances all rows of a call together; else each is a call of its own."""
        layer = self._layer
        draws = layer.is_random and layer.training
        return self._stepper is not None and not (layer._forward_pre_hooks or draws)

    @property
    def state(self) -> "SlotStates":
        """The states by slot: ``state[row]`` is a copy, ``state[row] = …`` replaces it."""
        return SlotStates(self)

    def reset(self, rows: Rows | None = None) -> None:
        """Resets slots to the initial state.

        Args:
            rows: the slots; None: all.

        Raises:
            ValueError: a row is no slot, or named twice.
        """
        places = torch.from_numpy(self._checked(as_places(range(self._count) if rows is None else rows)))
        for own, initial in zip(self._state, self._initial(1), strict=True):
            own[:, places] = initial.to(own.dtype)

    def step(
        self,
        x: Tensor | np.ndarray,
        rows: Rows,
        copy: bool = False,
        side: Tensor | np.ndarray | None = None,
    ) -> Any:
        """Advances some slots by one step and returns their outputs: a tensor for a tensor, an array for an
        array.

        Args:
            x: a row for each slot of ``rows``, in their order: a tensor in the layer's precision, or a
                float32 array.
            rows: the slots, in any order.
            copy: returns a copy of the output; without it, the next step may overwrite the output.
            side: the side input of the step, for a cell that takes one.

        Raises:
            ValueError: a row is no slot, or named twice; x or the side input has another shape.
            RuntimeError: another thread is in a step of these slots.
        """
        places = as_places(rows)
        output = self._stepper.advance(x, places) if side is None and self._stepper is not None else None
        if output is None:
            output = self._rebound_step(x, self._checked(places), side)
        output = output[: len(places)]
        if not copy:
            return output
        return output.clone() if isinstance(output, Tensor) else output.copy()

    def _checked(self, places: Places) -> Places:
        """Returns the places of rows. Raises ValueError unless all are slots, none twice."""
        ordered = np.sort(places)
        if len(places) and not (
            ordered[0] >= 0 and ordered[-1] < self._count and (ordered[1:] != ordered[:-1]).all()
        ):
            raise ValueError(f"rows must be different ints in [0, {self._count}). Got {places.tolist()}.")
        return places

    @torch.no_grad()
    def _rebound_step(
        self,
        x: Tensor | np.ndarray,
        places: Places,
        side: Tensor | np.ndarray | None,
    ) -> Any:
        """Runs a step that the kernel refused: the layer changed, x is unusual, or there is no kernel."""
        original = x
        x = torch.as_tensor(x)
        expected = [len(places), self._layer.input_size, *self._planes]
        if list(x.shape) != expected:
            raise ShapeError(
                f"a step of {len(places)} slots must have the shape {expected}. Got {list(x.shape)}."
            )
        like = self._initial(1)
        self._bind(self._state)
        if not isinstance(original, Tensor):
            x = x.to(like[0].dtype)
        is_direct = side is None and self._stepper is not None
        output = self._stepper.advance(x.detach().contiguous(), places) if is_direct else None
        if output is None:
            output = self._row_by_row(x, places, None if side is None else torch.as_tensor(side), like)
        return output if isinstance(original, Tensor) else output.float().numpy(force=True)

    def _row_by_row(self, x: Tensor, places: Places, side: Tensor | None, like: State) -> Tensor:
        """Runs a step by the layer itself, one slot after the other."""
        outputs = []
        for k, place in enumerate(places.tolist()):
            here = slice(k, k + 1)
            state = tuple(s[:, place : place + 1].to(i.dtype) for s, i in zip(self._state, like, strict=True))
            output, state = self._layer.plain_step(x[here], state, None if side is None else side[here])
            for own, new in zip(self._state, state, strict=True):
                own[:, place : place + 1] = new
            outputs.append(output)
        if not outputs:
            return x.new_empty(0, self._layer.cell.output_size, *like[0].shape[3:])
        return torch.cat(outputs)


class SlotStates:
    """The states of slots, by row."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    def __len__(self) -> int:
        return len(self._slots)

    def __getitem__(self, row: int) -> State:
        """Returns a copy of a slot's state: for each state of the cell [layers, *shape]."""
        slots = self._slots
        (place,) = slots._checked(as_places([row])).tolist()
        like = slots._initial(1)
        return tuple(s[:, place].to(i.dtype, copy=True) for s, i in zip(slots._state, like, strict=True))

    def __setitem__(self, row: int, state: State) -> None:
        """Replaces a slot's state.

        Raises:
            ValueError: the state has other shapes, or the row is no slot.
        """
        slots = self._slots
        (place,) = slots._checked(as_places([row])).tolist()
        own = tuple(s[:, place] for s in slots._state)
        expected, actual = ([list(s.shape) for s in group] for group in (own, state))
        if expected != actual:
            raise ValueError(f"a slot's state must have shapes {expected}. Got {actual}.")
        with torch.no_grad():
            for to, new in zip(own, state, strict=True):
                to.copy_(new)
