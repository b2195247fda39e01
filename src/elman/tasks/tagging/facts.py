"""Facts that a tagger learns from its training data."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.config import from_json, to_json
from elman.data.tag_schemes import Scheme, scheme_of
from elman.data.tagged.sequences import Tagged, tag_names
from elman.data.tagged.words import looked_up
from elman.data.tokens.vocab import TextVocabulary, make_vocabulary
from elman.errors import InputError
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.text import load_vocabulary, save_vocabulary
from elman.tasks.tagging.options import TaggingConfig
from elman.train import files

_CHARACTERS = "characters.json"
_MOST_CELLS = 10_000  # of a further column that are known
_PAD = "<pad>"  # no character


@dataclass(frozen=True)
class TaggingFacts(TaskFacts):
    """Tags and further columns; words and characters have files of their own.

    Attributes:
        tags: V names, sorted.
        scheme: how the tags mark spans; None if they mark none.
        columns: names of the K further columns.
        cells: the known cells of each; any other has the number after them.
        vocabulary: the words.
        characters: the characters of words.
    """

    tags: tuple[str, ...]
    scheme: Scheme | None
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    vocabulary: TextVocabulary
    characters: TextVocabulary

    def __post_init__(self) -> None:
        """Checks tags and columns."""
        if len(self.tags) < 2 or len(set(self.tags)) < len(self.tags):
            raise InputError("facts: tags must be at least two, all different")
        if len(self.cells) != len(self.columns):
            raise InputError(f"facts: cells must be those of {len(self.columns)} columns")
        if self.characters.specials != (_PAD,) or self.characters.unknown is None:
            raise InputError(f"facts: the characters must begin with {_PAD} and have an unknown one")

    @classmethod
    def learn(cls, config: TaggingConfig, training: Tagged) -> Self:
        """Learns tags, words, characters and cells of the training part."""
        found = [looked_up(word) for words in training.words for word in words]
        counts = (
            Counter(cell for cells in column for cell in cells)
            for column in zip(*training.inputs, strict=True)
        )
        return cls(
            tag_names(training),
            scheme_of(training.tags),
            training.columns,
            tuple(tuple(sorted(dict(c.most_common(_MOST_CELLS)))) for c in counts),
            make_vocabulary(
                "words",
                [" ".join(found)],
                min_count=config.min_count,
                lowercase=config.lowercase,
                word_split="spaces",
            ),
            make_vocabulary("characters", (w for words in training.words for w in words), specials=(_PAD,)),
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes words and characters; returns the rest."""
        save_vocabulary(self.vocabulary, folder / files.VOCABULARY)
        save_vocabulary(self.characters, folder / _CHARACTERS)
        content = to_json(self)
        return {name: content[name] for name in ("tags", "scheme", "columns", "cells")}

    @classmethod
    def load(cls, content: dict[str, Any], config: TaggingConfig, folder: Path) -> Self:
        """Reads words, characters and the rest."""
        named = from_json(_Named, content, str(folder / files.CONFIG))
        words = load_vocabulary(folder / files.VOCABULARY, "words")
        characters = load_vocabulary(folder / _CHARACTERS, "characters")
        try:
            return cls(named.tags, named.scheme, named.columns, named.cells, words, characters)
        except InputError as error:
            raise InputError(f"{folder / files.CONFIG}: {error}") from None


@dataclass(frozen=True)
class _Named:
    """What ``config.json`` holds of the facts."""

    tags: tuple[str, ...]
    scheme: Scheme | None
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
