"""Options of the laboratory's problems."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from elman.config import flag, require
from elman.tasks.shared.options import TaskConfig, Verb


@dataclass(frozen=True, kw_only=True)
class Try(Verb):
    """Measures the model on new sequences, of any length, and shows some with its answers."""

    length: int | None = None
    """steps of a sequence; if absent, as in training"""
    sequences: int = 1000
    """number of sequences to draw"""
    show: int = 3
    """number of sequences to show"""
    seed: int = 0
    """seed of the sequences"""

    example: ClassVar[str] = "elman try runs/memory --length 100"

    def __post_init__(self) -> None:
        """Checks every number; the problem checks the length."""
        for name, least in (("sequences", 1), ("show", 0), ("seed", 0)):
            value = getattr(self, name)
            require(flag(name), least <= value <= 10**9, f"an int in [{least}, 1e9]", value)

    def text(self, task: Any) -> Iterator[str]:
        """Yields the figures next to those of simple methods, then the examples."""
        yield task.answers.trial_text(self.json(task))

    def json(self, task: Any) -> dict[str, Any]:
        """Returns length, figures, those of simple methods, and examples."""
        trial: dict[str, Any] = task.try_on(self.length, self.sequences, self.show, self.seed)
        return trial


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class LaboratoryConfig(TaskConfig):
    """Options of a problem that draws its own sequences."""

    problem: ClassVar[str]
    """Name of the problem's file in ``elman.data.problems``; the problem's fields are options too."""

    verb = Try
    rank = 80
    makes_data = True
    reads = "none: the task draws its own sequences"
    groups = {"problem": ("length",), "parts of the data": ("sequences", "held_out")}
    hidden_size: int = 128
    """units of each layer"""
    length: int = 100
    """steps of a sequence"""
    sequences: int = 10000
    """training sequences in an epoch; every epoch draws new ones"""
    held_out: int = 2000
    """sequences in the validation part, and also in the test part"""

    def __post_init__(self) -> None:
        """Checks both numbers; the problem checks its own."""
        super().__post_init__()
        for name in ("sequences", "held_out"):
            require(flag(name), 1 <= getattr(self, name) <= 10**9, "an int in [1, 1e9]", getattr(self, name))
