"""What a task learns of its training data, beside the weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.config import from_json, to_json
from elman.train import files


@dataclass(frozen=True)
class TaskFacts:
    """What a model must know of the data that it was trained on: names, scales, a vocabulary.

    A frozen dataclass whose ``__post_init__`` checks every value, since it may come from anywhere. Its
    fields are the ``facts`` of a run's ``config.json``; what has a file of its own is written and read by
    ``save`` and ``load``.

    Raises:
        InputError: a field breaks its rule.
    """

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the files of these facts; returns what belongs into ``config.json``."""
        return to_json(self)

    @classmethod
    def load(cls, content: dict[str, Any], config: Any, folder: Path) -> Self:
        """The facts of a run folder.

        Args:
            content: the ``facts`` of its ``config.json``.
            config: the task's options, which the facts must fit.
            folder: the run folder.

        Raises:
            InputError: a fact is missing, malformed or does not fit; the message names the file.
        """
        return from_json(cls, content, str(folder / files.CONFIG))
