"""Options of classifiers, and of what they answer."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.config import Argument, flag, require
from elman.errors import InputError
from elman.pictures.saliency import render_saliency
from elman.tasks.shared.options import TextOptions, Verb


@dataclass(frozen=True, kw_only=True)
class Classify(Verb):
    """Prints label and probabilities of texts or sequences, one line each.

    Reads a file, --text, or lines from standard input, each answered as it comes. The two texts of a pair are
    separated by a tab. Each line about a sequence from a table begins with the sequence's name.
    """

    data: Annotated[Path | None, Argument(positional=True, metavar="FILE")] = None
    """table, .npz, .npy, or text with one example per line; if absent, standard input is read"""
    single: Annotated[str | None, Argument(name="text")] = None
    """the text to classify"""
    explain: bool = False
    """show which words speak for the label, and which against it"""

    example: ClassVar[str] = 'elman classify runs/classification --text "What a lovely film!" --explain'

    def text(self, task: Any) -> Iterator[str]:
        """One line for each example; with --explain, one more of coloured words for each of its texts."""
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

    def json(self, task: Any) -> dict[str, Any]:
        """Label, probabilities and, with --explain, the weight of each word."""
        return {"predictions": list(self._answers(task))}

    def _answers(self, task: Any) -> Iterator[dict[str, Any]]:
        if self.data is not None and self.single is not None:
            raise InputError("--text and a file exclude each other")
        lines = self._lines() if self.data is None else None
        return task.classify(self.data, lines=lines, explain=self.explain)

    def _lines(self) -> Iterator[str]:
        if self.single is None:
            try:
                yield from iter(sys.stdin.readline, "")  # each as it comes
            except UnicodeDecodeError as error:
                raise InputError(f"standard input must be UTF-8: {error.reason}") from None
        elif self.single.strip():
            yield self.single
        else:
            raise InputError("--text: the text must not be empty")


@dataclass(frozen=True, kw_only=True)
class ClassificationConfig(TextOptions):
    """Trains a classifier of texts, pairs of texts or numeric sequences.

    Reads tables (.csv, .tsv, .jsonl, .parquet) with a column of texts and one of labels; folders with one
    folder for each label; text files with lines "label text"; numeric sequences as tables with one row for
    each step, or as .npz with arrays x and y.
    """

    verb = Classify
    example = "elman train classification reviews.csv --out runs/classification --epochs 10"
    rank = 10
    estimator = "classifier"
    groups = {
        "": ("level", "max_length", "class_weights", "pretrained"),
        "columns of the data": (
            "text_column",
            "pair_column",
            "label_column",
            "label_separator",
            "id_column",
            "time_column",
            "standardise",
        ),
        "validation and test part": ("split", "validation", "test", "folds"),
        "text": ("vocab_size", "min_count", "lowercase", "word_split", "keep", "word_dropout"),
        "model": ("embedding_size", "bidirectional", "pooling"),
        "start from word vectors or a language model": (
            "vectors",
            "freeze_vectors",
            "rate_division",
            "unfreeze",
        ),
    }

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
    """how all steps become one vector; concat: the last, the largest and the mean together"""
    word_dropout: float = 0.0
    """probability that a word is left out wherever it occurs in a batch"""
    max_length: int = 0
    """tokens or steps that are read of each text or sequence; 0: all"""
    keep: Literal["start", "end"] = "start"
    """which part of a text or sequence is read if it exceeds --max-length"""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """shares of training, validation and test part, drawn at random within each label"""
    validation: tuple[Path, ...] = ()
    """files or folders of the validation part; its share of the data is then trained on"""
    test: tuple[Path, ...] = ()
    """files or folders of the test part; its share of the data is then trained on"""
    folds: int = 0
    """cross-validation: number of models, each tested on another part; the first is kept. 0: one model"""
    text_column: str = "text"
    """column of the texts"""
    pair_column: str | None = None
    """column of the second texts, to classify pairs"""
    label_column: str = "label"
    """column of the labels; all rows of a sequence have the same"""
    label_separator: str | None = None
    """character between several labels in a cell: an example may then have any number of labels"""
    id_column: str = "unique_id"
    """column that names the numeric sequence of each row"""
    time_column: str = "ds"
    """column by which the rows of a numeric sequence are ordered; if absent, they are in order"""
    standardise: bool = True
    """scale numeric features to mean 0 and variance 1, as measured on the training part"""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: all labels have the same weight in the loss, however rare"""
    vectors: Path | None = None
    """text file of word vectors (GloVe, word2vec) that the embedding starts from"""
    freeze_vectors: bool = False
    """keep the embedding as the vectors are"""
    pretrained: Path | None = None
    """run folder of a language model to start from; cell, sizes and vocabulary are taken from it"""
    rate_division: float = 2.6
    """with --pretrained: each layer's learning rate is that of the layer above divided by this"""
    unfreeze: Literal["gradually", "at-once"] = "gradually"
    """with --pretrained: train one more layer each epoch, from the top, or all from the start"""

    def __post_init__(self) -> None:
        """Checks every range, and which options exclude each other."""
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
