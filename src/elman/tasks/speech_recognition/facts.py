"""Facts that a recogniser learns from its training data."""

import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from elman.config import require, to_json
from elman.data.scale import check_numbers, scaled
from elman.decode.ctc import Scorer
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.speech_recognition.language import FILE, Language

_MOST_COLUMNS, _MOST_SYMBOLS = 10**5, 10**5


@dataclass(frozen=True)
class SpeechFacts(TaskFacts):
    """What recordings are read from, the scale of their columns, the alphabet and a language model.

    Attributes:
        kind: whether frames come from sound, or are ready-made.
        mean: [I] mean of each column of the training part, which may be centred by recording before.
        scale: [I] standard deviations; 1 if a column is constant.
        symbols: the characters of the training transcripts, by code point.
        language: the language model, in a file of its own; None: the sound alone decides.
    """

    kind: Literal["sound", "features"]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    symbols: str
    language: Language | None = None

    def __post_init__(self) -> None:
        """Checks every value."""
        columns = len(self.mean)
        require("mean", 1 <= columns <= _MOST_COLUMNS, f"1 to {_MOST_COLUMNS} numbers", columns)
        check_numbers("mean", self.mean, columns)
        check_numbers("scale", self.scale, columns)
        are_distinct = [*self.symbols] == sorted({*self.symbols})
        fits = are_distinct and 1 <= len(self.symbols) <= _MOST_SYMBOLS
        require("symbols", fits, "distinct characters, sorted by code point", self.symbols)

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the language model, if any; returns the rest."""
        self.save_fitted(folder)
        return to_json(replace(self, language=None))

    def save_fitted(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes the language model, if any."""
        if self.language is not None:
            self.language.save(folder / FILE, check)

    @classmethod
    def load(cls, content: dict[str, Any], config: Any, folder: Path) -> Self:
        """Reads the facts, and the language model if there is one."""
        facts = super().load(content | {"language": None}, config, folder)
        path = folder / FILE
        return replace(facts, language=Language.load(path)) if os.path.lexists(path) else facts

    @cached_property
    def scorer(self) -> Scorer | None:
        """The language model as the search asks it."""
        return None if self.language is None else self.language.scorer(self.symbols)

    @property
    def columns(self) -> int:
        """I, numbers of a frame."""
        return len(self.mean)

    def standardised(self, frames: np.ndarray, *, centred: bool) -> np.ndarray:
        """Returns frames [T, I] float32 with mean 0 and deviation 1, as measured on the training part."""
        x = centre(frames) if centred else frames.astype(np.float64)
        return scaled(x, np.array(self.mean), np.array(self.scale))

    def encode(self, text: str) -> np.ndarray:
        """Returns the ids [U] of a transcript's characters; those outside the alphabet are left out."""
        ids = {symbol: k for k, symbol in enumerate(self.symbols)}
        return np.array([ids[c] for c in text if c in ids], np.int64)

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """Returns the text of ids [U]."""
        return "".join(self.symbols[int(k)] for k in ids)

    def unknown(self, text: str) -> set[str]:
        """Returns the characters of a transcript that the alphabet lacks."""
        return {*text} - {*self.symbols}


def centre(frames: np.ndarray) -> np.ndarray:
    """Returns frames [T, I] float64 less their mean."""
    x = frames.astype(np.float64)
    return np.asarray(x - x.mean(0))


def named(symbol: str) -> str:
    """Returns a character as messages show it: itself and its code point."""
    name = unicodedata.name(symbol, "")
    return f"{symbol!r} (U+{ord(symbol):04X}{', ' + name if name else ''})"
