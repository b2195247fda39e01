"""Text as tokens, split into training, validation and test part."""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from elman.config import shown
from elman.data.read.builtin import python_reference
from elman.data.split import warn_of_repeats
from elman.data.tokens.corpus import content_key, texts, tokenise
from elman.data.tokens.documents import documents_of
from elman.data.tokens.vocab import TextVocabulary
from elman.tasks.language_model.options import LanguageModelConfig
from elman.tasks.shared.arrays import NGRAMS
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.ngrams import Mixture
from elman.tasks.shared.start import begun, cooccurrence_embedding, rows_of, with_limits
from elman.tasks.shared.text import (
    extended_vocabulary,
    learn_vocabulary,
    load_vocabulary,
    save_vocabulary,
)
from elman.tasks.shared.token_streams import StreamData
from elman.train import files

_DEVIATION = 1.0  # of a word's first vector, as at random; nearer to 0 it learns more slowly
_TIED_DEVIATION = 0.1  # with output weights that large, all words are about as probable at first


@dataclass(frozen=True)
class TextFacts(TaskFacts):
    """The vocabulary, and the n-grams if they are mixed in, each in a file of its own."""

    vocabulary: TextVocabulary
    ngrams: Mixture | None = None

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the vocabulary and the n-grams."""
        save_vocabulary(self.vocabulary, folder / files.VOCABULARY)
        self.save_fitted(folder)
        return {}

    def save_fitted(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes the n-grams."""
        if self.ngrams is not None:
            self.ngrams.save(folder / NGRAMS, check)

    @classmethod
    def load(cls, content: dict[str, Any], config: LanguageModelConfig, folder: Path) -> Self:
        """Reads the vocabulary and the n-grams."""
        vocabulary, counted = load_vocabulary(folder / files.VOCABULARY, config.level), folder / NGRAMS
        return cls(vocabulary, Mixture.load(counted, len(vocabulary)) if os.path.lexists(counted) else None)


class CorpusData(StreamData):
    """One corpus for training, and one for each other part with files of its own."""

    config: LanguageModelConfig
    facts: TextFacts

    @classmethod
    def read(
        cls,
        config: LanguageModelConfig,
        paths: list[Path],
        folder: Path | None,
        named: Collection[str] = (),
    ) -> Self:
        """Tokenises files, folders or the built-in text into the run folder."""
        return cls.of(config, documents(config, paths) if paths else python_reference(), folder, named)

    @classmethod
    def of(
        cls,
        config: LanguageModelConfig,
        sources: Sequence[Path | str],
        folder: Path | None,
        named: Collection[str] = (),
    ) -> Self:
        """Tokenises files, or texts in memory.

        Args:
            config: the options.
            sources: the documents.
            folder: the run folder, or None.
            named: options that the user named; a pretrained run may not change these.
        """
        config, start = begun(config, named)
        config = with_limits(config, named, start)
        own = {part: documents(config, paths) for part, paths in config.own_files.items()}
        if own:
            keys = {"training": [content_key(source) for source in sources]}
            keys |= {part: [content_key(source) for source in others] for part, others in own.items()}
            warn_of_repeats(keys, lambda part, number: _named(own[part][number]), "documents")
        blocks = texts(sources, config.level, config.reading)
        if start is None:
            vocabulary = learn_vocabulary(config, blocks)
        else:
            vocabulary = extended_vocabulary(config, start.task.facts.vocabulary, blocks, start.folder)
        corpora = {"training": tokenise(sources, vocabulary, folder, reading=config.reading)}
        for part, others in own.items():
            corpora[part] = tokenise(others, vocabulary, folder, f"{part}-", config.reading)
        data = cls(config, TextFacts(vocabulary), corpora)
        if start is not None:
            rows = rows_of(vocabulary, start.task.facts.vocabulary)
            data.start = start.weights({"embedding": rows, "head": rows})
        return data

    def initial(self) -> dict[str, Tensor]:
        """Returns the tensors of the run that training starts from, or vectors of words or subwords."""
        config, vocabulary = self.config, self.facts.vocabulary
        if config.embedding_init == "random" or config.pretrained is not None or not vocabulary.has_words:
            return self.start
        tokens = self.corpora["training"].part(0, self._cuts()[0]).tokens
        deviation = _TIED_DEVIATION if config.tied else _DEVIATION
        embedding = cooccurrence_embedding(
            [tokens], vocabulary, config.embedding_size, deviation, config.seed
        )
        return {"embedding.weight": embedding}

    @property
    def amounts(self) -> dict[str, int]:
        """Tokens and documents of all parts."""
        corpora = self.corpora.values()
        return {
            self.config.level.removesuffix("s"): sum(map(len, corpora)),
            "document": sum(len(corpus.starts) for corpus in corpora),
        }


def _named(source: Path | str) -> str:
    """Returns a file's path, or the beginning of a text."""
    return str(source) if isinstance(source, Path) else shown(source)


def documents(config: LanguageModelConfig, paths: Sequence[Path]) -> list[Path | str]:
    """Returns the documents of files and folders."""
    return documents_of(paths, config.text_column, config.reading)
