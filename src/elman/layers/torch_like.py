"""Drop-ins for torch.nn's recurrent layers: the same arguments, weights, inputs and outputs."""

import warnings
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.fx import Proxy
from torch.nn.utils.rnn import PackedSequence

from elman import cells
from elman.errors import ShapeError
from elman.layers.exporting import call_in_graph
from elman.layers.recurrent import Recurrent

# every name of torch.nn.modules.rnn is found here; pickles of cells made before have this path too
from elman.layers.torch_cells import (  # noqa: F401
    GRUCell,
    LSTMCell,
    RNNCell,
    RNNCellBase,
    StepModule,
)
from elman.layers.torch_fields import (
    TORCH_FIELDS,
    arguments_of,
    cell_of,
    mode_of,
    single_state,
    with_fields_of,
)
from elman.notice import without_warnings
from elman.state import reorder


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

    Warns:
        UserWarning: there is dropout in a single layer, where it does nothing.

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
            cell_of(mode, input_size, hidden_size, bias, proj_size),
            num_layers,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
            **options,
        )
        if self.dropout and num_layers == 1:
            # it begins as torch's does, so that a program's filter of that one applies
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so it does nothing with "
                f"num_layers=1. Got dropout={dropout}.",
                stacklevel=2 if type(self) is RNNBase else 3,
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes the attributes of a pickled layer, torch's included."""
        if "cell" not in state:
            theirs = SimpleNamespace(**state)
            with without_warnings():  # it was warned of dropout when it was made
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
        output, (h,) = super().forward(input, single_state(hx), lengths, resets, side)
        return output, h

    def step(self, x: Tensor, state: Any = None, side: Tensor | None = None) -> tuple[Tensor, Any]:
        """Runs one step: x [B, I] → (output [B, O], state); see ``Recurrent.step``."""
        if self._has_pair:
            return super().step(x, state, side)
        output, (h,) = super().step(x, single_state(state), side)
        return output, h

    def explain(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        side: Tensor | None = None,
    ) -> str:
        """Reports which backend would run a call of ``forward``; see ``Recurrent.explain``."""
        return super().explain(input, hx if self._has_pair else single_state(hx), lengths, resets, side)

    @property
    def _has_pair(self) -> bool:
        """Whether the state is the pair (h, c), not a tensor."""
        return isinstance(self.cell, cells.LSTM)

    @property
    def mode(self) -> str:
        """Torch's name of the kind: "RNN_TANH", "RNN_RELU", "GRU" or "LSTM"."""
        if isinstance(self.cell, cells.Elman):
            return mode_of(self.cell.nonlinearity)
        return "LSTM" if self._has_pair else "GRU"

    @property
    def proj_size(self) -> int:
        """P of an LSTM's projection, or 0 without one."""
        return self.cell.proj_size if isinstance(self.cell, cells.ProjectedLSTM) else 0

    @proj_size.setter
    def proj_size(self, size: int) -> None:
        self._lay_out(cell_of(self.mode, self.input_size, self.hidden_size, self.bias, size))

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


class _FlatWeights(list[Any]):
    """A layer's weights at the moment; an assignment to an item reaches the layer."""

    def __init__(self, layer: RNNBase) -> None:
        super().__init__(getattr(layer, name, None) for name in layer._flat_weights_names)
        self._layer = layer

    def __setitem__(self, k: Any, weight: Any) -> None:
        setattr(self._layer, self._layer._flat_weights_names[k], weight)
        super().__setitem__(k, weight)


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
            mode_of(nonlinearity),
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
