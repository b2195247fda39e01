"""Classification: which label, or which labels, a text, a pair of texts or a numeric sequence has."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from torch import nn

from elman.config import require
from elman.data.labelled.examples import Label, Labelled
from elman.data.labelled.memory import labelled_from_memory, read_labels
from elman.data.labelled.parts import other_folds
from elman.data.labelled.scheme import Scheme
from elman.data.tokens.vocab import Vocabulary
from elman.heads.categorical import Categorical
from elman.heads.multi_label import MultiLabel
from elman.models.classifier import Classifier
from elman.models.pooling import Pooling
from elman.tasks.classification.answers import LabelAnswers
from elman.tasks.classification.cross_validation import Folds
from elman.tasks.classification.data import LabelledData
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.shared.data import Parts
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.train.loop import Reading
from elman.train.progress import make_progress


class SequenceClassifier(Task):
    """Labels of texts and sequences, in scikit-learn's manner: ``fit(X, y)``, ``predict``, ``score(X, y)``.

    Embedding → recurrent layer → pooling over time → softmax over the classes (or, if examples may have
    several labels, a logistic for each). Probabilities are calibrated on the validation part.

    Args:
        **options: fields of ``ClassificationConfig`` (``elman train classification --help`` explains them).

    Shapes:
        X: N texts, N pairs of texts, or numbers [N, T, I] or [N, T], in lists, arrays, columns or frames;
        y: N labels, N lists of labels, or an indicator of 0 and 1 [N, V] with a column for each label

    Raises:
        InputError: an option out of its range.
    """

    Config = ClassificationConfig
    Facts = ClassificationFacts
    Data = LabelledData
    Answers = LabelAnswers

    model: Classifier

    @property
    def scheme(self) -> Scheme:
        """The kind of examples, their labels, and the scales of numbers."""
        return self.facts.scheme

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The pieces that texts are cut into; None if the model reads numbers."""
        return self.facts.vocabulary

    @property
    def classes_(self) -> np.ndarray:
        """The labels, in the order of the columns of ``predict_proba``."""
        self._fitted()
        classes = self.scheme.classes
        # NumPy would turn mixed labels into texts
        return np.array(classes, dtype=None if len(set(map(type, classes))) == 1 else object)

    # Training

    def fit(
        self,
        X: Any,
        y: Any,
        lengths: Any = None,
        *,
        validation: tuple[Any, ...] | None = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all the examples given; the option ``split`` divides those of files only.

        Args:
            X: texts, pairs of texts (in two columns too), or numbers [N, T, I] or [N, T].
            y: a label for each, or a list of labels for each, or an indicator [N, V] of 0 and 1, whose labels
                are the numbers of its columns or, of a frame, their names.
            lengths: [N] steps of each numeric sequence, or None: all T.
            validation: (X, y) or (X, y, lengths) to choose the best epoch and to calibrate by, or None.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Raises:
            InputError: X and y do not fit, an element cannot be learnt from, or an option names other parts.
        """
        for option in ("folds", "validation", "test"):
            given = getattr(self.config, option)
            rule = "left out for fit, which trains on all the examples it is given"
            require(f"the option {option}", not given, rule, given)
        labels = read_labels(y)
        names = labels.names()
        training = labelled_from_memory(X, labels, lengths, names=names)
        none = training.rows(np.arange(0))
        other = none if validation is None else _validation_part(validation, names)
        examples = {"training": training, "validation": other, "test": none}
        originals = {name: label for label, name in names.items()}
        learn = partial(LabelledData.learn, self.config, examples, named=self.named, originals=originals)
        return self._fit(learn, out, overwrite, show_progress)

    def _read(self, paths: list[Path], folder: Path | None) -> LabelledData:
        """The examples of files; vectors or a language model may change options that are not named."""
        return LabelledData.read(self.config, paths, folder, self.named)

    def build(self) -> Classifier:
        """Embedding, layer, pooling and head."""
        config, scheme, vocabulary = self.config, self.scheme, self.vocabulary
        embedding = None if vocabulary is None else nn.Embedding(len(vocabulary), config.embedding_size)
        size = len(scheme.features) if embedding is None else config.embedding_size
        layer = self.layer(size, bidirectional=config.bidirectional)
        pooling = Pooling(layer, config.pooling)
        width, classes = pooling.features * (4 if scheme.texts == 2 else 1), len(scheme.classes)
        head = (
            MultiLabel(width, classes, scheme.label_weights)
            if scheme.multi_label
            else Categorical(width, classes, class_weights=scheme.label_weights)
        )
        if embedding is not None:
            nn.init.normal_(embedding.weight, std=0.1)
            embedding.weight.requires_grad_(not config.freeze_vectors)
        is_transfer = config.pretrained is not None
        return Classifier(
            layer,
            head,
            pooling,
            embedding,
            pair=scheme.texts == 2,
            dropout=config.dropout,
            word_dropout=config.word_dropout,
            rate_division=config.rate_division if is_transfer else 1.0,
            gradual=is_transfer and config.unfreeze == "gradually",
        )

    def reading(self) -> Reading:
        """The loss, in nats."""
        return Reading("nats", 1.0, "examples")

    def _measure(self, parts: Parts, show_progress: bool) -> dict[str, Any]:
        """Figures of the model, and accuracies of the other folds if there are any."""
        results = super()._measure(parts, show_progress)
        if self.config.folds:
            results["folds"] = self._cross_validate(results, show_progress)
        return results

    def _cross_validate(self, first: dict[str, Any], show_progress: bool) -> dict[str, Any]:
        """Trains and measures a new task on each of the other folds; returns the accuracies of all."""
        config = self.config
        folds = Folds(first, self.folder)
        others = other_folds(self.data.examples, config.split, folds=config.folds, seed=config.seed)
        done = len(folds.accuracies)
        for number, examples in enumerate(islice(others, done - 1, None), done + 1):
            task = type(self)(replace(config, folds=0))
            task._fit(partial(LabelledData.learn, task.config, examples), None, False, show_progress)
            folds.add(task.results)
            if show_progress:
                accuracy = task.results["test"]["accuracy"]
                make_progress().say(f"fold {number} of {config.folds}: accuracy {accuracy:.4f}")
        return folds.summary()

    # Answers

    def predict(self, X: Any, lengths: Any = None) -> Any:
        """The most probable label of each example [N]; where there may be several, a list of labels each."""
        p = self.predict_proba(X, lengths)
        if not self.scheme.multi_label:
            return self.classes_[p.argmax(1)]
        return [[self.scheme.classes[k] for k in np.flatnonzero(row > 0.5)] for row in p]

    def predict_proba(self, X: Any, lengths: Any = None) -> np.ndarray:
        """Calibrated probabilities [N, V], columns as ``classes_``."""
        answers = self.answers
        return answers.probabilities(self.scheme.check(labelled_from_memory(X, lengths=lengths)))

    def score(self, X: Any, y: Any, lengths: Any = None) -> float:
        """Accuracy: the share of examples whose label, or all of whose labels, are right."""
        return self.evaluate(X=X, y=y, lengths=lengths)["accuracy"]

    def evaluate(
        self, data: Paths | None = None, *, X: Any = None, y: Any = None, lengths: Any = None
    ) -> dict[str, Any]:
        """Figures on other files or folders, or on examples in memory, which are given as to ``fit``.

        Raises:
            InputError: both are given or neither, or they are of another kind than the training part.
        """
        answers = self.answers
        in_memory = any(given is not None for given in (X, y, lengths))
        check_one_source(data is not None, in_memory, "X and y")
        if data is not None:
            return answers.evaluate(as_paths(data))
        names = self.scheme.names_by_value
        return answers.figures(
            self.scheme.check(labelled_from_memory(X, read_labels(y), lengths, names=names))
        )

    def classify(
        self, data: str | Path | None = None, *, lines: Iterable[str] | None = None, explain: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Answers for the examples of a file, or for lines, each before the next one is read.

        Args:
            data: a file, whose labels, if any, are not read.
            lines: a text each, or two with a tab between if the model reads pairs.
            explain: adds how much each word speaks for the label.

        Returns:
            For each example its label (or labels) and the probabilities of all; its name if it has one; and
            the weights of its words if requested (see ``explain``).

        Raises:
            InputError: both are given or neither, or they are of another kind than the training part.
        """
        answers = self.answers
        check_one_source(data is not None, lines is not None, "lines")
        if data is not None:
            return answers.of_file(Path(data), explain=explain)
        return answers.of_lines(lines, explain=explain)

    def read_alike(self, path: str | Path, *, with_labels: bool) -> Labelled:
        """Examples of the kind that the model was trained on, from a file or folder."""
        return self.answers.examples(Path(path), with_labels=with_labels)

    def label(self, examples: Labelled) -> list[tuple[list[str], dict[str, float]]]:
        """For each example the labels predicted, and the probability of every label."""
        return self.answers.label(examples)

    def explain(self, text: str | tuple[str, ...]) -> list[list[tuple[str, float]]]:
        """How much each piece of a text speaks for the label predicted; of a pair, of each of its texts.

        Returns:
            For the text, or each of the two, its pieces with their weights (see
            ``elman.diagnose.saliency``).

        Raises:
            InputError: the model reads numbers, or a pair and this is a text, or the reverse.
        """
        return self.answers.explain(text)


def _validation_part(validation: Any, names: dict[Label, str]) -> Labelled:
    """Examples that ``fit`` is given to choose by; their labels have the names of those learnt."""
    fits = isinstance(validation, tuple | list) and len(validation) in (2, 3)
    require("validation", fits, "(X, y) or (X, y, lengths)", validation)
    X, y, lengths = (*validation, None)[:3]
    where = "validation: "
    return labelled_from_memory(X, read_labels(y, where), lengths, names=names, where=where)
