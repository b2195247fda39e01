"""Labelled examples as the batches that a classifier reads."""

from collections.abc import Sequence

import numpy as np
import torch

from elman.data.batches.ragged import Prepare, Ragged
from elman.data.features.fbank import Fbank
from elman.data.features.variations import Variations
from elman.data.labelled.examples import Labelled
from elman.data.labelled.scheme import Scheme
from elman.tasks.classification.clips import inputs_of_clips, prepare_clips
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.shared.steps import prepare_of, steps_of


def batches_of(
    config: ClassificationConfig,
    facts: ClassificationFacts,
    part: Labelled,
    seed: int | None = None,
    noise: Sequence[np.ndarray] = (),
    window: int = 0,
) -> Ragged:
    """Returns batches of tokens or standardised steps, with the labels as targets.

    The weights of the examples, if there are any, have mean 1.

    Args:
        config: the options.
        facts: the facts of the training part.
        part: the examples; an example without labels gets the first label as its target.
        seed: seed of each epoch's order; None: longest first, for evaluation.
        noise: frames of recordings that are mixed into others in training.
        window: frames in which words are to be found in running sound; 0: they are not.
    """
    truth = facts.scheme.truth(part)  # [N, V]
    targets = truth.astype(np.float32) if facts.scheme.multi_label else truth.argmax(1)
    # recordings and clips are varied before they are standardised
    if facts.scheme.planes:
        inputs: list[tuple[np.ndarray, ...]] = [*inputs_of_clips(config, _kept(config, part))]
    elif config.sample_rate is not None:
        inputs = [(item,) for item in _kept(config, part)]
    else:
        inputs = inputs_of(config, facts, part)
    weights = torch.tensor(part.weights) / float(np.mean(part.weights)) if part.weights else None
    return Ragged(
        inputs,
        torch.from_numpy(targets),
        weights=weights,
        batch_size=config.batch_size,
        seed=seed,
        prepare=None if facts.scheme.texts else _prepare(config, facts.scheme, noise, window),
    )


def _prepare(
    config: ClassificationConfig, scheme: Scheme, noise: Sequence[np.ndarray], window: int
) -> Prepare:
    """Returns what turns steps, or the frames of a recording or clip, into a network's inputs."""
    if scheme.planes:
        return prepare_clips(config, scheme)
    if config.sample_rate is None:
        return prepare_of(config)
    steps, fbank = steps_of(config), fbank_of(config)
    varied = Variations(fbank, config.augment, noise, config.snr, window)

    def prepare(frames: np.ndarray, random: np.random.Generator | None) -> np.ndarray:
        return steps.inputs(scheme.standardised(frames if random is None else varied(frames, random)))

    return prepare


def fbank_of(config: ClassificationConfig) -> Fbank:
    """Returns the features of recordings."""
    assert config.sample_rate is not None
    return Fbank(config.sample_rate, config.mels)


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
    return [facts.scheme.standardised(item) for item in _kept(config, part)]


def _kept(config: ClassificationConfig, part: Labelled) -> list[np.ndarray]:
    kept = kept_of(config)
    return [item[kept] for item in part.items]


def kept_of(config: ClassificationConfig) -> slice:
    """Returns which tokens or steps of an example are read."""
    limit = config.max_length
    return slice(None) if not limit else slice(limit) if config.keep == "start" else slice(-limit, None)
