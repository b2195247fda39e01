"""Tagged sequences, divided into training, validation and test part."""

from collections.abc import Mapping, Sequence
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
from elman.data.tagged.files import read_tagged, read_untagged
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
from elman.data.tagged.words import looked_up, word_numbers
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.sizing import tagged as sizes_of_tagged
from elman.tasks.shared.sizing import tagged_steps as sizes_of_steps
from elman.tasks.shared.start import cooccurrence_embedding
from elman.tasks.tagging.batches import batches_of
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.options import TaggingConfig

EMBEDDING_DEVIATION = 0.3
"""Root of the mean square of an embedding's features at the start."""
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
    def read(cls, config: TaggingConfig, paths: list[Path], folder: Path | None) -> Self:
        """Reads files or folders, divides them, and learns words and tags from the training part."""
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
        return cls.learn(config, examples, folder)

    @classmethod
    def learn(cls, config: TaggingConfig, examples: Mapping[str, Tagged], folder: Path | None) -> Self:
        """Learns the facts of divided sentences, and stores the sentences in the run folder."""
        training = examples["training"]
        texts = _texts(config, examples)
        facts = TaggingFacts.learn(config, training, texts)
        warn_of_rare_tags(training, [examples[name] for name in PARTS[1:]])
        warn_of_repeats(examples)
        if folder is not None:
            save_parts(folder, examples)
            if texts:
                save_unlabelled(folder, texts)
        return cls(config, facts, examples, texts)

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
        """Returns the embedding of words, from what stands near them, if that is wanted."""
        vocabulary = self.facts.vocabulary
        if vocabulary is None or self.config.embedding_init == "random":
            return {}
        own = (word_numbers(words, vocabulary) for words in self.examples["training"].words)
        texts = chain(own, map(vocabulary.encode, self.texts))
        embedding = cooccurrence_embedding(
            texts, vocabulary, self.config.embedding_size, EMBEDDING_DEVIATION, self.config.seed
        )
        return {"embedding.embedding.weight": embedding}

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


def _texts(config: TaggingConfig, examples: Mapping[str, Tagged]) -> list[str]:
    """Returns the words of sentences without tags, without those of sentences that the other parts have."""
    if not config.unlabelled:
        return []
    if examples["training"].features:
        raise InputError("--unlabelled is for words. The training part has numbers.")
    found = read_untagged(config.unlabelled, columns_of(config))
    held_out = {words for name in PARTS[1:] for words in examples[name].words}
    kept = [words for words in found if words not in held_out]
    if len(kept) < len(found):
        number = f"{len(found) - len(kept):,} of {len(found):,} sentences"
        notice(f"--unlabelled: {number} are left out, since the validation or test part has them")
    if not kept:
        raise InputError("--unlabelled: all of its sentences are of the validation or test part")
    return [" ".join(map(looked_up, words)) for words in kept]


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
