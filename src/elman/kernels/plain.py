"""What compiled code, which sees memory and nothing else of a tensor, may be given."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

_PLAIN = (Tensor, nn.Parameter)


def why_not(tensors: Iterable[Tensor]) -> str | None:
    """None, or why compiled code cannot stand for operators of torch's on these tensors."""
    if torch._C._are_functorch_transforms_active():
        return "the compiled kernels have no batching rule"
    if torch.compiler.is_compiling():
        return None
    if torch.jit.is_tracing() or torch._C._len_torch_dispatch_stack():
        return "what records torch's operators would not see the compiled kernels"
    if forward_ad._current_level >= 0:
        return "the compiled kernels have no forward-mode derivative"
    if not all(type(t) in _PLAIN and not t.is_neg() for t in tensors):
        return "the compiled kernels take plain tensors"
    return None


def has_memory(t: Tensor) -> bool:
    """Whether a tensor of torch's lies in memory; a batch of vectorised gradients does not."""
    try:
        return t.data_ptr() != 0 or t.numel() == 0
    except RuntimeError:
        return False
