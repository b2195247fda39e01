"""Batches: plain tensors, by name, that flow from a batcher to a model. A batch is never changed."""

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
        lengths: [B] number of steps of each row; None: all T.
        resets: [T, B] bool, true where a new sequence starts, or None.
        side: [T, B, …] side input of each step, such as the time since the last step, or None.
    """

    values: Tensor
    lengths: Tensor | None = None
    resets: Tensor | None = None
    side: Tensor | None = None


@dataclass(frozen=True)
class Target:
    """The values to predict, and the weight of each prediction.

    Attributes:
        values: [T, B], one for each step; [B] or [B, O], one for each sequence; or [U, B], sequences of
            another length than the input.
        weights: over the leading axes of ``values``, or over all of them; None: all 1.
        lengths: [B] number of steps of each row's target; None: all T or U. It may differ from the input's
            length: a recording has fewer letters than steps. Targets for each step of the input have weight
            0 past the end of a row, with or without lengths.
    """

    values: Tensor
    weights: Tensor | None = None
    lengths: Tensor | None = None


@dataclass(frozen=True)
class Batch:
    """The examples of one training step."""

    inputs: Field
    targets: Target


@dataclass(frozen=True)
class FrameBatch(Batch):
    """Windows of frames, each to be predicted from those before it.

    Attributes:
        told: [T, B] bool, true where the model reads the true frame, otherwise its own prediction of it.
    """

    told: Tensor


def to_device(value: T, device: torch.device) -> T:
    """Moves every tensor in a tensor, dataclass or tuple to a device; returns anything else unchanged."""
    if isinstance(value, Tensor):
        # to a CPU it must wait: what is read of a copy that is under way is anything
        return value.to(device, non_blocking=device.type != "cpu")  # type: ignore[return-value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        moved = {f.name: to_device(getattr(value, f.name), device) for f in dataclasses.fields(value)}
        return type(value)(**moved)
    if type(value) is tuple:
        return tuple(to_device(part, device) for part in value)  # type: ignore[return-value, attr-defined]
    return value


class Batches(Protocol):
    """The data of a part, as the training loop reads it."""

    steps: int

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """Yields batches ``start``, ``start`` + 1, … of an epoch."""


@dataclass(frozen=True)
class Window:
    """The data known at a cutoff: C steps before it, and covariates known ahead for the H steps after it.

    Attributes:
        values: [C, B] targets, 0 where missing.
        observed: [C, B] bool, false where missing and before a series' first step.
        known: [C + H, B, K] numbers known ahead.
        past: [C, B, P] numbers known up to the present.
        known_codes: [C + H, B, J] categories known ahead.
        past_codes: [C, B, L] categories known up to the present.
        starts: [C, B] bool, true at a series' first step.
        number: [B] position of the window's first step in its series; negative if before the series' start.
        series: [B] row in tables with one parameter for each series.
        lowest: [B] value that forecasts do not fall below; −inf if there is none.
        swings: [B] usual distance of the series from its mean, in the steps before the window's first moment.

    Values are targets less a reference of each window (see ``CutoffWindows``), and forecasts likewise.
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
    lowest: Tensor
    swings: Tensor

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
    """Windows and the steps that follow them.

    Attributes:
        inputs: the known data.
        targets: values [H, B] and their weights, 0 where missing.
    """

    inputs: Window
    targets: Target


@dataclass(frozen=True)
class WindowBatches:
    """Batches of the same forecasts, one for each kind of network.

    Attributes:
        kinds: the batches, whose windows may differ in length and unit.
    """

    kinds: tuple[WindowBatch, ...]
