"""Facts that a classifier learns from its training data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.config import from_json, to_json
from elman.data.labelled.scheme import Scheme
from elman.data.tokens.vocab import TextVocabulary
from elman.errors import InputError
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.text import load_vocabulary, save_vocabulary
from elman.train import files


@dataclass(frozen=True)
class ClassificationFacts(TaskFacts):
    """Kind of example, labels and scales of numbers; for texts, the vocabulary in a file of its own.

    Only the scheme is stored in ``config.json``.
    """

    scheme: Scheme
    vocabulary: TextVocabulary | None = None

    def __post_init__(self) -> None:
        """Checks that there is a vocabulary if and only if the examples are texts."""
        if (self.vocabulary is not None) != (self.scheme.texts > 0):
            raise InputError("facts: there must be a vocabulary for texts, and for texts only")

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the vocabulary; returns the scheme."""
        if self.vocabulary is not None:
            save_vocabulary(self.vocabulary, folder / files.VOCABULARY)
        return to_json(self.scheme)

    @classmethod
    def load(cls, content: dict[str, Any], config: ClassificationConfig, folder: Path) -> Self:
        """Reads the scheme and, for texts, the vocabulary."""
        scheme = from_json(Scheme, content, str(folder / files.CONFIG))
        if not scheme.texts:
            return cls(scheme)
        return cls(scheme, load_vocabulary(folder / files.VOCABULARY, config.level))
