"""Calls of one step: which may run torch's operator of the cell at once, and the hooks before a step.

The layer is a ``Recurrent``; its module imports this one, so no type names it here.
"""

from typing import Any

import torch
from torch import Tensor

from elman.kernels import aten, dispatch
from elman.state import State


def hooked_step(layer: Any, x: Tensor, state: State | None) -> tuple[Tensor, State | None]:
    """Runs the forward pre-hooks on a step's input, as a call with one step, and returns their result."""
    args: tuple[Any, ...] = (x[:, None] if layer.batch_first else x[None], state)
    for key, hook in list(layer._forward_pre_hooks.items()):
        if key in layer._forward_pre_hooks_with_kwargs:
            result = hook(layer, args, {})
            args = args if result is None else result[0]
        else:
            result = hook(layer, args)
            args = args if result is None else result if isinstance(result, tuple) else (result,)
    seen = args[0][:, 0] if layer.batch_first else args[0][0]
    return seen, args[1] if len(args) > 1 else state


def is_quick(layer: Any, x: Tensor) -> bool:
    """Whether a call with full rows and no resets is one step that torch's operator of the cell can run.

    Decoders and agents make such calls by the million; checks, noise and the choice of a backend would
    take as long as the step.
    """
    if x.shape[0] != 1 or not x.is_cpu or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if layer._record is not None or layer._calls is not None or dispatch.VERBOSE:
        return False
    if layer.residual or any(layer.zoneout) or (layer.training and layer.is_random):
        return False
    return layer.backend == "auto" and aten.find_step(layer.cell) is not None


def fits(layer: Any, state: State) -> bool:
    """Whether this is a state of the layer, but for its rows and units."""
    if not isinstance(state, tuple) or len(state) != len(layer.zoneout):  # a rate for each state
        return False
    for s in state:
        if not isinstance(s, Tensor) or s.dim() != 3 or s.shape[0] != len(layer._names):
            return False
    return True
