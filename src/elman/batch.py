"""What flows from a batcher to a model: plain tensors, by name. Nothing changes a batch once it is made."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


@dataclass(frozen=True)
class Field:
    """An input with a time axis.

    Attributes:
        values: [T, B] ids, [T, B, I] features or [T, B, I, *planes].
        lengths: [B] steps of each row, or None: all T.
        resets: [T, B] bool, true where a new sequence starts, or None.
        side: [T, B, …] the side input of each step, as the time since the last one, or None.
    """

    values: Tensor
    lengths: Tensor | None = None
    resets: Tensor | None = None
    side: Tensor | None = None


@dataclass(frozen=True)
class Target:
    """What is to be predicted, and how much each prediction counts.

    Attributes:
        values: [T, B] a step, or [B] or [B, O] a sequence; or [U, B], sequences of a length of their own.
        weights: over the leading axes of ``values``, or over all of them; None: all 1.
        lengths: [B] steps of each row's target, or None: all T or U. It need not be the input's length, as
            where a recording has fewer letters than steps. Where targets stand step by step beside the
            input, their weights are 0 past a row's end, with or without lengths.
    """

    values: Tensor
    weights: Tensor | None = None
    lengths: Tensor | None = None


@dataclass(frozen=True)
class Batch:
    """One step's worth of examples."""

    inputs: Field
    targets: Target


def to_device(value: T, device: torch.device) -> T:
    """The same tensor, dataclass or tuple with every tensor in it on the device; anything else as it is."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)  # type: ignore[return-value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        moved = {f.name: to_device(getattr(value, f.name), device) for f in dataclasses.fields(value)}
        return type(value)(**moved)
    if type(value) is tuple:
        return tuple(to_device(part, device) for part in value)  # type: ignore[return-value, attr-defined]
    return value


class Batches(Protocol):
    """What the training loop needs of data."""

    steps: int

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Batches ``start``, ``start`` + 1, … of an epoch."""


@dataclass(frozen=True)
class Window:
    """What is known at a cutoff: C steps before it, and covariates known ahead of the H steps after it.

    Attributes:
        values: [C, B] targets, 0 where missing.
        observed: [C, B] bool, false where missing and before a series' first step.
        known: [C + H, B, K] numbers known ahead.
        past: [C, B, P] numbers known up to the present.
        known_codes: [C + H, B, J] categories known ahead.
        past_codes: [C, B, L] categories known up to the present.
        starts: [C, B] bool, true at a series' first step.
        number: [B] of the window's first step within its series; negative where it begins before it.
        series: [B] row in tables of one parameter a series.
    """

    values: Tensor
    observed: Tensor
    known: Tensor
    past: Tensor
    known_codes: Tensor
    past_codes: Tensor
    starts: Tensor
    number: Tensor
    series: Tensor

    @property
    def context(self) -> int:
        """C, steps before the cutoff."""
        return len(self.values)

    @property
    def horizon(self) -> int:
        """H, steps after it."""
        return len(self.known) - len(self.values)


@dataclass(frozen=True)
class WindowBatch:
    """Windows, and what follows them.

    Attributes:
        inputs: what is known.
        targets: values [H, B] and their weights, 0 where missing.
    """

    inputs: Window
    targets: Target
