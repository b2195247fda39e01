"""Options of language models, and of what they write."""

import os
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from elman.tasks.shared.options import TextOptions, Verb
from elman.tasks.shared.stream_options import StreamOptions


@dataclass(frozen=True, kw_only=True)
class Generate(Verb):
    """Prints text that a language model writes, going on from a prompt."""

    prompt: str = ""
    """text to go on from; empty: as at the beginning of a line"""
    length: int = 500
    """tokens to generate"""
    temperature: float = 0.8
    """under 1 plays safe, over 1 risks more; 0 always takes the most probable"""
    top_k: int = 0
    """only the k most probable tokens; 0: all"""
    top_p: float = 1.0
    """only the most probable tokens that together reach this probability"""
    seed: int | None = None
    """the same seed writes the same text; without one every call differs"""

    example: ClassVar[str] = 'elman generate runs/language-model --prompt "The " --length 300 --seed 1'

    def text(self, task: Any) -> Iterator[str]:
        """The prompt, then the text as it comes; for a terminal without what would steer it."""
        pieces = self._pieces(task)
        yield from map(_harmless, pieces) if sys.stdout.isatty() else pieces

    def _pieces(self, task: Any) -> Iterator[str]:
        pieces = task.generate(
            self.prompt,
            length=self.length,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
        )
        yield self.prompt
        yield from pieces
        yield "\n"

    def json(self, task: Any) -> dict[str, Any]:
        """Prompt and text."""
        seed = int.from_bytes(os.urandom(4)) if self.seed is None else self.seed
        text = "".join(replace(self, seed=seed)._pieces(task))[len(self.prompt) : -1]
        return {"prompt": self.prompt, "text": text, "temperature": self.temperature, "seed": seed}


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig(StreamOptions, TextOptions):
    """Trains a language model on text files or folders of them.

    Each file is a document; the text is cut by position into training, validation and test part, but for
    those that have files of their own. Without any file, the text is the Python language reference that ships
    with CPython.
    """

    verb = Generate
    example = "elman train language-model corpus.txt --out runs/language-model --epochs 20"
    rank = 0
    groups = {
        "model": ("embedding_size", "tied"),
        "training": ("bptt",),
        "parts of the data": ("split", "validation", "test", "ngram_order"),
    }


def _harmless(piece: str) -> str:
    """A piece whose control characters, but for tab and newline, are written as hexadecimal escapes."""
    return "".join(
        f"\\x{ord(c):02x}" if unicodedata.category(c) == "Cc" and c not in "\t\n" else c for c in piece
    )
