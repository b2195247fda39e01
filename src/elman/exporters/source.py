"""What a trained task hands over to be exported."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from torch import nn


@dataclass(frozen=True)
class ToExport:
    """A model to export.

    Attributes:
        model: the model, in evaluation mode.
        metadata: what travels along: names and their texts.
        notes: what a user must know, a line each.
        measure: measures a model on the run's own test part, None if that is empty; None: there is none.
        figure: name of what it measures.
    """

    model: nn.Module
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    measure: Callable[[nn.Module], float | None] | None = None
    figure: str = ""


@runtime_checkable
class Exportable(Protocol):
    """What has a network: a trained task."""

    def to_export(self) -> ToExport:
        """Returns the network and what travels along."""
        ...
