"""Tags of a tagger, their figures and the report."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from elman.baselines.simple_step_taggers import simple_step_tags
from elman.baselines.simple_taggers import simple_tags
from elman.config import listed, require
from elman.data.batches.ragged import Ragged
from elman.data.tag_schemes import OUTSIDE, split_tag
from elman.data.tagged.files import Sentence, read_tagged, texts_of, to_tag
from elman.data.tagged.sequences import Tagged, Words
from elman.data.tagged.tables import read_tagged_table
from elman.diagnose.remedies import Remedy
from elman.errors import InputError
from elman.metrics.spans import span_counts
from elman.models.predict import predict
from elman.models.tagger import Tagger
from elman.pictures.tags import draw_tags
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.table import csv_line
from elman.tasks.tagging.batches import STEPS, batches_of
from elman.tasks.tagging.data import TaggedData, columns_as_trained
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.figures import confusions, figures_by_name, tag_figures, worst_sequences
from elman.tasks.tagging.options import TaggingConfig
from elman.tasks.tagging.printing import PREDICTED, Answer, StepsAnswer
from elman.tasks.tagging.report import proposals, report_lines
from elman.tasks.tagging.streaming import tag_numbers, tag_words

_PICTURE = "tags.png"
_CHUNK = 512  # sentences of a file that are tagged at once
_BIASES = (0.0, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)  # nats that are tried
_ENOUGH = 100  # spans of a validation part that choose among them


class TagAnswers(TaskAnswers):
    """Tags of sentences, and figures of both."""

    config: TaggingConfig
    facts: TaggingFacts
    model: Tagger

    # Sentences

    def tagged(self, paths: list[Path]) -> Tagged:
        """Reads sequences with their tags, from files or folders."""
        require("data", bool(paths), "at least one path", paths)
        return self.check(read_tagged(paths, columns_as_trained(self.config, self.facts)))

    def check(self, part: Tagged) -> Tagged:
        """Returns the sequences. Raises InputError if they are not of the kind that was trained on."""
        if part.features != self.facts.features:
            kinds = [
                f"numbers of the columns {listed(own)}" if own else "words"
                for own in (self.facts.features, part.features)
            ]
            raise InputError(f"{part.places[0]}: must have {kinds[0]}, as in training. Got {kinds[1]}.")
        return part

    def batches(self, paths: list[Path]) -> Ragged:
        """Returns batches of other files or folders."""
        return batches_of(self.config, self.facts, self.tagged(paths))

    def excerpt(self, batches: Ragged) -> Excerpt:
        """Returns a batch with the word of each step, as the vocabulary has it, or the names of numbers."""
        batch = next(iter(batches.epoch(0)))
        if self.facts.features:
            return Excerpt(batch, features=STEPS.names(self.facts.features))
        numbers, lengths = batch.inputs.values[..., 0], batch.inputs.lengths
        assert lengths is not None
        texts = [
            [f"{piece} " for piece in self.facts.words.pieces(row[:length].numpy())]
            for row, length in zip(numbers.T, lengths.tolist(), strict=True)
        ]
        return Excerpt(batch, "words", texts)

    # Predictions

    def tags(self, part: Tagged, batches: Ragged | None = None) -> list[Words]:
        """Returns the predicted tags of each sequence, in their order; ignores their tags.

        Args:
            part: the sequences.
            batches: theirs for evaluation; None: they are made.
        """
        names = self.facts.tags
        return [tuple(names[k] for k in row) for row in self._of_each(part, self.model.tags, batches)]

    def probabilities(self, part: Tagged) -> list[np.ndarray]:
        """Returns the probabilities [T, V] of all tags for each sentence."""
        return self._of_each(part, self.model.probabilities)

    def _of_each(
        self, part: Tagged, f: Callable[[Any], torch.Tensor], batches: Ragged | None = None
    ) -> list[np.ndarray]:
        """Returns what a function of the model computes for each sentence [T, …]."""
        found: list[np.ndarray] = [np.zeros(0)] * len(part)
        batches = batches_of(self.config, self.facts, part) if batches is None else batches
        outputs = predict(self.model, (batch.inputs for batch in batches.epoch()), f)
        for rows, values in zip(batches.rows(), outputs, strict=True):
            array = values.numpy()
            for column, k in enumerate(rows):
                found[k] = array[: len(part.items[k]), column]
        return found

    def of_file(self, path: Path, form: str, *, probabilities: bool) -> Iterator[Answer | StepsAnswer]:
        """Yields an answer for each sequence of a file; ignores its tags."""
        if self.facts.features:
            part = self.check(
                read_tagged([path], columns_as_trained(self.config, self.facts), with_tags=False)
            )
            likely: list[Any] = self.probabilities(part) if probabilities else [None] * len(part)
            for name, tags, p in zip(part.names, self.tags(part), likely, strict=True):
                yield StepsAnswer(name, tags, self.facts.tags, p)
            return
        sentences = to_tag(path, columns_as_trained(self.config, self.facts), form)
        while chunk := list(islice(sentences, _CHUNK)):
            yield from self._answers(chunk, probabilities)

    def of_texts(self, texts: Iterable[str], *, probabilities: bool) -> Iterator[Answer]:
        """Yields an answer for each text before it reads the next one."""
        if self.facts.features:
            raise InputError("this model reads numbers: texts have none")
        if self.facts.columns:
            raise InputError(
                f"texts lack the further columns that this model reads: {', '.join(self.facts.columns)}"
            )
        for sentence in texts_of(texts, "text"):
            yield from self._answers([sentence], probabilities)

    def _answers(self, sentences: list[Sentence], probabilities: bool) -> Iterator[Answer]:
        filled = [each for each in sentences if each.read.words]
        part = _part(filled, self.facts.columns)
        tags = iter(self.tags(part) if filled else [])
        p = iter(self.probabilities(part) if probabilities and filled else [])
        none = np.zeros((0, len(self.facts.tags)), np.float32)
        for each in sentences:
            has_words = bool(each.read.words)
            own = next(tags) if has_words else ()
            likely = (next(p) if has_words else none) if probabilities else None
            yield Answer(each, own, self.facts.tags, self.facts.scheme is not None, likely)

    def of_table(self, path: Path, *, probabilities: bool) -> Iterator[str]:
        """Yields the lines of a table as CSV, with the tag of each row, and all probabilities."""
        table = read_tagged_table(path, columns_as_trained(self.config, self.facts), with_tags=False)
        part = self.check(table.tagged)
        found = self.tags(part)
        if not table.order:  # a row is a sentence
            yield csv_line([*table.frame.columns, PREDICTED])
            for row, each in zip(table.frame.iter_rows(), found, strict=True):
                yield csv_line([*row, " ".join(each)])
            return
        rows = np.argsort(np.concatenate(table.order))
        tags = np.array([tag for each in found for tag in each], dtype=object)[rows]
        cells, names = [tags], [PREDICTED]
        if probabilities:
            p = np.concatenate(self.probabilities(part))[rows]
            names += [f"{PREDICTED} {tag}" for tag in self.facts.tags]
            cells += [np.array([f"{value:.4f}" for value in column], dtype=object) for column in p.T]
        yield csv_line([*table.frame.columns, *names])
        for row, own in zip(table.frame.iter_rows(), zip(*cells, strict=True), strict=True):
            yield csv_line([*row, *own])

    def of_rows(self, rows: Iterable[str]) -> Iterator[str]:
        """Yields each line with the tag of its word or numbers before it reads the next one."""
        if self.config.bidirectional:
            raise InputError(
                "a stream needs a model that reads in one direction: train it with --no-bidirectional"
            )
        stream = tag_numbers if self.facts.features else tag_words
        return stream(self.model, self.facts, columns_as_trained(self.config, self.facts), rows)

    # Figures

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on other files or folders."""
        return self.figures(self.tagged(paths))

    def figures(self, part: Tagged) -> dict[str, Any]:
        """Returns the accuracy, that of unknown words, and those of the spans that tags mark, or macro F1."""
        return self._figures(part, self.tags(part))

    def score(self, part: Tagged, batches: Ragged | None = None) -> float:
        """Returns the accuracy over all steps or, where tags mark spans, their F1; see ``tags``."""
        figures = self._figures(part, self.tags(part, batches))
        return float(figures.get("f1", figures["accuracy"]))

    def _figures(self, part: Tagged, predicted: list[Words]) -> dict[str, Any]:
        unknown = None if self.facts.features else self._unknown(part)
        return tag_figures(part.tags, predicted, unknown, are_spans=self.facts.scheme is not None)

    def _unknown(self, part: Tagged) -> list[np.ndarray]:
        """Returns which words the training part lacks, [T] bool for each sentence."""
        return [self.facts.is_unknown(words) for words in part.words]

    def measure(self, data: TaggedData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model on the validation part, and with simple methods on the test part."""
        training, validation, test = (data.examples[name] for name in ("training", "validation", "test"))
        results: dict[str, Any] = {"unlabelled": len(data.texts)} if data.texts else {}
        if len(validation):
            if self.facts.scheme is not None:
                results["bias"] = self._fit_bias(validation)
            results["validation"] = self.figures(validation)
        if not len(test):
            return results
        predicted = self.tags(test)
        if self.folder is not None and self.facts.features:
            self._draw(test, predicted)
        say("measuring simple methods")
        simple = (simple_step_tags if self.facts.features else simple_tags)(training, test)
        return results | {
            "test": self._figures(test, predicted),
            "baselines": {name: self._figures(test, tags) for name, tags in simple.items()},
            "tags": figures_by_name(test.tags, predicted, are_spans=self.facts.scheme is not None),
            "confusions": confusions(test.tags, predicted),
            "worst": worst_sequences(test, predicted),
        }

    def _fit_bias(self, validation: Tagged) -> float:
        """Chooses what is added to the scores of all tags but O; it becomes part of the weights.

        F1 weighs spans that are missed as much as those that are wrong, which the likelihood does not: of
        rare spans, too few would be found (Ye, Chai, Lee & Chieu 2012, arXiv:1206.4625). Of few spans it
        stays 0.
        """
        is_inside = torch.tensor([split_tag(tag) != OUTSIDE for tag in self.facts.tags])

        def f1(bias: float) -> float:
            self.model.bias.copy_(is_inside * bias)
            found = span_counts(validation.tags, self.tags(validation)).figures()
            return found["f1"] if found["spans"] >= _ENOUGH else 0.0

        best = max(_BIASES, key=f1)  # of equals, the first
        self.model.bias.copy_(is_inside * best)
        return best

    def _draw(self, test: Tagged, predicted: list[Words]) -> None:
        """Draws the first sequence of the test part."""
        assert self.folder is not None
        title = f"{self.folder.name}: {test.places[0]}"
        picture = self.folder / _PICTURE
        draw_tags(test.items[0], test.features, test.tags[0], predicted[0], self.facts.tags, picture, title)

    def report(self, results: dict[str, Any]) -> str:
        """Returns the figures of all methods, of each tag or type, and the worst sentences."""
        return "\n".join(report_lines(results))

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes what the figures call for."""
        yield from proposals(self.config, results)


def _part(sentences: list[Sentence], columns: Words) -> Tagged:
    """Returns sentences without tags."""
    return Tagged(
        [each.read.words for each in sentences],
        [()] * len(sentences),
        [each.read.inputs for each in sentences],
        [each.place for each in sentences],
        columns,
    )
