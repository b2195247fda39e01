"""Options of the task translation and of its verb."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.config import Argument, require
from elman.decode.options import SearchOptions
from elman.errors import InputError
from elman.pictures.base import check_picture
from elman.tasks.shared.options import ABSENT, Sized, StartOptions, TextOptions, Verb


@dataclass(frozen=True, kw_only=True)
class Translate(SearchOptions, Verb):
    """Translates texts line by line, as they come.

    Reads a file, --text, or standard input; an empty line stays empty, and in a translation a run of spaces
    is one space. With --nbest N, prints N lines for
    each input line: its number, score and translation.
    """

    data: Annotated[Path | None, Argument(positional=True, metavar="FILE")] = None
    """file with one text per line; if absent, standard input is read"""
    single: Annotated[str | None, Argument(name="text")] = None
    """text to translate, instead of a file"""
    plot: Path | None = None
    """with --text: picture of the attention to write (.png, .svg or .pdf); if absent, none"""

    example: ClassVar[str] = 'elman translate runs/translation --text "the big cat sat on the mat"'

    def __post_init__(self) -> None:
        """Checks which options exclude each other."""
        super().__post_init__()
        if self.data is not None and self.single is not None:
            raise InputError("--text and a file exclude each other")
        if self.plot is not None:
            require("--plot", self.single is not None, "given together with --text", str(self.plot))
            check_picture(self.plot)

    def text(self, task: Any) -> Iterator[str]:
        """Yields one line for each text; with n-best several, numbered and scored."""
        for number, (_, translations) in enumerate(self._answers(task), 1):
            for translation in translations:
                head = f"{number}\t{translation.score:.4f}\t" if self.nbest > 1 else ""
                yield f"{head}{translation.text}\n"

    def json(self, task: Any) -> dict[str, Any]:
        """Returns each text with its translations and their scores."""
        answers = [
            {"source": text, "translations": [translation._asdict() for translation in translations]}
            for text, translations in self._answers(task)
        ]
        return {"translations": answers}

    def _answers(self, task: Any) -> Iterator[tuple[str, Any]]:
        """Yields each text with its translations."""
        options = SearchOptions(**{f.name: getattr(self, f.name) for f in fields(SearchOptions)})
        watch = task.answers.watch()
        if self.single is None:
            for number, answer in enumerate(task.answers.writer.of_file(self.data, options), 1):
                watch.look(answer[0], f"line {number}")
                yield answer
            return
        watch.look(self.single, "--text")
        if self.plot is not None:
            task.answers.writer.check_attention()
        translations = task.answers.writer.of_text(self.single, "--text", options)
        if self.plot is not None:
            task.draw(self.single, translations[0].text, self.plot)
        yield self.single, translations


@dataclass(frozen=True, kw_only=True)
class TranslationConfig(StartOptions, TextOptions):
    """Trains a translator on sentence pairs.

    Reads two files of parallel lines, first the sources, then the translations; one file with a tab between
    source and translation; or a table with a column of each. Compressed files are unpacked as they are read.
    """

    verb = Translate
    reads = "file of pairs, or a file of sources and one of translations; see above"
    example = "elman train translation pairs.tsv --out runs/translation"
    rank = 20
    sized = (
        "vocab_size",
        "hidden_size",
        "embedding_size",
        "dropout",
        "label_smoothing",
        "batch_size",
        "epochs",
    )
    absent_in_old_runs = ("vocab_size",)
    of_the_run = (
        *StartOptions.of_the_run,
        "embedding_size",
        "attention",
        "bridge",
        "input_feeding",
        "tied",
        "level",
        "lowercase",
        "word_split",
        "shared_vocabulary",
    )
    groups = {
        "": ("level", "vocab_size", "pretrained"),
        "model": ("embedding_size", "attention", "bridge", "input_feeding", "tied"),
        "training": ("label_smoothing",),
        "columns of the data": ("source_column", "target_column"),
        "parts of the data": ("split", "validation", "test", "skip_bad_lines"),
        "text": ("shared_vocabulary", "min_count", "lowercase", "word_split"),
        "evaluation": ("bleu_tokenizer",),
    }

    pretrained: Path | None = None
    """run folder of a translation to start from, with its cell, sizes and vocabularies, which new characters
    or words extend; if absent, start from random weights"""
    level: Literal["characters", "bytes", "words", "subwords"] = "subwords"
    """what a token is"""
    shared_vocabulary: bool = True
    """share one vocabulary and one embedding between both languages"""
    vocab_size: Sized[int] = ABSENT
    """most tokens in the vocabulary; the most frequent are kept. If absent, all, or 1000 to 8000 subwords:
    fewer for fewer pairs"""
    hidden_size: Sized[int] = ABSENT
    """units of each layer; even, since each direction of the encoder has half of them. If absent, 256, or 512
    for many pairs"""
    embedding_size: Sized[int] = ABSENT
    """features of a token's embedding, and of the output layer's input; if absent, 128, or 256 for many
    pairs"""
    dropout: Sized[float] = ABSENT
    """dropout probability on embeddings, between layers, and on the inputs of decoder and output layer; if
    absent, 0.3"""
    batch_size: Sized[int] = ABSENT
    """pairs in a batch; if absent, 16 or 32: fewer for fewer pairs, so that their few passes have many
    steps"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 10 to 30: more for fewer pairs"""
    attention: Literal["bilinear", "dot", "additive", "none"] = "bilinear"
    """how the attention compares a decoder state with the encoder states; none: no attention, the decoder
    knows the source by its initial state alone"""
    bridge: Literal["learned", "last", "zero"] = "learned"
    """initial state of the decoder: a learned map of the encoder's last state, that state itself (last), or
    zero"""
    input_feeding: bool = False
    """feed the attention's context into the decoder's next step; slower, since the decoder then runs step by
    step"""
    tied: bool = True
    """use the target's embedding as the output weights"""
    label_smoothing: Sized[float] = ABSENT
    """share of each target's probability that is spread over all tokens in training; if absent, 0.1"""
    split: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """shares of training, validation and test part, drawn at random"""
    validation: tuple[Path, ...] = ()
    """one or two files of the validation part; if present, its share of --split is trained on"""
    test: tuple[Path, ...] = ()
    """one or two files of the test part; if present, its share of --split is trained on"""
    source_column: str | None = None
    """column of the sources in a table; if absent, the first of two"""
    target_column: str | None = None
    """column of the translations in a table; if absent, the second of two"""
    skip_bad_lines: bool = False
    """leave out pairs with a line that is empty, is not UTF-8 or holds control characters; if absent, such a
    line is an error"""
    bleu_tokenizer: Literal["13a", "intl", "zh", "char", "none"] = "13a"
    """how BLEU splits translations into words: for example char for Japanese or Thai, zh for Chinese"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        size = self.embedding_size
        require("--embedding-size", size is ABSENT or 1 <= size <= 10**6, "an int in [1, 1e6]", size)
        units, smoothing = self.hidden_size, self.label_smoothing
        require("--hidden-size", units is ABSENT or units % 2 == 0, "even", units)
        both = (self.source_column is None) == (self.target_column is None)
        require("--source-column", both, "given together with --target-column", self.source_column)
        told = self.attention != "none" or self.bridge != "zero"
        require("--bridge", told, "learned or last with --attention none", self.bridge)
        is_share = smoothing is ABSENT or 0 <= smoothing < 1
        require("--label-smoothing", is_share, "in [0, 1)", smoothing)

    @property
    def columns(self) -> tuple[str, str] | None:
        """The columns of sources and translations in a table; None if they are not named."""
        if self.source_column is None or self.target_column is None:
            return None
        return self.source_column, self.target_column
