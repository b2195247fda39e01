"""Tags of a tagger, their figures and the report."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from elman.baselines.simple_taggers import simple_tags
from elman.config import require
from elman.data.batches.ragged import Ragged
from elman.data.tagged.columns import Block, form_of
from elman.data.tagged.files import Sentence, read_tagged, rows_of, texts_of, to_tag
from elman.data.tagged.sequences import Tagged, Words
from elman.data.tagged.words import word_numbers
from elman.diagnose.remedies import Remedy
from elman.errors import InputError
from elman.models.predict import device_of, predict
from elman.models.tagger import Tagger
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.tagging.batches import batches_of, inputs_of
from elman.tasks.tagging.data import TaggedData, columns_of
from elman.tasks.tagging.facts import TaggingFacts
from elman.tasks.tagging.figures import confusions, figures_by_name, tag_figures, worst_sentences
from elman.tasks.tagging.options import TaggingConfig
from elman.tasks.tagging.printing import Answer, with_cell
from elman.tasks.tagging.report import proposals, report_lines

_CHUNK = 512  # sentences of a file that are tagged at once


class TagAnswers(TaskAnswers):
    """Tags of sentences, and figures of both."""

    config: TaggingConfig
    facts: TaggingFacts
    model: Tagger

    # Sentences

    def tagged(self, paths: list[Path]) -> Tagged:
        """Reads sentences with their tags, from files or folders."""
        require("data", bool(paths), "at least one path", paths)
        return read_tagged(paths, columns_of(self.config))

    def batches(self, paths: list[Path]) -> Ragged:
        """Returns batches of other files or folders."""
        return batches_of(self.config, self.facts, self.tagged(paths))

    def excerpt(self, batches: Ragged) -> Excerpt:
        """Returns a batch with the word of each step, as the vocabulary has it."""
        batch = next(iter(batches.epoch(0)))
        numbers, lengths = batch.inputs.values[..., 0], batch.inputs.lengths
        assert lengths is not None
        texts = [
            [f"{piece} " for piece in self.facts.vocabulary.pieces(row[:length].numpy())]
            for row, length in zip(numbers.T, lengths.tolist(), strict=True)
        ]
        return Excerpt(batch, "words", texts)

    # Predictions

    def tags(self, part: Tagged) -> list[Words]:
        """Returns the predicted tags of each sentence, in their order; ignores their tags."""
        names = self.facts.tags
        return [tuple(names[k] for k in row) for row in self._of_each(part, self.model.tags)]

    def probabilities(self, part: Tagged) -> list[np.ndarray]:
        """Returns the probabilities [T, V] of all tags for each sentence."""
        return self._of_each(part, self.model.probabilities)

    def _of_each(self, part: Tagged, f: Callable[[Any], torch.Tensor]) -> list[np.ndarray]:
        """Returns what a function of the model computes for each sentence [T, …]."""
        found: list[np.ndarray] = [np.zeros(0)] * len(part)
        batches = batches_of(self.config, self.facts, part)
        outputs = predict(self.model, (batch.inputs for batch in batches.epoch()), f)
        for rows, values in zip(batches.rows(), outputs, strict=True):
            array = values.numpy()
            for column, k in enumerate(rows):
                found[k] = array[: len(part.words[k]), column]
        return found

    def of_file(self, path: Path, form: str, *, probabilities: bool) -> Iterator[Answer]:
        """Yields an answer for each sentence of a file; ignores its tags."""
        sentences = to_tag(path, columns_of(self.config), form)
        while chunk := list(islice(sentences, _CHUNK)):
            yield from self._answers(chunk, probabilities)

    def of_texts(self, texts: Iterable[str], *, probabilities: bool) -> Iterator[Answer]:
        """Yields an answer for each text before it reads the next one."""
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

    def of_rows(self, rows: Iterable[str]) -> Iterator[str]:
        """Yields each line with the tag of its word before it reads the next one."""
        if self.config.bidirectional:
            raise InputError(
                "a stream needs a model that reads in one direction: train it with --no-bidirectional"
            )
        stream, form, columns = self.model.tag_stream(), None, columns_of(self.config)
        device = device_of(self.model)
        for number, line in enumerate(rows, 1):
            if not line.strip():
                stream.reset()
                yield line
                continue
            block = Block(number, [line])
            if form is None:
                form, _ = form_of([block], "standard input", columns)
            (sentence,) = rows_of(form, [block], columns)
            if not sentence.read.words:
                yield line
                continue
            part = _part([sentence], columns.inputs)
            (values,) = inputs_of(self.facts, part)
            tag = stream.step(torch.from_numpy(values.astype(np.int64)).to(device))
            yield with_cell(line, self.facts.tags[tag])

    # Figures

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on other files or folders."""
        return self.figures(self.tagged(paths))

    def figures(self, part: Tagged) -> dict[str, Any]:
        """Returns the accuracy, that of unknown words and, where tags mark spans, those of the spans."""
        return self._figures(part, self.tags(part))

    def _figures(self, part: Tagged, predicted: list[Words]) -> dict[str, Any]:
        return tag_figures(part.tags, predicted, self._unknown(part), self.facts.scheme is not None)

    def _unknown(self, part: Tagged) -> list[np.ndarray]:
        """Returns which words the model does not know, [T] bool for each sentence."""
        unknown = self.facts.vocabulary.unknown
        return [word_numbers(words, self.facts.vocabulary) == unknown for words in part.words]

    def measure(self, data: TaggedData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model on the validation part, and with simple methods on the test part."""
        training, validation, test = (data.examples[name] for name in ("training", "validation", "test"))
        results: dict[str, Any] = {}
        if len(validation):
            results["validation"] = self.figures(validation)
        if not len(test):
            return results
        predicted = self.tags(test)
        say("measuring simple methods")
        return results | {
            "test": self._figures(test, predicted),
            "baselines": {
                name: self._figures(test, tags) for name, tags in simple_tags(training, test).items()
            },
            "tags": figures_by_name(test.tags, predicted, are_spans=self.facts.scheme is not None),
            "confusions": confusions(test.tags, predicted),
            "worst": worst_sentences(test, predicted),
        }

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
