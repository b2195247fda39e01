"""Records a network's states, step by step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from elman.diagnose.reading import prepared, traces

DEAD_RANGE = 0.01


@dataclass(frozen=True)
class HiddenStates:
    """The states of one layer in one direction on one batch.

    Attributes:
        layer: name of layer and direction.
        states: values [T, B, *shape] of each state after each step, by name; NaN past a row's length.
    """

    layer: str
    states: dict[str, np.ndarray]

    @property
    def dead(self) -> dict[str, np.ndarray]:
        """Which units [*shape] of each state are dead: their values span less than 0.01.

        A constant unit carries no information: a relu that is never active, a tanh that is always saturated.
        """
        return {name: still(values.reshape(-1, *values.shape[2:])) for name, values in self.states.items()}


def still(values: np.ndarray) -> np.ndarray:
    """Returns which units of values [N, *shape] span less than ``DEAD_RANGE``, ignoring NaN."""
    known = values[~np.isnan(values).reshape(len(values), -1).any(1)]
    return np.ptp(known, axis=0) < DEAD_RANGE if len(known) else np.ones(values.shape[1:], dtype=bool)


def hidden_states(model: nn.Module, batch: Any) -> tuple[HiddenStates, ...]:
    """Returns the states of every recurrent layer after every step.

    Args:
        model: contains an ``elman.Recurrent`` or torch's RNN, LSTM or GRU; it is not changed.
        batch: the model's argument, or a tuple of its arguments.

    Returns:
        The states of each layer and direction.

    Raises:
        InputError: the model has no recurrent layer, a weight or an input is NaN or infinite, or a layer is
            not used or reads no batch.
    """
    hidden = []
    for trace in traces(prepared(model), batch):
        past = ~trace.alive.cpu().numpy()
        states = {}
        for name, after in zip(trace.cell.states(), trace.after, strict=True):
            values = after.float().cpu().numpy() if after.dtype.itemsize < 4 else after.cpu().numpy()
            values[past] = np.nan
            states[name] = values
        hidden.append(HiddenStates(trace.name, states))
    return tuple(hidden)
