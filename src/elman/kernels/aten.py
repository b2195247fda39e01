"""The backend of torch's own fused layers, for plain calls: oneDNN and ATen on a CPU, cuDNN on a GPU."""

import itertools

import torch
from torch import _VF, Tensor
from torch.autograd import forward_ad
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.cells import GRU, LSTM, Elman, ProjectedLSTM
from elman.kernels.call import Call
from elman.state import State, where

# torch's name for the fused layer of each cell; "rnn_" is completed by the nonlinearity
_LAYERS = {Elman: "rnn_", LSTM: "lstm", ProjectedLSTM: "lstm", GRU: "gru"}


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
    if torch._C._are_functorch_transforms_active():
        return "torch's layers have no batching rule"
    if forward_ad._current_level >= 0:
        return "torch's layers have no forward-mode derivative"
    return None


def run(call: Call) -> tuple[Tensor, State]:
    """Runs the stack by one call of torch's layer."""
    if call.lengths is not None:
        return _ragged(call, call.lengths)
    if call.resets is not None:
        return _cut(call, call.resets)
    return _layer(call, call.x, None, call.state)


def _layer(call: Call, data: Tensor, batch_sizes: Tensor | None, state: State) -> tuple[Tensor, State]:
    """Calls torch's layer on data [T, B, I], or on packed data [sum of lengths, I]."""
    cell = call.cells[0]
    flat = [w[name] for w in call.weights for name in cell.parameters()]
    options = (cell.bias, len(call.cells), call.dropout, call.dropout > 0, call.bidirectional)
    entry = getattr(_VF, _LAYERS[type(cell)] + getattr(cell, "nonlinearity", ""))
    hx = list(state) if len(state) > 1 else state[0]
    if batch_sizes is None:
        output, *final = entry(data, hx, flat, *options, False)
    else:
        output, *final = entry(data, batch_sizes, hx, flat, *options)
    # autocast may have lowered the precision; the state keeps its own
    final = tuple(new.to(old.dtype) for new, old in zip(final, state, strict=True))
    return output.to(final[0].dtype), final


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
