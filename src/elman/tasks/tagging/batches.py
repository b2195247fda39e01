"""Sentences as the batches that a tagger reads."""

import numpy as np

from elman.data.batches.ragged import Prepare, Ragged
from elman.data.scale import scaled
from elman.data.steps import Steps, varied_in_place
from elman.data.tagged.sequences import Tagged, Words
from elman.data.tagged.words import spellings
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.options import TaggingConfig

STEPS = Steps(differences=True)
"""What is read of numbers."""
_AT_ONCE, _MOST_STEPS = 64, 200_000  # sequences, and their steps, without gradients


def batches_of(config: TaggingConfig, facts: TaggingFacts, part: Tagged, seed: int | None = None) -> Ragged:
    """Returns batches of words or numbers, with the numbers of their tags as targets.

    A tag that the training part lacks, or an unknown one, is no target. Long sequences of numbers are trained
    on in windows that overlap by half.

    Args:
        config: the options.
        facts: the facts of the training part.
        part: the sequences.
        seed: seed of each epoch's order; None: longest first, for evaluation.
    """
    number = {tag: k for k, tag in enumerate(facts.tags)}
    targets = [
        np.array([number.get(tag, -1) for tag in tags], np.int64) if tags else np.full(len(words), -1)
        for words, tags in zip(part.items, part.tags, strict=True)
    ]
    if facts.features and seed is not None:
        items = [(item,) for item in _windows(_standardised(facts, part), config.window)]
        targets = _windows(targets, config.window)
        return Ragged(items, targets, batch_size=config.batch_size, seed=seed, prepare=_prepare_of(config))
    items = [(item,) for item in inputs_of(facts, part)]
    longest = max((len(item) for (item,) in items), default=1)
    size = config.batch_size if seed is not None else max(1, min(_AT_ONCE, _MOST_STEPS // longest))
    return Ragged(items, targets, batch_size=size, seed=seed)


def _prepare_of(config: TaggingConfig) -> Prepare:
    """Returns what varies standardised numbers and turns them into a network's inputs."""

    def prepare(x: np.ndarray, random: np.random.Generator | None) -> np.ndarray:
        varied = varied_in_place(x, config.augment, random) if random and config.augment else x
        return STEPS.inputs(varied)

    return prepare


def _standardised(facts: TaggingFacts, part: Tagged) -> list[np.ndarray]:
    mean, scale = np.array(facts.input_mean), np.array(facts.input_scale)
    return [scaled(item, mean, scale) for item in part.items]


def _windows(sequences: list[np.ndarray], length: int) -> list[np.ndarray]:
    """Cuts sequences into windows; the last one ends with its sequence."""
    return [
        each[begin : begin + length]
        for each in sequences
        for begin in [*range(0, len(each) - length, max(1, length // 2)), max(0, len(each) - length)]
    ]


def inputs_of(facts: TaggingFacts, part: Tagged) -> list[np.ndarray]:
    """Returns each sequence as it is read: [T, 3 + K + L] int32 by ``WordReader``, or numbers [T, 2 I].

    Numbers are in deviations from their mean, and beside them is their change from the step before.
    """
    if facts.features:
        return [STEPS.inputs(item) for item in _standardised(facts, part)]
    own: dict[str, int] = {}
    words = [np.array([own.setdefault(word, len(own)) for word in each]) for each in part.words]
    assert facts.characters is not None
    table = spellings(list(own), facts.words, facts.characters)
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
