"""Options of the task digits and of its verb."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from elman.config import Argument, require
from elman.tasks.shared.options import TaskConfig, Verb


@dataclass(frozen=True, kw_only=True)
class Recognise(Verb):
    """Prints the class of each image in an idx file, and its probability."""

    data: Annotated[Path, Argument(positional=True, metavar="FILE")]
    """images in the idx format, gzipped or not; or a folder, whose test images are read"""

    example: ClassVar[str] = "elman recognise runs/digits mnist"

    def text(self, task: Any) -> Iterator[str]:
        """Yields one line for each image."""
        for p in task.recognise(self.data):
            yield f"{p.argmax()}\t{p.max():.4f}\n"

    def json(self, task: Any) -> dict[str, Any]:
        """Returns class and probability of each image."""
        p = task.recognise(self.data)
        return {"classes": p.argmax(1).tolist(), "probabilities": p.max(1).tolist()}


@dataclass(frozen=True, kw_only=True)
class DigitsConfig(TaskConfig):
    """Trains a classifier of small images that are read pixel by pixel (sequential MNIST).

    Reads a folder with the four files of MNIST, or of another data set in its format, gzipped or not:
    train-images-idx3-ubyte and train-labels-idx1-ubyte to train on, t10k-images-idx3-ubyte and
    t10k-labels-idx1-ubyte to test on.
    """

    verb = Recognise
    reads = "folder to train on; see above"
    example = "elman train digits mnist --pixels 28 --out runs/digits"
    rank = 70
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "": ("pixels", "permuted"),
        "parts of the data": ("validation",),
    }

    hidden_size: int = 128
    """units of each layer"""
    permuted: bool = False
    """read the pixels in a random order, drawn once from --seed and the same for all images"""
    pixels: int = 1
    """pixels read at each step; 28 is a row of an MNIST image"""
    validation: float = 0.05
    """share of the training images that becomes the validation part, drawn at random"""

    def __post_init__(self) -> None:
        """Checks both numbers."""
        super().__post_init__()
        require("--pixels", 1 <= self.pixels <= 10**6, "an int in [1, 1e6]", self.pixels)
        require("--validation", 0 <= self.validation < 1, "in [0, 1)", self.validation)
