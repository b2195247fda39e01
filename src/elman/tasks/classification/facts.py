"""Facts that a classifier learns from its training data."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.config import from_json, read_json, to_json
from elman.data.labelled.scheme import Scheme
from elman.data.tokens.vocab import TextVocabulary
from elman.decode.spotting import Alarms
from elman.errors import InputError
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.shared.arrays import NGRAMS, ROCKET
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.text import load_vocabulary, save_vocabulary
from elman.tasks.shared.wide import Wide
from elman.train import files

_ALARMS = "alarms.json"


@dataclass(frozen=True)
class ClassificationFacts(TaskFacts):
    """Kind of example, labels and scales of numbers; vocabulary, wide part and false alarms in own files.

    Only the scheme is stored in ``config.json``.
    """

    scheme: Scheme
    vocabulary: TextVocabulary | None = None
    wide: Wide | None = None
    alarms: Alarms | None = None

    def __post_init__(self) -> None:
        """Checks that there is a vocabulary if and only if the examples are texts."""
        if (self.vocabulary is not None) != (self.scheme.texts > 0):
            raise InputError("facts: there must be a vocabulary for texts, and for texts only")

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes vocabulary and wide part, if any; returns the scheme."""
        if self.vocabulary is not None:
            save_vocabulary(self.vocabulary, folder / files.VOCABULARY)
        self.save_fitted(folder)
        return to_json(self.scheme)

    def save_fitted(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes wide part and false alarms, if any."""
        if self.wide is not None:
            self.wide.save(folder / (NGRAMS if self.scheme.texts else ROCKET), check)
        if self.alarms is not None:
            files.write_json(folder / _ALARMS, to_json(self.alarms), check)

    @classmethod
    def load(cls, content: dict[str, Any], config: ClassificationConfig, folder: Path) -> Self:
        """Reads the scheme and what there is of vocabulary and wide part."""
        scheme = from_json(Scheme, content, str(folder / files.CONFIG))
        name, what = (NGRAMS, "n-grams") if scheme.texts else (ROCKET, "features")
        path = folder / name
        wide = None
        if os.path.lexists(path):
            wide = Wide.load(path, len(scheme.classes), f"the {what} of this run")
        alarms = None
        if os.path.lexists(folder / _ALARMS):
            alarms = from_json(Alarms, read_json(folder / _ALARMS), str(folder / _ALARMS))
        vocabulary = load_vocabulary(folder / files.VOCABULARY, config.level) if scheme.texts else None
        return cls(scheme, vocabulary, wide, alarms)
