"""The unrolled layer: owns the weights and unrolls any cell over sequences of any length."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.utils.rnn import PackedSequence

import elman.compiler  # noqa: F401 - makes kernels of cells that have none
from elman import draws
from elman.cells.base import Cell, Shape, check_size
from elman.cells.initialise import initialise
from elman.errors import InputError, ShapeError
from elman.kernels import aten, dispatch
from elman.kernels.call import Answer, Call
from elman.layers.checks import (
    check_bool,
    check_dropouts,
    check_planes,
    checked_flag,
    checked_lengths,
    checked_resets,
    checked_side,
    checked_state,
    checked_tuple,
    zoneout_rates,
)
from elman.layers.exporting import call_in_graph
from elman.layers.forms import arranged, returned
from elman.layers.layout import Layout
from elman.layers.noise import dropped_weights, input_masks, noise_of_each
from elman.layers.one_step import fits, hooked_step, is_quick
from elman.layers.slots import Slots
from elman.layers.stream import Stream
from elman.state import State


class Recurrent(Layout):
    """Any cell, stacked and unrolled over time.

    The state is an argument and a result; the layer keeps none. Parameters have torch's names
    (``weight_ih_l0``, ``weight_hh_l0_reverse``, …).

    Args:
        cell: the cell of the first layer; further layers use the same cell with their own input size.
        num_layers: number of layers; each reads the output of the one before.
        batch_first: input and output are [B, T, …] instead of [T, B, …]; states are not affected.
        dropout: probability on the output of every layer but the last, with a new mask at every step.
        bidirectional: each layer also reads the sequence backward; both outputs are concatenated.
        input_dropout: probability on each layer's input, one mask for all steps (variational dropout:
            Gal & Ghahramani 2016, arXiv:1512.05287).
        recurrent_dropout: probability on the states that enter a matrix product (only that product sees the
            dropped state), one mask for all steps (ibid.).
        zoneout: probability that a unit keeps its old state at a step; one number for all states, or one per
            state name, as in ``{"c": 0.5, "h": 0.05}`` (Krueger et al. 2016, arXiv:1606.01305).
        weight_dropout: probability on the elements of the recurrent weights, one mask for all steps (weight
            drop: Merity, Keskar & Socher 2017, arXiv:1708.02182).
        residual: every layer but the first adds its input to its output.
        learned_state: the initial state is a parameter, ``initial_<name>`` [layers × directions, *shape],
            initialised to zero and constant over a plane; otherwise the initial state is zero.
        init: name of the initialisation (see ``elman.cells.initialise``).
        recompute: chunk length in steps. The backward pass recomputes the gates chunk by chunk instead of
            storing them: a second forward pass, but memory grows with the number of chunks, not of steps.
            0: everything is stored.
        backend: "auto", or the name of a kernel backend ("cpu", "aten", "reference").
        device: where the parameters are made.
        dtype: the parameters' type.

    Shapes:
        input [T, B, I], or [B, T, I] with ``batch_first``, or [T, I] unbatched, or a PackedSequence →
        output [T, B, O × directions] in the same layout, state: one tensor [layers × directions, B, *shape]
        for each state of the cell. For a cell that reads planes, they follow the features:
        [T, B, I, *planes] → [T, B, O × directions, *planes'].

    Raises:
        ValueError: an option is out of its range, or does not apply to the cell.
    """

    def __init__(
        self,
        cell: Cell,
        num_layers: int = 1,
        *,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        weight_dropout: float = 0.0,
        residual: bool = False,
        learned_state: bool = False,
        init: str = "torch",
        recompute: int = 0,
        backend: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(cell, Cell):
            raise ValueError(f"cell must be a Cell, such as elman.cells.LSTM(8, 16). Got {cell!r}.")
        cell.check()
        check_size("input_size", cell.input_size)
        check_size("hidden_size", cell.hidden_size)
        check_size("num_layers", num_layers)
        check_bool("batch_first", batch_first)
        bidirectional = checked_flag("bidirectional", bidirectional)
        dispatch.check_backend(backend)
        if recompute:
            check_size("recompute", recompute)
        dropouts = {
            "dropout": dropout,
            "input_dropout": input_dropout,
            "recurrent_dropout": recurrent_dropout,
            "weight_dropout": weight_dropout,
        }
        check_dropouts(cell, dropouts)
        self._lay_out(cell, num_layers, bidirectional)
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.input_dropout = input_dropout
        self.recurrent_dropout = recurrent_dropout
        self.zoneout = zoneout_rates(cell, zoneout)
        self.weight_dropout = weight_dropout
        self.residual = residual
        self.learned_state = learned_state
        self.init = init
        self.recompute = recompute
        self._record: list[State] | None = None
        self._calls: list[tuple[Call, Answer]] | None = None
        self.backend = backend

        for layer_cell, names in zip(self._cell_of_each(), self._names, strict=True):
            for name, shape in layer_cell.parameters().items():
                parameter = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(names[name], parameter)
        if learned_state:
            for name, shape in cell.state_shapes(*(1,) * cell.plane_axes).items():
                start = torch.zeros(len(self._names), *shape, device=device, dtype=dtype)
                self.register_parameter(f"initial_{name}", nn.Parameter(start))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new parameters with the initialisation named at construction."""
        for cell, w in zip(self._cell_of_each(), self._weights(), strict=True):
            initialise(cell, w, self.init)
        if self.learned_state:
            for name in self.cell.states():
                nn.init.zeros_(getattr(self, f"initial_{name}"))

    def forward(
        self,
        input: Tensor | PackedSequence,
        state: State | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        side: Tensor | None = None,
    ) -> tuple[Any, State]:
        """Unrolls over all steps.

        Args:
            input: the sequences (shapes above).
            state: the state before the first step; None: the initial state (zero or learned).
            lengths: [B] ints, any order, 0 allowed. Output past a row's end is 0; the returned state is each
                row's state at its own end.
            resets: bool in the input's layout ([T, B], or [B, T] with ``batch_first``): true resets the state
                to the initial one before that step; the reverse direction resets at the same boundary.
            side: the side input of each step, for a cell that takes one: [T, B, *shape], or in the input's
                layout. Every layer and direction reads it with its step. This holds for the reverse direction
                too: the time since the last step is measured from the previous step of the sequence.

        Returns:
            (output, state), in the layouts above.

        Raises:
            ShapeError: shapes do not match; it is a ValueError and a RuntimeError.
            ArgumentTypeError: the state is no tuple of tensors; it is a TypeError and a ValueError.
            ValueError: ``lengths`` is combined with a PackedSequence, or a side input is missing or not
                expected.
        """
        if isinstance(input, Proxy):
            return call_in_graph(self, input, state, lengths=lengths, resets=resets, side=side)
        arguments = arranged(input, state, lengths, resets, side, self.cell.plane_axes, self.batch_first)
        return returned(input, arguments, *self._run(*arguments))

    def step(self, x: Tensor, state: State | None = None, side: Tensor | None = None) -> tuple[Tensor, State]:
        """Runs one step with the same weights: x [B, I], a side input [B, *shape] → (output [B, O], state).

        In training, every call draws its own dropout masks. Forward pre-hooks run as for a call with one
        step, because old ``weight_norm``, ``spectral_norm`` and pruning compute the weights in them.

        Raises:
            ValueError: the layer is bidirectional: its reverse direction starts at the end of the sequence.
        """
        return self.plain_step(x, state, side)

    def plain_step(
        self, x: Tensor, state: State | None = None, side: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """``step`` with the state as a tuple, also of a drop-in whose ``step`` has torch's form."""
        if isinstance(x, Proxy):
            raise InputError(
                "torch.fx cannot trace a layer's step: let a module of your own call it, as a leaf."
            )
        self._check_one_direction()
        if x.dim() != 2 + self.cell.plane_axes:
            expected = ", ".join(["B", "I", *["·"] * self.cell.plane_axes])
            raise ShapeError(f"a step's input must be [{expected}]. Got shape {list(x.shape)}.")
        if self._forward_pre_hooks:
            x, state = hooked_step(self, x, state)
        output, state = self._run(x[None], state, None, None, None if side is None else side[None])
        return output[0], state

    def stream(self, batch_size: int = 1, planes: Shape = ()) -> Stream:
        """Returns an object that carries the layer's state from step to step, for inference.

        Args:
            batch_size: B, rows that stream in parallel.
            planes: sizes of the input's planes, such as (height, width), for a cell that reads them.

        Raises:
            ValueError: the layer is bidirectional.
        """
        self._check_one_direction()
        return Stream(self, batch_size, planes)

    def slots(self, count: int, planes: Shape = ()) -> Slots:
        """Returns an object that carries the states of many streams, any of which step together.

        Args:
            count: S, the number of slots.
            planes: sizes of the input's planes, such as (height, width), for a cell that reads them.

        Raises:
            ValueError: the layer is bidirectional.
        """
        self._check_one_direction()
        return Slots(self, count, planes)

    @property
    def is_random(self) -> bool:
        """Whether a call in training draws random numbers, for dropout or zoneout."""
        rates = (self.dropout, self.input_dropout, self.recurrent_dropout, self.weight_dropout, *self.zoneout)
        return any(rates)

    @contextmanager
    def state_gradients(self) -> Iterator[list[State]]:
        """Records the gradient of the loss with respect to the state after each step.

        For every call within the context, each layer and direction adds one state to the list: for each
        state of the cell a tensor [T, B, *shape], zero until the backward pass fills it. The parts of a state
        count as independent: an LSTM's c excludes gradient that flows through the same step's h.
        """
        recorded: list[State] = []
        before, self._record = self._record, recorded
        try:
            yield recorded
        finally:
            self._record = before

    @contextmanager
    def calls(self) -> Iterator[list[tuple[Call, Answer]]]:
        """Records each backend call made within the context, with its answer; tensors are time first.

        If the caller passed no state, ``call.state`` is ``call.initial``, the same object.
        """
        recorded: list[tuple[Call, Answer]] = []
        before, self._calls = self._calls, recorded
        try:
            yield recorded
        finally:
            self._calls = before

    def explain(
        self,
        input: Tensor | PackedSequence,
        state: State | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        side: Tensor | None = None,
    ) -> str:
        """Reports which kernel backend would run a call, and why each faster one would not; runs nothing.

        The arguments are those of ``forward``. The answer holds for the current modes: training or
        evaluation, gradients, autocast.

        Returns:
            One line for the backend that would run the call, then one for each faster backend.

        Raises:
            ValueError: as ``forward``.
        """
        arguments = arranged(input, state, lengths, resets, side, self.cell.plane_axes, self.batch_first)
        with draws.Draws(0).used():  # a call has its masks
            call = self._call(*arguments)
        return dispatch.explain(call, self.backend)

    def extra_repr(self) -> str:
        """Returns the cell and every option that differs from its default."""
        shown: dict[str, object] = {
            "num_layers": self.num_layers if self.num_layers > 1 else None,
            "batch_first": self.batch_first,
            "dropout": self.dropout,
            "bidirectional": self.bidirectional,
            "input_dropout": self.input_dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "zoneout": any(self.zoneout) and dict(zip(self.cell.states(), self.zoneout, strict=True)),
            "weight_dropout": self.weight_dropout,
            "residual": self.residual,
            "learned_state": self.learned_state,
            "init": self.init if self.init != "torch" else None,
            "recompute": self.recompute,
        }
        return ", ".join([repr(self.cell), *(f"{name}={value!r}" for name, value in shown.items() if value)])

    def _run(
        self,
        x: Tensor,
        state: State | None,
        lengths: Tensor | None,
        resets: Tensor | None,
        side: Tensor | None,
        order: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Runs a call on a backend; x is [T, B, I, *planes]."""
        if lengths is None and resets is None and side is None and is_quick(self, x):
            before = self.initial_state(x.shape[1]) if state is None else state
            if fits(self, before):
                # a fault that torch finds is named by the checks below
                with suppress(RuntimeError, ValueError):
                    return aten.one_step(self.cells, self._weights(), x, before)
        call = self._call(x, state, lengths, resets, side, order)
        answer = dispatch.run(call, self.backend)
        if self._calls is not None:
            self._calls.append((call, answer))
        return answer

    def _call(
        self,
        x: Tensor,
        state: State | None,
        lengths: Tensor | None,
        resets: Tensor | None,
        side: Tensor | None,
        order: Tensor | None,
    ) -> Call:
        """Checks the arguments, time first, and draws the noise of a call."""
        T, B, features, *planes = x.shape
        if features != self.cell.input_size:
            axis = "axis of features" if planes else "last axis"
            raise ShapeError(f"input's {axis} must be input_size ({self.cell.input_size}). Got {features}.")
        initial = self.initial_state(B, tuple(planes))
        if planes:
            check_planes(self.cells, planes)
        lengths = None if lengths is None else checked_lengths(lengths, T, B, x.device)
        resets = None if resets is None else checked_resets(resets, T, B, x.device)
        if self._record is not None:
            # so every state gets a gradient even if no parameter requires one
            initial = _differentiable(initial)
            state = None if state is None else _differentiable(checked_tuple(state))
        state = checked_state(initial if state is None else checked_tuple(state), initial, x)
        training = self.training
        return Call(
            cells=self.cells,
            weights=dropped_weights(self.cell, self._weights(), self.weight_dropout if training else 0.0),
            x=x,
            state=state,
            initial=initial,
            lengths=lengths,
            order=order,
            resets=resets,
            side=checked_side(self.cell, side, x, initial[0].dtype),
            bidirectional=self.bidirectional,
            dropout=self.dropout if training else 0.0,
            residual=self.residual,
            input_masks=input_masks(self.cells, x, self.input_dropout if training else 0.0),
            noise=noise_of_each(
                self.cell,
                x.shape[0],  # not len(x), which would fix the steps of an exported graph
                initial,
                self.recurrent_dropout if training else 0.0,
                self.zoneout,
                training,
            ),
            recompute=self._recompute(),
            record=self._record,
        )

    def _recompute(self) -> int:
        """Returns the chunk length; 0 without gradients or in an exported graph, whose steps may be free."""
        if not self.recompute or not torch.is_grad_enabled() or torch.compiler.is_exporting():
            return 0
        return self.recompute


def _differentiable(state: State) -> State:
    return tuple(s if s.requires_grad else s.detach().requires_grad_() for s in state)
