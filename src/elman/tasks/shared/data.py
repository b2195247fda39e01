"""A task's data: read, stored, reopened, and batched."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor

from elman.batch import Batches


@dataclass(frozen=True)
class Parts:
    """Batches of each part of a task's data."""

    training: Batches
    validation: Batches | None = None
    test: Batches | None = None


class TaskData(ABC):
    """The examples of a task's parts, and the facts of the training part.

    Attributes:
        config: the options; equal to the task's, except those that the data determine (a pretrained language
            model sets the sizes).
        facts: the facts of the training part.
        start: what ``initial`` returns unless a task has more.
        paths: the files and folders that were read; empty for data in memory.
    """

    needed_to_load: ClassVar[bool] = False
    """Whether a run needs its data to answer, so that loading it reopens them."""

    def __init__(self, config: Any, facts: Any) -> None:
        self.config = config
        self.facts = facts
        self.start: dict[str, Tensor] = {}
        self.paths: list[Path] = []

    @property
    def amounts(self) -> dict[str, int]:
        """How much was read: numbers by noun, in the singular."""
        return {}

    def sizes(self) -> dict[str, Any]:
        """Returns values of the options in ``config.sized`` by name; one that the user gave keeps its own.

        The rules stand in ``sizing``.
        """
        return {}

    def initial(self) -> dict[str, Tensor]:
        """Returns initial tensors of a new model, by their names in its state dict; empty for most tasks.

        It is called once the options in ``config.sized`` have their values.
        """
        return self.start

    @classmethod
    @abstractmethod
    def read(cls, config: Any, paths: list[Path], folder: Path | None) -> Self:
        """Reads raw files and learns the facts.

        Args:
            config: the options.
            paths: files or folders; empty for the task's built-in data, if any.
            folder: the run folder, in which data for a resumed run are stored; None keeps all in memory.

        Raises:
            InputError: a file breaks a rule.
        """

    @classmethod
    @abstractmethod
    def reopen(cls, config: Any, facts: Any, folder: Path) -> Self:
        """Opens the data that ``read`` stored in a run folder. Raises InputError if they are damaged."""

    @abstractmethod
    def parts(self) -> Parts:
        """Returns batches of every part."""

    def few(self) -> Parts:
        """Returns batches of every part that suffice for inspecting the model."""
        return self.parts()

    def save(self, folder: Path) -> None:  # noqa: B027 - most runs answer without their data
        """Writes the data that answers need to a run folder."""
