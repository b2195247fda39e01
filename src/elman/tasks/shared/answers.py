"""Predictions, figures and reports of a trained model: the contract of all tasks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.batch import Batches
from elman.diagnose.remedies import Remedy
from elman.tasks.shared.data import Parts


@dataclass(frozen=True)
class Excerpt:
    """Sequences for inspecting a model.

    Attributes:
        batch: the model's input and targets.
        unit: name of the steps of the input, in the plural.
        texts: for each row, the text that each of its steps adds; None if the model reads numbers.
        features: names of the numbers that the first layer reads at each step; later numbers have no name.
        needed: steps between an answer and the farthest step that it depends on, if the task knows it.
    """

    batch: Any
    unit: str = "steps"
    texts: list[list[str]] | None = None
    features: tuple[str, ...] = ()
    needed: int | None = None


class TaskAnswers(ABC):
    """Predictions, figures and reports of one model.

    Args:
        config: the options.
        facts: the facts of the training data.
        model: in evaluation mode; None for a report alone.
        folder: the run folder, in which pictures are drawn; None draws none.
    """

    def __init__(self, config: Any, facts: Any, model: Any = None, folder: Path | None = None) -> None:
        self.config = config
        self.facts = facts
        self.model: Any = model
        self.folder = folder

    @abstractmethod
    def batches(self, paths: list[Path]) -> Batches:
        """Returns batches of other files, as ``evaluate`` reads them. Raises InputError for bad files."""

    @abstractmethod
    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on other files. Raises InputError for bad files."""

    @abstractmethod
    def measure(self, data: Any, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model and the simple methods on the test part.

        Args:
            data: the task's data.
            parts: its batches.
            say: called with a line of progress during long measurements.
        """

    @abstractmethod
    def report(self, results: dict[str, Any]) -> str:
        """Returns the results of a training as readable lines."""

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes options of the task for a run with these results; by default none."""
        yield from ()

    def excerpt(self, batches: Any) -> Excerpt:
        """Returns some sequences of a part and their names; by default its first batch, without names."""
        return Excerpt(next(iter(batches.epoch(0))))
