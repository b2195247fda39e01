"""Options of tasks that learn streams of tokens."""

from dataclasses import dataclass
from pathlib import Path

from elman.config import require
from elman.tasks.shared.options import ABSENT, Sized, TaskConfig


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class StreamOptions(TaskConfig):
    """Options of a model of the next token: text, or anything else that is a sequence of names."""

    of_old_runs = {"ngrams": "none", "label_smoothing": 0.0}
    evaluates_with = ("dynamic",)
    sized = (
        "batch_size",
        "epochs",
        "dropout",
        "learning_rate",
        "label_smoothing",
        "tied",
        "embedding_size",
    )

    batch_size: Sized[int] = ABSENT
    """rows in a batch; if absent, 4 to 32: fewer for less text, so that its few passes have many steps"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 10 to 30: more for less text"""
    dropout: Sized[float] = ABSENT
    """dropout probability between layers, and before and after them; if absent, 0.1 to 0.4: more for less
    text"""
    learning_rate: Sized[float] = ABSENT
    """highest learning rate; if absent, 0.002 or 0.004: lower for less text, which has smaller batches"""
    label_smoothing: Sized[float] = ABSENT
    """share of each target's probability that is spread over all tokens in training; if absent, 0.1 for few
    words or subwords, otherwise 0"""

    embedding_size: Sized[int] = ABSENT
    """features of a token's embedding; if absent, 64, or with --tied the layer's output size"""
    tied: Sized[bool] = ABSENT
    """use the embedding as the output weights; needs --embedding-size equal to the layer's output size. If
    absent, for words and subwords; --no-tied: never"""
    bptt: int = 100
    """steps of each training segment; gradients stop at its beginning (truncated backpropagation through
    time)"""
    split: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """shares of training, validation and test part, by position; the vocabulary is learnt from all three"""
    validation: tuple[Path, ...] = ()
    """files of the validation part; if present, its share of --split is trained on, and the vocabulary is
    learnt without these files"""
    test: tuple[Path, ...] = ()
    """files of the test part; if present, its share of --split is trained on, and the vocabulary is learnt
    without these files"""
    ngrams: str = "auto"
    """n-gram counts of the training part, mixed into the network's predictions: auto (if that helps on the
    validation part, for up to 5 million tokens), none, or their order, such as 6"""
    ngram_order: int | None = None
    """order of the n-gram model (Witten–Bell) that the result is compared with; if absent, the best of 2 to 8
    on the validation part"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        for option, value in (("--embedding-size", self.embedding_size), ("--bptt", self.bptt)):
            require(option, value is ABSENT or 1 <= value <= 10**6, "an int in [1, 1e6]", value)
        smoothing = self.label_smoothing
        require("--label-smoothing", smoothing is ABSENT or 0 <= smoothing < 1, "in [0, 1)", smoothing)
        order = self.ngram_order
        require("--ngram-order", order is None or 1 <= order <= 20, "an int in [1, 20]", order)
        is_order = self.ngrams.isdecimal() and 1 <= int(self.ngrams) <= 20
        require(
            "--ngrams", is_order or self.ngrams in ("auto", "none"), "auto, none or in [1, 20]", self.ngrams
        )

    @property
    def own_files(self) -> dict[str, tuple[Path, ...]]:
        """The parts that have files of their own."""
        both = {"validation": self.validation, "test": self.test}
        return {part: paths for part, paths in both.items() if paths}
