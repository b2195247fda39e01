"""Facts that a tagger learns from its training data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.config import from_json, to_json
from elman.data.scale import check_numbers, standard
from elman.data.tag_schemes import Scheme, scheme_of
from elman.data.tagged.sequences import Tagged, Words, tag_names
from elman.data.tagged.words import looked_up, word_numbers
from elman.data.tokens.vocab import TextVocabulary, make_vocabulary
from elman.errors import InputError
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.sizing import LARGEST_VOCABULARY
from elman.tasks.shared.text import load_vocabulary, save_vocabulary
from elman.tasks.tagging.options import TaggingConfig
from elman.train import files

_CHARACTERS = "characters.json"
_MOST_CELLS = 10_000  # of a further column that are known
_PAD = "<pad>"  # no character


@dataclass(frozen=True)
class _Named:
    """What ``config.json`` holds of the facts.

    Attributes:
        tags: V names, sorted.
        scheme: how the tags mark spans; None if they mark none.
        columns: names of the K further columns of words.
        cells: the known cells of each; any other has the number after them.
        features: names of the I numbers of a step; empty for words.
        input_mean: mean of each.
        input_scale: standard deviation of each.
        known: numbers of words that the training part has; 0: all that the vocabulary has.
        are_whole: whether the tags were given as whole numbers, in Python, which gets such numbers back.
    """

    tags: tuple[str, ...]
    scheme: Scheme | None
    columns: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()
    features: tuple[str, ...] = ()
    input_mean: tuple[float, ...] = ()
    input_scale: tuple[float, ...] = ()
    known: int = 0
    are_whole: bool = False

    def __post_init__(self) -> None:
        """Checks tags, columns and scales."""
        if len(self.tags) < 2 or len(set(self.tags)) < len(self.tags):
            raise InputError("facts: tags must be at least two, all different")
        if len(self.cells) != len(self.columns):
            raise InputError(f"facts: cells must be those of {len(self.columns)} columns")
        if self.columns and self.features:
            raise InputError("facts: there must be no further columns beside numbers")
        for name in ("input_mean", "input_scale"):
            check_numbers(f"facts: {name}", getattr(self, name), len(self.features))
        if self.are_whole and not all(tag.removeprefix("-").isdecimal() for tag in self.tags):
            raise InputError("facts: tags must be whole numbers")


@dataclass(frozen=True)
class TaggingFacts(_Named, TaskFacts):
    """Tags, further columns, and scales of numbers; words and characters have files of their own.

    Attributes:
        vocabulary: the words; None: steps are numbers.
        characters: the characters of words.
    """

    vocabulary: TextVocabulary | None = None
    characters: TextVocabulary | None = None

    def __post_init__(self) -> None:
        """Checks that there are words and characters, or numbers."""
        super().__post_init__()
        if self.features:
            if self.vocabulary is not None or self.characters is not None:
                raise InputError("facts: there must be no words beside numbers")
        elif self.vocabulary is None or self.vocabulary.unknown is None:
            raise InputError("facts: the words must have an unknown one")
        elif self.characters is None or self.characters.specials != (_PAD,):
            raise InputError(f"facts: the characters must begin with {_PAD}")

    def given(self, tags: Words) -> tuple[Any, ...]:
        """Returns tags as they were given in training: as texts, or as whole numbers."""
        return tuple(map(int, tags)) if self.are_whole else tags

    def is_unknown(self, words: Words) -> np.ndarray:
        """Returns which words the training part lacks, [T] bool."""
        numbers = word_numbers(words, self.words)
        return (numbers == self.words.unknown) | ((numbers >= self.known) & (self.known > 0))

    @property
    def words(self) -> TextVocabulary:
        """The words, where steps are words."""
        assert self.vocabulary is not None
        return self.vocabulary

    @classmethod
    def learn(
        cls, config: TaggingConfig, training: Tagged, texts: Sequence[str] = (), *, fewest: int = 1
    ) -> Self:
        """Learns tags, and words, characters and cells, or scales, of the training part.

        Args:
            config: the options.
            training: the training part.
            texts: looked-up words without tags, spaces between them, which are known too.
            fewest: times that such a word must occur.
        """
        tags, scheme = tag_names(training), scheme_of(training.tags)
        if training.features:
            mean, scale = standard(np.concatenate(training.items))
            return cls(
                tags,
                scheme,
                features=training.features,
                input_mean=tuple(mean),
                input_scale=tuple(scale),
                are_whole=training.are_whole,
            )
        found = [looked_up(word) for words in training.words for word in words]
        columns = zip(*training.inputs, strict=True)
        counts = (Counter(cell for cells in column for cell in cells) for column in columns)
        words = make_vocabulary(
            "words",
            [" ".join(found)],
            min_count=config.min_count,
            lowercase=config.lowercase,
            word_split="spaces",
        )
        known = len(words)
        if texts:
            words = words.extended(texts, fewest, max(known, LARGEST_VOCABULARY))
        return cls(
            tags,
            scheme,
            training.columns,
            tuple(tuple(sorted(dict(c.most_common(_MOST_CELLS)))) for c in counts),
            known=known if texts else 0,
            are_whole=training.are_whole,
            vocabulary=words,
            characters=make_vocabulary(
                "characters", (w for words in training.words for w in words), specials=(_PAD,)
            ),
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes words and characters, if any; returns the rest."""
        if self.vocabulary is not None and self.characters is not None:
            save_vocabulary(self.vocabulary, folder / files.VOCABULARY)
            save_vocabulary(self.characters, folder / _CHARACTERS)
        return {f.name: to_json(self)[f.name] for f in fields(_Named)}

    @classmethod
    def load(cls, content: dict[str, Any], config: TaggingConfig, folder: Path) -> Self:
        """Reads words and characters, if any, and the rest."""
        named = from_json(_Named, content, str(folder / files.CONFIG))
        own = {f.name: getattr(named, f.name) for f in fields(_Named)}
        if named.features:
            return cls(**own)
        words = load_vocabulary(folder / files.VOCABULARY, "words")
        characters = load_vocabulary(folder / _CHARACTERS, "characters")
        try:
            return cls(**own, vocabulary=words, characters=characters)
        except InputError as error:
            raise InputError(f"{folder / files.CONFIG}: {error}") from None
