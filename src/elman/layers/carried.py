"""A layer's state in memory of its own: what streams and slots have in common."""

from typing import Any

import torch

from elman.cells.base import Shape
from elman.kernels.compiled.step import make_stepper, supports
from elman.state import State


class Carried:
    """A layer with the states of some rows, which its steps replace in place.

    A compiled kernel makes the steps, if the cell has one: it reads the layer's own parameters as they lie.

    Args:
        layer: a ``Recurrent`` of one direction; its module imports this one, so no type names it here.
        count: rows.
        planes: sizes of the input's planes, for a cell that reads them.
    """

    def __init__(self, layer: Any, count: int, planes: Shape) -> None:
        self._layer = layer
        self._count = count
        self._planes = tuple(planes)
        self._state: State = ()
        self._stepper: Any = None
        self._bind(self._initial(count))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_stepper": None}  # it points into memory of this object

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._bind(self._state)

    def _initial(self, rows: int) -> State:
        """Returns the initial state of so many rows."""
        with torch.no_grad():
            return self._layer.initial_state(rows, self._planes)

    def _steps_by_kernel(self) -> bool:
        """Whether the layer's present parameters are such that its kernel may make the steps."""
        return supports(self._layer.cells, self._layer._parameters, self._layer._names)

    def _bind(self, state: State) -> None:
        """Copies a state into memory of its own and binds the layer's current parameters."""
        layer, self._stepper = self._layer, None
        with torch.inference_mode(False), torch.no_grad():
            fast = self._steps_by_kernel()
            wide = torch.float32 if fast else None
            self._state = tuple(s.detach().to(wide or s.dtype).contiguous().clone() for s in state)
            if fast:
                self._stepper = make_stepper(
                    layer.cells,
                    vars(layer),
                    layer._names,
                    self._state,
                    layer.zoneout,
                    layer.residual,
                    layer.is_random,
                    self._count,
                )
