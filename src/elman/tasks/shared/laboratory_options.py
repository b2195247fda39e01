"""Options of the problems of the laboratory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from elman.config import flag, require
from elman.tasks.shared.options import TaskConfig, Verb


@dataclass(frozen=True, kw_only=True)
class Try(Verb):
    """Measures the model on new sequences, longer ones if you like, and shows some with its answers."""

    length: int | None = None
    """steps of a sequence; none: as in training"""
    sequences: int = 1000
    """how many are drawn"""
    show: int = 3
    """how many of them are shown"""
    seed: int = 0
    """decides what is drawn"""

    example: ClassVar[str] = "elman try runs/memory --length 100"

    def __post_init__(self) -> None:
        """Checks every number; the problem checks the length."""
        for name, least in (("sequences", 1), ("show", 0), ("seed", 0)):
            value = getattr(self, name)
            require(flag(name), least <= value <= 10**9, f"an int in [{least}, 1e9]", value)

    def text(self, task: Any) -> Iterator[str]:
        """The figures beside the simple methods', then the examples."""
        yield task.answers.trial_text(self.json(task))

    def json(self, task: Any) -> dict[str, Any]:
        """Length, figures, the simple methods' and the examples."""
        trial: dict[str, Any] = task.try_on(self.length, self.sequences, self.show, self.seed)
        return trial


@dataclass(frozen=True, kw_only=True)
class LaboratoryConfig(TaskConfig):
    """Options of a problem whose sequences are drawn."""

    problem: ClassVar[str]
    """The problem, as its file in ``elman.data.problems`` is named; its fields are options too."""

    verb = Try
    rank = 80
    makes_data = True

    hidden_size: int = 128
    """units of each layer"""
    length: int = 100
    """steps of a sequence"""
    sequences: int = 10000
    """sequences of an epoch, drawn anew in each"""
    held_out: int = 2000
    """sequences of the validation part, and as many of the test part"""

    def __post_init__(self) -> None:
        """Checks both numbers; the problem checks its own."""
        super().__post_init__()
        for name in ("sequences", "held_out"):
            require(flag(name), 1 <= getattr(self, name) <= 10**9, "an int in [1, 1e9]", getattr(self, name))
