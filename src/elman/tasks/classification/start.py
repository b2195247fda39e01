"""What a new classifier starts from: random weights, word vectors, or a language model."""

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

_FEWEST_OF_A_WORD = 2  # in the training part, of a word that a language model does not know
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
    """What a new model starts from.

    Attributes:
        config: the options, some of which come from the vectors or the language model.
        facts: what was learnt of the training part.
        weights: tensors by their names in the model's state dict; the others are random.
        coverage: how many words and which share of the tokens have vectors; empty without vectors.
    """

    config: ClassificationConfig
    facts: ClassificationFacts
    weights: dict[str, Tensor] = field(default_factory=dict)
    coverage: dict[str, Any] = field(default_factory=dict)


def start_of(
    config: ClassificationConfig, named: Collection[str], scheme: Scheme, training: Labelled
) -> Start:
    """What the options name as the start.

    Args:
        config: the options.
        named: options that the user gave by name, which no source may change.
        scheme: what the examples are.
        training: examples of the training part.

    Raises:
        InputError: a file or run folder is refused, or contradicts an option.
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
    if config.level == "bytes":  # none of them is rare, and they have no case
        config = replace(config, min_count=1, lowercase=False)
    vocabulary = learn_vocabulary(config, texts)
    if isinstance(vocabulary, CharacterVocabulary):  # other texts may have others
        return replace(vocabulary, has_unknown=True)
    return vocabulary


def _from_language_model(
    config: ClassificationConfig, folder: Path, named: Collection[str], scheme: Scheme, texts: Sequence[str]
) -> Start:
    """Options, vocabulary and weights of a language model.

    Words of the training part that it does not know begin as the mean of those that it does
    (Howard & Ruder 2018, arXiv:1801.06146).
    """
    source = load(folder, config.cell if is_file(config.cell) else None)
    if not isinstance(source, LanguageModel):
        raise InputError(f"--pretrained must be a run of language-model. Got one of {source.name}: {folder}.")
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
    """The embedding from a file of vectors, and how much of the training part has vectors."""
    assert facts.vocabulary is not None
    words = facts.vocabulary.pieces(np.arange(len(facts.vocabulary)))
    vectors, found = embedding_from(path, words, config.seed)
    config = _with(config, {"embedding_size": vectors.shape[1]}, named, path)
    tokens = np.concatenate([text for item in inputs_of(config, facts, training) for text in item])
    coverage = {"words": int(found.sum()), "of": len(found), "tokens": float(found[tokens].mean())}
    return Start(config, facts, {"embedding.weight": torch.from_numpy(vectors)}, coverage)


def _with(
    config: ClassificationConfig, values: dict[str, Any], named: Collection[str], source: Path
) -> ClassificationConfig:
    """The options with those of a source. Raises InputError if the user requested other values."""
    default = ClassificationConfig()
    for name, value in values.items():
        requested = getattr(config, name)
        if requested != value and (name in named or requested != getattr(default, name)):
            raise InputError(
                f"{flag(name)} must be {shown(value)}, as in {source}, or not given. Got {shown(requested)}."
            )
    return replace(config, **values)
