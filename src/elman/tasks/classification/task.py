"""Classification: the label or labels of a text, a pair of texts or a numeric sequence."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from torch import nn

from elman.config import require
from elman.data.labelled.clips import are_clips, clips_in_memory
from elman.data.labelled.examples import Label, Labelled
from elman.data.labelled.memory import Labels, labelled_from_memory, read_labels, with_labels
from elman.data.labelled.parts import other_folds
from elman.data.labelled.scheme import Scheme
from elman.data.labelled.sounds import frames_in_memory
from elman.data.labelled.unlabelled import read_unlabelled, texts_in_memory
from elman.data.read.arrays import check_weights
from elman.data.tokens.vocab import Vocabulary
from elman.heads.categorical import Categorical
from elman.heads.multi_label import MultiLabel
from elman.metrics.label_figures import decide
from elman.models.classifier import Classifier
from elman.models.classifier_ensemble import ClassifierEnsemble
from elman.models.pooling import Pooling
from elman.tasks.classification import pretraining
from elman.tasks.classification.answers import LabelAnswers
from elman.tasks.classification.clips import encoder_of, learns_every_step
from elman.tasks.classification.cross_validation import Folds
from elman.tasks.classification.data import LabelledData, columns_of
from elman.tasks.classification.facts import ClassificationFacts
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.classification.spotting import alarm_figures, count_alarms, listen
from elman.tasks.classification.start import EMBEDDING_DEVIATION
from elman.tasks.shared.data import Parts
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.steps import steps_of
from elman.tasks.shared.task import Task
from elman.train import progress
from elman.train.loop import Loop, LossUnit
from elman.train.options import TrainingOptions


class SequenceClassifier(Task):
    """Classifies texts and sequences, like scikit-learn: ``fit(X, y)``, ``predict``, ``score(X, y)``.

    Embedding → recurrent layer → pooling over time → softmax over the classes (or, if examples may have
    several labels, a logistic function for each). The logits of linear layers are added: over n-grams for
    texts, over MiniRocket's features and summaries for numbers; ``ngrams="none"`` and ``rocket="none"`` leave
    them out. Probabilities are calibrated on the validation part.

    Args:
        **options: fields of ``ClassificationConfig`` (``elman train classification --help`` explains them).

    Shapes:
        X: N texts, N pairs of texts, or numbers [N, T, I] or [N, T], in lists, arrays, columns or frames; or
        N clips [T, H, W] or [T, H, W, 3];
        y: N labels, N lists of labels, or an indicator of 0 and 1 [N, V] with a column for each label

    Raises:
        InputError: an option out of its range.
    """

    Config = ClassificationConfig
    Facts = ClassificationFacts
    Data = LabelledData
    Answers = LabelAnswers

    model: Classifier | ClassifierEnsemble
    _pretraining: list[dict[str, Any]] = []

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
        sample_weight: Any = None,
        unlabelled: Any = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all examples; the option ``split`` applies to files only.

        Args:
            X: texts, pairs of texts (also in two columns), numbers [N, T, I] or [N, T], or, with the option
                ``sample_rate``, recordings: samples [M] or [M, channels] each; or clips: frames [T, H, W] or
                [T, H, W, 3] each, floats from 0 to 1 or whole numbers to 255.
            y: one label or a list of labels for each example, or an indicator [N, V] of 0 and 1 (an array, a
                frame or a sparse matrix); its labels are the numbers of its columns, or the names of a
                frame's columns.
            lengths: [N] number of steps of each numeric sequence; None: all T.
            validation: (X, y) or (X, y, lengths), to choose the best epoch and to calibrate; or None.
            sample_weight: [N] weight of each example in the loss; None: all equal.
            unlabelled: texts without labels, whose words are learnt too; None: those of the option
                ``unlabelled``, if any.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: X and y do not match, an element breaks a rule, or an option names other parts.
        """
        for option in ("folds", "validation", "test"):
            value = getattr(self.config, option)
            rule = "left out for fit, which trains on all its examples"
            require(f"the option {option}", not value, rule, value)
        labels = read_labels(y)
        names = labels.names()
        training = self._in_memory(X, labels, lengths, names=names, weights=sample_weight)
        none = training.rows(np.arange(0))
        other = none if validation is None else self._validation_part(validation, names)
        examples = {"training": training, "validation": other, "test": none}
        originals = {name: label for label, name in names.items()}
        option = self.config.unlabelled
        require("unlabelled", unlabelled is None or not option, "given once: to fit, or as an option", option)
        columns = [columns_of(self.config)]
        texts = read_unlabelled(option, columns) if unlabelled is None else texts_in_memory(unlabelled)
        learn = partial(
            LabelledData.learn,
            self.config,
            examples,
            named=self.named,
            originals=originals,
            indicator=labels.indicator,
            unlabelled=texts,
        )
        return self._fit(learn, out, overwrite, show_progress)

    def build(self) -> Classifier | ClassifierEnsemble:
        """Returns the model: embedding, layer, pooling and head; or several of them."""
        if self.config.members == 1:
            return self._member()
        return ClassifierEnsemble(self._member() for _ in range(self.config.members))

    def _member(self) -> Classifier:
        config, scheme, vocabulary = self.config, self.scheme, self.vocabulary
        embedding: nn.Module | None = None
        size = steps_of(config).width(len(scheme.features))
        if vocabulary is not None:
            embedding, size = nn.Embedding(len(vocabulary), config.embedding_size), config.embedding_size
        elif scheme.planes:
            embedding = encoder_of(config, scheme)
            size = embedding.features
        layer = self.layer(size, bidirectional=config.bidirectional)
        pooling = Pooling(layer, config.pooling)
        width, classes = pooling.features * (4 if scheme.texts == 2 else 1), len(scheme.classes)
        head = (
            MultiLabel(width, classes, scheme.label_weights)
            if scheme.multi_label
            else Categorical(width, classes, class_weights=scheme.label_weights)
        )
        if isinstance(embedding, nn.Embedding):
            nn.init.normal_(embedding.weight, std=EMBEDDING_DEVIATION)
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
            every_step=learns_every_step(config, scheme),
        )

    def loss_unit(self) -> LossUnit:
        """Shows the loss in nats."""
        return LossUnit("nats", 1.0, "examples")

    def _loop_options(self) -> TrainingOptions:
        """Returns the options of the loop, whose time is what the pre-training leaves."""
        if self.config.pretraining == "none":
            return super()._loop_options()
        options: TrainingOptions = replace(self.config, max_minutes=pretraining.minutes_of(self.config)[1])
        return options

    def _pretrain(self, loop: Loop, show_progress: bool) -> None:
        """Learns the language of the texts with and without labels, if that is wanted."""
        if self.config.pretraining != "none":
            shown = progress.make_progress() if show_progress else progress.Silent()
            members = self.model.each
            self._pretraining = pretraining.pretrain(members, self.data, self.folder, shown, loop.check)

    def _finish(self, parts: Parts, loop: Loop, show_progress: bool) -> None:
        super()._finish(parts, loop, show_progress)
        if self.folder is not None and self.config.pretraining != "none":
            loop.check()
            pretraining.remove_checkpoint(self.folder)

    def _measure(self, parts: Parts, show_progress: bool) -> dict[str, Any]:
        """Adds the wide part, then measures the model and, in a cross-validation, the other folds'."""
        wide, found = self.answers.learn_wide(self.data)
        self.facts = replace(self.facts, wide=wide)
        results = super()._measure(parts, show_progress)
        if "validation" in found:
            results["validation"] = found.pop("validation")
        if found:
            results["ngrams" if self.scheme.texts else "rocket"] = found
        if len(self.data.background):
            alarms = count_alarms(self.answers, self.data.background, self.data.examples["training"])
            self.facts = replace(self.facts, alarms=alarms)
            results["alarms"] = alarm_figures(alarms)
        if self.data.unlabelled:
            results["unlabelled"] = len(self.data.unlabelled)
        if self.config.pretraining != "none":
            results["pretraining"] = pretraining.figures(self._pretraining, self.folder)
        if self.config.folds:
            results["folds"] = self._cross_validate(results, show_progress)
        return results

    def _cross_validate(self, first: dict[str, Any], show_progress: bool) -> dict[str, Any]:
        """Trains and measures a new task on each of the other folds; returns the accuracies of all folds."""
        config = self.config
        folds = Folds(first, self.folder)
        others = other_folds(self.data.examples, config.split, folds=config.folds, seed=config.seed)
        done = len(folds.accuracies)
        for number, examples in enumerate(islice(others, done - 1, None), done + 1):
            task = type(self)(replace(config, folds=0))
            texts = [("", text) for text in self.data.unlabelled]
            learn = partial(
                LabelledData.learn, task.config, examples, unlabelled=texts, noise=self.data.noise
            )
            task._fit(learn, None, False, show_progress)
            folds.add(task.results)
            if show_progress:
                accuracy = task.results["test"]["accuracy"]
                progress.make_progress().say(f"fold {number} of {config.folds}: accuracy {accuracy:.4f}")
        return folds.summary()

    # Answers

    def predict(self, X: Any, lengths: Any = None) -> Any:
        """Returns the most probable label of each example [N].

        With several labels: a list for each example or, after ``fit`` with an indicator, an indicator [N, V]
        of 0 and 1 (sparse if that of ``fit`` was).
        """
        p, scheme = self.predict_proba(X, lengths), self.scheme
        if not scheme.multi_label:
            return self.classes_[p.argmax(1)]
        chosen = decide(p, multi_label=True)
        if scheme.indicator == "sparse":
            # only who gives a sparse matrix needs SciPy
            from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

            return csr_matrix(chosen)
        if scheme.indicator == "array":
            return chosen
        return [[scheme.classes[k] for k in np.flatnonzero(row)] for row in chosen]

    def predict_proba(self, X: Any, lengths: Any = None) -> np.ndarray:
        """Returns calibrated probabilities [N, V], with columns in the order of ``classes_``."""
        answers = self.answers
        return answers.probabilities(self.scheme.check(self._in_memory(X, lengths=lengths)))

    def score(self, X: Any, y: Any, lengths: Any = None, sample_weight: Any = None) -> float:
        """Returns the accuracy: the share of examples whose label (or set of labels) is right.

        Args:
            X: as for ``fit``.
            y: as for ``fit``; a label that the training part lacks is never predicted, so it counts as wrong.
            lengths: as for ``fit``.
            sample_weight: [N] weight of each example; None: all equal.
        """
        if sample_weight is None:
            return self.evaluate(X=X, y=y, lengths=lengths)["accuracy"]
        part = self._examples(X, y, lengths)
        weights = check_weights(sample_weight, len(part))
        return float(np.average(self.answers.right(part), weights=weights))

    def evaluate(
        self, data: Paths | None = None, *, X: Any = None, y: Any = None, lengths: Any = None
    ) -> dict[str, Any]:
        """Measures the model on other files or folders, or on examples in memory, as for ``fit``.

        Raises:
            InputError: there are both files and examples or neither, or they differ in kind from the training
                part.
        """
        answers = self.answers
        in_memory = any(part is not None for part in (X, y, lengths))
        check_one_source(data is not None, in_memory, "X and y")
        if data is not None:
            return answers.evaluate(as_paths(data))
        return answers.figures(self._examples(X, y, lengths))

    def _examples(self, X: Any, y: Any, lengths: Any) -> Labelled:
        """Returns examples in memory with their labels; an indicator's columns may have other names."""
        labels, names, classes = read_labels(y), self.scheme.names_by_value, self.scheme.classes
        of_other_names = len(labels.columns) == len(classes) and not names.keys() & {*labels.columns}
        if self.scheme.indicator and of_other_names:
            labels = labels.renamed(classes)
        return self.scheme.check(self._in_memory(X, labels, lengths, names=names))

    def _in_memory(self, X: Any, labels: Labels | None = None, lengths: Any = None, **given: Any) -> Labelled:
        """Returns examples in memory; if there is a sample rate, they are recordings."""
        if self.config.frame_size is not None or (self.model is None and are_clips(X)):
            where = f"{given.pop('where', '')}X"
            clips = clips_in_memory(X, lengths, columns_of(self.config), where)
            return with_labels(clips, labels, where, **given)
        if self.config.sample_rate is not None:
            where = f"{given.get('where', '')}X"
            X, lengths = frames_in_memory(X, lengths, columns_of(self.config), where), None
        return labelled_from_memory(X, labels, lengths, **given)

    def _validation_part(self, validation: Any, names: dict[Label, str]) -> Labelled:
        """Returns the validation examples of ``fit``; their labels get the names of the training labels."""
        fits = isinstance(validation, tuple | list) and len(validation) in (2, 3)
        require("validation", fits, "(X, y) or (X, y, lengths)", validation)
        X, y, lengths = (*validation, None)[:3]
        where = "validation: "
        return self._in_memory(X, read_labels(y, where), lengths, names=names, where=where)

    def classify(
        self,
        data: Paths | None = None,
        *,
        lines: Iterable[str] | None = None,
        explain: bool = False,
        reject: float = 0.0,
    ) -> Iterator[dict[str, Any]]:
        """Classifies the examples of a file, or lines, each before it reads the next one.

        Args:
            data: a file, or several; labels in them, if any, are ignored. Of recordings also folders.
            lines: one text each or, if the model reads pairs, two with a tab between them.
            explain: adds how much each word supports the label.
            reject: the label is "none of these" where no other is as probable.

        Returns:
            For each example, its label (or labels) and the probabilities of all labels; its name, if it has
            one; and the weights of its words, if requested (see ``explain``).

        Raises:
            InputError: there are both a file and lines or neither, or they differ in kind from the training
                part.
        """
        answers = self.answers
        check_one_source(data is not None, lines is not None, "lines")
        if data is not None:
            return answers.of_files(as_paths(data), explain=explain, reject=reject)
        return answers.of_lines(lines, explain=explain, reject=reject)

    def watch(self, data: Paths, *, reject: float = 0.0) -> Iterator[dict[str, Any]]:
        """Classifies clips while they play: after each frame, from the frames up to it.

        Args:
            data: a clip, a folder or a manifest of clips, or packed planes; or several.
            reject: as for ``classify``.

        Returns:
            For each frame, the clip's name, the ``time`` (seconds, or the frame's number if the clip has no
            times), its label (or labels) and the probabilities of all labels. Frames are read one by one.

        Raises:
            InputError: the run is not of clips, or reads in both directions.
        """
        return self.answers.watched(as_paths(data), reject)

    def spot(
        self,
        sound: Any,
        *,
        rate: int | None = None,
        alarms_per_hour: float = 3.0,
        threshold: float | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Finds words in running sound, as it comes; the run must have been trained with ``background``.

        Args:
            sound: a buffered file, see ``arriving_samples``.
            rate: samples a second if there is no header, Hz.
            alarms_per_hour: most false alarms, as counted in the background, which give the threshold.
            threshold: least probability of a word; None: by ``alarms_per_hour``.

        Returns:
            The words, see ``listen``.
        """
        return listen(self.answers, sound, "standard input", rate, alarms_per_hour, threshold)

    def read_alike(self, path: str | Path, *, with_labels: bool) -> Labelled:
        """Reads examples of the kind that the model was trained on, from a file or folder."""
        return self.answers.examples(Path(path), with_labels=with_labels)

    def label(self, examples: Labelled) -> list[tuple[list[str], dict[str, float]]]:
        """Returns the predicted labels of each example, and the probability of every label."""
        return self.answers.label(examples)

    def explain(self, text: str | tuple[str, ...]) -> list[list[tuple[str, float]]]:
        """Returns how much each piece of a text, or of each text of a pair, supports the predicted label.

        Returns:
            For each text, its pieces with their weights (see ``elman.diagnose.saliency``).

        Raises:
            InputError: the model reads numbers, or it reads pairs and this is one text, or the reverse.
        """
        return self.answers.explain(text)
