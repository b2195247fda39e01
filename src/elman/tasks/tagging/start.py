"""What the words of a tagger start from: sentences without tags, or a language model."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from elman.data.split import PARTS
from elman.data.tagged.columns import Columns
from elman.data.tagged.files import read_untagged
from elman.data.tagged.sequences import Tagged
from elman.data.tagged.words import looked_up
from elman.data.tokens.vocab import TextVocabulary
from elman.errors import InputError
from elman.notice import notice
from elman.tasks.shared.start import Source, adopted
from elman.tasks.tagging.options import TaggingConfig

EMBEDDING_DEVIATION = 0.3
"""Root of the mean square of an embedding's features at the start."""


def texts_without_tags(config: TaggingConfig, examples: Mapping[str, Tagged], columns: Columns) -> list[str]:
    """Returns the words of ``--unlabelled``, without those of sentences that the other parts have."""
    if not config.unlabelled:
        return []
    if examples["training"].features:
        raise InputError("--unlabelled is for words. The training part has numbers.")
    found = read_untagged(config.unlabelled, columns)
    held_out = {words for name in PARTS[1:] for words in examples[name].words}
    kept = [words for words in found if words not in held_out]
    if len(kept) < len(found):
        number = f"{len(found) - len(kept):,} of {len(found):,} sentences"
        notice(f"--unlabelled: {number} are left out, since the validation or test part has them")
    if not kept:
        raise InputError("--unlabelled: all of its sentences are of the validation or test part")
    return [" ".join(map(looked_up, words)) for words in kept]


@dataclass(frozen=True)
class LanguageWords:
    """The words of a language model.

    Attributes:
        words: N, as they are looked up.
        vectors: [N, E] of each.
    """

    words: list[str]
    vectors: Tensor

    @classmethod
    def of(
        cls, config: TaggingConfig, named: Collection[str], training: Tagged
    ) -> tuple[TaggingConfig, Self | None]:
        """Returns the options with the size of the run's embedding, and the words of the run; None: no run.

        Raises:
            InputError: the run is no language model of words, or contradicts an option.
        """
        source = Source.of(config, ("language-model",))
        if source is None:
            return config, None
        if training.features:
            raise InputError("--pretrained is for words. The training part has numbers.")
        source.check("--level", "words", source.task.config.level)
        config = adopted(config, source.options(["embedding_size"]), named, source.folder)
        weight = source.weights()["embedding.weight"]
        vocabulary: TextVocabulary = source.task.facts.vocabulary
        pieces = vocabulary.pieces(np.arange(len(vocabulary)))
        found: dict[str, int] = {}
        for number, piece in enumerate(pieces):
            if number != vocabulary.unknown and piece.strip():
                word = looked_up(piece)
                found.setdefault(word.lower() if config.lowercase else word, number)
        return config, cls(list(found), weight[list(found.values())])

    def embedding(self, vocabulary: TextVocabulary, seed: int) -> Tensor:
        """Returns an embedding [V, E] of a vocabulary; words that the language model lacks are drawn."""
        own = np.random.default_rng(seed).normal(size=(len(vocabulary), self.vectors.shape[1]))
        embedding = torch.from_numpy(own.astype(np.float32) * EMBEDDING_DEVIATION)
        tokens = vocabulary.encode(" ".join(self.words)).astype(np.int64)
        known = torch.from_numpy(tokens != vocabulary.unknown)
        scale = EMBEDDING_DEVIATION / float(self.vectors.square().mean().sqrt().clamp(min=1e-6))
        embedding[torch.from_numpy(tokens)[known]] = self.vectors[known].float() * scale
        return embedding
