"""Drop-ins for torch.nn's recurrent layers and cells: the same arguments, weights, inputs and outputs."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from elman import cells
from elman.cells.base import Cell
from elman.cells.initialise import initialise
from elman.layers.recurrent import Recurrent
from elman.state import State, zeros


class _TorchLike(Recurrent):
    """A layer whose single state is a tensor, not a tuple, as in torch's RNN and GRU."""

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        side: Tensor | None = None,
    ) -> tuple[Any, Any]:
        """Unrolls over all steps; see ``Recurrent.forward``. ``hx`` is the state before the first step."""
        output, (h,) = super().forward(input, None if hx is None else (hx,), lengths, resets, side)
        return output, h

    def step(self, x: Tensor, state: Any = None, side: Tensor | None = None) -> tuple[Tensor, Any]:
        """Runs one step: x [B, I] → (output [B, H], h); see ``Recurrent.step``."""
        output, (h,) = super().step(x, None if state is None else (state,), side)
        return output, h

    @property
    def proj_size(self) -> int:
        """Always 0: only torch's LSTM has projections."""
        return 0


class RNN(_TorchLike):
    """Elman's simple network, stacked and unrolled: a drop-in for ``torch.nn.RNN``.

    Takes torch's arguments in torch's order, then ``Recurrent``'s as keywords. Weights, initialisation,
    inputs and outputs are torch's; the equations are in ``elman.cells.Elman``.

    Shapes:
        input [T, B, I], hx [layers × directions, B, H] → output [T, B, H × directions], h like hx

    Raises:
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            cells.Elman(input_size, hidden_size, bias, nonlinearity),
            num_layers,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )

    @property
    def nonlinearity(self) -> str:
        """Either "tanh" or "relu"."""
        assert isinstance(self.cell, cells.Elman)
        return self.cell.nonlinearity


class GRU(_TorchLike):
    """Gated recurrent units, stacked and unrolled: a drop-in for ``torch.nn.GRU``.

    Takes torch's arguments in torch's order, then ``Recurrent``'s as keywords. Weights, initialisation,
    inputs and outputs are torch's; the equations are in ``elman.cells.GRU``.

    Shapes:
        input [T, B, I], hx [layers × directions, B, H] → output [T, B, H × directions], h like hx

    Raises:
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            cells.GRU(input_size, hidden_size, bias),
            num_layers,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )


class LSTM(Recurrent):
    """Long short-term memory, stacked and unrolled: a drop-in for ``torch.nn.LSTM``.

    Takes torch's arguments in torch's order, then ``Recurrent``'s as keywords. Weights, initialisation,
    inputs and outputs are torch's; the equations are in ``elman.cells.LSTM`` and, with ``proj_size``, in
    ``elman.cells.ProjectedLSTM``.

    Shapes:
        input [T, B, I], hx (h [layers × directions, B, O], c [layers × directions, B, H]) →
        output [T, B, O × directions], (h, c), where O is proj_size, or H if proj_size is 0

    Raises:
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        cell: Cell
        if proj_size:
            cell = cells.ProjectedLSTM(input_size, hidden_size, bias, proj_size)
        else:
            cell = cells.LSTM(input_size, hidden_size, bias)
        super().__init__(
            cell,
            num_layers,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )

    @property
    def proj_size(self) -> int:
        """P, or 0 without a projection."""
        return self.cell.proj_size if isinstance(self.cell, cells.ProjectedLSTM) else 0

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: State | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        side: Tensor | None = None,
    ) -> tuple[Any, State]:
        """Unrolls over all steps; see ``Recurrent.forward``. ``hx`` is the pair (h, c) before step 0."""
        return super().forward(input, hx, lengths, resets, side)


class StepModule(nn.Module):
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

    @property
    def hidden_size(self) -> int:
        """H, units."""
        return self.cell.hidden_size

    @property
    def bias(self) -> bool:
        """Whether the cell has biases."""
        return self.cell.bias

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Runs one step from state ``hx`` (None: zero).

        Raises:
            ValueError: shapes do not match.
        """
        batched = input.dim() == 2
        if input.dim() not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"input must be [B, {self.input_size}] or [{self.input_size}]. Got {list(input.shape)}."
            )
        x = input if batched else input[None]
        single = len(self.cell.states()) == 1
        if hx is None:
            state = zeros(list(self.cell.states().values()), len(x), device=x.device, dtype=x.dtype)
        else:
            state = (hx,) if single else tuple(hx)
            state = state if batched else tuple(s[None] for s in state)
        expected = [(len(x), *shape) for shape in self.cell.states().values()]
        if [tuple(s.shape) for s in state] != expected:
            raise ValueError(f"state must have shapes {expected}. Got {[tuple(s.shape) for s in state]}.")
        w = {name: getattr(self, name) for name in self.cell.parameters()}
        state = self.cell.step(w, self.cell.project(w, x), state)
        if not batched:
            state = tuple(s[0] for s in state)
        return state[0] if single else state

    def extra_repr(self) -> str:
        """The cell."""
        return repr(self.cell)


class RNNCell(StepModule):
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
        super().__init__(cells.Elman(input_size, hidden_size, bias, nonlinearity), device=device, dtype=dtype)

    @property
    def nonlinearity(self) -> str:
        """Either "tanh" or "relu"."""
        assert isinstance(self.cell, cells.Elman)
        return self.cell.nonlinearity


class GRUCell(StepModule):
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
        super().__init__(cells.GRU(input_size, hidden_size, bias), device=device, dtype=dtype)


class LSTMCell(StepModule):
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
        super().__init__(cells.LSTM(input_size, hidden_size, bias), device=device, dtype=dtype)
