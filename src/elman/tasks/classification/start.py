"""Initial weights of a classifier: random, word vectors, a language model or another classifier."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.data.labelled.examples import Labelled
from elman.data.labelled.scheme import Scheme
from elman.data.read.vectors import embedding_from
from elman.data.tokens.vocab import CharacterVocabulary
from elman.data.tokens.vocab.base import TextVocabulary
from elman.errors import InputError
from elman.tasks.classification.batches import inputs_of
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.shared.options import StartOptions
from elman.tasks.shared.sizing import LARGEST_VOCABULARY
from elman.tasks.shared.start import Source, adopted, cooccurrence_embedding, rows_of
from elman.tasks.shared.text import learn_vocabulary

EMBEDDING_DEVIATION = 0.1
"""Standard deviation of an embedding that starts at random."""
_DEVIATION = 0.3  # of one from co-occurrences
_FEWEST_OF_A_WORD = 2  # occurrences in the training part that add a word to a language model's vocabulary
_OF_TEXTS = ("embedding_size", "level", "vocab_size", "min_count", "lowercase", "word_split")
_OF_THE_CLASSIFIER = ("bidirectional", "pooling")
_OF_NUMBERS = ("standardise", "centre", "differences", "frame")


@dataclass(frozen=True)
class Start:
    """The start of a new model.

    Attributes:
        config: the options, some of which come from the vectors or the run.
        facts: the facts of the training part.
        weights: tensors by their names in the model's state dict; all others start at random.
        coverage: how many words and which share of the tokens have vectors; empty without vectors.
    """

    config: ClassificationConfig
    facts: ClassificationFacts
    weights: dict[str, Tensor] = field(default_factory=dict)
    coverage: dict[str, Any] = field(default_factory=dict)


def start_of(
    config: ClassificationConfig,
    named: Collection[str],
    scheme: Scheme,
    training: Labelled,
    unlabelled: Sequence[str] = (),
) -> Start:
    """Returns the start that the options name.

    Args:
        config: the options.
        named: options that the user named; no source may change these.
        scheme: the kind of the examples.
        training: examples of the training part.
        unlabelled: texts without labels, whose words the vocabulary has too.

    Raises:
        InputError: a file or run folder breaks a rule, or contradicts an option.
    """
    source = Source.of(config, ("language-model", "classification"))
    texts = [text for item in scheme.as_read(training).items for text in item] if scheme.texts else []
    if source is not None:
        return _from_run(config, source, named, scheme, texts)
    if not scheme.texts:
        return Start(config, ClassificationFacts(scheme))
    if unlabelled and config.vocab_size is None and config.level == "words":
        config = replace(config, vocab_size=LARGEST_VOCABULARY)
    others = [scheme.plain(text) for text in unlabelled]
    vocabulary = _vocabulary(config, [*texts, *others])
    facts = ClassificationFacts(scheme, vocabulary)
    if config.vectors is not None:
        return _from_vectors(config, config.vectors, named, facts, training)
    if config.embedding_init == "cooccurrences" and vocabulary.has_words:
        return _from_cooccurrences(config, facts, training, others)
    return Start(config, facts)


def _vocabulary(config: ClassificationConfig, texts: Sequence[str]) -> TextVocabulary:
    if config.level == "bytes":  # the vocabulary is always all 256 bytes, which have no case
        config = replace(config, min_count=1, lowercase=False)
    vocabulary = learn_vocabulary(config, texts)
    if isinstance(vocabulary, CharacterVocabulary):  # other texts may have other characters
        return replace(vocabulary, has_unknown=True)
    return vocabulary


def _from_run(
    config: ClassificationConfig, source: Source, named: Collection[str], scheme: Scheme, texts: Sequence[str]
) -> Start:
    """Takes options, vocabulary and weights from a language model or a classifier.

    Words of the training part that it does not know start as the mean of its known words
    (Howard & Ruder 2018, arXiv:1801.06146). Other labels get a new output layer.
    """
    run, names = source.task, StartOptions.of_the_run
    of_texts, is_classifier = scheme.texts > 0, isinstance(run.config, ClassificationConfig)
    if is_classifier:
        source.check("the number of texts in an example", scheme.texts, run.facts.scheme.texts)
        source.check("the features", scheme.features, run.facts.scheme.features)
        names = (*names, *_OF_THE_CLASSIFIER, *(_OF_NUMBERS if not of_texts else ()))
    elif not of_texts:
        raise InputError(
            f"--pretrained must be a run of classification for numeric sequences. Got a run of {run.name}: "
            f"{source.folder}."
        )
    names = (*names, *(_OF_TEXTS if of_texts else ()))
    config = adopted(config, source.options(names), named, source.folder)
    members = _names_of(run.config)
    rows, vocabulary = {}, None
    if of_texts:
        known = run.facts.vocabulary
        vocabulary = known.extended(texts, _FEWEST_OF_A_WORD)
        rows = {f"{member}embedding": rows_of(vocabulary, known) for member in members}
    facts, weights = ClassificationFacts(scheme, vocabulary), source.weights(rows)
    if not is_classifier:
        config = replace(config, bidirectional=False)
    kept: tuple[str, ...] = ("embedding.", "layer.")
    if is_classifier:
        before = run.facts.scheme
        same = (scheme.classes, scheme.multi_label) == (before.classes, before.multi_label)
        kept = (*kept, "pooling.", *(("head.",) if same else ()))
    return Start(
        config,
        facts,
        {
            name: weight
            for number, own in enumerate(_names_of(config))
            for name, weight in _renamed(weights, members[number % len(members)], own, kept).items()
        },
    )


def _names_of(config: Any) -> list[str]:
    """Returns what the names of each network's weights begin with."""
    members = getattr(config, "members", 1)
    return [f"members.{m}." for m in range(members)] if members > 1 else [""]


def _renamed(weights: dict[str, Tensor], old: str, new: str, kept: tuple[str, ...]) -> dict[str, Tensor]:
    """Returns the weights of one network that are kept, under the names of another one."""
    names = {name.removeprefix(old): name for name in weights if name.startswith(old)}
    return {new + name: weights[full] for name, full in names.items() if name.startswith(kept)}


def _from_cooccurrences(
    config: ClassificationConfig, facts: ClassificationFacts, training: Labelled, others: Sequence[str]
) -> Start:
    """Takes the embedding from what stands near each word in the texts with and without labels."""
    assert facts.vocabulary is not None
    labelled = (text for item in inputs_of(config, facts, training) for text in item)
    texts = chain(labelled, map(facts.vocabulary.encode, others))
    embedding = cooccurrence_embedding(
        texts, facts.vocabulary, config.embedding_size, _DEVIATION, config.seed
    )
    return Start(config, facts, {f"{own}embedding.weight": embedding for own in _names_of(config)})


def _from_vectors(
    config: ClassificationConfig,
    path: Path,
    named: Collection[str],
    facts: ClassificationFacts,
    training: Labelled,
) -> Start:
    """Takes the embedding from a file of vectors, and measures how much of the training part has vectors."""
    assert facts.vocabulary is not None
    words = facts.vocabulary.pieces(np.arange(len(facts.vocabulary)))
    vectors, has_vector = embedding_from(path, words, config.seed)
    config = adopted(config, {"embedding_size": vectors.shape[1]}, named, path)
    tokens = np.concatenate([text for item in inputs_of(config, facts, training) for text in item])
    coverage = {
        "words": int(has_vector.sum()),
        "of": len(has_vector),
        "tokens": float(has_vector[tokens].mean()),
    }
    weights = {f"{own}embedding.weight": torch.from_numpy(vectors) for own in _names_of(config)}
    return Start(config, facts, weights, coverage)
