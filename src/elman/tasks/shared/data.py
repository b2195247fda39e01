"""A task's data: read, stored, reopened, and batched."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor

from elman.batch import Batches


@dataclass(frozen=True)
class Parts:
    """A task's data, ready to be read batch by batch."""

    training: Batches
    validation: Batches | None = None
    test: Batches | None = None


class TaskData(ABC):
    """The examples of a task's parts, with what was learnt of the training part.

    Attributes:
        config: the options. Equal to those of the task, but where the data decide (a language model to
            start from sets the sizes).
        facts: what was learnt.
        start: tensors that a new model starts from, by their names in its state dict; most tasks have none.
    """

    needed_to_load: ClassVar[bool] = False
    """Whether a run cannot answer without its data, so that loading it reopens them."""

    def __init__(self, config: Any, facts: Any) -> None:
        self.config = config
        self.facts = facts
        self.start: dict[str, Tensor] = {}

    @classmethod
    @abstractmethod
    def read(cls, config: Any, paths: list[Path], folder: Path | None) -> Self:
        """Reads raw files and learns the facts.

        Args:
            config: the options.
            paths: files or folders; empty for the task's own data, if it has some.
            folder: the run folder, in which what a resumed run needs is left; None keeps all in memory.

        Raises:
            InputError: a file is refused.
        """

    @classmethod
    @abstractmethod
    def reopen(cls, config: Any, facts: Any, folder: Path) -> Self:
        """Opens what ``read`` left in a run folder. Raises InputError if that is damaged or does not fit."""

    @abstractmethod
    def parts(self) -> Parts:
        """Batches of every part."""

    def few(self) -> Parts:
        """Batches of every part that are enough to look at the model with."""
        return self.parts()

    def save(self, folder: Path) -> None:  # noqa: B027 - most runs answer without
        """Writes to a run folder what answers need of the data."""
