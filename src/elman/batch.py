"""What flows from a batcher to a model: plain tensors, by name.

Nothing changes a batch once it is made; the classes are not frozen only because Fabric, whose mixed precision
rebuilds what a model is given, refuses frozen ones.
"""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


@dataclass
class Field:
    """An input with a time axis.

    Attributes:
        values: [T, B] ids or [T, B, I] features.
        lengths: [B] steps of each row, or None: all T.
        resets: [T, B] bool, true where a new sequence starts, or None.
    """

    values: Tensor
    lengths: Tensor | None = None
    resets: Tensor | None = None


@dataclass
class Target:
    """What is to be predicted, and how much each prediction counts.

    Attributes:
        values: [T, B] a step, or [B] or [B, O] a sequence.
        weights: over the leading axes of ``values``, or over all of them; None: all 1.
    """

    values: Tensor
    weights: Tensor | None = None


@dataclass
class Batch:
    """One step's worth of examples."""

    inputs: Field
    targets: Target


def to_device(value: T, device: torch.device) -> T:
    """The same structure with every tensor on the device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)  # type: ignore[return-value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        moved = {f.name: to_device(getattr(value, f.name), device) for f in dataclasses.fields(value)}
        return type(value)(**moved)
    return value
