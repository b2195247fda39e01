"""Classification: which label, or which labels, a text, a pair of texts or a numeric sequence has."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import tyro

from elman.config import flag, from_json, is_finite, read_json, require, shown, to_json
from elman.errors import InputError
from elman.tasks.shared.answers import Sample
from elman.tasks.shared.data import Parts
from elman.tasks.shared.options import TextOptions, Verb
from elman.tasks.shared.run_folder import load
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.task import Task
from elman.tasks.shared.text import text_sample
from elman.train import files

if TYPE_CHECKING:
    from torch import nn

    from elman.data.batches.ragged import Ragged
    from elman.data.labelled.examples import Label, Labelled
    from elman.data.labelled.files import Columns
    from elman.data.labelled.scheme import Scheme
    from elman.data.tokens.vocab import Vocabulary
    from elman.models.classifier import Classifier
    from elman.train.loop import Reading

_CONFUSION, _FOLDS = "confusion.png", "folds.json"
_LOOKED_AT = 1000  # examples of a part, where one batch is wanted
_FEWEST_OF_A_WORD = 2  # in the training part, of a word that a language model does not know
_OF_THE_LANGUAGE_MODEL = (
    "cell",
    "hidden_size",
    "layers",
    "residual",
    "learned_state",
    "embedding_size",
    "level",
    "vocab_size",
    "min_count",
    "lowercase",
    "word_split",
)


@dataclass(frozen=True, kw_only=True)
class ClassificationConfig(TextOptions):
    """Trains a classifier of texts, pairs of texts or numeric sequences.

    Reads tables (.csv, .tsv, .jsonl, .parquet) with a column of texts and one of labels; folders with one
    folder a label; lines "label text"; numeric sequences as tables with one row a step, or as .npz with
    arrays x and y.
    """

    level: Literal["characters", "bytes", "words", "subwords"] = "words"
    """what a token is"""
    min_count: int = 2
    """characters and words that occur less often are unknown; subwords are not joined"""
    lowercase: bool = True
    """read all text in lower case"""
    hidden_size: int = 128
    """units of each layer and direction"""
    dropout: float = 0.3
    """probability between layers, and before and after them"""
    embedding_size: int = 100
    """features of a token"""
    bidirectional: bool = True
    """each layer also reads from the end"""
    pooling: Literal["last", "max", "mean", "attention", "concat"] = "concat"
    """what is kept of all steps; concat: the last, the largest and the mean"""
    word_dropout: float = 0.0
    """probability that a word is left out wherever it occurs in a batch"""
    max_length: int = 0
    """tokens or steps that are read of each text or sequence; 0: all"""
    keep: Literal["start", "end"] = "start"
    """which part of a longer one is read"""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """shares of training, validation and test part, drawn at random within each label"""
    validation: tuple[Path, ...] = ()
    """files or folders of the validation part; its share is then trained on"""
    test: tuple[Path, ...] = ()
    """files or folders of the test part; its share is then trained on"""
    folds: int = 0
    """cross-validation: so many models, each tested on another part; the first is kept. 0: one model"""
    text_column: str = "text"
    """column of the texts"""
    pair_column: str | None = None
    """column of the second texts, to classify pairs"""
    label_column: str = "label"
    """column of the labels; of sequences, the same in every row of one"""
    label_separator: str | None = None
    """character between several labels in a cell: an example may then have any number"""
    id_column: str = "unique_id"
    """column that names a row's numeric sequence"""
    time_column: str = "ds"
    """column that orders a numeric sequence's rows, where there is one"""
    standardise: bool = True
    """numeric features are brought to mean 0 and variance 1, as measured on the training part"""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: each label counts as much as any other, however rare"""
    vectors: Path | None = None
    """text file of word vectors (GloVe, word2vec) that the embedding starts from"""
    freeze_vectors: bool = False
    """the embedding stays as the vectors are"""
    pretrained: Path | None = None
    """run folder of a language model that training starts from; cell, sizes and vocabulary are its own"""
    rate_division: float = 2.6
    """with --pretrained: the learning rate of each layer is that of the one above divided by this"""
    unfreeze: Literal["gradually", "at-once"] = "gradually"
    """with --pretrained: one layer more is trained each epoch, from the top, or all from the start"""

    def __post_init__(self) -> None:
        """Checks every range, and what excludes what."""
        super().__post_init__()
        require(
            "--embedding-size", 1 <= self.embedding_size <= 10**6, "an int in [1, 1e6]", self.embedding_size
        )
        require("--max-length", 0 <= self.max_length <= 10**9, "an int in [0, 1e9]", self.max_length)
        require("--word-dropout", 0 <= self.word_dropout < 1, "in [0, 1)", self.word_dropout)
        require("--folds", self.folds == 0 or 2 <= self.folds <= 1000, "0 or an int in [2, 1000]", self.folds)
        require("--rate-division", 1 <= self.rate_division <= 100, "in [1, 100]", self.rate_division)
        separator = self.label_separator
        require("--label-separator", separator is None or len(separator) == 1, "one character", separator)
        for one, other in (
            ("folds", "validation"),
            ("folds", "test"),
            ("vectors", "pretrained"),
        ):
            if getattr(self, one) and getattr(self, other):
                raise InputError(f"{flag(one)} and {flag(other)} exclude each other")
        if self.vectors and self.level != "words":
            raise InputError(f"--vectors needs --level words. Got {self.level}.")
        if self.freeze_vectors and not self.vectors:
            raise InputError("--freeze-vectors needs --vectors")


@dataclass(frozen=True, kw_only=True)
class Classify(Verb):
    """Prints label and probabilities of texts or sequences, one line each.

    Reads a file, --text, or lines from standard input, each answered as it comes; of pairs, a tab stands
    between the two texts. Numeric sequences of a table are named first.
    """

    data: Annotated[Path | None, tyro.conf.Positional] = None
    """table, .npz, .npy, or text with one example a line; none: standard input"""
    single: Annotated[str | None, tyro.conf.arg(name="text")] = None
    """the text to classify"""
    explain: bool = False
    """show which words speak for the label, and which against it"""

    example: ClassVar[str] = 'elman classify runs/classification --text "What a lovely film!" --explain'

    def text(self, task: "SequenceClassifier") -> Iterator[str]:
        """A line an example, and one more of coloured words where they are asked for."""
        from elman.pictures.saliency import render_saliency

        for answer in self._answers(task):
            cells = [
                *([answer["name"]] if "name" in answer else []),
                answer["label"] if "label" in answer else ",".join(answer["labels"]),
                *(f"{name}={p:.4f}" for name, p in answer["probabilities"].items()),
            ]
            yield "\t".join(cells) + "\n"
            for weights in answer.get("words", []):
                yield render_saliency(
                    [piece for piece, _ in weights],
                    [weight for _, weight in weights],
                    spaced=task.config.level == "words",
                    in_terminal=sys.stdout.isatty(),
                )
                yield "\n"

    def json(self, task: "SequenceClassifier") -> dict[str, Any]:
        """Label, probabilities and, where asked for, the weight of each word."""
        return {"predictions": list(self._answers(task))}

    def _answers(self, task: "SequenceClassifier") -> Iterator[dict[str, Any]]:
        for examples in self._examples(task):
            for k, (labels, p) in enumerate(task.label(examples)):
                name = {"name": examples.names[k]} if examples.names else {}
                named = name | ({"labels": labels} if task.scheme.multi_label else {"label": labels[0]})
                words = {"words": task.explain(examples.items[k])} if self.explain else {}
                yield {**named, "probabilities": p, **words}

    def _examples(self, task: "SequenceClassifier") -> Iterator["Labelled"]:
        """What is to be classified, in pieces that are answered one after another."""
        from elman.data.labelled.examples import Labelled, check_text
        from elman.data.labelled.files import texts_of_line

        if self.data is not None and self.single is not None:
            raise InputError("--text and a file exclude each other")
        if self.single is not None:
            check_text([self.single], "--text")
        if self.data is not None:
            yield task.read_alike(self.data, with_labels=False)
            return
        if not task.scheme.texts:
            raise InputError("sequences of numbers are read from a file. Got none.")
        for number, line in enumerate(self._lines(), 1):
            place = f"line {number}"
            item = texts_of_line(line.removesuffix("\n"), task.scheme.texts, place)
            yield Labelled([item], [()], [place])

    def _lines(self) -> Iterator[str]:
        if self.single is not None:
            yield self.single
            return
        try:
            yield from iter(sys.stdin.readline, "")  # each as it comes
        except UnicodeDecodeError as error:
            raise InputError(f"standard input must be UTF-8: {error.reason}") from None


class SequenceClassifier(Task):
    """Labels of texts and sequences, in scikit-learn's manner: ``fit(X, y)``, ``predict``, ``score(X, y)``.

    Embedding → recurrent layer → pooling over time → softmax over the classes (or, with several labels an
    example, a logistic for each). Probabilities are calibrated on the validation part.

    Args:
        **options: fields of ``ClassificationConfig`` (``elman train classification --help`` explains them).

    Shapes:
        X: N texts, N pairs of texts, or numbers [N, T, I] or [N, T], in lists, arrays, columns or frames;
        y: N labels, N lists of labels, or an indicator of 0 and 1 [N, V] with a column for each label

    Raises:
        InputError: an option out of its range.
    """

    Config = ClassificationConfig
    verb = Classify
    estimator = "classifier"
    example = "elman train classification reviews.csv --out runs/classification --epochs 10"

    model: "Classifier"

    def __init__(self, config: ClassificationConfig | None = None, /, **options: Any) -> None:
        super().__init__(config, **options)
        self.vocabulary: Vocabulary
        self._parts: dict[str, Labelled] = {}
        self.scheme: Scheme
        self._start: dict[str, Any] = {}
        self._coverage: dict[str, Any] = {}

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
        """Trains on all the examples given; the option ``split`` divides those of files alone.

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
        from elman.data.labelled.memory import labelled_from_memory, read_labels

        for option in ("folds", "validation", "test"):
            given = getattr(self.config, option)
            rule = "left out for fit, which trains on all the examples it is given"
            require(f"the option {option}", not given, rule, given)
        labels = read_labels(y)
        names = labels.names()
        training = labelled_from_memory(X, labels, lengths, names=names)
        none = training.rows(np.arange(0))
        other = none if validation is None else _validation_part(validation, names)
        originals = {name: label for label, name in names.items()}
        parts = {"training": training, "validation": other, "test": none}
        return self._fit(lambda folder: self._learn(parts, folder, originals), out, overwrite, show_progress)

    @property
    def classes_(self) -> np.ndarray:
        """The labels, in the order of the columns of ``predict_proba``."""
        self._fitted()
        classes = self.scheme.classes
        # NumPy would make texts of what is mixed
        return np.array(classes, dtype=None if len(set(map(type, classes))) == 1 else object)

    def predict(self, X: Any, lengths: Any = None) -> Any:
        """The most probable label of each example [N]; where there may be several, a list of labels each."""
        p = self.predict_proba(X, lengths)
        if not self.scheme.multi_label:
            return self.classes_[p.argmax(1)]
        return [[self.scheme.classes[k] for k in np.flatnonzero(row > 0.5)] for row in p]

    def predict_proba(self, X: Any, lengths: Any = None) -> np.ndarray:
        """Calibrated probabilities [N, V], columns as ``classes_``."""
        from elman.data.labelled.memory import labelled_from_memory

        self._fitted()
        return self._probabilities(self.scheme.check(labelled_from_memory(X, lengths=lengths)))

    def score(self, X: Any, y: Any, lengths: Any = None) -> float:
        """Accuracy: the share of examples whose label, or all whose labels, are right."""
        return self.evaluate(X=X, y=y, lengths=lengths)["accuracy"]

    def label(self, examples: "Labelled") -> list[tuple[list[str], dict[str, float]]]:
        """Of each example the labels predicted, and the probability of every label."""
        names = self.scheme.names
        p = self._probabilities(examples)
        chosen = p > 0.5 if self.scheme.multi_label else p == p.max(1, keepdims=True)
        return [
            (
                [names[k] for k in np.flatnonzero(yes)][: None if self.scheme.multi_label else 1],
                dict(zip(names, row.tolist(), strict=True)),
            )
            for yes, row in zip(chosen, p, strict=True)
        ]

    def explain(self, text: str | tuple[str, ...]) -> list[list[tuple[str, float]]]:
        """How much each piece of a text speaks for the label predicted; of a pair, of each of its texts.

        Returns:
            For the text, or each of the two, its pieces with their weights (see
            ``elman.diagnose.saliency``).

        Raises:
            InputError: the model reads numbers, or a pair where this is a text, or the reverse.
        """
        from elman.data.labelled.examples import Labelled
        from elman.data.labelled.memory import texts_of_example
        from elman.diagnose.saliency import saliency

        self._fitted()
        if not self.scheme.texts:
            raise InputError("only texts can be explained; this model reads numbers")
        one = Labelled([texts_of_example(text, self.scheme.texts, "text")], [()], ["text"])
        (tokens,) = self._inputs(one)
        weights = saliency(self.model, tokens, int(self._logits(one)[0].argmax()))
        return [
            list(zip(self.vocabulary.pieces(t), w, strict=True)) for t, w in zip(tokens, weights, strict=True)
        ]

    # Reading

    def read(self, data: list[Path], folder: Path | None) -> None:
        """Reads files or folders, shares them out, learns labels and vocabulary from the training part."""
        from elman.data.labelled.examples import joined, label_names, warn_of_lone_labels
        from elman.data.labelled.files import read_labelled
        from elman.data.labelled.parts import divided

        if not data:
            raise InputError("classification needs a file or a folder to train on")
        config, columns = self.config, self._columns()

        def read(paths: Sequence[Path]) -> "Labelled":
            return joined([read_labelled(path, columns) for path in paths])

        given = read(data)
        label_names(given)
        named = {"validation": config.validation, "test": config.test}
        elsewhere = {name: read(paths) for name, paths in named.items() if paths}
        parts = divided(given, elsewhere, config.split, folds=config.folds, seed=config.seed)
        warn_of_lone_labels(given)
        self._learn(parts, folder)

    def _columns(self) -> "Columns":
        from elman.data.labelled.files import Columns

        config = self.config
        pair = config.pair_column or ("pair" if self.facts.get("texts") == 2 else None)
        return Columns(
            config.text_column,
            pair,
            config.label_column,
            config.label_separator,
            config.id_column,
            config.time_column,
        )

    def read_alike(self, path: str | Path, *, with_labels: bool) -> "Labelled":
        """Examples of the kind that the model was trained on, from a file or folder."""
        from elman.data.labelled.files import read_labelled

        self._fitted()
        return self.scheme.check(read_labelled(Path(path), self._columns(), with_labels=with_labels))

    def _learn(
        self, parts: dict[str, "Labelled"], folder: Path | None, originals: dict[str, Any] | None = None
    ) -> None:
        """All that is learnt from the training part; the data kept, in the run folder where there is one."""
        from elman.data.labelled.examples import save_parts, warn_of_repeats
        from elman.data.labelled.scheme import Scheme

        config, training = self.config, parts["training"]
        self._parts = parts
        self.scheme = Scheme.learn(
            training,
            originals or {},
            standardise=config.standardise,
            balanced=config.class_weights == "balanced",
        )
        self.facts = to_json(self.scheme)
        for part in parts.values():
            self.scheme.check(part)
        warn_of_repeats(parts)
        if training.texts:
            self._choose_vocabulary(training)
        if folder is not None:
            save_parts(folder, parts)

    def _choose_vocabulary(self, training: "Labelled") -> None:
        """The vocabulary, and what the embedding and layers start from where that is given."""
        from elman.data.tokens.vocab import CharacterVocabulary

        if self.config.pretrained is not None:
            self._take_over(self.config.pretrained, training)
            return
        config = self.config
        if config.level == "bytes":  # none of them is rare, and they have no case
            config = replace(config, min_count=1, lowercase=False)
        vocabulary = config.vocabulary(text for item in training.items for text in item)
        if isinstance(vocabulary, CharacterVocabulary):  # other texts may have others
            vocabulary = replace(vocabulary, has_unknown=True)
        self.vocabulary = vocabulary
        if self.config.vectors is not None:
            self._read_vectors(self.config.vectors, training)

    def _take_over(self, folder: Path, training: "Labelled") -> None:
        """Options, vocabulary and weights of a language model.

        Words of the training part that it does not know begin as the mean of those that it does
        (Howard & Ruder 2018, arXiv:1801.06146).
        """
        import torch

        from elman.cells.named import is_file
        from elman.data.tokens.vocab import WordVocabulary
        from elman.tasks.language_model.task import LanguageModel

        source = load(folder, self.config.cell if is_file(self.config.cell) else None)
        if not isinstance(source, LanguageModel):
            raise InputError(
                f"--pretrained must be a run of language-model. Got one of {source.name}: {folder}."
            )
        self._require({name: getattr(source.config, name) for name in _OF_THE_LANGUAGE_MODEL}, folder)
        self.config = replace(self.config, bidirectional=False)
        self.vocabulary = source.vocabulary
        weights = source.model.state_dict()
        self._start = {k: v for k, v in weights.items() if k.startswith(("embedding.", "layer."))}
        if isinstance(self.vocabulary, WordVocabulary):
            texts = (text for item in training.items for text in item)
            self.vocabulary = self.vocabulary.extended(texts, _FEWEST_OF_A_WORD)
            known = self._start["embedding.weight"]
            new = known.mean(0).expand(len(self.vocabulary) - len(known), -1)
            self._start["embedding.weight"] = torch.cat([known, new])

    def _read_vectors(self, path: Path, training: "Labelled") -> None:
        """The embedding from a file, and of how much of the training part that has vectors."""
        import torch

        from elman.data.read.vectors import embedding_from

        words = self.vocabulary.pieces(np.arange(len(self.vocabulary)))
        vectors, found = embedding_from(path, words, self.config.seed)
        self._require({"embedding_size": vectors.shape[1]}, path)
        self._start = {"embedding.weight": torch.from_numpy(vectors)}
        tokens = np.concatenate([t for item in self._inputs(training) for t in item])
        self._coverage = {
            "words": int(found.sum()),
            "of": len(found),
            "tokens": float(found[tokens].mean()),
        }

    def _require(self, values: dict[str, Any], source: Path) -> None:
        """Takes options from a source; InputError where others were asked for."""
        default = type(self.config)()
        for name, value in values.items():
            asked = getattr(self.config, name)
            if asked != value and (name in self.asked or asked != getattr(default, name)):
                raise InputError(
                    f"{flag(name)} must be {shown(value)}, as in {source}, or not given. Got {shown(asked)}."
                )
        self.config = replace(self.config, **values)

    def reopen(self, folder: Path) -> None:
        """Reads the examples again."""
        from elman.data.labelled.examples import load_parts
        from elman.data.split import PARTS

        scheme = self.scheme
        self._parts = load_parts(folder, PARTS, scheme.features, scheme.texts, scheme.multi_label)
        for part in self._parts.values():
            scheme.check(part)
        if not len(self._parts["training"]):
            raise InputError(f"{folder}: has no examples to train on")

    # Model

    def parts(self) -> Parts:
        """Batches of tokens or standardised steps."""
        return self._batched(self._parts)

    def _kept_parts(self) -> Parts:
        """The parts of the run's own data, of each no more examples than a look needs: all are encoded."""
        if self.folder is not None:
            self.reopen(self.folder)
        few = {name: part.rows(_spread(len(part), _LOOKED_AT)) for name, part in self._parts.items()}
        return self._batched(few)

    def _batched(self, parts: dict[str, "Labelled"]) -> Parts:
        training, validation, test = parts.values()
        return Parts(
            self._batches(training, self.config.seed),
            self._batches(validation) if len(validation) else None,
            self._batches(test) if len(test) else None,
        )

    def _batches(self, part: "Labelled", seed: int | None = None) -> "Ragged":
        import torch

        from elman.data.batches.ragged import Ragged

        truth = self.scheme.truth(part)
        if self.scheme.multi_label:
            targets = torch.from_numpy(truth.astype(np.float32))
        else:
            targets = torch.from_numpy(truth.argmax(1))
        return Ragged(self._inputs(part), targets, batch_size=self.config.batch_size, seed=seed)

    def _inputs(self, part: "Labelled") -> list[tuple[np.ndarray, ...]]:
        """What the model reads of each example: tokens, or standardised steps; no more than is asked for."""
        limit = self.config.max_length
        kept = (
            slice(None) if not limit else slice(limit) if self.config.keep == "start" else slice(-limit, None)
        )
        if part.texts:
            return [tuple(self.vocabulary.encode(text)[kept] for text in item) for item in part.items]
        return [(self.scheme.standardised(item[kept]),) for item in part.items]

    def build(self) -> "Classifier":
        """Embedding, layer, pooling and head."""
        from torch import nn

        from elman.heads.categorical import Categorical
        from elman.heads.multi_label import MultiLabel
        from elman.models.classifier import Classifier
        from elman.models.pooling import Pooling

        config, scheme = self.config, self.scheme
        embedding = nn.Embedding(len(self.vocabulary), config.embedding_size) if scheme.texts else None
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

    def prepare(self, model: "nn.Module") -> None:
        """Vectors or a language model's weights in place of random ones."""
        model.load_state_dict(self._start, strict=False)

    def reading(self) -> "Reading":
        """The loss, in nats."""
        from elman.train.loop import Reading

        return Reading("nats", 1.0, "examples")

    # Figures

    def _logits(self, part: "Labelled") -> np.ndarray:
        """[N, V], in the order of the examples."""
        import torch

        from elman.batch import to_device

        self._fitted()
        logits = np.zeros((len(part), len(self.scheme.classes)), np.float32)
        if not len(part):
            return logits
        batches = self._batches(replace(part, labels=[()] * len(part)))
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            for rows, batch in zip(batches.rows(), batches.epoch(), strict=True):
                logits[rows] = self.model.logits(to_device(batch.inputs, device)).float().cpu().numpy()
        return logits

    def _probabilities(self, part: "Labelled") -> np.ndarray:
        from elman.metrics.calibration import probabilities

        logits = self._logits(part)
        return probabilities(logits, float(self.model.temperature), multi_label=self.scheme.multi_label)

    def _figures(self, part: "Labelled", p: np.ndarray) -> dict[str, Any]:
        from elman.metrics.label_figures import label_figures

        return label_figures(self.scheme.truth(part), p, multi_label=self.scheme.multi_label)

    def measure(self, parts: Parts) -> dict[str, Any]:
        """Calibrates, then measures the test part beside simple methods; the other folds where asked for."""
        validation, test = self._parts["validation"], self._parts["test"]
        results: dict[str, Any] = {}
        if self._coverage:
            results["vectors"] = self._coverage
        if len(validation):
            results["temperature"] = self._calibrate(validation)
            results["validation"] = self._figures(validation, self._probabilities(validation))
        if not len(test):
            return results
        p = self._probabilities(test)
        results |= {"test": self._figures(test, p), "baselines": self._baselines(test)}
        results |= self._details(test, p)
        if self.config.folds:
            results["folds"] = self._cross_validate(results)
        return results

    def _calibrate(self, validation: "Labelled") -> float:
        """Fits the temperature and saves it with the weights."""
        from elman.metrics.calibration import fit_temperature
        from elman.train.checkpoint import save_weights

        several = self.scheme.multi_label
        temperature = fit_temperature(
            self.scheme.truth(validation), self._logits(validation), multi_label=several
        )
        self.model.temperature.fill_(temperature)
        if self.folder is not None:
            save_weights(self.model, self.folder / files.WEIGHTS)
        return temperature

    def _details(self, test: "Labelled", p: np.ndarray) -> dict[str, Any]:
        """Calibration before, figures of each label, and the mistakes that the model was surest of."""
        from elman.metrics import label_figures as metrics
        from elman.metrics.calibration import probabilities
        from elman.pictures.confusion import draw_confusion
        from elman.pictures.report import kept_mistakes

        truth, several, names = self.scheme.truth(test), self.scheme.multi_label, self.scheme.names
        raw = probabilities(self._logits(test), multi_label=several)
        found: dict[str, Any] = {
            "calibration_error_before": metrics.calibration_error(truth, raw, multi_label=several),
            "labels": metrics.figures_by_label(truth, p, names, multi_label=several),
        }
        if several:
            return found
        matrix = metrics.confusion_matrix(truth.argmax(1), p.argmax(1), len(names))
        if self.folder is not None:
            draw_confusion(matrix, names, self.folder / _CONFUSION, f"{self.folder.name}: the test part")
        mistakes = kept_mistakes(test, truth, p, names)
        return found | {"confusion": matrix.tolist(), "mistakes": mistakes}

    def _baselines(self, test: "Labelled") -> dict[str, Any]:
        """Figures of simple methods, by name."""
        from elman.baselines.simple_classifiers import simple_probabilities

        scheme, training, validation = self.scheme, self._parts["training"], self._parts["validation"]
        truth = scheme.truth(training), scheme.truth(validation)
        found = simple_probabilities((training, validation, test), truth, multi_label=scheme.multi_label)
        return {name: self._figures(test, p) for name, p in found.items()}

    def _cross_validate(self, first: dict[str, Any]) -> dict[str, Any]:
        """Trains and measures on the other folds; accuracies of all, the first's included.

        What an interrupted cross-validation has found is kept in the run folder.
        """
        from elman.data.labelled.parts import other_folds
        from elman.train.progress import make_progress

        config = self.config
        path = None if self.folder is None else self.folder / _FOLDS
        done = _folds_so_far(path) or [_fold(first)]
        others = other_folds(self._parts, config.split, folds=config.folds, seed=config.seed)
        for number, parts in enumerate(islice(others, len(done) - 1, None), len(done)):
            task = type(self)(replace(config, folds=0))
            task._fit(partial(task._learn, parts), None, False, self.show_progress)
            done.append(_fold(task.results))
            if path is not None:
                files.write_json(path, done)
            if self.show_progress:
                make_progress().say(
                    f"fold {number + 1} of {config.folds}: accuracy {done[-1]['this model']:.4f}"
                )
        accuracies = {name: [fold[name] for fold in done] for name in done[0]}
        return {
            name: {"accuracy": a, "mean": float(np.mean(a)), "deviation": float(np.std(a))}
            for name, a in accuracies.items()
        }

    def evaluate(
        self, data: Paths | None = None, *, X: Any = None, y: Any = None, lengths: Any = None
    ) -> dict[str, Any]:
        """Figures on other files or folders, or on examples in memory, which are given as to ``fit``.

        Raises:
            InputError: both are given or neither, or they are of another kind than the training part.
        """
        from elman.data.labelled.memory import labelled_from_memory, read_labels

        self._fitted()
        in_memory = any(given is not None for given in (X, y, lengths))
        if in_memory == (data is not None):
            raise InputError("give either data or X and y")
        if data is not None:
            part = self._other_part(as_paths(data))
        else:
            names = self.scheme.names_by_value
            part = self.scheme.check(labelled_from_memory(X, read_labels(y), lengths, names=names))
        return self._figures(part, self._probabilities(part))

    def other_batches(self, data: list[Path]) -> "Ragged":
        """Batches of other files or folders."""
        return self._batches(self._other_part(data))

    def _other_part(self, data: list[Path]) -> "Labelled":
        from elman.data.labelled.examples import joined

        require("data", bool(data), "at least one path", data)
        return joined([self.read_alike(path, with_labels=True) for path in data])

    def as_sample(self, batch: Any) -> Sample:
        """The text of each step, or the names of its numbers."""
        if self.scheme.texts:
            return text_sample(batch, self.vocabulary)
        return Sample(batch, features=tuple(self.scheme.features))

    def report(self) -> str:
        """The test figures beside the simple methods', each label's, and the surest mistakes."""
        from elman.pictures.report import classification_lines

        return "\n".join(classification_lines(self.results))

    # Saving

    def save_extras(self, folder: Path) -> None:
        """Writes the vocabulary."""
        if self.scheme.texts:
            files.write_json(folder / files.VOCABULARY, self.vocabulary.to_json())

    def load_extras(self, folder: Path) -> None:
        """Reads the vocabulary."""
        from elman.data.tokens.vocab import LARGEST_JSON, vocabulary_from_json

        if not self.scheme.texts:
            return
        path = folder / files.VOCABULARY
        self.vocabulary = vocabulary_from_json(read_json(path, LARGEST_JSON), str(path))
        if self.vocabulary.level != self.config.level:
            raise InputError(f"{path}: level must be {self.config.level}. Got {self.vocabulary.level}.")

    def check_facts(self, source: str) -> None:
        """Kind of example, labels, and the scales of numbers."""
        from elman.data.labelled.scheme import Scheme

        self.scheme = from_json(Scheme, self.facts, source)


def _validation_part(validation: Any, names: dict["Label", str]) -> "Labelled":
    """Examples that ``fit`` is given to choose by, whose labels go by the names of those learnt."""
    from elman.data.labelled.memory import labelled_from_memory, read_labels

    fits = isinstance(validation, tuple | list) and len(validation) in (2, 3)
    require("validation", fits, "(X, y) or (X, y, lengths)", validation)
    X, y, lengths = (*validation, None)[:3]
    where = "validation: "
    return labelled_from_memory(X, read_labels(y, where), lengths, names=names, where=where)


def _spread(number: int, most: int) -> np.ndarray:
    """Positions of at most so many of a number of examples, evenly over all."""
    return np.arange(number)[:: max(1, -(-number // most))]


def _fold(results: dict[str, Any]) -> dict[str, float]:
    """Accuracies of a fold, by method."""
    methods = {**results["baselines"], "this model": results["test"]}
    return {name: figures["accuracy"] for name, figures in methods.items()}


def _folds_so_far(path: Path | None) -> list[dict[str, float]]:
    """What an interrupted cross-validation has left."""
    found = read_json(path) if path is not None and path.exists() else []
    if not (
        isinstance(found, list)
        and all(isinstance(fold, dict) and all(map(is_finite, fold.values())) for fold in found)
    ):
        raise InputError(f"{path}: are not the folds of this run")
    return found
