"""The base class of cells: a frozen description of one time step that owns no tensors."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.errors import ArgumentTypeError
from elman.state import State

Weights = Mapping[str, Tensor]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Cell:
    """One time step of a recurrent network.

    A cell declares facts and pure functions; it knows nothing about time, lengths, layers, devices or
    kernels. To define a new cell, subclass this class, name the gates and write ``pointwise``; override other
    methods if the cell differs. Everything that works for the built-in cells (unrolled layers, ragged
    lengths, resets, truncated backpropagation, streaming, training by command) then works for the new one.

    The functions, with the parameters by name in w:

        project(w, x) → p                   the part that needs no state, for all steps at once
        recur(w, state) → r                 the products with the state; None if the cell has none
        pointwise(w, p, r, state) → state'  the rest; the step's side input is a fifth argument
        step(w, p, state) → state'          ``pointwise ∘ recur``; overridden if a product needs the result of
                                            another, or the side input acts before the product
        read(w, state', p) → output         by default the first state

    The facts are the class attributes below and the functions ``states``, ``parameters``, ``side_input``,
    ``state_shapes`` and ``output_shape``. Initialisation, dropout, the optimizer, reports and tests use only
    facts, never a parameter's name. ``check`` tests the facts for consistency.

    Args:
        input_size: I, features per step; 0 only in a module of one step, as in torch.
        hidden_size: H, units; 0 likewise.
        bias: whether the cell has biases.

    Shapes:
        x [B, I, *planes], each state [B, *shape]. By default, with G gates: weight_ih [G·H, I],
        weight_hh [G·H, size of the state that it multiplies], bias_ih [G·H], bias_hh [G·H].

    Raises:
        TypeError: a size is no int, or ``bias`` no bool.
        ValueError: a size is negative.
    """

    input_size: int
    hidden_size: int
    bias: bool = True

    gates: ClassVar[tuple[str, ...]] = ("h",)
    """The gates, in the order of their blocks of H rows in weights and biases."""
    input_weights: ClassVar[tuple[str, ...]] = ("weight_ih",)
    """The parameters that multiply the input."""
    recurrent_weights: ClassVar[Mapping[str, str]] = {"weight_hh": "h"}
    """The parameters that multiply a state, with the name of that state; empty: no recurrent product."""
    gate_biases: ClassVar[tuple[str, ...]] = ("bias_ih", "bias_hh")
    """The parameters that add up to the gates' bias; they exist only with ``bias``."""
    memory_gate: ClassVar[str | None] = None
    """The gate that decides how much of the state is kept."""
    keeps_at: ClassVar[Literal[0, 1]] = 1
    """The value of the memory gate at which the state is kept."""
    input_gate: ClassVar[str | None] = None
    """The gate that lets new content in where its bias is large; None if the cell has no separate one."""
    sigmoid_gates: ClassVar[tuple[str, ...]] = ()
    """The gates with values between 0 (closed) and 1 (open); reports on gates show these."""
    plane_axes: ClassVar[int] = 0
    """Number of axes of an input after its features: 2 for images [B, I, height, width]."""
    needs_side_input: ClassVar[bool] = False
    """Whether a step requires its side input."""
    without_decay: ClassVar[tuple[str, ...]] = ()
    """Parameters without weight decay."""
    rate_shares: ClassVar[Mapping[str, float]] = {}
    """Factors on the learning rate, by parameter; 1 for the others."""
    advised_init: ClassVar[str] = "orthogonal"
    """The initialisation advised by the literature: the default of tasks; layers default to torch's."""

    def __post_init__(self) -> None:
        """Checks the sizes and the type of ``bias``."""
        check_size("input_size", self.input_size, least=0)
        check_size("hidden_size", self.hidden_size, least=0)
        if not isinstance(self.bias, bool):
            raise ArgumentTypeError(f"bias must be True or False. Got {self.bias!r}.")

    def states(self) -> dict[str, Shape]:
        """Returns the shape of each state by name, without the batch axis and the planes."""
        return {"h": (self.hidden_size,)}

    def parameters(self) -> dict[str, Shape]:
        """Returns the shape of each parameter by name, in the order of initialisation."""
        rows, states = len(self.gates) * self.hidden_size, self.states()
        shapes: dict[str, Shape] = dict.fromkeys(self.input_weights, (rows, self.input_size))
        shapes |= {name: (rows, states[state][-1]) for name, state in self.recurrent_weights.items()}
        return shapes | (dict.fromkeys(self.gate_biases, (rows,)) if self.bias else {})

    def side_input(self) -> Shape | None:
        """Returns the side input's shape without the batch axis, () for one number; None: no side input."""
        return None

    def state_shapes(self, *planes: int) -> dict[str, Shape]:
        """Returns the states' shapes for an input [B, I, *planes]: by default their own, then the planes."""
        states = self.states()
        return {name: (*shape, *planes) for name, shape in states.items()} if planes else states

    def output_shape(self, *planes: int) -> Shape:
        """Returns the output's shape for an input [B, I, *planes], O first: by default the first state's."""
        return next(iter(self.state_shapes(*planes).values()))

    @property
    def output_size(self) -> int:
        """O, features per step of the output."""
        return self.output_shape(*(1,) * self.plane_axes)[0]

    @property
    def outputs_state(self) -> bool:
        """Whether the output is the first state."""
        return type(self).read is Cell.read

    @property
    def multiplied_states(self) -> tuple[int, ...]:
        """Positions of the states that ``recurrent_weights`` multiply."""
        names = list(self.states())
        return tuple(sorted({names.index(state) for state in self.recurrent_weights.values()}))

    def initialise(self, w: Weights) -> None:
        """Fills the parameters in place like torch: uniform on ±1/√H."""
        bound = 1 / math.sqrt(self.hidden_size or 1)
        for name in self.parameters():
            w[name].uniform_(-bound, bound)

    def project(self, w: Weights, x: Tensor) -> Tensor:
        """Computes the part that needs no state: x [..., I] → [..., G·H].

        Override it by the identity if the cell mixes x and h.
        """
        return F.linear(x, w["weight_ih"], w.get("bias_ih"))

    def recur(self, w: Weights, state: State) -> Any:
        """Computes the products with the state: by default one, [B, O] → [B, G·H], or None if there is none.

        A cell with several products returns them in the form that its ``pointwise`` takes.
        """
        if not self.recurrent_weights:
            return None
        ((name, multiplied),) = self.recurrent_weights.items()
        return F.linear(state[list(self.states()).index(multiplied)], w[name], w.get("bias_hh"))

    def pointwise(self, w: Weights, projected: Tensor, recurrent: Any, state: State) -> State:
        """Computes the new state from both products [B, G·H] and the old state."""
        raise NotImplementedError(f"{type(self).__name__} must define pointwise or override step")

    def step(
        self,
        w: Weights,
        projected: Tensor,
        state: State,
        seen: State | None = None,
        side: Tensor | None = None,
    ) -> State:
        """Computes one step; override it only if the cell is not ``pointwise ∘ recur``.

        Args:
            w: the parameters by name.
            projected: this step of ``project``'s result.
            state: the state before the step.
            seen: the state that the recurrent products read, with dropout applied; None: ``state``.
            side: the side input [B, *shape], or None.
        """
        recurrent = self.recur(w, state if seen is None else seen)
        if side is None:
            return self.pointwise(w, projected, recurrent, state)
        return self.pointwise(w, projected, recurrent, state, side)  # type: ignore[call-arg]

    def read(self, w: Weights, state: State, projected: Tensor) -> Tensor:
        """Returns the step's output [B, O, *planes], from the new state."""
        return state[0]

    def gate_values(
        self, w: Weights, projected: Tensor, state: State, side: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Computes the values of ``sigmoid_gates`` at a step: [B, H, *planes] in (0, 1), by name.

        By default σ of the sum of both products; override it if the gates read more.
        """
        if not self.sigmoid_gates:
            return {}
        recurrent = self.recur(w, state)
        total = projected if recurrent is None else projected + recurrent
        both = dict(zip(self.gates, total.chunk(len(self.gates), 1), strict=True))
        return {name: torch.sigmoid(both[name]) for name in self.sigmoid_gates}

    def check(self) -> None:
        """Raises ValueError if a fact names a state, parameter or gate that the cell does not have."""
        self._among("recurrent_weights' values", self.recurrent_weights.values(), self.states())
        parameters = self.parameters()
        self._among("input_weights", self.input_weights, parameters)
        self._among("recurrent_weights", self.recurrent_weights, parameters)
        if self.bias:  # without it, some of these do not exist
            self._among("gate_biases", self.gate_biases, parameters)
            self._among("without_decay", self.without_decay, parameters)
            self._among("rate_shares", self.rate_shares, parameters)
        self._among("memory_gate", {self.memory_gate} - {None}, self.gates)
        self._among("input_gate", {self.input_gate} - {None}, self.gates)
        self._among("sigmoid_gates", self.sigmoid_gates, self.gates)
        if self.needs_side_input and self.side_input() is None:
            raise ValueError(
                f"{type(self).__name__} must define side_input, because needs_side_input is True."
            )
        if self.keeps_at not in (0, 1):
            raise ValueError(f"{type(self).__name__}.keeps_at must be 0 or 1. Got {self.keeps_at!r}.")
        inherited = type(self).recur is Cell.recur and type(self).step is Cell.step
        if len(self.recurrent_weights) > 1 and inherited:
            raise ValueError(
                f"{type(self).__name__} must define recur, because it has several recurrent_weights."
            )

    def _among(self, fact: str, names: Iterable[str | None], known: Collection[str]) -> None:
        """Raises ValueError if a fact names an unknown one."""
        unknown = ", ".join(str(name) for name in names if name not in known)
        if unknown:
            rule = f"{type(self).__name__}.{fact} must be among {', '.join(known)}"
            raise ValueError(f"{rule}. Got {unknown}.")


def check_size(name: str, value: object, least: int = 1) -> None:
    """Raises ArgumentTypeError unless ``value`` is an int, ValueError unless it is at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ArgumentTypeError(f"{name} must be an int. Got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be an int in [{least}, inf). Got {value!r}.")
