"""Options of the task language-model and of its verb."""

import os
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from elman.config import require, shown
from elman.tasks.shared.options import StartOptions, TextOptions, Verb
from elman.tasks.shared.stream_options import StreamOptions


@dataclass(frozen=True, kw_only=True)
class Generate(Verb):
    """Prints text that a language model writes, as the continuation of a prompt."""

    prompt: str = ""
    """text to continue; if absent or empty, start at the beginning of a line"""
    length: int = 500
    """number of tokens to generate"""
    temperature: float = 0.8
    """below 1 safer, above 1 more varied text; 0: always the most probable token"""
    top_k: int = 0
    """draw from the k most probable tokens only; 0: from all"""
    top_p: float = 1.0
    """draw from the most probable tokens that together reach this probability only"""
    seed: int | None = None
    """the same seed writes the same text; if absent, every call writes another"""
    longest_copy: int | None = None
    """most tokens in a row that the text may copy from the training text; 0: any number. If absent, as in
    training"""

    example: ClassVar[str] = 'elman generate runs/language-model --prompt "The " --length 300 --seed 1'

    def text(self, task: Any) -> Iterator[str]:
        """Yields the prompt, then the text as it comes; on a terminal, control characters are escaped."""
        pieces = self._pieces(task)
        yield from map(_harmless, pieces) if sys.stdout.isatty() else pieces

    def _pieces(self, task: Any) -> Iterator[str]:
        unknown = task.unknown_in(self.prompt)
        if unknown:
            words = task.vocabulary.has_words
            number = len(task.vocabulary.encode(self.prompt)) if words else len(self.prompt)
            warnings.warn(
                f"--prompt: {len(unknown)} of {number} {'words' if words else 'characters'} are not known to "
                f"the model, so they are read as unknown: {shown(' '[:words].join(dict.fromkeys(unknown)))}",
                stacklevel=2,
            )
        pieces = task.generate(
            self.prompt,
            length=self.length,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
            longest_copy=self.longest_copy,
        )
        yield self.prompt
        yield from pieces
        yield "\n"

    def json(self, task: Any) -> dict[str, Any]:
        """Returns prompt, text, temperature and seed."""
        seed = int.from_bytes(os.urandom(4)) if self.seed is None else self.seed
        text = "".join(replace(self, seed=seed)._pieces(task))[len(self.prompt) : -1]
        return {"prompt": self.prompt, "text": text, "temperature": self.temperature, "seed": seed}


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig(StreamOptions, StartOptions, TextOptions):
    """Trains a language model on text files, tables with a column of texts, or folders of these.

    Each text file is a document, and so is each text of a table. The text is cut by position into training,
    validation and test part, unless --validation or --test name files for these. If no file is named, the
    text is the Python language reference that ships with CPython.
    """

    verb = Generate
    reads = "files or folders to train on; see above. If absent, the Python language reference"
    example = "elman train language-model corpus.txt --out runs/language-model --epochs 20"
    rank = 0
    of_old_runs = {**StreamOptions.of_old_runs, "embedding_init": "random"}
    of_the_run = (
        *StartOptions.of_the_run,
        "embedding_size",
        "tied",
        "level",
        "lowercase",
        "word_split",
    )
    groups = {
        "": ("pretrained",),
        "model": ("embedding_size", "embedding_init", "tied"),
        "training": ("bptt", "label_smoothing"),
        "parts of the data": ("split", "validation", "test"),
        "columns of the data": ("text_column",),
        "text": ("level", "vocab_size", "min_count", "lowercase", "word_split"),
        "n-grams": ("ngrams",),
        "evaluation": ("ngram_order", "longest_copy"),
    }

    pretrained: Path | None = None
    """run folder of a language model to start from, with its cell, sizes and vocabulary, which new characters
    or words extend; if absent, start from random weights"""
    text_column: str | None = None
    """column of the texts in tables; if absent, text, or the only column of sentences"""
    embedding_init: Literal["cooccurrences", "random"] = "cooccurrences"
    """how the embedding of words and subwords starts: from which of them stand near each other in the
    training part (PPMI and SVD), or random; not with --pretrained"""
    longest_copy: int = 0
    """most tokens in a row that generated text may copy from the training text, whose tokens the run keeps;
    0: any number"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        require("--longest-copy", 0 <= self.longest_copy <= 10**9, "an int in [0, 1e9]", self.longest_copy)


def _harmless(piece: str) -> str:
    """Writes control characters other than tab and newline as hexadecimal escapes."""
    return "".join(
        f"\\x{ord(c):02x}" if unicodedata.category(c) == "Cc" and c not in "\t\n" else c for c in piece
    )
