"""Options of tasks that learn streams of tokens."""

from dataclasses import dataclass
from pathlib import Path

from elman.config import require
from elman.tasks.shared.options import TaskConfig


@dataclass(frozen=True, kw_only=True)
class StreamOptions(TaskConfig):
    """Options of a model of the next token: text, or anything else that is a sequence of names."""

    embedding_size: int = 64
    """features of a token"""
    tied: bool = False
    """the output weights are the embedding's; needs as many features as the layer's output"""
    bptt: int = 100
    """steps between two cuts of the gradient (truncated backpropagation through time)"""
    split: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """shares of training, validation and test part, by position; the vocabulary is that of all three"""
    validation: tuple[Path, ...] = ()
    """files of the validation part, without a say in the vocabulary; its share is then trained on"""
    test: tuple[Path, ...] = ()
    """files of the test part; the same holds"""
    ngram_order: int = 6
    """order of the Witten–Bell model that the result is compared with"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        for option, value in (("--embedding-size", self.embedding_size), ("--bptt", self.bptt)):
            require(option, 1 <= value <= 10**6, "an int in [1, 1e6]", value)
        require("--ngram-order", 1 <= self.ngram_order <= 20, "an int in [1, 20]", self.ngram_order)

    @property
    def own_files(self) -> dict[str, tuple[Path, ...]]:
        """The parts that have files of their own."""
        both = {"validation": self.validation, "test": self.test}
        return {part: paths for part, paths in both.items() if paths}
