"""The loop over layers and directions, which is the same whatever unrolls one of them over time."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.kernels.call import Call, Noise
from elman.state import State


def run(call: Call, unroll: Callable[..., tuple[Tensor, State]]) -> tuple[Tensor, State]:
    """Unrolls the stack: output [T, B, O × directions] and the state [layers × directions, B, *shape].

    Args:
        call: what to do.
        unroll: one layer in one direction; as ``reference.unroll``.
    """
    x, finals = call.x, []
    for layer, cell in enumerate(call.cells):
        entering = x if call.input_masks is None else x * call.input_masks[layer]
        outputs = []
        for direction in range(call.directions):
            k = layer * call.directions + direction
            output, final = unroll(
                cell,
                call.weights[k],
                entering,
                tuple(s[k] for s in call.state),
                initial=tuple(s[k] for s in call.initial),
                lengths=call.lengths,
                resets=call.resets,
                noise=call.noise[k] if call.noise else Noise(),
                reverse=direction == 1,
            )
            outputs.append(output)
            finals.append(final)
        y = torch.cat(outputs, -1) if call.bidirectional else outputs[0]
        x = x + y if call.residual and layer > 0 else y
        if call.dropout and layer < len(call.cells) - 1:
            x = F.dropout(x, call.dropout)
    return x, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))
