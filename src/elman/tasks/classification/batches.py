"""Labelled examples as the batches that a classifier reads."""

import numpy as np
import torch

from elman.data.batches.ragged import Ragged
from elman.data.labelled.examples import Labelled
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.shared.steps import prepare_of


def batches_of(
    config: ClassificationConfig, facts: ClassificationFacts, part: Labelled, seed: int | None = None
) -> Ragged:
    """Returns batches of tokens or standardised steps, with the labels as targets.

    The weights of the examples, if there are any, have mean 1.

    Args:
        config: the options.
        facts: the facts of the training part.
        part: the examples; an example without labels gets the first label as its target.
        seed: seed of each epoch's order; None: longest first, for evaluation.
    """
    truth = facts.scheme.truth(part)  # [N, V]
    targets = truth.astype(np.float32) if facts.scheme.multi_label else truth.argmax(1)
    inputs = inputs_of(config, facts, part)
    weights = torch.tensor(part.weights) / float(np.mean(part.weights)) if part.weights else None
    return Ragged(
        inputs,
        torch.from_numpy(targets),
        weights=weights,
        batch_size=config.batch_size,
        seed=seed,
        prepare=None if facts.scheme.texts else prepare_of(config),
    )


def inputs_of(
    config: ClassificationConfig, facts: ClassificationFacts, part: Labelled
) -> list[tuple[np.ndarray, ...]]:
    """Returns each example as it is batched: tokens [T] of each text, or standardised steps [T, I].

    T is at most ``config.max_length``, unless that is 0.
    """
    vocabulary, kept = facts.vocabulary, kept_of(config)
    if vocabulary is None:
        return [(item,) for item in standardised_steps(config, facts, part)]
    items = facts.scheme.as_read(part).items
    return [tuple(vocabulary.encode(text)[kept] for text in item) for item in items]


def standardised_steps(
    config: ClassificationConfig, facts: ClassificationFacts, part: Labelled
) -> list[np.ndarray]:
    """Returns the standardised steps [T, I] of each numeric sequence, with T as for ``inputs_of``."""
    kept = kept_of(config)
    return [facts.scheme.standardised(item[kept]) for item in part.items]


def kept_of(config: ClassificationConfig) -> slice:
    """Returns which tokens or steps of an example are read."""
    limit = config.max_length
    return slice(None) if not limit else slice(limit) if config.keep == "start" else slice(-limit, None)
