"""Facts: what a task learns from its training data in addition to the weights."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.config import from_json, to_json
from elman.train import files


@dataclass(frozen=True)
class TaskFacts:
    """What a model must know about its training data: names, scales, a vocabulary.

    A frozen dataclass. Its ``__post_init__`` checks every value, since a run folder may come from anywhere.
    Its fields are the ``facts`` in a run's ``config.json``; ``save`` and ``load`` also write and read facts
    with files of their own.

    Raises:
        InputError: a field breaks its rule.
    """

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the files of these facts; returns the content for ``config.json``."""
        return to_json(self)

    def save_fitted(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes the files of what was fitted after the training; ``check`` as for ``write_atomically``."""

    @classmethod
    def load(cls, content: dict[str, Any], config: Any, folder: Path) -> Self:
        """Reads the facts of a run folder.

        Args:
            content: the ``facts`` of its ``config.json``.
            config: the task's options, which the facts must match.
            folder: the run folder.

        Raises:
            InputError: a fact is missing, malformed or contradicts the options; the message names the file.
        """
        return from_json(cls, content, str(folder / files.CONFIG))
