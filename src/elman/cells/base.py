"""What a cell is: a frozen description of one time step that owns no tensors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.state import State

Weights = Mapping[str, Tensor]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Cell:
    """One time step of a recurrent network.

    A cell declares facts (gates, states, parameters) and pure functions; it knows nothing of time, lengths,
    layers, devices or kernels. To invent one, subclass it, name the gates and write ``pointwise``; override
    the rest where the cell differs. Whatever holds for the built-in cells (unrolled layers, ragged lengths,
    resets, truncated backpropagation, streaming, training by command) then holds for it too.

    One step is ``step = pointwise ∘ recur`` on the projected input:

        project(w, x)                    all that needs no state, for every step at once
        recur(w, state)                  the product with the state
        pointwise(w, p, r, state)        the rest, unit by unit, giving the new state

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether ``bias_ih`` and ``bias_hh`` exist.

    Shapes:
        With G gates: weight_ih [G·H, I], weight_hh [G·H, O], bias_ih [G·H], bias_hh [G·H],
        where O is the size of the output state.

    Raises:
        ValueError: a size is not a positive int.
    """

    input_size: int
    hidden_size: int
    bias: bool = True

    gates: ClassVar[tuple[str, ...]] = ("h",)
    """The blocks of the weights' first axis, in order."""
    output: ClassVar[str] = "h"
    """The state that is the layer's output, and the one that the recurrent product multiplies."""
    memory_gate: ClassVar[str | None] = None
    """The gate that, when 1, keeps the state."""
    input_gate: ClassVar[str | None] = None
    """The gate that, when 1, lets new content in, where it is a gate of its own."""
    sigmoid_gates: ClassVar[tuple[str, ...]] = ()
    """The gates that open and shut between 0 and 1; what tells of gates tells of these."""
    advised_init: ClassVar[str] = "orthogonal"
    """The initialisation that the literature advises; tasks use it, layers on their own use torch's."""

    def __post_init__(self) -> None:
        """Checks the sizes."""
        check_size("input_size", self.input_size)
        check_size("hidden_size", self.hidden_size)

    def states(self) -> dict[str, Shape]:
        """Shape of each named state, without the batch axis."""
        return {"h": (self.hidden_size,)}

    def parameters(self) -> dict[str, Shape]:
        """Shape of each parameter, in the order in which they are initialised."""
        rows = len(self.gates) * self.hidden_size
        shapes: dict[str, Shape] = {
            "weight_ih": (rows, self.input_size),
            "weight_hh": (rows, self.output_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        return shapes

    @property
    def output_index(self) -> int:
        """Position of the output among the states."""
        return list(self.states()).index(self.output)

    @property
    def output_size(self) -> int:
        """O, features per step of the output."""
        return self.states()[self.output][-1]

    def initialise(self, w: Weights) -> None:
        """Fills the parameters in place as torch does: uniform on ±1/√H."""
        bound = 1 / math.sqrt(self.hidden_size)
        for name in self.parameters():
            w[name].uniform_(-bound, bound)

    def project(self, w: Weights, x: Tensor) -> Tensor:
        """All that needs no state: x [..., I] → [..., G·H]. The identity where a cell mixes x and h."""
        return F.linear(x, w["weight_ih"], w.get("bias_ih"))

    def recur(self, w: Weights, state: State) -> Tensor:
        """The product with the state: [B, O] → [B, G·H]."""
        return F.linear(state[self.output_index], w["weight_hh"], w.get("bias_hh"))

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Tensor, state: State) -> State:
        """The new state from both products [B, G·H] and the state before."""
        raise NotImplementedError(f"{type(self).__name__} must define pointwise or override step")

    def gate_values(self, w: Weights, projected: Tensor, state: State) -> dict[str, Tensor]:
        """How far each of ``sigmoid_gates`` stands open at a step: [B, H] in (0, 1), by name.

        σ of the sum of both products; overridden by a cell whose gates see more.
        """
        if not self.sigmoid_gates:
            return {}
        both = dict(
            zip(self.gates, (projected + self.recur(w, state)).chunk(len(self.gates), -1), strict=True)
        )
        return {name: torch.sigmoid(both[name]) for name in self.sigmoid_gates}

    def step(self, w: Weights, projected: Tensor, state: State, seen: State | None = None) -> State:
        """One step; overridden only by a cell that needs two products.

        Args:
            w: the parameters by name.
            projected: this step of ``project``'s result.
            state: the state before the step.
            seen: the state as the recurrent product sees it, where dropout hides part of it.
        """
        return self.pointwise(w, projected, self.recur(w, state if seen is None else seen), state)


def check_size(name: str, value: object) -> None:
    """Raises ValueError unless ``value`` is an int of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an int in [1, inf). Got {value!r}.")
