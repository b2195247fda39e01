"""Facts that a classifier learns from its training data."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.config import from_json, to_json
from elman.data.labelled.scheme import Scheme
from elman.data.tokens.vocab import TextVocabulary
from elman.errors import InputError
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.classification.wide import Wide
from elman.tasks.shared.arrays import NGRAMS
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.text import load_vocabulary, save_vocabulary
from elman.train import files


@dataclass(frozen=True)
class ClassificationFacts(TaskFacts):
    """Kind of example, labels and scales of numbers; for texts, vocabulary and n-grams in files of their own.

    Only the scheme is stored in ``config.json``.
    """

    scheme: Scheme
    vocabulary: TextVocabulary | None = None
    wide: Wide | None = None

    def __post_init__(self) -> None:
        """Checks that there is a vocabulary if and only if the examples are texts."""
        if (self.vocabulary is not None) != (self.scheme.texts > 0):
            raise InputError("facts: there must be a vocabulary for texts, and for texts only")
        if self.wide is not None and not self.scheme.texts:
            raise InputError("facts: there must be n-grams for texts only")

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes vocabulary and n-grams, if any; returns the scheme."""
        if self.vocabulary is not None:
            save_vocabulary(self.vocabulary, folder / files.VOCABULARY)
        self.save_fitted(folder)
        return to_json(self.scheme)

    def save_fitted(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes the n-grams, if any."""
        if self.wide is not None:
            self.wide.save(folder / NGRAMS, check)

    @classmethod
    def load(cls, content: dict[str, Any], config: ClassificationConfig, folder: Path) -> Self:
        """Reads the scheme and, for texts, the vocabulary and any n-grams."""
        scheme = from_json(Scheme, content, str(folder / files.CONFIG))
        if not scheme.texts:
            return cls(scheme)
        path = folder / NGRAMS
        wide = Wide.load(path, len(scheme.classes)) if os.path.lexists(path) else None
        return cls(scheme, load_vocabulary(folder / files.VOCABULARY, config.level), wide)
