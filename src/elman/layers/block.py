"""Residual blocks around a recurrent layer, one or several in a row, with their state in the open."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from elman.cells.base import Cell, Shape, check_size
from elman.errors import ShapeError
from elman.layers.checks import (
    check_bool,
    check_probability,
    checked_lengths,
    checked_resets,
    checked_state,
    checked_tuple,
)
from elman.layers.forms import arranged, returned
from elman.layers.recurrent import Recurrent
from elman.layers.short_convolution import ShortConvolution
from elman.layers.stream import Stream
from elman.state import State

NORMS = {"layer": nn.LayerNorm, "rms": nn.RMSNorm, "none": nn.Identity}
"""What may stand before a layer, by name."""


class _Residual(nn.Module):
    """The calls of a layer of D features in and out; a subclass runs them, time first, in ``_run``."""

    input_size: int
    batch_first: bool

    def forward(
        self,
        input: Tensor | PackedSequence,
        state: State | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        side: Tensor | None = None,
    ) -> tuple[Any, State]:
        """Unrolls over all steps; arguments, results and errors as of ``elman.Recurrent``."""
        arguments = arranged(input, state, lengths, resets, side, 0, self.batch_first)
        x, state, lengths, resets, side, _ = arguments
        if x.shape[-1] != self.input_size:
            raise ShapeError(f"input's last axis must be input_size ({self.input_size}). Got {x.shape[-1]}.")
        T, B, _ = x.shape
        initial = self.initial_state(B)
        state = checked_state(initial if state is None else checked_tuple(state), initial, x)
        if lengths is not None:
            lengths = checked_lengths(lengths, T, B, x.device)
            ended = torch.arange(T, device=x.device)[:, None] >= lengths
            x = x.masked_fill(ended[..., None], 0.0)  # whatever stands there, even NaN
        resets = None if resets is None else checked_resets(resets, T, B, x.device)
        output, final = self._run(x, state, lengths, resets, side)
        if lengths is not None:
            output = output.masked_fill(ended[..., None], 0.0)
        return returned(input, arguments, output, final)

    def step(self, x: Tensor, state: State | None = None, side: Tensor | None = None) -> tuple[Tensor, State]:
        """Runs one step with the same weights: x [B, D], side [B, *shape] → (output [B, D], state)."""
        if x.dim() != 2:
            raise ShapeError(f"a step's input must be [B, I]. Got shape {list(x.shape)}.")
        axis = 1 if self.batch_first else 0
        output, state = self(x.unsqueeze(axis), state, side=None if side is None else side.unsqueeze(axis))
        return output.squeeze(axis), state

    plain_step = step

    def stream(self, batch_size: int = 1) -> Stream:
        """Returns an object that carries the state from step to step, for inference.

        Args:
            batch_size: B, rows that stream in parallel.
        """
        return _BlockStream(self, batch_size)

    @property
    def output_size(self) -> int:
        """D, features per step of the output, as of the input."""
        return self.input_size

    def initial_state(self, batch_size: int, planes: Shape = ()) -> State:
        """Returns the state before the first step: each [·, B, ·]. ``planes`` must be empty."""
        raise NotImplementedError

    def _run(
        self, x: Tensor, state: State, lengths: Tensor | None, resets: Tensor | None, side: Tensor | None
    ) -> tuple[Tensor, State]:
        raise NotImplementedError


class Block(_Residual):
    """One residual block around a recurrent layer, as deep stacks of modern cells need it.

        u = norm(x)
        v = silu(short convolution of u over its last K steps), or u without one
        h = layer(v)
        y = x + W_o (h ⊙ silu(W_g u)), or x + W_o h without a gate

    The state is the layer's, and the convolution's last inputs after it, so that chunks, single steps and
    streams give what the whole sequence gives. A reset empties both. Not implemented: normalisation after
    the layer, a feed-forward network as a second part of the block.

    Args:
        layer: an ``elman.Recurrent`` of one direction, time first, of any cell that reads features; or a
            cell, which stands for ``Recurrent(cell, init="advised")``. It reads D features.
        norm: "layer", "rms" or "none".
        convolution: K, steps that the convolution sees, at least 2; 0: no convolution.
        gate: whether there is a gate.
        dropout: probability on the elements of h before W_o, anew at every step.
        batch_first: input and output are [B, T, D] instead of [T, B, D]; states are not affected.

    Shapes:
        input [T, B, D], or one of the other forms of ``elman.Recurrent`` → output in the same form, state: as
        the layer's, then [1, B, K − 1, D]; with O the layer's output size: gate [O, D], out [D, O],
        convolution [K, D]

    Raises:
        ValueError: an option is out of its range, or the layer is of another kind.

    Source: the parts and their order as in De et al. 2024, arXiv:2402.19427, whose second linear branch is
        the cell's own input product here; Beck et al. 2024, arXiv:2405.04517, has like blocks.
    """

    def __init__(
        self,
        layer: Recurrent | Cell,
        *,
        norm: str = "rms",
        convolution: int = 0,
        gate: bool = True,
        dropout: float = 0.0,
        batch_first: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(layer, Cell):
            layer = Recurrent(layer, init="advised")
        if not isinstance(layer, Recurrent) or type(layer).forward is not Recurrent.forward:
            raise ValueError(f"layer must be a cell or an elman.Recurrent. Got {layer!r}.")
        if layer.bidirectional or layer.batch_first or layer.cell.plane_axes:
            raise ValueError(
                f"layer must be of one direction, time first, and read no planes. Got {layer!r}."
            )
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}. Got {norm!r}.")
        if convolution != 0:
            check_size("convolution", convolution, least=2)
        check_bool("gate", gate)
        check_bool("batch_first", batch_first)
        check_probability("dropout", dropout)
        D, O = layer.input_size, layer.output_size  # noqa: E741 - the letter of the docs
        like: dict[str, Any] = {"device": (p := next(layer.parameters())).device, "dtype": p.dtype}
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.norm = nn.Identity() if norm == "none" else NORMS[norm](D, **like)
        self.convolution = ShortConvolution(D, convolution, **like) if convolution else None
        self.layer = layer
        self.gate = nn.Linear(D, O, **like) if gate else None
        self.out = nn.Linear(O, D, bias=False, **like)

    @property
    def input_size(self) -> int:  # type: ignore[override]
        """D, features per step of input and output."""
        return self.layer.input_size

    @property
    def is_random(self) -> bool:
        """Whether a call in training draws random numbers."""
        return bool(self.dropout) or self.layer.is_random

    @property
    def takes_side(self) -> bool:
        """Whether the cell takes a side input."""
        return self.layer.cell.side_input() is not None

    def initial_state(self, batch_size: int, planes: Shape = ()) -> State:
        """Returns the layer's initial state, and no inputs before the convolution's first."""
        state = self.layer.initial_state(batch_size, planes)
        return state if self.convolution is None else (*state, self.convolution.initial(batch_size))

    def parameter_options(self) -> dict[str, dict[str, float]]:
        """Returns optimizer options by parameter name: the norm's and the biases have no weight decay."""
        return {
            name: {"weight_decay": 0.0}
            for name, p in self.named_parameters()
            if p.dim() == 1 and not name.startswith("layer.")
        }

    def _run(
        self, x: Tensor, state: State, lengths: Tensor | None, resets: Tensor | None, side: Tensor | None
    ) -> tuple[Tensor, State]:
        """Runs a call; x is [T, B, D], 0 past a row's end."""
        normed = v = self.norm(x)
        window: State = ()
        if self.convolution is not None:
            *rest, last = state
            v, last = self.convolution(normed, last, lengths, resets)
            state, window = tuple(rest), (last,)
        h, state = self.layer(v, state, lengths, resets, side)
        if self.gate is not None:
            h = h * F.silu(self.gate(normed))
        return x + self.out(F.dropout(h, self.dropout, self.training)), (*state, *window)


class Blocks(_Residual):
    """Residual blocks in a row, of one cell or of several, and a norm after the last.

    Args:
        blocks: ``Block`` or ``Blocks``, each of D features; the first reads the input. Their own
            ``batch_first`` does not count.
        norm: "layer", "rms" or "none", after the last.
        batch_first: as of ``Block``.

    Shapes:
        input and output as of ``Block``; state: those of the blocks, one after another

    Raises:
        ValueError: there is no block, one is of another kind, or their sizes differ.
    """

    def __init__(
        self, blocks: Iterable["Block | Blocks"], *, norm: str = "rms", batch_first: bool = False
    ) -> None:
        super().__init__()
        own = list(blocks)
        others = [type(block).__name__ for block in own if not isinstance(block, Block | Blocks)]
        if not own or others:
            raise ValueError(f"blocks must be one Block or more. Got {others[0] if others else 'none'}.")
        sizes = [block.input_size for block in own]
        if len(set(sizes)) > 1:
            raise ValueError(f"blocks must have one input_size. Got {sizes}.")
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}. Got {norm!r}.")
        check_bool("batch_first", batch_first)
        p = next(own[0].parameters())
        self.batch_first = batch_first
        self.blocks = nn.ModuleList(own)
        self.norm = nn.Identity() if norm == "none" else NORMS[norm](sizes[0], device=p.device, dtype=p.dtype)

    @property
    def input_size(self) -> int:  # type: ignore[override]
        """D, features per step of input and output."""
        return self._each()[0].input_size

    @property
    def is_random(self) -> bool:
        """Whether a call in training draws random numbers."""
        return any(block.is_random for block in self._each())

    @property
    def takes_side(self) -> bool:
        """Whether a cell takes a side input; the others do not get it."""
        return any(block.takes_side for block in self._each())

    def initial_state(self, batch_size: int, planes: Shape = ()) -> State:
        """Returns the initial states of the blocks, one after another."""
        return tuple(s for block in self._each() for s in block.initial_state(batch_size, planes))

    def parameter_options(self) -> dict[str, dict[str, float]]:
        """Returns optimizer options by parameter name: the last norm's have no weight decay."""
        return {f"norm.{name}": {"weight_decay": 0.0} for name, _ in self.norm.named_parameters()}

    def _each(self) -> list["Block | Blocks"]:
        return list(self.blocks)  # type: ignore[arg-type]

    def _run(
        self, x: Tensor, state: State, lengths: Tensor | None, resets: Tensor | None, side: Tensor | None
    ) -> tuple[Tensor, State]:
        """Runs the blocks, each with its share of the state."""
        final: State = ()
        for block in self._each():
            own = len(block.initial_state(0))
            x, new = block._run(x, state[:own], lengths, resets, side if block.takes_side else None)
            state, final = state[own:], final + new
        return self.norm(x), final


class _BlockStream(Stream):
    """A stream whose steps the blocks make: there is no one kernel of a whole block."""

    def _steps_by_kernel(self) -> bool:
        return False
