"""One step of a cell as a module, and drop-ins for torch.nn's cells with the same arguments and weights."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from elman import cells
from elman.cells.base import Cell
from elman.cells.initialise import initialise
from elman.errors import ShapeError
from elman.kernels import aten
from elman.layers.checks import checked_tuple
from elman.layers.exporting import Deployable, call_in_graph
from elman.layers.torch_fields import (
    TORCH_FIELDS,
    arguments_of,
    cell_of,
    mode_of,
    single_state,
    with_fields_of,
)


class StepModule(Deployable):
    """One step of a cell as a module that owns the weights, under the names of torch's cell modules.

    Args:
        cell: any cell that reads only features: no planes, no side input.
        init: name of the initialisation.
        device: the parameters' device.
        dtype: the parameters' dtype.

    Shapes:
        input [B, I] or [I], each state [B, *shape] or [*shape] → the new state

    Raises:
        ValueError: the cell reads planes or needs a side input.
    """

    def __init__(
        self,
        cell: Cell,
        init: str = "torch",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        cell.check()
        if cell.plane_axes or cell.needs_side_input:
            raise ValueError(f"cell must read only features, no planes and no side input. Got {cell!r}.")
        self.cell = cell
        self.init = init
        for name, shape in cell.parameters().items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new parameters."""
        initialise(self.cell, dict(self.named_parameters()), self.init)

    @property
    def input_size(self) -> int:
        """I, features of the input."""
        return self.cell.input_size

    @input_size.setter
    def input_size(self, size: int) -> None:
        self.cell = dataclasses.replace(self.cell, input_size=size)

    @property
    def hidden_size(self) -> int:
        """H, units."""
        return self.cell.hidden_size

    @hidden_size.setter
    def hidden_size(self, size: int) -> None:
        self.cell = dataclasses.replace(self.cell, hidden_size=size)

    @property
    def bias(self) -> bool:
        """Whether the cell has biases."""
        return self.cell.bias

    @bias.setter
    def bias(self, bias: bool) -> None:
        self.cell = dataclasses.replace(self.cell, bias=bias)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Runs one step from state ``hx`` (None: zero).

        Raises:
            ShapeError: shapes do not match.
            ArgumentTypeError: ``hx`` is no tensor, or for an LSTM no pair of tensors.
        """
        if isinstance(input, Proxy):
            return call_in_graph(self, input, hx)
        if input.dim() == 1:
            return self._unbatched(input, hx)
        cell = self.cell
        operator = aten.find_step(cell)
        if hx is None:
            hx = self._start(input)
        if operator is not None and _are_rows(input, hx):
            own = self._parameters
            try:  # short, because a small step takes no longer than a few lines of Python
                return operator(input, hx, own["weight_ih"], own["weight_hh"], own["bias_ih"], own["bias_hh"])
            except (KeyError, RuntimeError, TypeError):
                pass  # a weight is computed on access, or something does not fit: the way below names it
        shapes = cell.states()
        state = (single_state(hx) or ()) if len(shapes) == 1 else checked_tuple(hx)
        if input.dim() != 2 or input.shape[1] != cell.input_size:
            raise ShapeError(
                f"input must be [B, {self.input_size}] or [{self.input_size}]. Got {list(input.shape)}."
            )
        expected = [(input.shape[0], *shape) for shape in shapes.values()]
        if [s.shape for s in state] != expected:
            raise ShapeError(f"state must have shapes {expected}. Got {[tuple(s.shape) for s in state]}.")
        if operator is not None:
            return operator(input, hx, *[getattr(self, name, None) for name in aten.STEP_WEIGHTS])
        w = {name: getattr(self, name) for name in cell.parameters()}
        state = cell.step(w, cell.project(w, input), state)
        return state[0] if len(shapes) == 1 else state

    def _start(self, input: Tensor) -> Any:
        """Returns the zero state for an input [B, I], in the form that ``forward`` takes."""
        shapes, rows = self.cell.states(), input.shape[:-1]
        state = [input.new_zeros((*rows, *shape)) for shape in shapes.values()]
        return state[0] if len(state) == 1 else tuple(state)

    def _unbatched(self, input: Tensor, hx: Any) -> Any:
        """Runs input [I] and states [*shape] as a batch of one."""
        if isinstance(hx, Tensor):
            hx = hx[None]
        elif hx is not None:
            hx = tuple([s[None] for s in checked_tuple(hx)])
        new = self.forward(input[None], hx)
        return new[0] if isinstance(new, Tensor) else tuple([s[0] for s in new])

    def extra_repr(self) -> str:
        """The cell."""
        return repr(self.cell)


def _are_rows(input: Tensor, hx: Any) -> bool:
    """Whether a cell's input and its state, a tensor or several, have the two axes of a batch of rows."""
    if isinstance(hx, Tensor):
        return input.dim() == hx.dim() == 2
    many = isinstance(hx, tuple | list) and all(isinstance(s, Tensor) and s.dim() == 2 for s in hx)
    return many and input.dim() == 2


class RNNCellBase(StepModule):
    """What the drop-ins for torch's cells share: a drop-in for ``torch.nn.RNNCellBase``.

    Args:
        input_size: I, features of the input.
        hidden_size: H, units.
        bias: whether the cell has biases; without them ``bias_ih`` and ``bias_hh`` are None.
        num_chunks: number of gates: 1 for Elman's network, 3 for a GRU, 4 for an LSTM.
        device: the parameters' device.
        dtype: the parameters' dtype.
        nonlinearity: of Elman's network: "tanh" or "relu".

    Shapes:
        weight_ih [num_chunks · H, I], weight_hh [num_chunks · H, H], bias_ih, bias_hh [num_chunks · H]

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        nonlinearity: str = "tanh",
    ) -> None:
        modes = {1: mode_of(nonlinearity), 3: "GRU", 4: "LSTM"}
        if num_chunks not in modes:
            raise ValueError(f"num_chunks must be 1, 3 or 4. Got {num_chunks!r}.")
        cell = cell_of(modes[num_chunks], input_size, hidden_size, bias, 0)
        super().__init__(cell, device=device, dtype=dtype)
        if not bias:
            self.register_parameter("bias_ih", None)
            self.register_parameter("bias_hh", None)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes the attributes of a pickled cell, torch's included."""
        if "cell" not in state:
            chunks = next(n for kind, n in _CHUNKS.items() if isinstance(self, kind))
            twin = RNNCellBase(num_chunks=chunks, **arguments_of(SimpleNamespace(**state)), device="meta")
            state = with_fields_of(twin, state, TORCH_FIELDS)
        super().__setstate__(state)


class RNNCell(RNNCellBase):
    """One step of Elman's network: a drop-in for ``torch.nn.RNNCell``. Shapes: [B, I], [B, H] → [B, H]."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype, nonlinearity)

    @property
    def nonlinearity(self) -> str:
        """Either "tanh" or "relu"."""
        assert isinstance(self.cell, cells.Elman)
        return self.cell.nonlinearity


class GRUCell(RNNCellBase):
    """One step of a gated recurrent unit: a drop-in for ``torch.nn.GRUCell``.

    Shapes: [B, I], [B, H] → [B, H].
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)


class LSTMCell(RNNCellBase):
    """One step of long short-term memory: a drop-in for ``torch.nn.LSTMCell``.

    Shapes: [B, I], (h [B, H], c [B, H]) → (h, c).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)


_CHUNKS: dict[type[RNNCellBase], int] = {RNNCell: 1, GRUCell: 3, LSTMCell: 4}
