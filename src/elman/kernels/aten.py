"""The backend of torch's own operators, for plain calls.

A fused layer (oneDNN and ATen on a CPU, cuDNN on a GPU), and on a CPU one step of a cell.
"""

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import _VF, Tensor
from torch.autograd import forward_ad
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman import draws
from elman.cells import GRU, LSTM, Elman, ProjectedLSTM
from elman.cells.base import Cell, Weights
from elman.kernels import loop
from elman.kernels.call import Call, cast
from elman.state import State, where

# torch's name for the fused layer of each cell; "rnn_" is completed by the nonlinearity
_LAYERS = {Elman: "rnn_", LSTM: "lstm", ProjectedLSTM: "lstm", GRU: "gru"}
# torch's operators of one step
_STEPS: dict[type[Cell], Callable[..., Any]] = {LSTM: _VF.lstm_cell, GRU: _VF.gru_cell}
_ELMAN_STEPS: dict[str, Callable[..., Any]] = {"tanh": _VF.rnn_tanh_cell, "relu": _VF.rnn_relu_cell}
# Both say which of torch's implementations runs, and nobody can act on them: cuDNN copies weights that do not
# lie side by side in each call.
for _message in (
    "RNN module weights are not part of single",
    "LSTM with projections is not supported with oneDNN",
):
    warnings.filterwarnings("ignore", _message, UserWarning, module=r"elman\.kernels\.aten")
STEP_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""The parameters that they take, in their order; a cell without bias lacks the last two."""


def supports(call: Call) -> str | None:
    """Returns None, or the reason why torch's layers cannot run this call."""
    if call.side is not None or call.x.dim() != 3:
        return "torch's layers take neither a side input nor planes"
    if type(call.cells[0]) not in _LAYERS:
        return f"torch has no fused {type(call.cells[0]).__name__}"
    if call.resets is not None and (call.bidirectional or call.lengths is not None):
        return "torch's layers support resets only for full rows in one direction"
    if call.input_masks is not None or call.noise or call.residual:
        return "torch's layers have no variational dropout, zoneout or residual connections"
    if call.recompute or call.record is not None:
        return "torch's layers neither recompute nor record their states' gradients"
    if 0 in call.x.shape[:2]:
        return "no steps or no rows"
    if torch.compiler.is_compiling() and (call.lengths is not None or call.resets is not None):
        return "packing and cutting depend on the data, which a compiled graph cannot do"
    if loop.is_needed(call):
        return "torch's layers would fix the number of steps of an exported graph"
    if torch._C._are_functorch_transforms_active():
        return "torch's layers have no batching rule"
    if forward_ad._current_level >= 0:
        return "torch's layers have no forward-mode derivative"
    return None


def find_step(cell: Cell) -> Callable[..., Any] | None:
    """Returns torch's operator for one step of this cell; None if it is absent or cannot be used here.

    It takes x [B, I], the state [B, H] (a pair for an LSTM) and the parameters in the order of
    ``STEP_WEIGHTS``, with None for those that the cell lacks, and returns the new state. It raises
    RuntimeError if shapes do not match.
    """
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return None
    return _ELMAN_STEPS[cell.nonlinearity] if type(cell) is Elman else _STEPS.get(type(cell))


def run(call: Call) -> tuple[Tensor, State]:
    """Runs the stack by one call of torch's layer; a single step of full rows cell by cell."""
    if is_single_step(call):
        return _single_step(call)
    if call.lengths is not None:
        return _ragged(call, call.lengths)
    if call.resets is not None:
        return _cut(call, call.resets)
    return _layer(call, call.x, None, call.state)


def is_single_step(call: Call) -> bool:
    """Whether the call is one step of full rows on a CPU, of a cell for which torch has an operator.

    It is false in a trace, which would then hold for one step only.
    """
    x, cell = call.x, type(call.cells[0])
    # the lengths first: packed rows of an exported graph have a number of steps that only a run knows
    if torch.jit.is_tracing() or call.lengths is not None or x.shape[0] != 1 or not x.is_cpu:
        return False
    return cell in _STEPS or cell is Elman


def _single_step(call: Call) -> tuple[Tensor, State]:
    """Runs one step by the cells' operators.

    Raises:
        ValueError: a parameter has the wrong shape.
    """
    state = call.state if call.resets is None else where(call.resets[0], call.initial, call.state, dim=1)
    try:
        return one_step(call.cells, call.weights, call.x, state, call.dropout)
    except RuntimeError:
        for k, w in enumerate(call.weights):
            _check_shapes(call.cells[k // call.directions], w)
        raise


def one_step(
    cells: tuple[Cell, ...], weights: tuple[Weights, ...], x: Tensor, state: State, dropout: float = 0.0
) -> tuple[Tensor, State]:
    """Runs one step of full rows by the cells' operators, which read the weights where they are.

    Args:
        cells: the cell of each layer, for which ``find_step`` has an operator.
        weights: parameters by name, for each layer and direction.
        x: [1, B, I].
        state: the state before the step, each tensor [layers × directions, B, H].
        dropout: probability on the output of every layer but the last.

    Raises:
        RuntimeError: shapes or dtypes do not match.
        ValueError: a bias has the wrong size.
    """
    operator = find_step(cells[0])
    assert operator is not None
    states = [s.unbind() for s in state]
    directions = len(weights) // len(cells)
    x = x[0]
    finals: list[State] = []
    for k, cell in enumerate(cells):
        if k and dropout:
            x = draws.dropout(x, dropout)
        first = len(finals)
        for j in range(first, first + directions):
            hx = [s[j] for s in states]
            new = operator(x, hx if len(hx) > 1 else hx[0], *_step_weights(cell, weights[j]))
            finals.append(new if len(hx) > 1 else (new,))
        x = finals[first][0] if directions == 1 else torch.cat([new[0] for new in finals[first:]], 1)
    # a copy, so that output and state share no memory; autocast may have lowered the precision of a new state
    stacked = map(torch.stack, zip(*finals, strict=True))
    final = tuple([cast(new, old.dtype) for new, old in zip(stacked, state, strict=True)])
    return cast(x, final[0].dtype)[None], final


def _step_weights(cell: Cell, w: Weights) -> list[Tensor | None]:
    """Returns the parameters that the cell's operator takes.

    Raises:
        ValueError: a bias has the wrong size, which the operator would stretch without a word.
    """
    weights = [w.get(name) for name in STEP_WEIGHTS]
    _, recurrent, *biases = weights
    assert recurrent is not None
    for bias in biases:
        if bias is not None and bias.shape != recurrent.shape[:1]:
            _check_shapes(cell, w)
    return weights


def _check_shapes(cell: Cell, w: Weights) -> None:
    """Raises ValueError if a parameter has the wrong shape."""
    for name, shape in cell.parameters().items():
        if w[name].shape != shape:
            raise ValueError(f"{name} must have shape {list(shape)}. Got {list(w[name].shape)}.")


def _layer(call: Call, data: Tensor, batch_sizes: Tensor | None, state: State) -> tuple[Tensor, State]:
    """Calls torch's layer on data [T, B, I], or on packed data [sum of lengths, I]."""
    if not call.dropout or (draws.generator(data.device) is None and not _is_cudnn(data)):
        return _stack(call, data, batch_sizes, state, call.dropout)
    finals = []
    # torch's stack draws its dropout from torch's generator alone; cuDNN from a state that no seed resets
    for k, cell in enumerate(call.cells):
        own = slice(k * call.directions, (k + 1) * call.directions)
        part = call._replace(cells=(cell,), weights=call.weights[own])
        data, final = _stack(part, data, batch_sizes, tuple(s[own] for s in state), 0.0)
        finals.append(final)
        if k < len(call.cells) - 1:
            data = draws.dropout(data, call.dropout)
    return data, tuple(torch.cat(parts) for parts in zip(*finals, strict=True))


def _stack(
    call: Call, data: Tensor, batch_sizes: Tensor | None, state: State, dropout: float
) -> tuple[Tensor, State]:
    cell = call.cells[0]
    flat = [w[name] for w in call.weights for name in cell.parameters()]
    # cuDNN has gradients in training mode alone, which without dropout changes no number
    is_training = dropout > 0 or (_is_cudnn(data) and torch.is_grad_enabled())
    options = (cell.bias, len(call.cells), dropout, is_training, call.bidirectional)
    entry = getattr(_VF, _LAYERS[type(cell)] + getattr(cell, "nonlinearity", ""))
    state = tuple(s.contiguous() for s in state)  # cuDNN reads no other; a learned state is expanded
    hx = list(state) if len(state) > 1 else state[0]
    if batch_sizes is None:
        output, *final = entry(data, hx, flat, *options, False)
    else:
        output, *final = entry(data, batch_sizes, hx, flat, *options)
    # autocast may have lowered the precision; the state keeps its own
    final = tuple(new.to(old.dtype) for new, old in zip(final, state, strict=True))
    return output.to(final[0].dtype), final


def _is_cudnn(data: Tensor) -> bool:
    """Whether cuDNN may run this call."""
    return data.is_cuda


def _cut(call: Call, resets: Tensor) -> tuple[Tensor, State]:
    """Runs the layer piece by piece between the steps at which some row resets."""
    cuts = resets.any(1).nonzero().flatten().tolist()
    state, outputs = call.state, []
    for begin, end in itertools.pairwise(sorted({0, *cuts, len(call.x)})):
        if begin in cuts:
            state = where(resets[begin], call.initial, state, dim=1)
        output, state = _layer(call, call.x[begin:end], None, state)
        outputs.append(output)
    return torch.cat(outputs), state


def _ragged(call: Call, lengths: Tensor) -> tuple[Tensor, State]:
    """Sorts and packs the rows by length, as torch requires, runs the layer, and restores their order."""
    T = call.x.shape[0]
    # torch cannot pack empty rows: they are read for one step of zeros, which is then undone
    empty = lengths == 0
    x = torch.where(empty[:, None], 0, call.x)
    # the order of a PackedSequence is kept, so that dropout draws the masks of torch's layers
    order = lengths.argsort(descending=True) if call.order is None else call.order
    back = order.argsort()
    packed = pack_padded_sequence(x[:, order], lengths.clamp(min=1)[order].cpu())
    data, final = _layer(call, packed.data, packed.batch_sizes, tuple(s[:, order] for s in call.state))
    output, _ = pad_packed_sequence(packed._replace(data=data), total_length=T)
    state = tuple(s[:, back] for s in final)
    return torch.where(empty[:, None], 0.0, output[:, back]), where(empty, call.state, state, dim=1)
