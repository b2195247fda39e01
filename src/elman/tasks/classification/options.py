"""Options of the task classification and of its verb."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.config import Argument, flag, require
from elman.data.read.reading import Reading
from elman.data.read.text import arriving_lines
from elman.data.read.view import View
from elman.errors import InputError
from elman.notice import notice
from elman.pictures.saliency import legend_of_saliency, render_saliency
from elman.tasks.shared.options import (
    ABSENT,
    ColumnOptions,
    SequenceOptions,
    Sized,
    StartOptions,
    TextOptions,
    Verb,
)
from elman.tasks.shared.table import one_line


@dataclass(frozen=True, kw_only=True)
class Classify(Verb):
    """Prints label and probabilities of texts or sequences, one line for each.

    Reads a file, --text, or lines from standard input, which are answered as they come. A tab separates the
    two texts of a pair. If sequences come from a table, each line begins with the sequence's name.
    """

    data: Annotated[tuple[Path, ...], Argument(positional=True, metavar="FILE")] = ()
    """table, .npz, .npy, .ts, text file with one example per line, or recordings or clips (files, folders,
    manifests); if absent, standard input is read"""
    single: Annotated[str | None, Argument(name="text")] = None
    """text to classify, instead of a file"""
    explain: bool = False
    """show which words support the label and which oppose it"""
    reject: float = 0.0
    """answer "none of these" where no label is as probable; the report of the training proposes a value"""
    every_step: bool = False
    """print the label of a clip after each of its frames, from the frames up to it: name, seconds (or the
    number of the frame, if it has no times), label and probabilities"""
    stream: bool = False
    """find words in running sound: a WAV stream on standard input or, with --rate, samples of 16 bits; prints
    the seconds of each word, its label and its probability. Needs a run trained with --background"""
    rate: int | None = None
    """samples a second of sound without a header, Hz; if absent, a WAV stream is read"""
    alarms_per_hour: float = 3.0
    """most false alarms an hour, as counted in --background, which give the threshold"""
    threshold: float | None = None
    """least probability of a word in running sound; if absent, by --alarms-per-hour"""

    example: ClassVar[str] = 'elman classify runs/classification --text "What a lovely film!" --explain'

    def __post_init__(self) -> None:
        """Checks which options exclude each other."""
        if self.stream and (self.data or self.single is not None or self.explain or self.reject):
            raise InputError(
                "--stream reads standard input and goes with no file, --text, --explain or --reject"
            )
        if self.every_step and not (self.data and not self.explain):
            raise InputError("--every-step needs clips to read, and does not go with --explain")
        require("--reject", 0 <= self.reject <= 1, "in [0, 1]", self.reject)

    def text(self, task: Any) -> Iterator[str]:
        """Yields one line for each example; with --explain, also one of coloured words for each text."""
        if self.stream:
            for spot in self._spots(task):
                yield f"{spot['time']:.2f}\t{one_line(spot['label'])}\t{spot['probability']:.4f}\n"
            return
        in_terminal = sys.stdout.isatty()
        for number, answer in enumerate(self._answers(task)):
            if self.explain and number == 0:  # not above an error
                notice(legend_of_saliency(in_terminal=in_terminal))
            cells = [
                *([answer["name"]] if "name" in answer else []),
                *([f"{answer['time']:g}"] if "time" in answer else []),
                answer["label"] if "label" in answer else ",".join(answer["labels"]),
                *(f"{name}={p:.4f}" for name, p in answer["probabilities"].items()),
            ]
            yield "\t".join(map(one_line, cells)) + "\n"
            for weights in answer.get("words", []):
                yield render_saliency(
                    [piece for piece, _ in weights],
                    [weight for _, weight in weights],
                    spaced=task.config.level == "words",
                    in_terminal=in_terminal,
                )
                yield "\n"

    def json(self, task: Any) -> dict[str, Any]:
        """Returns labels, probabilities and, with --explain, the weight of each word; or words in sound."""
        if self.stream:
            return {"words": list(self._spots(task))}
        return {"predictions": list(self._answers(task))}

    def _spots(self, task: Any) -> Iterator[dict[str, Any]]:
        found: Iterator[dict[str, Any]] = task.spot(
            sys.stdin.buffer,
            rate=self.rate,
            alarms_per_hour=self.alarms_per_hour,
            threshold=self.threshold,
        )
        return found

    def _answers(self, task: Any) -> Iterator[dict[str, Any]]:
        if self.data and self.single is not None:
            raise InputError("--text and a file exclude each other")
        if self.every_step:
            watched: Iterator[dict[str, Any]] = task.watch(self.data, reject=self.reject)
            return watched
        lines = None if self.data else self._lines(task.config.reading)
        return task.classify(self.data or None, lines=lines, explain=self.explain, reject=self.reject)

    def _lines(self, reading: Reading) -> Iterator[str]:
        if self.single is None:
            for lines in arriving_lines(sys.stdin.buffer, "standard input", reading):  # each as it comes
                yield from lines
        elif self.single.strip():
            yield self.single
        else:
            raise InputError("--text: the text must not be empty")


@dataclass(frozen=True, kw_only=True)
class ClassificationConfig(StartOptions, ColumnOptions, TextOptions, SequenceOptions):
    """Trains a classifier of texts, pairs of texts, numeric sequences, recordings or clips.

    Reads tables (.csv, .tsv, .jsonl, .parquet) with a column of texts and one of labels; folders with one
    folder for each label; text files with lines "label text"; numeric sequences as tables with one row for
    each step, as .npz files with arrays x and y, or as .ts files; recordings (.wav, .flac, .ogg, .mp3) and
    clips (.mp4, .avi, .mkv, .webm, folders of pictures) in a folder for each label, or in a manifest with
    columns path and label.
    """

    verb = Classify
    example = "elman train classification reviews.csv --out runs/classification --epochs 10"
    rank = 10
    estimator = "classifier"
    of_old_runs = {
        "ngrams": "none",
        "average": "none",
        "embedding_init": "random",
        "rocket": "none",
        **SequenceOptions.steps_of_old_runs,
    }
    sized = (
        "hidden_size",
        "dropout",
        "word_dropout",
        "batch_size",
        "epochs",
        "learning_rate",
        "frame",
        "ensemble",
    )
    absent_in_old_runs = ("frame", "ensemble")  # and of texts
    groups = {
        "": ("level", "ngrams", "rocket", "pretrained"),
        "training": ("class_weights", "word_dropout", "augment"),
        "columns of the data": (
            "text_column",
            "pair_column",
            "label_column",
            "label_separator",
            "label_from",
            "most_empty",
            "id_column",
            "time_column",
            "columns",
            "ignore_columns",
            "standardise",
        ),
        "parts of the data": ("split", "validation", "test", "folds"),
        "text": ("vocab_size", "min_count", "lowercase", "word_split", "max_length", "keep"),
        "numbers": ("centre", "differences", "frame"),
        "recordings": ("sample_rate", "mels", "noise", "snr", "background"),
        "clips": ("frame_size", "frame_rate", "colour", "follow", "mirror"),
        "model": ("embedding_size", "embedding_init", "bidirectional", "pooling", "ensemble"),
        "texts without labels, word vectors and pretrained models": (
            "unlabelled",
            "pretraining",
            "vectors",
            "freeze_vectors",
            "rate_division",
            "unfreeze",
        ),
    }

    level: Literal["characters", "bytes", "words", "subwords"] = "words"
    """what a token is"""
    ngrams: Literal["auto", "words", "characters", "both", "none"] = "auto"
    """n-grams of words (1 and 2) or of characters (2 to 5) beside the network, whose logits are added; none:
    the network alone. auto: both, of texts above 5 million characters in all words, above 100 million none"""
    rocket: Literal["auto", "none"] = "auto"
    """MiniRocket's features of numeric sequences, and summaries of each column, beside the network, whose
    logits are added; none: the network alone. auto: these, of up to 100 million steps, but not with --noise
    or --background, which only the network learns"""
    min_count: int = 2
    """characters and words that occur less often are unknown; subwords are not joined"""
    lowercase: bool = True
    """read all text in lower case"""
    hidden_size: Sized[int] = ABSENT
    """units of each layer, in each direction; if absent, 32 to 128: fewer for fewer texts"""
    dropout: Sized[float] = ABSENT
    """dropout probability between layers, and before and after them; if absent, 0.3 to 0.7: more for fewer
    texts"""
    batch_size: Sized[int] = ABSENT
    """rows in a batch; if absent, 8 to 32: fewer for fewer texts, so that the few have many steps"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 3 to 60: more for less text and for fewer steps"""
    learning_rate: Sized[float] = ABSENT
    """highest learning rate; if absent, 0.004 for texts from nothing, 0.003 for numbers, otherwise
    0.002"""
    average: Literal["none", "ema", "asgd"] = "ema"
    """average of the weights, validated beside the last ones, of which the better are kept: ema (exponential
    moving average over two epochs), asgd (the mean since the validation loss first rose) or none"""
    embedding_size: int = 100
    """features of a token's embedding"""
    embedding_init: Literal["cooccurrences", "random"] = "cooccurrences"
    """how the embedding of words and subwords starts: from which of them stand near each other in the texts
    of the training part and of --unlabelled (PPMI and SVD), or random; not with --vectors or --pretrained,
    where it is known"""
    bidirectional: bool = True
    """read each text or sequence in both directions; of clips, only if this is named"""
    ensemble: Sized[int] = ABSENT
    """number of networks, trained at once from different initial weights; their mean probability decides. If
    absent, 3 for fewer than 1,000 numeric sequences, otherwise 1"""
    pooling: Literal["last", "max", "mean", "attention", "concat"] = "concat"
    """how the outputs of all steps become one vector; concat: last, max and mean, concatenated"""
    word_dropout: Sized[float] = ABSENT
    """probability that a word's embedding is 0 wherever the word occurs in a batch; if absent, 0 to 0.7: more
    for fewer texts"""
    max_length: int = 0
    """most tokens or steps to read of each text or sequence; 0: all"""
    keep: Literal["start", "end"] = "start"
    """which end of a text or sequence is read if it is longer than --max-length"""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """shares of training, validation and test part, drawn at random within each label"""
    validation: tuple[Path, ...] = ()
    """files or folders of the validation part; if present, its share of --split is trained on"""
    test: tuple[Path, ...] = ()
    """files or folders of the test part; if present, its share of --split is trained on"""
    folds: int = 0
    """cross-validation: number of models, each tested on another part; the run keeps the first. 0: one
    model, no cross-validation"""
    text_column: str = "text"
    """column of the texts; if the table has no column of this name, the only column of sentences"""
    pair_column: str | None = None
    """column of the second text of a pair; if absent, single texts are classified"""
    label_column: str = "label"
    """column of the labels; if the table has no column of this name, the only column whose values repeat. A
    numeric sequence has the same label in every row"""
    label_separator: str | None = None
    """character between the labels in a cell; an example may then have any number of labels. If absent, each
    example has one"""
    label_from: Literal["content", "file"] = "content"
    """file: each file holds the texts of one label, which is the file's name, one text per line"""
    most_empty: float = 0.1
    """largest share of rows without text or label, or of faulty recordings or clips, that are left out; 0:
    the first stops the run"""
    id_column: str = "unique_id"
    """column that names the sequence of each row; only for numeric sequences"""
    time_column: str = "ds"
    """column that orders the rows of a sequence, if the table has it; otherwise rows are in order"""
    sample_rate: int | None = None
    """samples a second at which recordings are read, Hz; if absent, as most of them have, up to 16,000"""
    mels: int = 40
    """mel bands of a recording's frames, 25 ms long, one every 10 ms"""
    noise: tuple[Path, ...] = ()
    """files or folders of noise that is mixed into half of the recordings in training; if absent, none"""
    snr: tuple[float, float] = (0.0, 20.0)
    """least and largest ratio of a recording's energy to that of --noise, dB"""
    background: tuple[Path, ...] = ()
    """files or folders of speech and noise that hold none of the labels' words: half is learnt under a label
    of its own, and in the other half false alarms are counted, for classify --stream. If absent, none"""
    frame_size: tuple[int, int] | None = None
    """height and width to which the frames of clips are squeezed, in pixels; if absent, 64 64"""
    frame_rate: float | None = None
    """frames a second at which clips are read; if absent, all frames"""
    colour: bool = False
    """read the red, green and blue of clips; otherwise they are grey"""
    follow: tuple[int, int] | None = None
    """height and width of a window that follows what moves before a still camera, in pixels: only what it
    shows is read, so that it matters less where something happens. If absent, whole frames are read"""
    mirror: Literal["auto", "yes", "no"] = "auto"
    """exchange left and right of half of the clips in training; auto: unless the name of a label says left,
    right or clockwise, or is a single character"""
    standardise: bool = True
    """scale numeric features to mean 0 and variance 1, as measured on the training part"""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: every label has the same total weight in the loss, however rare it is"""
    unlabelled: tuple[Path, ...] = ()
    """files or folders of texts without labels, in the forms that classify reads; in a folder, a file is a
    text. Their words are known, and start from what stands near them in all texts. If absent, only the
    training part's are"""
    pretraining: Literal["none", "language-model"] = "none"
    """language-model: embedding and layer first learn to predict the words of the training part and of
    --unlabelled; with --max-minutes, in at most 2/5 of the time"""
    vectors: Path | None = None
    """text file of word vectors (GloVe, word2vec) as initial embedding; if absent, it is random"""
    freeze_vectors: bool = False
    """with --vectors: do not train the embedding"""
    pretrained: Path | None = None
    """run folder of a language model or of a classification to start from, with its cell, sizes and
    vocabulary; if absent, start from random weights"""
    rate_division: float = 2.6
    """with --pretrained: factor by which the learning rate falls from each layer to the one below"""
    unfreeze: Literal["gradually", "at-once"] = "gradually"
    """with --pretrained: train one more layer in each epoch, from the top; or all layers at once"""

    def __post_init__(self) -> None:
        """Checks every range, and which options exclude each other."""
        super().__post_init__()
        require(
            "--embedding-size", 1 <= self.embedding_size <= 10**6, "an int in [1, 1e6]", self.embedding_size
        )
        require("--ensemble", 1 <= self.members <= 1000, "an int in [1, 1000]", self.ensemble)
        require("--max-length", 0 <= self.max_length <= 10**9, "an int in [0, 1e9]", self.max_length)
        share = self.word_dropout
        require("--word-dropout", share is ABSENT or 0 <= share < 1, "in [0, 1)", share)
        require("--folds", self.folds == 0 or 2 <= self.folds <= 1000, "0 or an int in [2, 1000]", self.folds)
        rate = self.sample_rate
        require("--sample-rate", rate is None or 1_000 <= rate <= 384_000, "an int in [1000, 384000]", rate)
        require(
            "--snr", -50 <= self.snr[0] <= self.snr[1] <= 100, "two rising numbers in [-50, 100]", self.snr
        )
        window = self.follow
        require("--follow", window is None or 1 <= min(window) <= max(window) <= 10**4, "in [1, 1e4]", window)
        if window is not None and self.centre == "none" and not self.differences:
            raise InputError("--follow needs --centre both or own, or --differences, which show what moves")
        View(self.frame_rate, self.frame_size, self.colour)  # its own checks
        require("--mels", 2 <= self.mels <= 200, "an int in [2, 200]", self.mels)
        require("--most-empty", 0 <= self.most_empty <= 1, "in [0, 1]", self.most_empty)
        require("--rate-division", 1 <= self.rate_division <= 100, "in [1, 100]", self.rate_division)
        separator = self.label_separator
        require("--label-separator", separator is None or len(separator) == 1, "one character", separator)
        for one, other in (
            ("folds", "validation"),
            ("folds", "test"),
            ("folds", "background"),
            ("vectors", "pretrained"),
            ("unlabelled", "pretrained"),
        ):
            if getattr(self, one) and getattr(self, other):
                raise InputError(f"{flag(one)} and {flag(other)} exclude each other")
        if self.pretraining != "none" and self.pretrained:
            raise InputError("--pretraining and --pretrained exclude each other")
        if self.pretraining != "none" and self.bidirectional and self.layers > 1:
            raise InputError(
                "--pretraining with several --layers needs --no-bidirectional: a second layer would read the "
                "words to predict"
            )
        if self.vectors and self.level != "words":
            raise InputError(f"--vectors needs --level words. Got {self.level}.")
        if self.freeze_vectors and not self.vectors:
            raise InputError("--freeze-vectors needs --vectors")

    @property
    def members(self) -> int:
        """The number of networks."""
        return 1 if self.ensemble is ABSENT else self.ensemble
