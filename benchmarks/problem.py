"""What every library is given to compute, and what it hands back."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
PASSES = {"training": 3, "forward": 1}


@dataclass(frozen=True)
class Problem:
    """What is computed: I = H, and in streaming B = T = 1, the state carried from call to call."""

    cell: str
    B: int
    T: int
    H: int
    mode: str  # "training", "forward" or "streaming"
    precision: str = "float32"  # or "bfloat16"

    @cached_property
    def layer(self) -> torch.nn.Module:
        """The weights, as torch lays them out: gates i, f, g, o and r, z, n."""
        torch.manual_seed(0)
        return getattr(torch.nn, self.cell)(self.H, self.H)

    @cached_property
    def x(self) -> torch.Tensor:
        return torch.randn(self.T, self.B, self.H, generator=torch.Generator().manual_seed(1))

    @cached_property
    def gradient(self) -> torch.Tensor:
        return torch.randn(self.T, self.B, self.H, generator=torch.Generator().manual_seed(2))

    @property
    def operations(self) -> int:
        """Floating-point operations of the products."""
        return PASSES[self.mode] * 4 * GATES[self.cell] * self.B * self.T * self.H**2

    def weights(self, order: str) -> list[np.ndarray]:
        """weight_ih [G·H, I], weight_hh [G·H, H], bias_ih, bias_hh with the gates in this order."""
        of_torch = {"RNN": "h", "LSTM": "ifgo", "GRU": "rzn"}[self.cell]
        blocks = [np.split(p.detach().numpy(), len(order)) for p in self.layer.parameters()]
        return [np.concatenate([b[of_torch.index(gate)] for gate in order]) for b in blocks]


class Work(NamedTuple):
    """A unit of work, and how its result is laid out."""

    run: Callable[[], Any]
    batch_first: bool = False

    def array(self, p: Problem) -> np.ndarray:
        """Does the work and returns a copy of the result as [T, B, H]."""
        with torch.inference_mode(p.mode != "training"):
            found = self.run()
        found = found[0] if isinstance(found, tuple) else found  # an LSTM cell's (h, c)
        if isinstance(found, torch.Tensor):
            found = found.detach().float()
        found = np.array(found.numpy() if hasattr(found, "numpy") else found)
        return (
            found.reshape(p.B, p.T, p.H).swapaxes(0, 1) if self.batch_first else found.reshape(p.T, p.B, p.H)
        )
