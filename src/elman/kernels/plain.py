"""Checks that tensors are plain memory, as compiled code requires."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

_PLAIN = (Tensor, nn.Parameter)


def why_not(tensors: Iterable[Tensor]) -> str | None:
    """Returns None, or the reason why compiled code cannot replace torch's operators on these tensors."""
    if torch._C._are_functorch_transforms_active():
        return "the compiled kernels have no batching rule"
    if torch.compiler.is_compiling():
        return None
    if torch.jit.is_tracing() or torch._C._len_torch_dispatch_stack():
        return "a tracer of torch's operators would not see the compiled kernels"
    if forward_ad._current_level >= 0:
        return "the compiled kernels have no forward-mode derivative"
    if not all(type(t) in _PLAIN and not t.is_neg() for t in tensors):
        return "the compiled kernels take plain tensors"
    return None


def has_memory(t: Tensor) -> bool:
    """Whether a tensor has memory; a batch of vectorised gradients has none."""
    try:
        return t.data_ptr() != 0 or t.numel() == 0
    except RuntimeError:
        return False
