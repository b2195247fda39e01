"""What a target wrote of a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from elman.exporters.check import Run


@dataclass(frozen=True)
class Written:
    """What a target wrote.

    Attributes:
        files: names of the files.
        whole: runs whole sequences of them; None: nothing does.
        step: runs one step of them; None: nothing does.
        notes: what a user must know, a line each.
        sizes: bytes that a program needs, by what for.
    """

    files: tuple[str, ...]
    whole: Run | None
    step: Run | None
    notes: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
