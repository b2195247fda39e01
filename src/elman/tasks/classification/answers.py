"""Predictions of a classifier, their figures and the report."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from elman.baselines.minirocket import features_for
from elman.baselines.simple_classifiers import simple_probabilities
from elman.config import require
from elman.data.batches.ragged import Ragged
from elman.data.labelled.examples import Labelled, joined
from elman.data.labelled.files import read_labelled
from elman.data.labelled.lines import text_of_object, texts_of_line
from elman.data.labelled.memory import texts_of_example
from elman.data.split import PARTS
from elman.diagnose.remedies import Remedy
from elman.diagnose.saliency import saliency
from elman.errors import InputError
from elman.metrics.calibration import helpful_temperature, probabilities
from elman.metrics.label_figures import (
    calibration_error,
    confusion_matrix,
    decide,
    figures_by_label,
    label_figures,
)
from elman.models.classifier import Classifier
from elman.models.classifier_ensemble import ClassifierEnsemble
from elman.models.predict import predict
from elman.notice import notice
from elman.pictures.confusion import draw_confusion
from elman.tasks.classification.batches import batches_of, inputs_of, kept_of, standardised_steps
from elman.tasks.classification.clips import draw_clip, watched
from elman.tasks.classification.data import LabelledData, columns_as_trained, columns_of, read_all
from elman.tasks.classification.explaining import explained
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.classification.report import kept_mistakes, rejection, report_lines
from elman.tasks.classification.spotting import NONE
from elman.tasks.classification.wide import OF_NUMBERS, Examples, kinds_of, learn
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.sequence_advice import (
    rare_remedies,
    rocket_remedies,
    sequence_figures,
    sequence_remedies,
)
from elman.tasks.shared.steps import steps_of
from elman.tasks.shared.text import text_excerpt
from elman.tasks.shared.wide import Wide

_CONFUSION, _CLIP = "confusion.png", "clip.png"
_WIDE_OPTIONS = {"ngrams": "n-grams", "rocket": "features"}  # and results of the same names


class LabelAnswers(TaskAnswers):
    """Labels and probabilities of examples, and figures of both."""

    config: ClassificationConfig
    facts: ClassificationFacts
    model: Classifier | ClassifierEnsemble

    # Examples

    def examples(self, path: Path, *, with_labels: bool) -> Labelled:
        """Reads examples of the kind that the model was trained on, from a file or folder."""
        scheme = self.facts.scheme
        return scheme.check(
            read_labelled(path, columns_as_trained(self.config, scheme), with_labels=with_labels)
        )

    def labelled(self, paths: list[Path]) -> Labelled:
        """Reads examples with their labels, from files or folders."""
        require("data", bool(paths), "at least one path", paths)
        if self.config.label_from == "file":
            columns = columns_as_trained(self.config, self.facts.scheme)
            return self.facts.scheme.check(read_all(self.config, paths, columns))
        return joined([self.examples(path, with_labels=True) for path in paths])

    def batches(self, paths: list[Path]) -> Ragged:
        """Returns batches of other files or folders."""
        examples = self.facts.scheme.check(self.labelled(paths), to_learn=True)
        return batches_of(self.config, self.facts, examples)

    def excerpt(self, batches: Ragged) -> Excerpt:
        """Returns a batch with the text of each step, or the names of its numbers."""
        batch = next(iter(batches.epoch(0)))
        if self.facts.vocabulary is not None:
            return text_excerpt(batch, self.facts.vocabulary)
        if self.facts.scheme.planes:  # whose pixels the recurrent layer does not read
            return Excerpt(batch, unit="frames")
        names = steps_of(self.config).names(self.facts.scheme.features)
        return Excerpt(batch, features=names)

    # Predictions

    def logits(self, part: Labelled) -> np.ndarray:
        """Returns logits [N, V] of network and wide part, in the examples' order; ignores their labels."""
        network, wide = self.network_logits(part), self.facts.wide
        return network if wide is None else wide.join(network, wide.outputs(self._read_by_wide(part)))

    def _read_by_wide(self, part: Labelled) -> list[Any]:
        """Returns the examples as the wide part reads them: texts, or standardised steps."""
        scheme = self.facts.scheme
        return (
            scheme.as_read(part).items if scheme.texts else standardised_steps(self.config, self.facts, part)
        )

    def network_logits(self, part: Labelled) -> np.ndarray:
        """Returns logits [N, V] of the network alone."""
        logits = np.zeros((len(part), len(self.facts.scheme.classes)), np.float32)
        if not len(part):
            return logits
        batches = batches_of(self.config, self.facts, replace(part, labels=[()] * len(part)))
        outputs = predict(self.model, (batch.inputs for batch in batches.epoch()), self.model.logits)
        for rows, values in zip(batches.rows(), outputs, strict=True):
            logits[rows] = values.float().numpy()
        return logits

    def probabilities(self, part: Labelled) -> np.ndarray:
        """Returns calibrated probabilities [N, V], in the order of the examples."""
        return self.calibrated(self.logits(part))

    def calibrated(self, logits: np.ndarray) -> np.ndarray:
        """Returns the probabilities of logits [N, V], which the shares of network and wide part calibrate."""
        temperature = 1.0 if self.facts.wide is not None else float(self.model.temperature)
        return probabilities(logits, temperature, multi_label=self.facts.scheme.multi_label)

    def label(self, examples: Labelled) -> list[tuple[list[str], dict[str, float]]]:
        """Returns the predicted labels of each example, and the probability of every label."""
        return [self._chosen(p) for p in self.probabilities(examples)]

    def _chosen(self, p: np.ndarray) -> tuple[list[str], dict[str, float]]:
        """Returns the labels that probabilities [V] decide for, and each label's probability."""
        names = self.facts.scheme.names
        (chosen,) = decide(p[None], multi_label=self.facts.scheme.multi_label)
        return [names[k] for k in np.flatnonzero(chosen)], dict(zip(names, p.tolist(), strict=True))

    def answer(self, p: np.ndarray, reject: float) -> dict[str, Any]:
        """Returns label (or labels) and probabilities [V] by name; no label that is less probable."""
        labels, by_name = self._chosen(p)
        several = self.facts.scheme.multi_label
        if max(by_name.values()) < reject:
            labels = [] if several else [NONE]
        named = {"labels": labels} if several else {"label": labels[0]}
        return {**named, "probabilities": by_name}

    def explain(self, text: str | tuple[str, ...]) -> list[list[tuple[str, float]]]:
        """Returns how much each piece of a text supports the predicted label; for each text of a pair."""
        if self.facts.vocabulary is None:
            raise InputError("only texts can be explained; this model reads numbers")
        one = Labelled([texts_of_example(text, self.facts.scheme.texts, "text")], [()], ["text"])
        (tokens,) = inputs_of(self.config, self.facts, one)
        logits = self.logits(one)[0]
        label = int(logits.argmax())
        weights = saliency(self.model, tokens, label)
        texts, kept = self.facts.scheme.as_read(one).items[0], kept_of(self.config)
        pieces = [self.facts.vocabulary.as_typed(text)[kept] for text in texts]
        if self.facts.wide is not None:
            several = self.facts.scheme.multi_label
            weights = explained(self.facts.wide, texts, pieces, weights, logits, label, several)
        return [list(zip(p, w, strict=True)) for p, w in zip(pieces, weights, strict=True)]

    def of_files(self, paths: list[Path], *, explain: bool, reject: float) -> Iterator[dict[str, Any]]:
        """Yields an answer for each example in files; ignores labels in them."""
        examples = joined([self.examples(path, with_labels=False) for path in paths])
        empty = [k for k, item in enumerate(examples.items) if self.facts.scheme.texts and _is_empty(item)]
        if empty:
            _tell_empty(examples.places[empty[0]], f", the first of {len(empty):,}" * (len(empty) > 1))
        return self._answers(examples, explain, reject)

    def of_lines(self, lines: Iterable[str], *, explain: bool, reject: float) -> Iterator[dict[str, Any]]:
        """Yields an answer for each line before it reads the next line."""
        texts = self.facts.scheme.texts
        if not texts:
            raise InputError("numeric sequences are read from a file. Got no file.")
        told = False
        for number, line in enumerate(lines, 1):
            place = f"line {number}"
            columns = columns_of(self.config, texts)
            line = line.removesuffix("\n")
            item = text_of_object(line, columns) or texts_of_line(line, texts, place)
            if _is_empty(item) and not told:
                _tell_empty(place)
                told = True
            yield from self._answers(Labelled([item], [()], [place]), explain, reject)

    def _answers(self, examples: Labelled, explain: bool, reject: float) -> Iterator[dict[str, Any]]:
        for k, p in enumerate(self.probabilities(examples)):
            name = {"name": examples.names[k]} if examples.names else {}
            words = {"words": self.explain(examples.items[k])} if explain else {}
            yield {**name, **self.answer(p, reject), **words}

    def watched(self, paths: list[Path], reject: float) -> Iterator[dict[str, Any]]:
        """Yields an answer after each frame of the clips in files and folders."""
        return watched(self, paths, columns_as_trained(self.config, self.facts.scheme), reject)

    # Figures

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on other files or folders; raises InputError if it knows no label of theirs."""
        part, scheme = self.labelled(paths), self.facts.scheme
        if not any(label in scheme.names for labels in part.labels for label in labels):
            scheme.check(part, to_learn=True)
        return self.figures(part)

    def figures(self, part: Labelled) -> dict[str, Any]:
        """Returns accuracy, macro F1, log loss and calibration error.

        A label that the training part lacks has probability 0, so its examples are wrong. The log loss leaves
        it out, and ``examples_with_unknown_labels`` is the number of these examples.
        """
        return self._figures(part, self.probabilities(part))

    def _figures(self, part: Labelled, p: np.ndarray) -> dict[str, Any]:
        scheme = self.facts.scheme
        unknown = scheme.unknown(part)
        truth = scheme.truth(part, unknown)
        figures = label_figures(truth, p, multi_label=scheme.multi_label)
        if unknown:
            figures["examples_with_unknown_labels"] = int(truth[:, p.shape[1] :].any(1).sum())
        return figures

    def right(self, part: Labelled) -> np.ndarray:
        """Returns whether the label (or set of labels) of each example is right [N]."""
        scheme = self.facts.scheme
        unknown = scheme.unknown(part)
        p = np.pad(self.probabilities(part), ((0, 0), (0, len(unknown))))
        matches = decide(p, multi_label=scheme.multi_label) == scheme.truth(part, unknown)
        return np.asarray(matches.all(1))

    def learn_wide(self, data: LabelledData) -> tuple[Wide | None, dict[str, Any]]:
        """Learns n-grams, or features of numbers, of training and validation part beside the trained network.

        Returns:
            The wide part, or None if it is not wanted; and what was found, with the ``validation`` figures of
            both together, where the wide part did not learn that part.
        """
        training, validation = data.examples["training"], data.examples["validation"]
        every = joined([training, validation]) if len(validation) else training
        if every.planes:
            return None, {}
        items = self._read_by_wide(every)
        if every.texts:
            kinds = kinds_of(self.config.ngrams, sum(len(text) for item in every.items for text in item))
        else:
            kinds = OF_NUMBERS if self._has_features() and features_for(items) else ()
        if not kinds:
            return None, {}
        scheme = self.facts.scheme
        truth = scheme.truth(every)
        weights = np.ones(len(every))
        weights[: len(training)] = training.weights or 1.0
        if scheme.label_weights is not None and not scheme.multi_label:
            weights *= truth @ np.array(scheme.label_weights)
        is_validation = np.arange(len(every)) >= len(training)
        examples = Examples(items, truth, every.strata, weights, is_validation, scheme.multi_label)
        wide, logits, found = learn(kinds, examples, self.network_logits(validation))
        if wide is not None and len(validation):
            p = probabilities(logits, multi_label=scheme.multi_label)
            found["validation"] = self._figures(validation, p)
        return wide, found

    def _has_features(self) -> bool:
        """Whether features of numbers stand beside the network, if they are not too many."""
        return self.config.rocket == "auto" and not (self.config.noise or self.config.background)

    def measure(self, data: LabelledData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Calibrates on the validation part; then measures the model and simple methods on the test part."""
        validation, test = data.examples["validation"], data.examples["test"]
        results: dict[str, Any] = {"vectors": data.coverage} if data.coverage else {}
        if len(validation):
            results["temperature"] = self._calibrate(validation)
            if self.config.sample_rate is not None and not self.facts.scheme.multi_label:
                results["reject"] = rejection(self.facts.scheme, validation, self.probabilities(validation))
            if self.facts.wide is None:  # which has learnt the validation part
                results["validation"] = self.figures(validation)
        if not (self.facts.scheme.texts or self.facts.scheme.planes):
            results["residuals"] = self._residuals(data)
        if not len(test):
            return results
        logits, wide = self.network_logits(test), self.facts.wide
        if wide is not None:
            network, features = logits, wide.outputs(self._read_by_wide(test))
            logits = wide.join(network, features)
            results["alone"] = self._alone(test, network, features)
        p = self.calibrated(logits)
        results |= {"test": self._figures(test, p), "baselines": self._baselines(data)}
        return results | self._details(test, logits, p)

    def _residuals(self, data: LabelledData) -> dict[str, Any]:
        """Returns what the network's errors on the validation part, and the sequences, say is wrong."""
        training, validation = data.examples["training"], data.examples["validation"]
        p = probabilities(self.network_logits(validation), multi_label=self.facts.scheme.multi_label)
        errors = self.facts.scheme.truth(validation) - p
        read = standardised_steps(self.config, self.facts, validation)
        return sequence_figures(training.items, read, errors, self.config.max_length)

    def _alone(self, test: Labelled, network: np.ndarray, features: np.ndarray) -> dict[str, Any]:
        """Returns the figures of network and wide part alone, by their names."""
        several, temperature = self.facts.scheme.multi_label, float(self.model.temperature)
        p = {
            f"the {self.wide_name} alone": probabilities(features, multi_label=several),
            "the network alone": probabilities(network, temperature, multi_label=several),
        }
        return {name: self._figures(test, each) for name, each in p.items()}

    @property
    def wide_name(self) -> str:
        """What stands beside the network, in reports and results."""
        return "n-grams" if self.facts.scheme.texts else "features"

    def _calibrate(self, validation: Labelled) -> float:
        """Fits the network's temperature, which becomes part of its weights; it stays 1 unless it helps."""
        scheme = self.facts.scheme
        truth, logits = scheme.truth(validation), self.network_logits(validation)
        temperature = helpful_temperature(truth, logits, multi_label=scheme.multi_label)
        self.model.temperature.fill_(temperature)
        return temperature

    def _details(self, test: Labelled, logits: np.ndarray, p: np.ndarray) -> dict[str, Any]:
        """Returns calibration error before calibration, figures of each label, and the surest mistakes."""
        scheme = self.facts.scheme
        truth, several, names = scheme.truth(test), scheme.multi_label, scheme.names
        if scheme.planes and self.folder is not None:
            draw_clip(self, test, self.folder / _CLIP)
        details: dict[str, Any] = {
            "labels": figures_by_label(truth, p, names, multi_label=several),
        }
        if self.facts.wide is None:
            raw = probabilities(logits, multi_label=several)
            details["calibration_error_before"] = calibration_error(truth, raw, multi_label=several)
        if several:
            return details
        matrix = confusion_matrix(truth.argmax(1), p.argmax(1), len(names))
        if self.folder is not None:
            draw_confusion(matrix, names, self.folder / _CONFUSION, f"{self.folder.name}: the test part")
        return details | {"confusion": matrix.tolist(), "mistakes": kept_mistakes(test, truth, p, names)}

    def _baselines(self, data: LabelledData) -> dict[str, Any]:
        """Returns the figures of simple methods, by name."""
        scheme = self.facts.scheme
        training, validation, test = (scheme.as_read(data.examples[name]) for name in PARTS)
        truth = scheme.truth(training), scheme.truth(validation)
        simple = simple_probabilities((training, validation, test), truth, multi_label=scheme.multi_label)
        return {name: self._figures(test, p) for name, p in simple.items()}

    def report(self, results: dict[str, Any]) -> str:
        """Returns the figures of all methods and of each label, and the surest mistakes."""
        return "\n".join(report_lines(results))

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes what the errors call for, to leave out a wide part that harms, and several networks."""
        yield from sequence_remedies(self.config, results)
        for option, what in _WIDE_OPTIONS.items():
            found = results.get(option, {})
            if found.get("joined_log_loss", 0) > found.get("network_log_loss", 0):
                yield Remedy({option: "none"}, f"the {what} raised the log loss of the validation part")
        simple = {name: row["accuracy"] for name, row in results.get("baselines", {}).items()}
        ahead = [name for name, accuracy in simple.items() if accuracy > results["test"]["accuracy"]]
        if "residuals" in results:  # which only numbers have
            yield from rocket_remedies(self.config, ahead)
            yield from rare_remedies(results.get("labels", {}))
        if ahead and self.config.members == 1:
            best = max(ahead, key=simple.__getitem__)
            yield Remedy({"ensemble": 5}, f"{best} is ahead: the mean of several networks errs less")


def _is_empty(item: tuple[str, ...]) -> bool:
    return not any(map(str.strip, item))


def _tell_empty(place: str, more: str = "") -> None:
    """Reports that an example has no text, where it has an answer all the same."""
    notice(f"{place}: the text is empty{more}; the answer is what the model says of no text")
