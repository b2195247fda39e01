"""Options of digits, and of what a trained classifier recognises."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from elman.config import Argument, require
from elman.tasks.shared.options import TaskConfig, Verb


@dataclass(frozen=True, kw_only=True)
class Recognise(Verb):
    """Prints the class of each image of an idx file and how probable it is."""

    data: Annotated[Path, Argument(positional=True, metavar="FILE")]
    """images in the idx format, gzipped or not; of a folder, those of its test part"""

    example: ClassVar[str] = "elman recognise runs/digits mnist"

    def text(self, task: Any) -> Iterator[str]:
        """One line for each image."""
        for p in task.recognise(self.data):
            yield f"{p.argmax()}\t{p.max():.4f}\n"

    def json(self, task: Any) -> dict[str, Any]:
        """Class and probability of each image."""
        p = task.recognise(self.data)
        return {"classes": p.argmax(1).tolist(), "probabilities": p.max(1).tolist()}


@dataclass(frozen=True, kw_only=True)
class DigitsConfig(TaskConfig):
    """Trains a classifier of small images that are read pixel by pixel (sequential MNIST).

    Reads a folder with the four files of MNIST, or of another set in its format, gzipped or not:
    train-images-idx3-ubyte, train-labels-idx1-ubyte, and the same with t10k, on which it is tested.
    """

    verb = Recognise
    example = "elman train digits mnist --pixels 28 --out runs/digits"
    rank = 70
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "": ("pixels", "permuted"),
        "validation and test part": ("validation",),
    }

    hidden_size: int = 128
    """units of each layer"""
    permuted: bool = False
    """read the pixels in an order drawn once from the seed, the same for all images"""
    pixels: int = 1
    """pixels read at a step; 28 is a row of MNIST"""
    validation: float = 0.05
    """share of the training images that is kept for validation, drawn at random"""

    def __post_init__(self) -> None:
        """Checks both numbers."""
        super().__post_init__()
        require("--pixels", 1 <= self.pixels <= 10**6, "an int in [1, 1e6]", self.pixels)
        require("--validation", 0 <= self.validation < 1, "in [0, 1)", self.validation)
