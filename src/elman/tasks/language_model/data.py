"""Text as tokens, split into training, validation and test part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.data.read.builtin import python_reference
from elman.data.read.text import find_text_files
from elman.data.split import warn_of_repeats
from elman.data.tokens.corpus import content_key, texts, tokenise
from elman.data.tokens.vocab import TextVocabulary
from elman.tasks.language_model.options import LanguageModelConfig
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.text import learn_vocabulary, load_vocabulary, save_vocabulary
from elman.tasks.shared.token_streams import StreamData
from elman.train import files


@dataclass(frozen=True)
class TextFacts(TaskFacts):
    """The vocabulary, in a file of its own."""

    vocabulary: TextVocabulary

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the vocabulary."""
        save_vocabulary(self.vocabulary, folder / files.VOCABULARY)
        return {}

    @classmethod
    def load(cls, content: dict[str, Any], config: LanguageModelConfig, folder: Path) -> Self:
        """Reads the vocabulary."""
        return cls(load_vocabulary(folder / files.VOCABULARY, config.level))


class CorpusData(StreamData):
    """One corpus for training, and one for each other part with files of its own."""

    config: LanguageModelConfig
    facts: TextFacts

    @classmethod
    def read(cls, config: LanguageModelConfig, paths: list[Path], folder: Path | None) -> Self:
        """Tokenises files, folders or the built-in text into the run folder."""
        return cls.of(config, find_text_files(paths) if paths else python_reference(), folder)

    @classmethod
    def of(cls, config: LanguageModelConfig, sources: Sequence[Path | str], folder: Path | None) -> Self:
        """Tokenises files, or texts in memory."""
        own = {part: find_text_files(paths) for part, paths in config.own_files.items()}
        if own:
            keys = {"training": [content_key(source) for source in sources]}
            keys |= {part: [content_key(path) for path in paths] for part, paths in own.items()}
            warn_of_repeats(keys, lambda part, number: str(own[part][number]), "documents")
        vocabulary = learn_vocabulary(config, texts(sources, config.level))
        corpora = {"training": tokenise(sources, vocabulary, folder)}
        for part, paths in own.items():
            corpora[part] = tokenise(paths, vocabulary, folder, f"{part}-")
        return cls(config, TextFacts(vocabulary), corpora)
