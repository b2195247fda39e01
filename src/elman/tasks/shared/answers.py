"""What a trained model answers, how good that is, and how it is reported."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.batch import Batches
from elman.tasks.shared.data import Parts


@dataclass(frozen=True)
class Sample:
    """Sequences to look at a model with.

    Attributes:
        batch: what the model reads.
        unit: what a step of the input is, in the plural.
        texts: for each row the text that each of its steps adds; None where numbers are read.
        features: names of the numbers that the first layer reads at each step; further ones have none.
        needed: steps between an answer and the farthest that it depends on, where the task knows.
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
        facts: what was learnt of the data.
        model: in evaluation mode; None where only a report is wanted.
        folder: the run folder, in which pictures are drawn; None draws none.
    """

    def __init__(self, config: Any, facts: Any, model: Any = None, folder: Path | None = None) -> None:
        self.config = config
        self.facts = facts
        self.model: Any = model
        self.folder = folder

    @abstractmethod
    def batches(self, paths: list[Path]) -> Batches:
        """Batches of other files, as ``evaluate`` reads them. Raises InputError if they are refused."""

    @abstractmethod
    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Figures on other files. Raises InputError if they are refused."""

    @abstractmethod
    def measure(self, data: Any, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Figures on the test part, the simple methods' beside them.

        Args:
            data: the task's data.
            parts: its batches.
            say: takes a line about what is going on, for long measurements.
        """

    @abstractmethod
    def report(self, results: dict[str, Any]) -> str:
        """The results of a training as lines for people."""

    def sample(self, batches: Any) -> Sample:
        """Sequences of a part with the names of their steps: by default its first batch, without names."""
        return Sample(next(iter(batches.epoch(0))))
