"""Digits: images read pixel by pixel, which class each is; a classical measure of long memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import tyro

from elman.config import check_regular, is_finite, require
from elman.errors import InputError
from elman.tasks.shared.answers import Sample
from elman.tasks.shared.data import Parts
from elman.tasks.shared.options import TaskConfig, Verb
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.task import Task

if TYPE_CHECKING:
    from elman.data.batches.examples import Examples
    from elman.models.pooled import Pooled
    from elman.train.loop import Reading

_DATA, _CONFUSION = "digits.npz", "confusion.png"
_LARGEST_SIDE = 10**4


@dataclass(frozen=True, kw_only=True)
class DigitsConfig(TaskConfig):
    """Trains a classifier of small images that are read pixel by pixel (sequential MNIST).

    Reads a folder with the four files of MNIST or of a set of its kind, packed or not:
    train-images-idx3-ubyte, train-labels-idx1-ubyte, and the same with t10k, on which it is tested.
    """

    hidden_size: int = 128
    """units of each layer"""
    permuted: bool = False
    """pixels are read in an order drawn once from the seed, the same for all images"""
    pixels: int = 1
    """pixels read at a step; 28 is a row of MNIST"""
    validation: float = 0.05
    """share of the training images that is kept for validation, drawn at random"""

    def __post_init__(self) -> None:
        """Checks both numbers."""
        super().__post_init__()
        require("--pixels", 1 <= self.pixels <= 10**6, "an int in [1, 1e6]", self.pixels)
        require("--validation", 0 <= self.validation < 1, "in [0, 1)", self.validation)


@dataclass(frozen=True, kw_only=True)
class Recognise(Verb):
    """Prints the class of each image of an idx file and how probable it is."""

    data: Annotated[Path, tyro.conf.Positional]
    """images in the idx format, packed or not; of a folder, those of its test part"""

    example: ClassVar[str] = "elman recognise runs/digits mnist"

    def text(self, task: "DigitClassifier") -> Iterator[str]:
        """A line an image."""
        for p in task.recognise(self.data):
            yield f"{p.argmax()}\t{p.max():.4f}\n"

    def json(self, task: "DigitClassifier") -> dict[str, Any]:
        """Class and probability of each image."""
        found = task.recognise(self.data)
        return {"classes": found.argmax(1).tolist(), "probabilities": found.max(1).tolist()}


class DigitClassifier(Task):
    """Classes of images that are read as sequences of pixels.

    Recurrent layer → last state → softmax. Pixels are brought to mean 0 and variance 1, as measured on the
    training part.

    Args:
        **options: fields of ``DigitsConfig`` (``elman train digits --help`` explains them).

    Shapes:
        images [N, rows, columns] → steps [rows · columns / pixels, B, pixels]

    Raises:
        InputError: an option out of its range.

    Source: Le, Jaitly & Hinton 2015, arXiv:1504.00941.
    """

    Config = DigitsConfig
    verb = Recognise
    example = "elman train digits mnist --pixels 28 --out runs/digits"

    model: "Pooled"

    def __init__(self, config: DigitsConfig | None = None, /, **options: Any) -> None:
        super().__init__(config, **options)
        self._images: dict[str, np.ndarray] = {}
        self._labels: dict[str, np.ndarray] = {}

    # Reading

    def read(self, data: list[Path], folder: Path | None) -> None:
        """Reads the folder's four files; validation is drawn from the training images."""
        from elman.data.read.idx import TEST, TRAINING, find_images, read_labelled_images

        if len(data) != 1:
            raise InputError(f"digits reads one folder. Got {len(data)}.")
        if not data[0].is_dir():
            raise InputError(f"{data[0]}: must be a folder with {TRAINING} and {TEST}, packed or not")
        images, labels = read_labelled_images(find_images(data[0], TRAINING))
        order = np.random.default_rng(self.config.seed).permutation(len(images))
        validation, training = np.split(order, [round(len(images) * self.config.validation)])
        if not len(training):
            raise InputError(f"{data[0]}: validation leaves no image to train on")
        self._images = {"training": images[training], "validation": images[validation]}
        self._labels = {"training": labels[training], "validation": labels[validation]}
        pixels = self._images["training"].astype(np.float64) / 255
        self.facts = {
            "shape": list(images.shape[1:]),
            "classes": int(labels.max()) + 1,
            "mean": float(pixels.mean()),
            "scale": float(pixels.std()) or 1.0,
        }
        self._check_pixels("--pixels")
        self._images["test"], self._labels["test"] = self._read_alike(find_images(data[0], TEST))
        if folder is not None:
            arrays: Any = {f"{name}_labels": each for name, each in self._labels.items()} | self._images
            np.savez_compressed(folder / _DATA, **arrays)

    def _read_alike(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Labelled images of the training images' shape and classes."""
        from elman.data.read.idx import read_labelled_images

        images, labels = read_labelled_images(path)
        self._check_alike(images, labels, str(path))
        return images, labels

    def _check_alike(self, images: np.ndarray, labels: np.ndarray, source: str) -> None:
        shape, classes = tuple(self.facts["shape"]), self.facts["classes"]
        if images.dtype != np.uint8 or images.shape[1:] != shape:
            found = " × ".join(map(str, images.shape[1:]))
            raise InputError(f"{source}: images must be {shape[0]} × {shape[1]} bytes. Got {found}.")
        if labels.shape != images.shape[:1] or (len(labels) and labels.max() >= classes):
            raise InputError(f"{source}: must have a label below {classes} for each of {len(images)} images")

    def reopen(self, folder: Path) -> None:
        """Reads the images again."""
        from elman.data.read.npz import read_arrays
        from elman.data.split import PARTS

        path = folder / _DATA
        check_regular(path)
        arrays = read_arrays(path)
        for part in PARTS:
            missing = {part, f"{part}_labels"} - arrays.keys()
            if missing:
                raise InputError(f"{path}: has no array {min(missing)!r}")
            self._images[part], self._labels[part] = arrays[part], arrays[f"{part}_labels"]
            self._check_alike(self._images[part], self._labels[part], f"{path}: {part}")
        if not len(self._images["training"]):
            raise InputError(f"{path}: has no images to train on")

    def check_facts(self, source: str) -> None:
        """Shape and classes of the images, mean and scale of a pixel."""
        shape, classes = self.facts.get("shape"), self.facts.get("classes")
        if not (
            isinstance(shape, list)
            and len(shape) == 2
            and all(type(side) is int and 1 <= side <= _LARGEST_SIDE for side in shape)
        ):
            raise InputError(f"{source}: facts: shape must be two ints in [1, {_LARGEST_SIDE}]")
        if type(classes) is not int or not 1 <= classes <= 256:
            raise InputError(f"{source}: facts: classes must be an int in [1, 256]")
        for name, positive in (("mean", False), ("scale", True)):
            value: Any = self.facts.get(name)
            if not is_finite(value) or (positive and not value > 0):
                raise InputError(f"{source}: facts: {name} must be a {'positive ' if positive else ''}number")
        self._check_pixels(source)

    def _check_pixels(self, source: str) -> None:
        size, pixels = int(np.prod(self.facts["shape"])), self.config.pixels
        if size % pixels:
            raise InputError(f"{source}: pixels must divide the {size} of an image. Got {pixels}.")

    # Model

    def parts(self) -> Parts:
        """Batches of pixels in the order in which they are read."""
        training, validation, test = (
            self._batches(self._images[part], self._labels[part], seed) if len(self._images[part]) else None
            for part, seed in (("training", self.config.seed), ("validation", None), ("test", None))
        )
        assert training is not None
        return Parts(training, validation, test)

    def _batches(self, images: np.ndarray, labels: np.ndarray, seed: int | None = None) -> "Examples":
        import torch

        from elman.data.batches.examples import Examples

        pixels = images.reshape(len(images), -1).astype(np.float32) / 255
        pixels = (pixels - np.float32(self.facts["mean"])) / np.float32(self.facts["scale"])
        if self.config.permuted:
            pixels = pixels[:, self.order()]
        return Examples(
            torch.from_numpy(pixels.reshape(len(images), -1, self.config.pixels)),
            torch.from_numpy(labels.astype(np.int64)),
            batch_size=self.config.batch_size,
            seed=seed,
        )

    def order(self) -> np.ndarray:
        """Positions of the pixels in the order in which they are read."""
        positions = np.arange(int(np.prod(self.facts["shape"])))
        if not self.config.permuted:
            return positions
        return np.random.default_rng([self.config.seed, 1]).permutation(positions)

    def build(self) -> "Pooled":
        """Layer, last state, softmax."""
        from elman.heads.categorical import Categorical
        from elman.models.pooled import Pooled

        layer = self.layer(self.config.pixels)
        return Pooled(layer, Categorical(layer.output_size, self.facts["classes"]), self.config.dropout)

    def reading(self) -> "Reading":
        """The loss, in nats."""
        from elman.train.loop import Reading

        return Reading("nats", 1.0, "images")

    # Figures

    def recognise(self, path: Path) -> np.ndarray:
        """Probabilities [N, V] for the images of a file, or of a folder's test part."""
        from elman.data.read.idx import find_images, read_idx

        self._fitted()
        images = read_idx(find_images(path), 3)
        self._check_alike(images, np.zeros(len(images), np.uint8), str(path))
        return self._probabilities(images)

    def _probabilities(self, images: np.ndarray) -> np.ndarray:
        import torch

        from elman.batch import to_device

        model = self.model
        device = next(model.parameters()).device
        batches = self._batches(images, np.zeros(len(images), np.uint8))
        head: Any = model.head
        with torch.inference_mode():
            logits = [head.logits(model.features(to_device(b.inputs, device))) for b in batches.epoch()]
            return torch.cat(logits).float().softmax(-1).cpu().numpy()

    def measure(self, parts: Parts) -> dict[str, Any]:
        """Figures on the test part beside the most frequent class and the nearest mean image."""
        from elman.baselines.simple_classifiers import nearest_mean
        from elman.metrics.label_figures import confusion_matrix
        from elman.pictures.confusion import draw_confusion

        (training, truth), (test, wanted) = (
            (self._images[part].reshape(len(self._images[part]), -1), self._labels[part])
            for part in ("training", "test")
        )
        p = self._probabilities(self._images["test"])
        classes = self.facts["classes"]
        simple = {
            "most frequent class": np.full(len(test), np.bincount(truth).argmax()),
            "nearest mean image": nearest_mean(training, truth, test),
        }
        matrix = confusion_matrix(wanted.astype(np.int64), p.argmax(1), classes)
        if self.folder is not None:
            names = [str(k) for k in range(classes)]
            draw_confusion(matrix, names, self.folder / _CONFUSION, f"{self.folder.name}: the test part")
        return {
            "test": _figures(wanted, p),
            "baselines": {
                name: {"accuracy": float((said == wanted).mean())} for name, said in simple.items()
            },
            "confusion": matrix.tolist(),
        }

    def evaluate(self, data: Paths) -> dict[str, Any]:
        """Figures on other images: of a file beside its labels, or of a folder's test part."""
        self._fitted()
        images, labels = self._read_other(as_paths(data))
        return _figures(labels, self._probabilities(images))

    def other_batches(self, data: list[Path]) -> "Examples":
        """Batches of other images and their labels."""
        return self._batches(*self._read_other(data))

    def _read_other(self, data: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        from elman.data.read.idx import find_images

        if len(data) != 1:
            raise InputError(f"digits reads one folder or file of images. Got {len(data)}.")
        return self._read_alike(find_images(data[0]))

    def as_sample(self, batch: Any) -> Sample:
        """Steps are pixels, where they are read one by one."""
        pixels = self.config.pixels
        if pixels == 1:
            return Sample(batch, unit="pixels", features=("pixel",))
        return Sample(batch, features=tuple(f"pixel {k + 1}" for k in range(pixels)))

    def report(self) -> str:
        """The accuracy beside the simple methods'."""
        from elman.pictures.report import table_lines

        test = self.results["test"]
        rows = {
            name: [f"{found['accuracy']:.4f}"]
            for name, found in {**self.results["baselines"], "this model": test}.items()
        }
        lines = table_lines(f"on the test part ({test['images']:,} images)", ["accuracy"], rows)
        return "\n".join([*lines, f"log loss of this model: {test['log_loss']:.4f} nats"])


def _figures(truth: np.ndarray, p: np.ndarray) -> dict[str, Any]:
    """Accuracy and log loss."""
    from elman.metrics.label_figures import indicator, log_loss

    return {
        "accuracy": float((p.argmax(1) == truth).mean()),
        "log_loss": log_loss(indicator(truth, p.shape[1]), p),
        "images": len(truth),
    }
