"""What cells with convolutions in place of products share: kernels, planes, padding."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Cell, Shape, Weights, check_size
from elman.state import State


@dataclass(frozen=True)
class Convolutional(Cell):
    """A cell that reads pictures: its weights are kernels, its states have the planes of its input.

    Each product of a cell of vectors becomes a convolution over height and width, whose edges are padded with
    zeros, so that the planes keep their size. The input is convolved for all steps and rows at once.

    Args:
        input_size: I, channels of the input.
        hidden_size: H, channels of each state.
        bias: whether the cell has biases.
        kernel_size: K, height and width of the kernels, odd.

    Shapes:
        x [B, I, height, width], each state [B, H, height, width]; with G gates: weight_ih [G·H, I, K, K],
        weight_hh [G·H, H, K, K], biases [G·H]

    Raises:
        ValueError: a size is negative, or K is not odd.
    """

    kernel_size: int = 3

    plane_axes: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Checks the sizes."""
        super().__post_init__()
        check_size("kernel_size", self.kernel_size)
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd. Got {self.kernel_size}.")

    def parameters(self) -> dict[str, Shape]:
        """Returns the shapes of a cell of vectors, a kernel for each number of its weights."""
        kernel = (self.kernel_size, self.kernel_size)
        return {
            name: shape if name in self.gate_biases else (*shape, *kernel)
            for name, shape in super().parameters().items()
        }

    def project(self, w: Weights, x: Tensor) -> Tensor:
        """Convolves the input: [..., I, height, width] → [..., G·H, height, width]."""
        return self._convolved(x, w["weight_ih"], w.get("bias_ih"))

    def recur(self, w: Weights, state: State) -> Tensor:
        """Convolves the first state: [B, H, height, width] → [B, G·H, height, width]."""
        return self._convolved(state[0], w["weight_hh"], w.get("bias_hh"))

    def _convolved(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """Convolves the last three axes; those before them are rows."""
        y = F.conv2d(x.flatten(0, -4), kernel, bias, padding=self.kernel_size // 2)
        return y.unflatten(0, x.shape[:-3])
