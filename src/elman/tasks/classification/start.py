"""Initial weights of a classifier: random, word vectors, or a language model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.cells.named import is_file
from elman.config import flag, shown
from elman.data.labelled.examples import Labelled
from elman.data.labelled.scheme import Scheme
from elman.data.read.vectors import embedding_from
from elman.data.tokens.vocab import CharacterVocabulary, WordVocabulary
from elman.data.tokens.vocab.base import TextVocabulary
from elman.errors import InputError
from elman.tasks.classification.batches import inputs_of
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.language_model.task import LanguageModel
from elman.tasks.shared.run_folder import load
from elman.tasks.shared.text import learn_vocabulary

_FEWEST_OF_A_WORD = 2  # occurrences in the training part that add a word to a language model's vocabulary
_OF_THE_LANGUAGE_MODEL = (
    "cell",
    "hidden_size",
    "layers",
    "residual",
    "learned_state",
    "embedding_size",
    "level",
    "vocab_size",
    "min_count",
    "lowercase",
    "word_split",
)


@dataclass(frozen=True)
class Start:
    """The start of a new model.

    Attributes:
        config: the options, some of which come from the vectors or the language model.
        facts: the facts of the training part.
        weights: tensors by their names in the model's state dict; all others start at random.
        coverage: how many words and which share of the tokens have vectors; empty without vectors.
    """

    config: ClassificationConfig
    facts: ClassificationFacts
    weights: dict[str, Tensor] = field(default_factory=dict)
    coverage: dict[str, Any] = field(default_factory=dict)


def start_of(
    config: ClassificationConfig, named: Collection[str], scheme: Scheme, training: Labelled
) -> Start:
    """Returns the start that the options name.

    Args:
        config: the options.
        named: options that the user named; no source may change these.
        scheme: the kind of the examples.
        training: examples of the training part.

    Raises:
        InputError: a file or run folder breaks a rule, or contradicts an option.
    """
    if not scheme.texts:
        return Start(config, ClassificationFacts(scheme))
    texts = [text for item in training.items for text in item]
    if config.pretrained is not None:
        return _from_language_model(config, config.pretrained, named, scheme, texts)
    facts = ClassificationFacts(scheme, _vocabulary(config, texts))
    if config.vectors is not None:
        return _from_vectors(config, config.vectors, named, facts, training)
    return Start(config, facts)


def _vocabulary(config: ClassificationConfig, texts: Sequence[str]) -> TextVocabulary:
    if config.level == "bytes":  # the vocabulary is always all 256 bytes, which have no case
        config = replace(config, min_count=1, lowercase=False)
    vocabulary = learn_vocabulary(config, texts)
    if isinstance(vocabulary, CharacterVocabulary):  # other texts may have other characters
        return replace(vocabulary, has_unknown=True)
    return vocabulary


def _from_language_model(
    config: ClassificationConfig, folder: Path, named: Collection[str], scheme: Scheme, texts: Sequence[str]
) -> Start:
    """Takes options, vocabulary and weights from a language model.

    Words of the training part that it does not know start as the mean of its known words
    (Howard & Ruder 2018, arXiv:1801.06146).
    """
    source = load(folder, config.cell if is_file(config.cell) else None)
    if not isinstance(source, LanguageModel):
        raise InputError(
            f"--pretrained must be a run of language-model. Got a run of {source.name}: {folder}."
        )
    values = {name: getattr(source.config, name) for name in _OF_THE_LANGUAGE_MODEL}
    config = replace(_with(config, values, named, folder), bidirectional=False)
    vocabulary = source.vocabulary
    weights = {k: v for k, v in source.model.state_dict().items() if k.startswith(("embedding.", "layer."))}
    if isinstance(vocabulary, WordVocabulary):
        vocabulary = vocabulary.extended(texts, _FEWEST_OF_A_WORD)
        known = weights["embedding.weight"]
        new = known.mean(0).expand(len(vocabulary) - len(known), -1)
        weights["embedding.weight"] = torch.cat([known, new])
    return Start(config, ClassificationFacts(scheme, vocabulary), weights)


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
    config = _with(config, {"embedding_size": vectors.shape[1]}, named, path)
    tokens = np.concatenate([text for item in inputs_of(config, facts, training) for text in item])
    coverage = {
        "words": int(has_vector.sum()),
        "of": len(has_vector),
        "tokens": float(has_vector[tokens].mean()),
    }
    return Start(config, facts, {"embedding.weight": torch.from_numpy(vectors)}, coverage)


def _with(
    config: ClassificationConfig, values: dict[str, Any], named: Collection[str], source: Path
) -> ClassificationConfig:
    """Replaces options by those of a source. Raises InputError if the user requested other values."""
    default = ClassificationConfig()
    for name, value in values.items():
        requested = getattr(config, name)
        if requested != value and (name in named or requested != getattr(default, name)):
            raise InputError(
                f"{flag(name)} must be {shown(value)}, as in {source}, or not given. Got {shown(requested)}."
            )
    return replace(config, **values)
