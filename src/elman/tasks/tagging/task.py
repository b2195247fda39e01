"""Tagging: a tag for every step of a sequence."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import torch

from elman.config import require
from elman.data.tag_schemes import permitted
from elman.data.tagged.memory import tagged_from_memory
from elman.data.tagged.words import SHAPES
from elman.heads.categorical import Categorical
from elman.heads.crf import CRF
from elman.models.tagger import Tagger
from elman.models.words import WordReader
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.tasks.tagging.answers import TagAnswers
from elman.tasks.tagging.data import TaggedData
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.options import TaggingConfig
from elman.tasks.tagging.printing import Answer, Printer
from elman.train.loop import LossUnit


class SequenceTagger(Task):
    """Gives each word of a sentence a tag: ``fit(X, y)``, ``predict``, ``score(X, y)``.

    Embedding of the word, of its characters (read by convolutions), of its shape and of further columns →
    recurrent layer in both directions → softmax or conditional random field over the tags. Tags that mark
    spans keep to the rules of their scheme.

    Args:
        **options: fields of ``TaggingConfig`` (``elman train tagging --help`` explains them).

    Shapes:
        X: N lists of words; y: N lists of tags, one for each word

    Raises:
        InputError: an option out of its range.
    """

    Config = TaggingConfig
    Facts = TaggingFacts
    Data = TaggedData
    Answers = TagAnswers

    model: Tagger

    @property
    def classes_(self) -> tuple[str, ...]:
        """The tags, in the order of the columns of ``predict_proba``."""
        self._fitted()
        tags: tuple[str, ...] = self.facts.tags
        return tags

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        inputs: Any = None,
        validation: tuple[Any, ...] | None = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all sentences; the option ``split`` applies to files only.

        Args:
            X: N lists of words.
            y: N lists of tags.
            inputs: for each of ``input_columns``, N lists of cells; None: there are no such columns.
            validation: (X, y) or (X, y, inputs), to choose the best epoch; or None.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: X and y do not match, an element breaks a rule, or an option names other parts.
        """
        for option in ("validation", "test"):
            value = getattr(self.config, option)
            require(f"the option {option}", not value, "left out for fit, which trains on all", value)
        columns = self.config.input_columns
        training = tagged_from_memory(X, y, inputs, columns)
        other = training.rows([])
        if validation is not None:
            fits = isinstance(validation, tuple | list) and len(validation) in (2, 3)
            require("validation", fits, "(X, y) or (X, y, inputs)", validation)
            words, tags, cells = (*validation, None)[:3]
            other = tagged_from_memory(words, tags, cells, columns, where="validation: ")
        examples = {"training": training, "validation": other, "test": training.rows([])}
        return self._fit(
            lambda folder: TaggedData.learn(self.config, examples, folder), out, overwrite, show_progress
        )

    def build(self) -> Tagger:
        """Returns the model: reader of words, layer and head."""
        config, facts = self.config, self.facts
        assert facts.vocabulary.unknown is not None
        reader = WordReader(
            len(facts.vocabulary),
            config.embedding_size,
            len(SHAPES),
            [len(known) + 1 for known in facts.cells],
            characters=len(facts.characters),
            character_features=config.character_features,
            unknown=facts.vocabulary.unknown,
            word_dropout=config.word_dropout,
            dropout=config.dropout,
        )
        layer = self.layer(reader.output_size, bidirectional=config.bidirectional)
        rules = None
        if facts.scheme is not None:
            rules = torch.from_numpy(permitted(facts.tags, facts.scheme))
        features, tags = layer.output_size, len(facts.tags)
        is_crf = config.head == "crf" or (config.head == "auto" and facts.scheme is not None)
        if is_crf:
            return Tagger(layer, CRF(features, tags, rules), config.dropout, reader)
        return Tagger(layer, Categorical(features, tags), config.dropout, reader, rules)

    def loss_unit(self) -> LossUnit:
        """Shows nats per word."""
        return LossUnit("nats/word", 1.0, "words")

    # Answers

    def predict(self, X: Any, inputs: Any = None) -> list[list[str]]:
        """Returns a tag for each word of each sentence."""
        part = tagged_from_memory(X, None, inputs, self.facts.columns)
        return [list(tags) for tags in self.answers.tags(part)]

    def predict_proba(self, X: Any, inputs: Any = None) -> list[Any]:
        """Returns the probabilities of all tags for each sentence [T, V], in the order of ``classes_``."""
        part = tagged_from_memory(X, None, inputs, self.facts.columns)
        probabilities: list[Any] = self.answers.probabilities(part)
        return probabilities

    def score(self, X: Any, y: Any, inputs: Any = None) -> float:
        """Returns the accuracy over all words or, where tags mark spans, the F1 of the spans."""
        figures = self.evaluate(X=X, y=y, inputs=inputs)
        return float(figures.get("f1", figures["accuracy"]))

    def evaluate(
        self, data: Paths | None = None, *, X: Any = None, y: Any = None, inputs: Any = None
    ) -> dict[str, Any]:
        """Measures the model on other files or folders, or on sentences in memory, as for ``fit``.

        Raises:
            InputError: there are both files and sentences or neither, or a file breaks a rule.
        """
        answers = self.answers
        check_one_source(data is not None, X is not None or y is not None, "X and y")
        if data is not None:
            return answers.evaluate(as_paths(data))
        return answers.figures(tagged_from_memory(X, y, inputs, self.facts.columns))

    def tag(
        self,
        data: str | Path | None = None,
        *,
        texts: Iterable[str] | None = None,
        form: str = "auto",
        probabilities: bool = False,
    ) -> Iterator[Answer]:
        """Yields the tags of each sentence of a file, or of each text before the next is read.

        Args:
            data: a file; its tags, if any, are ignored.
            texts: sentences, which are divided into words at spaces and punctuation.
            form: columns, text, or auto: whichever the file looks like.
            probabilities: adds the probabilities of all tags.

        Raises:
            InputError: there are both a file and texts or neither, or the file breaks a rule.
        """
        answers = self.answers
        check_one_source(data is not None, texts is not None, "texts")
        if data is not None:
            return answers.of_file(Path(data), form, probabilities=probabilities)
        return answers.of_texts(texts, probabilities=probabilities)

    def printer(self, *, in_terminal: bool, probabilities: bool) -> Printer:
        """Returns what writes answers as lines of text."""
        return Printer(self.facts.tags, in_terminal=in_terminal, probabilities=probabilities)

    def tag_stream(self, rows: Iterable[str]) -> Iterator[str]:
        """Yields each line with its word's tag before the next line is read.

        A tag then depends on the words so far; the best tags so far end with it.

        Args:
            rows: lines with a word each, in columns as in training; an empty one ends a sentence.

        Raises:
            InputError: the model reads in both directions, or a line breaks a rule.
        """
        return self.answers.of_rows(rows)
