"""Streams: a layer that reads one step at a time and carries its state."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from elman.cells.base import Shape, check_size
from elman.kernels.compiled.step import MOST_HALF_ROWS
from elman.layers.carried import Carried
from elman.state import State

if TYPE_CHECKING:
    import numpy as np


class Stream(Carried):
    """Carries a layer's state from one step to the next, without gradients; made by ``layer.stream()``.

    It reads the layer's own parameters at every step, so changes to them take effect at once. On a CPU, for
    a cell that has a compiled kernel (in bfloat16: for at most 8 rows), a step calls that kernel directly and
    allocates nothing, whatever the layer's ``backend``; a layer with forward pre-hooks, such as old
    ``weight_norm`` and pruning, runs each step itself, with the hooks. Put the layer in evaluation mode to
    stream without dropout. A stream belongs to one thread; each thread may have its own. A copy has a state
    of its own: ``copy.copy`` reads the same layer, ``copy.deepcopy`` a copy of it.

    Args:
        layer: a ``Recurrent`` of one direction; its module imports this one, so no type names it here.
        batch_size: B, rows that stream in parallel.
        planes: sizes of the input's planes, for a cell that reads them.

    Shapes:
        ``step``: x [B, I, *planes] (or [I, *planes] when B is 1), side [B, *shape] (or [*shape]) → output
        [B, O, *planes'] (or [O, *planes']); ``state``: as the layer's
    """

    def __init__(self, layer: Any, batch_size: int = 1, planes: Shape = ()) -> None:
        check_size("batch_size", batch_size)
        super().__init__(layer, batch_size, planes)

    @property
    def state(self) -> State:
        """A copy of the state after the last step."""
        return tuple(
            s.to(like.dtype, copy=True)
            for s, like in zip(self._state, self._initial(self._count), strict=True)
        )

    @state.setter
    def state(self, state: State) -> None:
        expected, actual = ([list(s.shape) for s in group] for group in (self._state, state))
        if expected != actual:
            raise ValueError(f"state must have shapes {expected}. Got {actual}.")
        with torch.no_grad():
            for own, new in zip(self._state, state, strict=True):
                own.copy_(new)

    def reset(self) -> None:
        """Resets the state to the initial one."""
        self._bind(self._initial(self._count))

    def step(
        self, x: "Tensor | np.ndarray", copy: bool = False, side: "Tensor | np.ndarray | None" = None
    ) -> Any:
        """Reads one step and returns its output: a tensor for a tensor, an array for an array.

        Args:
            x: a tensor in the layer's precision, or a float32 array.
            copy: returns a copy of the output; without it, the next step may overwrite the output.
            side: the side input of the step, for a cell that takes one.

        Raises:
            ValueError: x has the wrong number of rows or features, or the side input the wrong shape.
        """
        output = self._stepper.step(x) if side is None and self._stepper is not None else None
        if output is None:
            output = self._rebound_step(x, side)
        if not copy:
            return output
        return output.clone() if isinstance(output, Tensor) else output.copy()

    def _steps_by_kernel(self) -> bool:
        """As for slots; but more rows in bfloat16 are faster as a call, which packs the weights."""
        half = next(self._layer.parameters()).dtype == torch.bfloat16
        return super()._steps_by_kernel() and not (half and self._count > MOST_HALF_ROWS)

    @torch.no_grad()
    def _rebound_step(self, x: "Tensor | np.ndarray", side: "Tensor | np.ndarray | None") -> Any:
        """Runs a step that the stepper refused: the layer changed, x is unusual, or it has no kernel."""
        original = x
        if not isinstance(x, Tensor):
            x = torch.as_tensor(x)
        axes = 1 + len(self._planes)  # without the rows
        rows = len(x) if x.dim() == axes + 1 else 1
        if x.dim() not in (axes, axes + 1) or rows != self._count:
            raise ValueError(f"a step of this stream must have {self._count} rows. Got {list(x.shape)}.")
        expected = (self._layer.input_size, *self._planes)
        if x.shape[-axes:] != expected:
            rule = (
                f"planes must be {list(expected)}"
                if self._planes
                else f"axis must be input_size ({expected[0]})"
            )
            raise ValueError(f"a step's last {rule}. Got {list(x.shape)}.")
        like = self._initial(self._count)
        self._bind(self._state)
        if not isinstance(original, Tensor):
            x = x.to(like[0].dtype)
        is_direct = side is None and self._stepper is not None
        output = self._stepper.step(x.detach().contiguous()) if is_direct else None
        if output is None:
            output = self._one_step(x, None if side is None else torch.as_tensor(side), like)
        return output if isinstance(original, Tensor) else output.float().numpy(force=True)

    def _one_step(self, x: Tensor, side: Tensor | None, like: State) -> Tensor:
        """Runs a step by the layer itself."""
        state = tuple(s.to(i.dtype) for s, i in zip(self._state, like, strict=True))
        single = x.dim() == 1 + len(self._planes)
        if single:
            x, side = x[None], None if side is None else side[None]
        output, state = self._layer.plain_step(x, state, side)
        for own, new in zip(self._state, state, strict=True):
            own.copy_(new)
        return output[0] if single else output
