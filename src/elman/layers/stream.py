"""A layer as an object that reads one step at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

from elman.state import State


class Stream:
    """Carries a layer's state from one step to the next, without gradients; made by ``layer.stream()``.

    Put the layer in evaluation mode to stream without dropout.

    Args:
        step: (x [B, I], state) → (output [B, O], state).
        initial_state: batch size → the state to begin with.
        batch_size: B, rows that stream side by side.

    Shapes:
        ``step``: x [B, I] (or [I] when B is 1) → output [B, O] (or [O]); ``state``: as the layer's
    """

    def __init__(
        self,
        step: Callable[[Tensor, State], tuple[Tensor, State]],
        initial_state: Callable[[int], State],
        batch_size: int = 1,
    ) -> None:
        self._step = step
        self._initial_state = initial_state
        self._batch_size = batch_size
        self._state: State = ()
        self.reset()

    @property
    def state(self) -> State:
        """The state after the last step."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        wanted, found = ([list(s.shape) for s in group] for group in (self._state, state))
        if wanted != found:
            raise ValueError(f"state must have shapes {wanted}. Got {found}.")
        self._state = tuple(state)

    def reset(self) -> None:
        """Puts the state back to the initial one."""
        with torch.no_grad():
            self._state = self._initial_state(self._batch_size)

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Reads one step and returns its output.

        Raises:
            ValueError: x has not the stream's rows.
        """
        rows = len(x) if x.dim() == 2 else 1
        if x.dim() not in (1, 2) or rows != self._batch_size:
            raise ValueError(f"a step of this stream must have {self._batch_size} rows. Got {list(x.shape)}.")
        output, self._state = self._step(x if x.dim() == 2 else x[None], self._state)
        return output if x.dim() == 2 else output[0]
