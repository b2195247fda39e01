"""Sentence pairs, split into parts, and the vocabularies of the training part."""

import os
import warnings
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.config import check_regular, shown
from elman.data.batches.pairs import PairBatches
from elman.data.pairs import Pairs, check_pairs, load_pairs, read_pairs, save_pairs
from elman.data.split import PARTS, split_points, trained_on, warn_of_repeats
from elman.data.tokens.vocab import CharacterVocabulary, TextVocabulary
from elman.errors import InputError
from elman.registry import load_module
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.options import ABSENT
from elman.tasks.shared.sizing import pairs as sizes_of_pairs
from elman.tasks.shared.sizing import pieces
from elman.tasks.shared.start import Source, begun, rows_of, with_limits
from elman.tasks.shared.text import (
    extended_vocabulary,
    learn_vocabulary,
    load_vocabulary,
    save_vocabulary,
)
from elman.tasks.translation.habits import FILE as HABITS
from elman.tasks.translation.habits import Habits
from elman.tasks.translation.options import TranslationConfig
from elman.train import files

BEGIN, END = "<s>", "</s>"
"""The tokens before the first token of a translation, and after the last token of a text."""

_DATA = "pairs.npz"
_TARGET_VOCABULARY = "target_vocabulary.json"


@dataclass(frozen=True)
class TranslationFacts(TaskFacts):
    """One shared vocabulary or two, and how the sources are written, in files of their own.

    Attributes:
        source: vocabulary of the sources.
        own_target: vocabulary of the targets; None: the vocabulary of the sources is shared.
        habits: how the sources of the training part are written; None: too few, or a run of an earlier
            version.
    """

    source: TextVocabulary
    own_target: TextVocabulary | None
    habits: Habits | None = None

    @property
    def target(self) -> TextVocabulary:
        """The vocabulary of the targets."""
        return self.source if self.own_target is None else self.own_target

    def source_tokens(self, text: str) -> np.ndarray:
        """Returns a source's tokens [S], including the end."""
        return _with_end(self.source, text)

    def target_tokens(self, text: str) -> np.ndarray:
        """Returns a translation's tokens [T], including the end."""
        return _with_end(self.target, text)

    def target_text(self, tokens: Sequence[int]) -> str:
        """Decodes the tokens of a translation to one line."""
        return " ".join(self.target.decode(tokens).split())

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the vocabulary or vocabularies and the habits."""
        save_vocabulary(self.source, folder / files.VOCABULARY)
        if self.own_target is not None:
            save_vocabulary(self.own_target, folder / _TARGET_VOCABULARY)
        if self.habits is not None:
            self.habits.save(folder / HABITS)
        return {}

    @classmethod
    def load(cls, content: dict[str, Any], config: TranslationConfig, folder: Path) -> Self:
        """Reads the vocabulary or vocabularies and the habits."""
        source = _load_with_specials(folder / files.VOCABULARY, config.level)
        target = None
        if not config.shared_vocabulary:
            target = _load_with_specials(folder / _TARGET_VOCABULARY, config.level)
        habits = Habits.load(folder / HABITS) if os.path.lexists(folder / HABITS) else None
        return cls(source, target, habits)


class TranslationData(TaskData):
    """The pairs of each part.

    Attributes:
        pairs: the pairs of the training, validation and test part.
    """

    config: TranslationConfig
    facts: TranslationFacts

    def __init__(self, config: TranslationConfig, facts: TranslationFacts, pairs: tuple[Pairs, ...]) -> None:
        super().__init__(config, facts)
        self.pairs = pairs

    @classmethod
    def read(
        cls, config: TranslationConfig, paths: list[Path], folder: Path | None, named: Collection[str] = ()
    ) -> Self:
        """Reads pairs, including those of parts with files of their own."""
        return cls.of(config, pairs_from_files(config, paths), folder, named)

    @classmethod
    def of(
        cls, config: TranslationConfig, pairs: Pairs, folder: Path | None, named: Collection[str] = ()
    ) -> Self:
        """Splits the pairs, learns the vocabularies from training, and stores the texts in the folder.

        Args:
            config: the options.
            pairs: all pairs, except those of parts with files of their own.
            folder: the run folder, or None.
            named: options that the user named; a pretrained run may not change these.
        """
        config, start = begun(config, named)
        config = with_limits(config, named, start)
        bleu()  # a missing library must be an error before the training, not after it
        own = {"validation": config.validation, "test": config.test}
        shares = trained_on(config.split, [part for part, paths in own.items() if paths])
        order = np.random.default_rng(config.seed).permutation(len(pairs))
        drawn = np.split(order, split_points(len(pairs), shares, "pairs"))
        parts = {part: pairs.rows(rows) for part, rows in zip(PARTS, drawn, strict=True)}
        parts |= {part: pairs_from_files(config, list(paths)) for part, paths in own.items() if paths}
        warn_of_repeats(
            {name: list(zip(part.sources, part.targets, strict=True)) for name, part in parts.items()},
            lambda name, row: shown(parts[name].sources[row]),
            "pairs",
        )
        facts = _learn(config, parts["training"], start)
        data = cls(config, facts, tuple(parts.values()))
        if start is not None:
            known = start.task.facts
            target = rows_of(facts.target, known.target)
            source = rows_of(facts.source, known.source)
            data.start = start.weights({"embedding": target, "head": target, "source_embedding": source})
        if folder is not None:
            save_pairs(folder / _DATA, data.pairs)
        return data

    @classmethod
    def reopen(cls, config: TranslationConfig, facts: TranslationFacts, folder: Path) -> Self:
        """Reads the texts of the three parts from the run folder."""
        check_regular(folder / _DATA)
        return cls(config, facts, load_pairs(folder / _DATA, len(PARTS)))

    @property
    def amounts(self) -> dict[str, int]:
        """Pairs of all parts."""
        return {"pair": sum(map(len, self.pairs))}

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number of training pairs."""
        return sizes_of_pairs(len(self.pairs[0]), max(len(self.facts.source), len(self.facts.target)))

    def parts(self) -> Parts:
        """Returns batches of the encoded pairs."""
        training, validation, test = self.pairs
        size = self.config.batch_size
        return Parts(
            pair_batches(training, self.facts, size, self.config.seed),
            pair_batches(validation, self.facts, size) if validation else None,
            pair_batches(test, self.facts, size) if test else None,
        )


def bleu() -> Any:
    """Returns the module ``elman.metrics.bleu``. Raises InputError if sacrebleu is not installed."""
    return load_module("elman.metrics.bleu")


def pairs_from_files(config: TranslationConfig, paths: list[Path]) -> Pairs:
    """Reads pairs from one file or two. Warns about pairs that were left out for a bad line."""
    pairs = read_pairs(paths, config.skip_bad_lines, config.reading, config.columns)
    return _warned(pairs, str(paths[0]))


def pairs_from_texts(
    config: TranslationConfig, sources: Iterable[str] | None, targets: Iterable[str] | None
) -> Pairs:
    """Makes pairs of texts in memory. Warns about pairs that were left out for a bad line."""
    return _warned(check_pairs(sources, targets, config.skip_bad_lines), "sources, targets")


def pair_batches(
    pairs: Pairs, facts: TranslationFacts, batch_size: int, seed: int | None = None
) -> PairBatches:
    """Returns batches of encoded pairs; without a seed, the longest come first."""
    sources = [facts.source_tokens(text) for text in pairs.sources]
    targets = [facts.target_tokens(text) for text in pairs.targets]
    return PairBatches(sources, targets, batch_size, seed)


def _learn(config: TranslationConfig, training: Pairs, start: Source | None) -> TranslationFacts:
    """Learns one vocabulary of both languages, or one of each, or extends those of a run; and the habits."""

    def vocabulary(texts: list[str], side: str) -> TextVocabulary:
        if start is None:
            if config.level == "subwords" and config.vocab_size is ABSENT:
                return _vocabulary(replace(config, vocab_size=pieces(len(training))), texts)
            return _vocabulary(config, texts)
        return extended_vocabulary(config, getattr(start.task.facts, side), texts, start.folder)

    read = [text.lower() for text in training.sources] if config.lowercase else training.sources
    if config.shared_vocabulary:
        both = vocabulary(training.sources + training.targets, "source")
        return TranslationFacts(both, None, Habits.of(read))
    return TranslationFacts(
        vocabulary(training.sources, "source"), vocabulary(training.targets, "target"), Habits.of(read)
    )


def _vocabulary(config: TranslationConfig, texts: list[str]) -> TextVocabulary:
    vocabulary = learn_vocabulary(config, texts, (BEGIN, END))
    if isinstance(vocabulary, CharacterVocabulary):  # other texts may have other characters
        vocabulary = replace(vocabulary, has_unknown=True)
    return vocabulary


def _load_with_specials(path: Path, level: str) -> TextVocabulary:
    vocabulary = load_vocabulary(path, level)
    if vocabulary.specials != (BEGIN, END):
        raise InputError(f"{path}: specials must be {BEGIN} and {END}")
    return vocabulary


def _with_end(vocabulary: TextVocabulary, text: str) -> np.ndarray:
    return np.append(vocabulary.encode(text), vocabulary.special(END))


def _warned(pairs: Pairs, source: str) -> Pairs:
    """Returns the same pairs; warns if some were left out."""
    if pairs.skipped:
        warnings.warn(f"{source}: {pairs.skipped:,} pairs with a bad line were left out", stacklevel=2)
    return pairs
