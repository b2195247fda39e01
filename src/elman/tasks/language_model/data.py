"""Text as tokens, shared out into training, validation and test part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.data.batches.tokens import TokenStreams, TokenWindows
from elman.data.read.builtin import python_reference
from elman.data.read.text import find_text_files
from elman.data.split import split_points, trained_on, warn_of_repeats
from elman.data.tokens.corpus import Corpus, content_key, load_corpus, texts, tokenise
from elman.data.tokens.vocab import TextVocabulary
from elman.tasks.language_model.options import LanguageModelConfig
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.text import learn_vocabulary, load_vocabulary, save_vocabulary
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


class CorpusData(TaskData):
    """A corpus for each part that has files of its own; the others are pieces of the training part's.

    Attributes:
        corpora: by part; "training" is always there.
    """

    config: LanguageModelConfig
    facts: TextFacts

    def __init__(self, config: LanguageModelConfig, facts: TextFacts, corpora: dict[str, Corpus]) -> None:
        super().__init__(config, facts)
        self.corpora = corpora

    @classmethod
    def read(cls, config: LanguageModelConfig, paths: list[Path], folder: Path | None) -> Self:
        """Tokenises files, folders or the built-in text into the run folder."""
        return cls.of(config, find_text_files(paths) if paths else python_reference(), folder)

    @classmethod
    def of(cls, config: LanguageModelConfig, sources: Sequence[Path | str], folder: Path | None) -> Self:
        """Tokenises files, or texts in memory."""
        own = {part: find_text_files(paths) for part, paths in _own_files(config).items()}
        if own:
            keys = {"training": [content_key(source) for source in sources]}
            keys |= {part: [content_key(path) for path in paths] for part, paths in own.items()}
            warn_of_repeats(keys, lambda part, number: str(own[part][number]), "documents")
        vocabulary = learn_vocabulary(config, texts(sources, config.level))
        corpora = {"training": tokenise(sources, vocabulary, folder)}
        for part, paths in own.items():
            corpora[part] = tokenise(paths, vocabulary, folder, f"{part}-")
        return cls(config, TextFacts(vocabulary), corpora)

    @classmethod
    def reopen(cls, config: LanguageModelConfig, facts: TextFacts, folder: Path) -> Self:
        """Opens the tokens again."""
        corpora = {"training": load_corpus(folder, facts.vocabulary)}
        for part in _own_files(config):
            corpora[part] = load_corpus(folder, facts.vocabulary, f"{part}-")
        return cls(config, facts, corpora)

    def parts(self) -> Parts:
        """The three parts of the corpus, by position or by files."""
        config, training = self.config, self.corpora["training"]
        first, second = split_points(len(training), trained_on(config.split, _own_files(config)))
        validation = self.corpora.get("validation", training.part(first, second))
        test = self.corpora.get("test", training.part(second, len(training)))
        return Parts(
            TokenStreams(training.part(0, first), config.batch_size, config.bptt, config.seed),
            TokenWindows(validation, rows=config.batch_size) if validation else None,
            whole_windows(test) if test else None,
        )


def whole_windows(corpus: Corpus) -> TokenWindows:
    """A corpus for evaluation: in one row up to 100,000 tokens, as a reader would; in more above."""
    return TokenWindows(corpus, rows=max(1, len(corpus) // 100_000))


def _own_files(config: LanguageModelConfig) -> dict[str, tuple[Path, ...]]:
    """The parts that have files of their own."""
    both = {"validation": config.validation, "test": config.test}
    return {part: paths for part, paths in both.items() if paths}
