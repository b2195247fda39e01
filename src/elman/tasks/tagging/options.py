"""Options of the task tagging and of its verb."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.config import Argument, require
from elman.data.read.text import arriving_lines
from elman.errors import InputError
from elman.tasks.shared.options import ABSENT, ColumnOptions, Sized, StartOptions, Verb


@dataclass(frozen=True, kw_only=True)
class Tag(Verb):
    """Gives each word or row of a file, a text or lines a tag.

    A table is printed as CSV with a further column. Otherwise a file has a word a line in columns,
    or JSON objects, as in training; its lines are kept, with the tag as a further column or field. Any other
    file, --text and the lines of standard input are texts, a sentence a line, which are divided into words at
    spaces and punctuation.
    """

    data: Annotated[Path | None, Argument(positional=True, metavar="FILE")] = None
    """file of words or texts; if absent, standard input is read"""
    single: Annotated[str | None, Argument(name="text")] = None
    """text to tag, instead of a file"""
    form: Literal["auto", "columns", "text"] = "auto"
    """how the file is read; auto: as columns, unless its lines look like sentences"""
    probabilities: bool = False
    """show the probability of each tag that has at least 0.01"""
    stream: bool = False
    """read a word a line from standard input, and tag each word before the next is read; the model must read
    in one direction. An empty line ends a sentence"""

    example: ClassVar[str] = 'elman tag runs/tagging --text "Anna lives in Rome."'

    def text(self, task: Any) -> Iterator[str]:
        """Yields the lines of the file with a tag each, or the words of texts with theirs."""
        if self.stream:
            self._check_no_source("--stream reads standard input")
            yield from (f"{line}\n" for line in task.tag_stream(self._lines(task)))
            return
        if task.reads_numbers or (self.data is not None and task.reads_table(self.data)):
            yield from task.tag_table(self._table(), probabilities=self.probabilities)
            return
        printer = task.printer(in_terminal=sys.stdout.isatty(), probabilities=self.probabilities)
        for answer in self._answers(task):
            yield printer(answer)

    def json(self, task: Any) -> dict[str, Any]:
        """Returns words or names, tags and, if requested, probabilities of each sequence."""
        if self.stream:
            raise InputError("--stream and --json exclude each other: one object comes at the end")
        return {"sequences": [answer.json() for answer in self._answers(task)]}

    def _table(self) -> Path:
        if self.data is None or self.single is not None:
            raise InputError("tag needs a table and no --text: this model reads numbers")
        return self.data

    def _answers(self, task: Any) -> Iterator[Any]:
        if self.data is not None and self.single is not None:
            raise InputError("--text and a file exclude each other")
        if self.data is not None or task.reads_numbers:
            data = self._table() if task.reads_numbers else self.data
            yield from task.tag(data, form=self.form, probabilities=self.probabilities)
        else:
            yield from task.tag(texts=self._lines(task), probabilities=self.probabilities)

    def _lines(self, task: Any) -> Iterator[str]:
        if self.single is None:
            for lines in arriving_lines(sys.stdin.buffer, "standard input", task.config.reading):
                yield from lines
        elif self.single.strip():
            yield self.single
        else:
            raise InputError("--text: the text must not be empty")

    def _check_no_source(self, why: str) -> None:
        if self.data is not None or self.single is not None:
            raise InputError(f"{why}; it takes neither a file nor --text")


@dataclass(frozen=True, kw_only=True)
class TaggingConfig(StartOptions, ColumnOptions):
    """Trains a tagger: a tag for every word of a sentence, or for every row of numbers.

    Reads a word a line in columns, with an empty line after each sentence (CoNLL, CoNLL-U); JSON objects, one
    a line (.jsonl), with tokens and tags, or with a text and spans; tables of numbers (.csv, .tsv, .parquet,
    .xlsx) with a tag in every row, such as those of sensors; or .npz files with arrays x and y.
    """

    verb = Tag
    example = "elman train tagging train.conll --out runs/tagging --epochs 10"
    rank = 15
    sized = ("hidden_size", "dropout", "word_dropout", "batch_size", "epochs", "learning_rate")
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "": ("head", "pretrained"),
        "training": ("word_dropout", "augment"),
        "columns of the data": (
            "word_column",
            "tag_column",
            "input_columns",
            "id_column",
            "time_column",
            "columns",
            "ignore_columns",
        ),
        "numbers": ("window",),
        "parts of the data": ("split", "validation", "test"),
        "words": ("min_count", "lowercase", "unlabelled"),
        "model": ("embedding_size", "embedding_init", "character_features", "bidirectional"),
    }

    word_column: str | None = None
    """column or field of the words, by its name or its number from 1; if absent, one with a usual name, or
    the first (in a file whose first column counts the words, the second)"""
    tag_column: str | None = None
    """column or field of the tags, by its name or its number from 1; if absent, upos in CoNLL-U, one with a
    usual name, or the last; of numbers, one with a usual name, or the only one that holds none"""
    input_columns: tuple[str, ...] = ()
    """further columns of words to read, by name or number, as a,b or a b; if absent, none"""
    id_column: str = "unique_id"
    """column of a table that names the sequence or sentence of each row; if the table of numbers has none,
    it is one sequence"""
    time_column: str = "ds"
    """column that orders the rows of a sequence of numbers, if the table has it; otherwise rows are in
    order"""
    window: int = 256
    """numbers: steps that are trained on at once; longer sequences are cut"""
    head: Literal["auto", "softmax", "crf"] = "auto"
    """softmax: a tag depends on the words alone; crf: also on the tag before (conditional random field).
    auto: crf if the tags mark spans (B-PER, I-PER, O), otherwise softmax"""
    hidden_size: Sized[int] = ABSENT
    """units of each layer, in each direction; if absent, 64 to 128: fewer for fewer sentences and for
    numbers"""
    dropout: Sized[float] = ABSENT
    """dropout probability between layers, and before and after them; if absent, 0.5, or 0.3 for numbers"""
    batch_size: Sized[int] = ABSENT
    """sentences or windows in a batch; if absent, 4 to 16: fewer for fewer sentences, so that the few
    have many steps"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 5 to 60: more for fewer words and steps"""
    learning_rate: Sized[float] = ABSENT
    """highest learning rate; if absent, 0.002, or 0.003 for numbers"""
    average: Literal["none", "ema", "asgd"] = "ema"
    """average of the weights, validated beside the last ones, of which the better are kept: ema (exponential
    moving average over two epochs), asgd (the mean since the validation loss first rose) or none"""
    embedding_size: int = 100
    """features of a word's embedding"""
    embedding_init: Literal["cooccurrences", "random"] = "cooccurrences"
    """how the embedding of words starts: from which of them stand near each other in the training part
    and --unlabelled (PPMI and SVD), or random"""
    character_features: int = 90
    """features of a word's characters, which convolutions read; 0: characters are not read"""
    bidirectional: bool = True
    """read each sequence in both directions"""
    word_dropout: Sized[float] = ABSENT
    """probability that a word is read as unknown in training, so that its characters and neighbours must
    do; if absent, 0.2"""
    augment: float = 1.0
    """numbers: strength of the random changes of scale, noise, and columns left out, in training; 0: none"""
    min_count: int = 1
    """words that occur less often are unknown; their characters are read"""
    lowercase: bool = True
    """look words up in lower case; their case is read in their shape and characters"""
    pretrained: Path | None = None
    """run folder of a language model of words: its words are known too, and start with its embedding; if
    absent, words start as --embedding-init says"""
    unlabelled: tuple[Path, ...] = ()
    """files or folders of sentences without tags, in the forms that tag reads; their words are known too, and
    start from what stands near them. If absent, only the training part's are"""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """shares of training, validation and test part; sequences are drawn at random. Of numbers in too few
    sequences for that, each is divided by time"""
    validation: tuple[Path, ...] = ()
    """files or folders of the validation part; if present, its share of --split is trained on"""
    test: tuple[Path, ...] = ()
    """files or folders of the test part; if present, its share of --split is trained on"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        require(
            "--embedding-size", 1 <= self.embedding_size <= 10**6, "an int in [1, 1e6]", self.embedding_size
        )
        features = self.character_features
        require("--character-features", 0 <= features <= 10**6, "an int in [0, 1e6]", features)
        share = self.word_dropout
        require("--word-dropout", share is ABSENT or 0 <= share < 1, "in [0, 1)", share)
        require("--augment", 0 <= self.augment <= 5, "in [0, 5]", self.augment)
        require("--window", 2 <= self.window <= 10**6, "an int in [2, 1e6]", self.window)
        require("--min-count", 1 <= self.min_count <= 10**9, "an int in [1, 1e9]", self.min_count)
        if self.unlabelled and self.embedding_init == "random":
            raise InputError("--unlabelled needs --embedding-init cooccurrences")
        if self.unlabelled and self.pretrained:
            raise InputError("--unlabelled and --pretrained exclude each other")
        named = self.input_columns
        require("--input-columns", len(set(named)) == len(named), "distinct columns", ",".join(named))
