"""Drop-ins for torch.nn's recurrent layers and cells: the same arguments, weights, inputs and outputs."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.utils.rnn import PackedSequence

from elman import cells
from elman.cells.base import Cell
from elman.cells.initialise import initialise
from elman.errors import ArgumentTypeError, ShapeError
from elman.kernels import aten
from elman.layers.checks import checked_tuple, described
from elman.layers.exporting import Deployable, call_in_graph
from elman.layers.recurrent import Recurrent
from elman.state import State, reorder


class RNNBase(Recurrent):
    """What the drop-ins for ``torch.nn.RNN``, ``GRU`` and ``LSTM`` share: a drop-in for ``torch.nn.RNNBase``.

    Beside ``Recurrent``'s, it has the attributes and checks that programs call on torch's layers.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "GRU" or "LSTM".
        input_size: I, features per step.
        hidden_size: H, units.
        num_layers: number of layers.
        bias: whether the cells have biases.
        batch_first: input and output are [B, T, …] instead of [T, B, …].
        dropout: probability on the output of every layer but the last.
        bidirectional: whether each layer also reads the sequence backward.
        proj_size: P, features of an LSTM's output, fewer than H; 0: no projection.
        device: the parameters' device.
        dtype: the parameters' dtype.
        options: ``Recurrent``'s other options.

    Shapes:
        input [T, B, I], hx [layers × directions, B, H] (a pair for an LSTM) → output [T, B, H × directions],
        the state like hx

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        mode: str,
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
        if proj_size and mode != "LSTM":
            raise ValueError(f"proj_size must be 0 for a layer other than LSTM. Got {proj_size!r}.")
        super().__init__(
            _cell(mode, input_size, hidden_size, bias, proj_size),
            num_layers,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes the attributes of a pickled layer, torch's included."""
        if "cell" not in state:
            theirs = SimpleNamespace(**state)
            twin = RNNBase(theirs.mode, **arguments_of(theirs, "nonlinearity"), device="meta")
            state = with_fields_of(twin, state, TORCH_FIELDS)
        super().__setstate__(state)

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        side: Tensor | None = None,
    ) -> tuple[Any, Any]:
        """Unrolls over all steps; see ``Recurrent.forward``.

        ``hx`` is the state before the first step: a tensor, or for an LSTM the pair (h, c).
        """
        if isinstance(input, Proxy):
            return call_in_graph(self, input, hx, lengths=lengths, resets=resets, side=side)
        if self._has_pair:
            return super().forward(input, hx, lengths, resets, side)
        output, (h,) = super().forward(input, _single(hx), lengths, resets, side)
        return output, h

    def step(self, x: Tensor, state: Any = None, side: Tensor | None = None) -> tuple[Tensor, Any]:
        """Runs one step: x [B, I] → (output [B, O], state); see ``Recurrent.step``."""
        if self._has_pair:
            return super().step(x, state, side)
        output, (h,) = super().step(x, _single(state), side)
        return output, h

    @property
    def _has_pair(self) -> bool:
        """Whether the state is the pair (h, c), not a tensor."""
        return isinstance(self.cell, cells.LSTM)

    @property
    def mode(self) -> str:
        """Torch's name of the kind: "RNN_TANH", "RNN_RELU", "GRU" or "LSTM"."""
        if isinstance(self.cell, cells.Elman):
            return _mode(self.cell.nonlinearity)
        return "LSTM" if self._has_pair else "GRU"

    @property
    def proj_size(self) -> int:
        """P of an LSTM's projection, or 0 without one."""
        return self.cell.proj_size if isinstance(self.cell, cells.ProjectedLSTM) else 0

    @proj_size.setter
    def proj_size(self, size: int) -> None:
        self._lay_out(_cell(self.mode, self.input_size, self.hidden_size, self.bias, size))

    @property
    def _all_weights(self) -> list[list[str]]:
        """The parameters' names of each layer and direction."""
        return [list(names.values()) for names in self._names]

    @property
    def _flat_weights_names(self) -> list[str]:
        """The parameters' names in one list."""
        return [name for names in self._names for name in names.values()]

    @property
    def _flat_weights(self) -> "_FlatWeights":
        """The weights in one list; None for one that is absent. An assignment to an item sets the weight."""
        return _FlatWeights(self)

    @_flat_weights.setter
    def _flat_weights(self, weights: Iterable[Tensor | None]) -> None:
        for name, weight in zip(self._flat_weights_names, weights, strict=True):
            if weight is not None and weight is not getattr(self, name, None):
                setattr(self, name, weight)

    def _init_flat_weights(self) -> None:
        """Does nothing: no list of the weights is kept that could be outdated."""

    def _update_flat_weights(self) -> None:
        """Does nothing: no list of the weights is kept that could be outdated."""

    def _weights_have_changed(self) -> bool:
        """Returns False: no list of the weights is kept that could be outdated."""
        return False

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raises ShapeError unless ``input`` is [T, B, I], or [N, I] with a PackedSequence's batch sizes."""
        axes = 3 if batch_sizes is None else 2
        if input.dim() != axes or input.size(-1) != self.input_size:
            rule = f"input must have {axes} axes, the last of size {self.input_size}"
            raise ShapeError(f"{rule}. Got shape {list(input.shape)}.")

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """Returns the shape of h for an input, in torch's layouts."""
        return self._expected_size(input, batch_sizes, self.cell.output_size)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """Returns the shape of an LSTM's c for an input, in torch's layouts."""
        return self._expected_size(input, batch_sizes, self.hidden_size)

    def _expected_size(self, input: Tensor, batch_sizes: Tensor | None, size: int) -> tuple[int, int, int]:
        rows = input.size(0 if self.batch_first else 1) if batch_sizes is None else int(batch_sizes[0])
        return len(self._names), rows, size

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: tuple[int, int, int],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        """Raises ShapeError with ``msg`` unless a state has the expected shape."""
        if tuple(hx.size()) != tuple(expected_hidden_size):
            raise ShapeError(msg.format(expected_hidden_size, list(hx.size())))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raises ShapeError unless input and state fit each other and the layer, as torch's method does."""
        self.check_input(input, batch_sizes)
        h, *c = hidden if self._has_pair else (hidden,)
        self.check_hidden_size(h, self.get_expected_hidden_size(input, batch_sizes))
        for s in c:
            self.check_hidden_size(s, self.get_expected_cell_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Returns the state with its rows in another order [B]; None: the same state."""
        if permutation is None:
            return hx
        return reorder(hx, permutation) if self._has_pair else hx.index_select(1, permutation)


_SIZES = ("input_size", "hidden_size", "bias")
_OF_LAYERS = ("num_layers", "batch_first", "dropout", "bidirectional")
TORCH_FIELDS = {
    *(*_SIZES, *_OF_LAYERS, "mode", "proj_size", "nonlinearity"),
    *("_flat_weights", "_flat_weights_names", "_flat_weight_refs", "_all_weights"),
}
"""The attributes that torch's layers and cells have beside those of every module."""


def arguments_of(layer: Any, *without: str) -> dict[str, Any]:
    """Returns the constructor's arguments of a layer or cell, torch's or a drop-in, but ``without`` these."""
    names = [*_SIZES, *(_OF_LAYERS if hasattr(layer, "num_layers") else ()), "nonlinearity"]
    if getattr(layer, "proj_size", 0):
        names.append("proj_size")
    return {name: getattr(layer, name) for name in names if hasattr(layer, name) and name not in without}


def with_fields_of(twin: nn.Module, attributes: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Returns a module's attributes with those of ``twin`` that only its class has in place of ``fields``."""
    of_modules = vars(nn.Module()).keys()
    kept = {name: value for name, value in attributes.items() if name not in fields}
    return kept | {name: value for name, value in vars(twin).items() if name not in of_modules}


class _FlatWeights(list[Any]):
    """A layer's weights at the moment; an assignment to an item reaches the layer."""

    def __init__(self, layer: RNNBase) -> None:
        super().__init__(getattr(layer, name, None) for name in layer._flat_weights_names)
        self._layer = layer

    def __setitem__(self, k: Any, weight: Any) -> None:
        setattr(self._layer, self._layer._flat_weights_names[k], weight)
        super().__setitem__(k, weight)


def _mode(nonlinearity: str) -> str:
    """Returns torch's ``mode`` of a simple network."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity must be 'tanh' or 'relu'. Got {nonlinearity!r}.")
    return f"RNN_{nonlinearity.upper()}"


def _cell(mode: str, input_size: int, hidden_size: int, bias: bool, proj_size: int) -> Cell:
    """Returns the cell of torch's ``mode``."""
    if mode == "LSTM" and proj_size:
        return cells.ProjectedLSTM(input_size, hidden_size, bias, proj_size)
    if mode in ("LSTM", "GRU"):
        return (cells.LSTM if mode == "LSTM" else cells.GRU)(input_size, hidden_size, bias)
    if mode not in ("RNN_TANH", "RNN_RELU"):
        raise ValueError(f"mode must be RNN_TANH, RNN_RELU, GRU or LSTM. Got {mode!r}.")
    return cells.Elman(input_size, hidden_size, bias, mode.removeprefix("RNN_").lower())


def _single(hx: Any) -> State | None:
    """Returns the state of a layer with one state as a tuple.

    Raises:
        ArgumentTypeError: it is no tensor.
    """
    if hx is None:
        return None
    if not isinstance(hx, Tensor):
        raise ArgumentTypeError(f"hx must be a tensor, as only an LSTM has two states. Got {described(hx)}.")
    return (hx,)


class RNN(RNNBase):
    """Elman's simple network, stacked and unrolled: a drop-in for ``torch.nn.RNN``.

    Takes torch's arguments in torch's order, then ``Recurrent``'s as keywords. Weights, initialisation,
    inputs and outputs are torch's; the equations are in ``elman.cells.Elman``.

    Shapes:
        input [T, B, I], hx [layers × directions, B, H] → output [T, B, H × directions], h like hx

    Raises:
        TypeError: an argument has the wrong type.
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
            _mode(nonlinearity),
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )

    @property
    def nonlinearity(self) -> str:
        """Either "tanh" or "relu"."""
        assert isinstance(self.cell, cells.Elman)
        return self.cell.nonlinearity


class GRU(RNNBase):
    """Gated recurrent units, stacked and unrolled: a drop-in for ``torch.nn.GRU``.

    Takes torch's arguments in torch's order, then ``Recurrent``'s as keywords. Weights, initialisation,
    inputs and outputs are torch's; the equations are in ``elman.cells.GRU``.

    Shapes:
        input [T, B, I], hx [layers × directions, B, H] → output [T, B, H × directions], h like hx

    Raises:
        TypeError: an argument has the wrong type.
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
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )


class LSTM(RNNBase):
    """Long short-term memory, stacked and unrolled: a drop-in for ``torch.nn.LSTM``.

    Takes torch's arguments in torch's order, then ``Recurrent``'s as keywords. Weights, initialisation,
    inputs and outputs are torch's; the equations are in ``elman.cells.LSTM`` and, with ``proj_size``, in
    ``elman.cells.ProjectedLSTM``.

    Shapes:
        input [T, B, I], hx (h [layers × directions, B, O], c [layers × directions, B, H]) →
        output [T, B, O × directions], (h, c), where O is proj_size, or H if proj_size is 0

    Raises:
        TypeError: an argument has the wrong type.
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
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
            **options,
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
        state = (_single(hx) or ()) if len(shapes) == 1 else checked_tuple(hx)
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
        modes = {1: _mode(nonlinearity), 3: "GRU", 4: "LSTM"}
        if num_chunks not in modes:
            raise ValueError(f"num_chunks must be 1, 3 or 4. Got {num_chunks!r}.")
        cell = _cell(modes[num_chunks], input_size, hidden_size, bias, 0)
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
