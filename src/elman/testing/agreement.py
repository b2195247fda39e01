"""Compares two ways to the same numbers: output, final state and every gradient."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from elman.cells import Cell
from elman.layers import Recurrent
from elman.state import State

M = TypeVar("M", bound=nn.Module)

PLANES = (3, 2)
"""Height and width of the pictures that cells with planes read."""


def randomise(module: M, scale: float = 0.5) -> M:
    """Random values everywhere, so that no mistake hides behind a bias of 0 or a gain of 1."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=scale)
    return module


def planes_of(cell: Cell | type[Cell]) -> tuple[int, ...]:
    """Sizes of the planes of the inputs that are drawn for a cell."""
    return PLANES[: cell.plane_axes]


def draw(layer: Recurrent, T: int, B: int) -> tuple[Tensor, State]:
    """A random input [T, B, I, *planes] and a random state for the layer, both requiring gradients."""
    planes = planes_of(layer.cell)
    like = layer.initial_state(B, planes)
    state = tuple(torch.randn(s.shape, dtype=s.dtype, requires_grad=True) for s in like)
    return torch.randn(T, B, layer.input_size, *planes, dtype=like[0].dtype, requires_grad=True), state


def draw_side(cell: Cell, *leading: int) -> dict[str, Tensor]:
    """The side input, as the keyword that takes it, requiring gradients; empty for a cell without one."""
    shape = cell.side_input()
    if shape is None:
        return {}
    return {"side": torch.rand(*leading, *shape, dtype=torch.float64).mul_(3).requires_grad_()}


def several(state: Any) -> tuple[Tensor, ...]:
    """A state as a tuple, whether it is one tensor, several or None."""
    return () if state is None else (state,) if isinstance(state, Tensor) else tuple(state)


def weighted_sum(values: Iterable[Tensor]) -> Tensor:
    """A scalar in which every element of every value counts differently."""
    return torch.stack([(v * torch.arange(v.numel()).cos().view(v.shape)).sum() for v in values]).sum()


def leaves(x: Tensor, state: Any, module: nn.Module, **others: Tensor) -> dict[str, Tensor]:
    """All that goes in, by name: the input, the states (a tensor, several or None), parameters and others."""
    states = {f"state {k}": s for k, s in enumerate(several(state))}
    return {"x": x, **states, **dict(module.named_parameters()), **others}


def results(run: Any, x: Tensor, state: Any, module: nn.Module, **others: Tensor) -> dict[str, Tensor]:
    """What a run returned, (output, state), and the gradients of its weighted sum for all that went in."""
    output, final = run
    values = {"output": output.data if isinstance(output, PackedSequence) else output}
    values |= {f"state {k}": s for k, s in enumerate(several(final))}
    inputs = leaves(x, state, module, **others)
    gradients = torch.autograd.grad(
        weighted_sum(values.values()), list(inputs.values()), allow_unused=True, materialize_grads=True
    )
    return {name: value.detach() for name, value in values.items()} | {
        f"gradient of {name}": gradient for name, gradient in zip(inputs, gradients, strict=True)
    }


def agree(
    received: Mapping[Any, Tensor], expected: Mapping[Any, Tensor], tolerance: float, floor: float = 0.0
) -> None:
    """Raises AssertionError unless names and shapes are equal, and values but for rounding.

    Args:
        received: tensors by name.
        expected: the same, made in another way.
        tolerance: the error allowed, as a share of each value's largest element.
        floor: stands in where the largest is smaller: sums that cancel have larger errors than values.
    """
    if received.keys() != expected.keys():
        raise AssertionError(f"results must be {', '.join(expected)}. Got {', '.join(received)}.")
    for name, value in expected.items():
        if received[name].shape != value.shape:
            raise AssertionError(
                f"{name} must have shape {list(value.shape)}. Got {list(received[name].shape)}."
            )
        if value.numel():
            error = (received[name].double() - value.double()).abs().max().item()
            largest = value.double().abs().max().item()
            if not error <= tolerance * max(largest, floor):
                raise AssertionError(f"{name}: {error:.1e} off, its largest is {largest:.1e}")
