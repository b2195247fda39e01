"""Tagged sequences, divided into training, validation and test part."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
from torch import Tensor

from elman.data.channels.columns import read_line
from elman.data.labelled.unlabelled import load_unlabelled, save_unlabelled
from elman.data.split import PARTS
from elman.data.tagged.columns import Columns
from elman.data.tagged.files import read_tagged
from elman.data.tagged.sequences import (
    Tagged,
    check_are_tags,
    divided,
    joined,
    load_parts,
    save_parts,
    tag_names,
    warn_of_rare_tags,
    warn_of_repeats,
)
from elman.data.tagged.words import word_numbers
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.sizing import tagged as sizes_of_tagged
from elman.tasks.shared.sizing import tagged_steps as sizes_of_steps
from elman.tasks.shared.start import cooccurrence_embedding
from elman.tasks.tagging.batches import batches_of
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.options import TaggingConfig
from elman.tasks.tagging.start import EMBEDDING_DEVIATION, LanguageWords, texts_without_tags

_EMBEDDING = "embedding.embedding.weight"
_LOOKED_AT = 1000  # sentences of each part that are encoded to inspect a model


class TaggedData(TaskData):
    """The sentences of each part.

    Attributes:
        examples: the sequences, by the name of their part.
        texts: looked-up words of sentences without tags, which are known too.
    """

    config: TaggingConfig
    facts: TaggingFacts

    def __init__(
        self,
        config: TaggingConfig,
        facts: TaggingFacts,
        examples: Mapping[str, Tagged],
        texts: Sequence[str] = (),
    ) -> None:
        super().__init__(config, facts)
        self.examples = dict(examples)
        self.texts = texts

    @classmethod
    def read(
        cls, config: TaggingConfig, paths: list[Path], folder: Path | None, named: Collection[str] = ()
    ) -> Self:
        """Reads files or folders, divides them, and learns words and tags from the training part.

        Args:
            config: the options.
            paths: files or folders.
            folder: the run folder, or None.
            named: options that the user named; a language model may not change these.
        """
        if not paths:
            raise InputError("tagging needs a file or a folder to train on")
        columns = columns_of(config)
        given = read_tagged(paths, columns)
        tag_names(given)  # before the split, so that an error names what the files lack
        check_are_tags(given)
        own = {"validation": config.validation, "test": config.test}
        elsewhere = {name: read_tagged(files, columns) for name, files in own.items() if files}
        for part in elsewhere.values():
            joined([given, part])  # raises InputError for parts of different kinds
        examples = divided(given, elsewhere, config.split, config.seed)
        if given.features:
            notice(f"{paths[0]}: {read_line(given.features, np.concatenate(examples['training'].items))}")
        return cls.learn(config, examples, folder, named)

    @classmethod
    def learn(
        cls,
        config: TaggingConfig,
        examples: Mapping[str, Tagged],
        folder: Path | None,
        named: Collection[str] = (),
    ) -> Self:
        """Learns the facts of divided sequences, and stores them in the run folder; see ``read``."""
        training = examples["training"]
        texts = texts_without_tags(config, examples, columns_of(config))
        config, start = LanguageWords.of(config, named, training)
        further = texts if start is None else [" ".join(start.words)]
        facts = TaggingFacts.learn(config, training, further, fewest=2 if start is None else 1)
        warn_of_rare_tags(training, [examples[name] for name in PARTS[1:]])
        warn_of_repeats(examples)
        if folder is not None:
            save_parts(folder, examples)
            if texts:
                save_unlabelled(folder, texts)
        data = cls(config, facts, examples, texts)
        if start is not None:
            data.start = {_EMBEDDING: start.embedding(facts.words, config.seed)}
        return data

    @classmethod
    def reopen(cls, config: TaggingConfig, facts: TaggingFacts, folder: Path) -> Self:
        """Reads the sentences from the run folder."""
        examples = load_parts(folder, PARTS, facts.columns, facts.features)
        if not len(examples["training"]):
            raise InputError(f"{folder}: must hold sentences to train on. Got none.")
        return cls(config, facts, examples, load_unlabelled(folder))

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number of sentences trained on."""
        training = self.examples["training"]
        if training.features:
            return sizes_of_steps(training.steps, self.config.window)
        return sizes_of_tagged(len(training), training.steps)

    @property
    def amounts(self) -> dict[str, int]:
        """Sentences and words of all parts, and tags."""
        parts = self.examples.values()
        number, step = ("sequence", "step") if self.facts.features else ("sentence", "word")
        return {
            number: sum(map(len, parts)),
            step: sum(part.steps for part in parts),
            "tag": len(self.facts.tags),
        }

    def initial(self) -> dict[str, Tensor]:
        """Returns the embedding of words: of a language model, or from what stands near them."""
        vocabulary = self.facts.vocabulary
        if self.start or vocabulary is None:
            return self.start
        if self.config.embedding_init == "random":
            return {}
        own = (word_numbers(words, vocabulary) for words in self.examples["training"].words)
        texts = chain(own, map(vocabulary.encode, self.texts))
        embedding = cooccurrence_embedding(
            texts, vocabulary, self.config.embedding_size, EMBEDDING_DEVIATION, self.config.seed
        )
        return {_EMBEDDING: embedding}

    def parts(self) -> Parts:
        """Returns batches of all sentences."""
        return self._batched(self.examples)

    def few(self) -> Parts:
        """Returns batches of some sentences of each part, since encoding all of them takes long."""
        return self._batched(
            {
                name: part.rows(np.arange(len(part))[:: max(1, -(-len(part) // _LOOKED_AT))])
                for name, part in self.examples.items()
            }
        )

    def _batched(self, examples: Mapping[str, Tagged]) -> Parts:
        training, validation, test = (examples[name] for name in PARTS)
        config, facts = self.config, self.facts
        return Parts(
            batches_of(config, facts, training, config.seed),
            batches_of(config, facts, validation) if len(validation) else None,
            batches_of(config, facts, test) if len(test) else None,
        )


def columns_of(config: TaggingConfig) -> Columns:
    """Returns which columns of a file hold what."""
    return Columns(
        config.word_column,
        config.tag_column,
        config.input_columns,
        config.reading,
        config.id_column,
        config.time_column,
        config.columns,
        config.ignore_columns,
    )


def columns_as_trained(config: TaggingConfig, facts: TaggingFacts) -> Columns:
    """Returns which columns of a file hold what, with the numbers that were read in training."""
    columns = columns_of(config)
    return replace(columns, features=facts.features, ignored=()) if facts.features else columns
