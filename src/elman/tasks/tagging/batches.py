"""Sentences as the batches that a tagger reads."""

import numpy as np

from elman.data.batches.ragged import Ragged
from elman.data.tagged.sequences import Tagged, Words
from elman.data.tagged.words import spellings
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.options import TaggingConfig

_AT_ONCE = 64  # sentences, without gradients


def batches_of(config: TaggingConfig, facts: TaggingFacts, part: Tagged, seed: int | None = None) -> Ragged:
    """Returns batches of words, with the numbers of their tags as targets.

    A tag that the training part lacks, or an unknown one, is no target.

    Args:
        config: the options.
        facts: the facts of the training part.
        part: the sentences.
        seed: seed of each epoch's order; None: longest first, for evaluation.
    """
    number = {tag: k for k, tag in enumerate(facts.tags)}
    targets = [
        np.array([number.get(tag, -1) for tag in tags], np.int64) if tags else np.full(len(words), -1)
        for words, tags in zip(part.words, part.tags, strict=True)
    ]
    items = [(item,) for item in inputs_of(facts, part)]
    size = max(_AT_ONCE, config.batch_size) if seed is None else config.batch_size
    return Ragged(items, targets, batch_size=size, seed=seed)


def inputs_of(facts: TaggingFacts, part: Tagged) -> list[np.ndarray]:
    """Returns each sentence as ``WordReader`` reads it: [T, 3 + K + L] int32."""
    own: dict[str, int] = {}
    words = [np.array([own.setdefault(word, len(own)) for word in each]) for each in part.words]
    table = spellings(list(own), facts.vocabulary, facts.characters)
    cells = [{cell: k for k, cell in enumerate(known)} for known in facts.cells]
    items = []
    for rows, columns in zip(words, part.inputs, strict=True):
        item = table[rows]
        if cells:
            numbers = [_numbers(column, known) for column, known in zip(columns, cells, strict=True)]
            item = np.concatenate([item[:, :3], np.stack(numbers, 1), item[:, 3:]], axis=1)
        items.append(item)
    return items


def _numbers(column: Words, known: dict[str, int]) -> np.ndarray:
    return np.array([known.get(cell, len(known)) for cell in column], np.int32)
