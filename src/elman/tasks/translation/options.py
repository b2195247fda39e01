"""Options of translators, and of how they translate."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.config import Argument, require
from elman.decode.options import SearchOptions
from elman.errors import InputError
from elman.pictures.base import check_picture
from elman.tasks.shared.options import TextOptions, Verb


@dataclass(frozen=True, kw_only=True)
class Translate(SearchOptions, Verb):
    """Translates lines, one line each, as they come.

    Reads a file, --text, or standard input; an empty line stays empty. With --nbest N, prints N lines for
    each: the number of the input line, score, translation.
    """

    data: Annotated[Path | None, Argument(positional=True, metavar="FILE")] = None
    """one text a line; none: standard input"""
    single: Annotated[str | None, Argument(name="text")] = None
    """the text to translate"""
    plot: Path | None = None
    """with --text: picture of where the translator looked (.png, .svg or .pdf)"""

    example: ClassVar[str] = 'elman translate runs/translation --text "the big cat sat on the mat"'

    def __post_init__(self) -> None:
        """Checks what excludes what."""
        super().__post_init__()
        if self.data is not None and self.single is not None:
            raise InputError("--text and a file exclude each other")
        if self.plot is not None:
            require("--plot", self.single is not None, "given together with --text", str(self.plot))
            check_picture(self.plot)

    def text(self, task: Any) -> Iterator[str]:
        """One line for each text; with n-best several, numbered and scored."""
        for number, (_, translations) in enumerate(self._answers(task), 1):
            for translation in translations:
                head = f"{number}\t{translation.score:.4f}\t" if self.nbest > 1 else ""
                yield f"{head}{translation.text}\n"

    def json(self, task: Any) -> dict[str, Any]:
        """Each text with its translations and their scores."""
        answers = [
            {"source": text, "translations": [translation._asdict() for translation in translations]}
            for text, translations in self._answers(task)
        ]
        return {"translations": answers}

    def _answers(self, task: Any) -> Iterator[tuple[str, Any]]:
        """Each text and its translations."""
        options = SearchOptions(**{f.name: getattr(self, f.name) for f in fields(SearchOptions)})
        if self.single is None:
            yield from task.answers.writer.of_file(self.data, options)
            return
        translations = task.answers.writer.of_text(self.single, "--text", options)
        if self.plot is not None:
            task.draw(self.single, translations[0].text, self.plot)
        yield self.single, translations


@dataclass(frozen=True, kw_only=True)
class TranslationConfig(TextOptions):
    """Trains a translator on sentence pairs.

    Reads two files whose lines translate each other, source first, or one file with a tab between the two
    texts of a line. Files that end in .gz are unpacked as they are read.
    """

    verb = Translate
    example = "elman train translation pairs.tsv --out runs/translation"
    rank = 20
    groups = {
        "": ("level", "vocab_size"),
        "text": ("shared_vocabulary", "min_count", "lowercase", "word_split", "skip_bad_lines"),
        "encoder and decoder": (
            "embedding_size",
            "attention",
            "bridge",
            "input_feeding",
            "tied",
            "label_smoothing",
        ),
        "validation and test part": ("validation", "test", "split", "bleu_tokenizer"),
    }

    level: Literal["characters", "bytes", "words", "subwords"] = "subwords"
    """what a token is"""
    shared_vocabulary: bool = True
    """one vocabulary and one embedding for both languages"""
    hidden_size: int = 512
    """units of each layer; the encoder's two directions have half of them each"""
    embedding_size: int = 256
    """features of a token, and of what the output layer reads"""
    dropout: float = 0.3
    """probability on embeddings, between layers, and on what the decoder and the output layer read"""
    attention: Literal["bilinear", "dot", "additive"] = "bilinear"
    """how a state of the decoder is compared with those of the encoder"""
    bridge: Literal["learned", "last", "zero"] = "learned"
    """the decoder's first state: a learned map of the encoder's last state, that state itself, or zero"""
    input_feeding: bool = False
    """the attended context is part of the decoder's next input; slower, since it runs step by step"""
    tied: bool = True
    """the output weights are the target's embedding"""
    label_smoothing: float = 0.1
    """share of a target's probability that is spread over all tokens in training"""
    split: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """shares of training, validation and test part, drawn at random"""
    validation: tuple[Path, ...] = ()
    """file or files of the validation part; its share is then trained on"""
    test: tuple[Path, ...] = ()
    """file or files of the test part; its share is then trained on"""
    skip_bad_lines: bool = False
    """leave out pairs with a line that is empty, not UTF-8 or holds control characters; otherwise refused"""
    bleu_tokenizer: Literal["13a", "intl", "zh", "char", "none"] = "13a"
    """how BLEU cuts translations into words: char for Japanese or Thai, zh for Chinese"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        size = self.embedding_size
        require("--embedding-size", 1 <= size <= 10**6, "an int in [1, 1e6]", size)
        require("--hidden-size", self.hidden_size % 2 == 0, "even", self.hidden_size)
        require("--label-smoothing", 0 <= self.label_smoothing < 1, "in [0, 1)", self.label_smoothing)
