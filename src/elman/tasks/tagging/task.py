"""Tagging: a tag for every step of a sequence."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch

from elman.config import require
from elman.data.read.arrays import is_frame
from elman.data.read.frames import to_polars
from elman.data.tag_schemes import permitted
from elman.data.tagged.memory import tagged_from_memory
from elman.data.tagged.sequences import Tagged
from elman.data.tagged.tables import is_table, tagged_table
from elman.data.tagged.words import SHAPES
from elman.exporters.source import ToExport
from elman.heads.categorical import Categorical
from elman.heads.crf import CRF
from elman.models.tagger import Tagger
from elman.models.words import WordReader
from elman.tasks.shared.data import Parts
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.tasks.tagging.answers import TagAnswers
from elman.tasks.tagging.batches import STEPS
from elman.tasks.tagging.data import TaggedData, columns_as_trained, columns_of
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.options import TaggingConfig
from elman.tasks.tagging.printing import Answer, Printer
from elman.train.loop import LossUnit


class SequenceTagger(Task):
    """Gives each step of a sequence a tag: ``fit(X, y)``, ``predict``, ``score(X, y)``.

    Embedding of the word, of its characters (read by convolutions), of its shape and of further columns; or
    standardised numbers and their changes → recurrent layer in both directions → softmax or conditional
    random field over the tags. Tags that mark spans keep to the rules of their scheme.

    Args:
        **options: fields of ``TaggingConfig`` (``elman train tagging --help`` explains them).

    Shapes:
        X: N lists of words, or N arrays [T, I] of numbers; y: N lists of tags, one for each step

    Raises:
        InputError: an option out of its range.
    """

    Config = TaggingConfig
    Facts = TaggingFacts
    Data = TaggedData
    Answers = TagAnswers

    model: Tagger

    @property
    def classes_(self) -> tuple[Any, ...]:
        """The tags, in the order of the columns of ``predict_proba``: that of their texts."""
        self._fitted()
        tags: tuple[Any, ...] = self.facts.given(self.facts.tags)
        return tags

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        inputs: Any = None,
        validation: tuple[Any, ...] | None = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all sentences; the option ``split`` applies to files only.

        Args:
            X: N lists of words; N arrays [T, I] or [T], or one [N, T, I]; or a frame with a row for each
                step, which is read as a table is.
            y: N lists of tags, texts or whole numbers; None for a frame, which has them in a column.
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
        training = self._from_memory(X, y, inputs)
        other = training.rows([])
        if validation is not None:
            fits = isinstance(validation, tuple | list) and len(validation) in (2, 3)
            require("validation", fits, "(X, y) or (X, y, inputs)", validation)
            words, tags, cells = (*validation, None)[:3]
            other = self._from_memory(words, tags, cells, where="validation: ")
        examples = {"training": training, "validation": other, "test": training.rows([])}
        return self._fit(
            lambda folder: TaggedData.learn(self.config, examples, folder, self.named),
            out,
            overwrite,
            show_progress,
        )

    def _from_memory(self, X: Any, y: Any, inputs: Any, where: str = "") -> Tagged:
        """Returns sequences in memory, whose tags must be known."""
        if is_frame(X):
            require(f"{where}y", y is None, "left out for a frame, which has the tags in a column", y)
            return tagged_table(to_polars(X, f"{where}X"), Path(f"{where}X"), columns_of(self.config)).tagged
        require(f"{where}y", y is not None, "N lists of tags", y)
        return tagged_from_memory(X, y, inputs, self.config.input_columns, where=where)

    def build(self) -> Tagger:
        """Returns the model: reader of words, if any, layer and head."""
        config, facts = self.config, self.facts
        reader = None if facts.features else self._reader()
        width = STEPS.width(len(facts.features)) if reader is None else reader.output_size
        layer = self.layer(width, bidirectional=config.bidirectional)
        rules = None
        if facts.scheme is not None:
            rules = torch.from_numpy(permitted(facts.tags, facts.scheme))
        features, tags = layer.output_size, len(facts.tags)
        is_crf = config.head == "crf" or (config.head == "auto" and facts.scheme is not None)
        if is_crf:
            return Tagger(layer, CRF(features, tags, rules), config.dropout, reader)
        return Tagger(layer, Categorical(features, tags), config.dropout, reader, rules)

    def _reader(self) -> WordReader:
        config, facts = self.config, self.facts
        return WordReader(
            len(facts.words),
            config.embedding_size,
            len(SHAPES),
            [len(known) + 1 for known in facts.cells],
            characters=len(facts.characters),
            character_features=config.character_features,
            unknown=facts.words.unknown,
            word_dropout=config.word_dropout,
            dropout=config.dropout,
        )

    def _judge(self, parts: Parts) -> Callable[[], float] | None:
        """Judges by ``score``: tags go on becoming right long after the loss has begun to rise."""
        validation = self.data.examples["validation"]
        if not len(validation):
            return None
        answers = self.Answers(self.config, self.facts, self.model, self.folder)
        batches: Any = parts.validation
        return lambda: 1 - answers.score(validation, batches)

    def loss_unit(self) -> LossUnit:
        """Shows nats per word or step."""
        return LossUnit("nats", 1.0, "words")

    def to_export(self) -> ToExport:
        """Returns the trained model, with what is added to the logarithms of probabilities to choose tags."""
        given, notes = super().to_export(), []
        if self.model.permitted is not None:
            notes.append("tags that must not follow each other are not ruled out; facts has their scheme")
        metadata = {**given.metadata, "bias": json.dumps(self.model.bias.tolist())}
        return replace(given, metadata=metadata, notes=[*given.notes, *notes])

    # Answers

    def predict(self, X: Any, inputs: Any = None) -> list[list[Any]]:
        """Returns a tag for each step of each sequence: N lists of texts, or of whole numbers as in ``y``."""
        answers = self.answers
        return [list(self.facts.given(tags)) for tags in answers.tags(self._unknown(X, inputs))]

    def predict_proba(self, X: Any, inputs: Any = None) -> list[Any]:
        """Returns the probabilities of all tags for each sequence [T, V], in the order of ``classes_``."""
        answers = self.answers
        probabilities: list[Any] = answers.probabilities(self._unknown(X, inputs))
        return probabilities

    def _unknown(self, X: Any, inputs: Any) -> Tagged:
        """Returns sequences without tags, of the kind of training."""
        if is_frame(X):
            frame, columns = to_polars(X, "X"), columns_as_trained(self.config, self.facts)
            return self.answers.check(tagged_table(frame, Path("X"), columns, with_tags=False).tagged)
        return self.answers.check(tagged_from_memory(X, None, inputs, self.facts.columns))

    def score(self, X: Any, y: Any, inputs: Any = None) -> float:
        """Returns the accuracy over all steps or, where tags mark spans, the F1 of the spans."""
        answers = self.answers
        return float(answers.score(answers.check(self._from_memory(X, y, inputs))))

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
        return answers.figures(answers.check(self._from_memory(X, y, inputs)))

    def tag(
        self,
        data: str | Path | None = None,
        *,
        texts: Iterable[str] | None = None,
        form: str = "auto",
        probabilities: bool = False,
    ) -> Iterator[Answer]:
        """Yields the tags of each sequence of a file, or of each text before the next is read.

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
        """Returns what writes answers of sentences as lines of text."""
        return Printer(self.facts.tags, in_terminal=in_terminal, probabilities=probabilities)

    @property
    def reads_numbers(self) -> bool:
        """Whether steps are numbers, not words."""
        return bool(self.facts.features)

    def reads_table(self, data: str | Path) -> bool:
        """Whether a file is read as a table: all files of numbers are."""
        return self.reads_numbers or is_table(Path(data), columns_of(self.config))

    def tag_table(self, data: str | Path, *, probabilities: bool = False) -> Iterator[str]:
        """Yields the lines of a table as CSV, with the tag of each row in a further column.

        Where a row is a sentence, it gets all its tags, with spaces between them.

        Args:
            data: the table.
            probabilities: adds a column for each tag.
        """
        return self.answers.of_table(Path(data), probabilities=probabilities)

    def tag_stream(self, rows: Iterable[str]) -> Iterator[str]:
        """Yields each line with its tag before the next line is read.

        A tag then depends on the words so far; the best tags so far end with it.

        Args:
            rows: lines with a word each, in columns as in training; or the header of a table of numbers and
                its rows. An empty one ends a sequence.

        Raises:
            InputError: the model reads in both directions, or a line breaks a rule.
        """
        return self.answers.of_rows(rows)
