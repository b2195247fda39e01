"""Images and their classes, read as sequences of pixels."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from elman.config import check_regular, require
from elman.data.batches.examples import Examples
from elman.data.read.idx import TEST, TRAINING, find_images, read_labelled_images
from elman.data.read.npz import read_arrays
from elman.data.split import PARTS
from elman.errors import InputError
from elman.tasks.digits.options import DigitsConfig
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.facts import TaskFacts
from elman.train import files

_DATA = "digits.npz"
_LARGEST_SIDE, _MOST_CLASSES = 10**4, 256


@dataclass(frozen=True)
class Images:
    """Images with their classes.

    Attributes:
        pixels: [N, rows, columns] uint8.
        labels: [N] ids of the classes, uint8.
    """

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: np.ndarray) -> "Images":
        return Images(self.pixels[rows], self.labels[rows])


@dataclass(frozen=True)
class ImageFacts(TaskFacts):
    """Size and classes of the training images, and the scale of their pixels.

    Attributes:
        shape: rows and columns of an image.
        classes: V, the number of classes.
        mean: mean of the pixels, which lie between 0 and 1.
        scale: standard deviation of the pixels; 1 if all are equal.
    """

    shape: tuple[int, int]
    classes: int
    mean: float
    scale: float

    def __post_init__(self) -> None:
        """Checks every value."""
        sides_fit = all(1 <= side <= _LARGEST_SIDE for side in self.shape)
        require("shape", sides_fit, f"two ints in [1, {_LARGEST_SIDE}]", list(self.shape))
        require(
            "classes", 1 <= self.classes <= _MOST_CLASSES, f"an int in [1, {_MOST_CLASSES}]", self.classes
        )
        require("mean", math.isfinite(self.mean), "a finite number", self.mean)
        require("scale", 0 < self.scale < math.inf, "a positive number", self.scale)

    @classmethod
    def load(cls, content: dict[str, Any], config: DigitsConfig, folder: Path) -> Self:
        """Reads the facts of a run folder; the option ``pixels`` must divide the pixels of an image."""
        facts = super().load(content, config, folder)
        facts.check_pixels(config.pixels, str(folder / files.CONFIG))
        return facts

    @property
    def size(self) -> int:
        """Number of pixels in an image."""
        return math.prod(self.shape)

    def check_pixels(self, pixels: int, source: str) -> None:
        """Raises InputError unless this number of pixels divides an image into whole steps."""
        if self.size % pixels:
            raise InputError(f"{source}: pixels must divide the {self.size} of an image. Got {pixels}.")

    def check_images(self, images: Images, source: str) -> None:
        """Raises InputError unless images have the training images' shape and classes."""
        pixels, labels = images.pixels, images.labels
        if pixels.dtype != np.uint8 or pixels.shape[1:] != self.shape:
            shape = " × ".join(map(str, pixels.shape[1:]))
            raise InputError(
                f"{source}: images must be {self.shape[0]} × {self.shape[1]} bytes. Got {shape}."
            )
        if labels.shape != pixels.shape[:1] or (len(labels) and labels.max() >= self.classes):
            raise InputError(
                f"{source}: must have a label below {self.classes} for each of {len(pixels)} images"
            )


class ImageData(TaskData):
    """Images of each part; the validation part is drawn from the training images.

    Attributes:
        images: images by part; the validation part may be empty.
    """

    config: DigitsConfig
    facts: ImageFacts

    def __init__(self, config: DigitsConfig, facts: ImageFacts, images: dict[str, Images]) -> None:
        super().__init__(config, facts)
        self.images = images

    @classmethod
    def read(cls, config: DigitsConfig, paths: list[Path], folder: Path | None) -> Self:
        """Reads the four files in a folder."""
        if len(paths) != 1:
            raise InputError(f"digits reads one folder. Got {len(paths)}.")
        path = paths[0]
        if not path.is_dir():
            raise InputError(f"{path}: must be a folder with {TRAINING} and {TEST}, gzipped or not")
        labelled = Images(*read_labelled_images(find_images(path, TRAINING)))
        order = np.random.default_rng(config.seed).permutation(len(labelled))
        validation, training = np.split(order, [round(len(labelled) * config.validation)])
        if not len(training):
            raise InputError(f"{path}: validation leaves no image to train on")
        images = {"training": labelled[training], "validation": labelled[validation]}
        facts = _learn(images["training"], int(labelled.labels.max()) + 1)
        facts.check_pixels(config.pixels, "--pixels")
        images["test"] = read_images(facts, find_images(path, TEST))
        data = cls(config, facts, images)
        if folder is not None:
            data._store(folder / _DATA)
        return data

    @classmethod
    def reopen(cls, config: DigitsConfig, facts: ImageFacts, folder: Path) -> Self:
        """Reads the images from the run folder."""
        path = folder / _DATA
        check_regular(path)
        arrays = read_arrays(path)
        images = {}
        for part in PARTS:
            missing = {part, f"{part}_labels"} - arrays.keys()
            if missing:
                raise InputError(f"{path}: has no array {min(missing)!r}")
            images[part] = Images(arrays[part], arrays[f"{part}_labels"])
            facts.check_images(images[part], f"{path}: {part}")
        if not len(images["training"]):
            raise InputError(f"{path}: has no images to train on")
        return cls(config, facts, images)

    def _store(self, path: Path) -> None:
        arrays: Any = {part: each.pixels for part, each in self.images.items()}
        arrays |= {f"{part}_labels": each.labels for part, each in self.images.items()}
        np.savez_compressed(path, **arrays)

    @property
    def amounts(self) -> dict[str, int]:
        """Images of all parts."""
        return {"image": sum(map(len, self.images.values()))}

    def parts(self) -> Parts:
        """Returns batches of pixels in reading order."""
        config, facts, images = self.config, self.facts, self.images
        return Parts(
            pixel_batches(config, facts, images["training"], config.seed),
            *(
                pixel_batches(config, facts, images[part]) if len(images[part]) else None
                for part in ("validation", "test")
            ),
        )


def _learn(training: Images, classes: int) -> ImageFacts:
    """Learns the facts of the training images."""
    pixels = training.pixels.astype(np.float64) / 255
    rows, columns = pixels.shape[1:]
    return ImageFacts((rows, columns), classes, float(pixels.mean()), float(pixels.std()) or 1.0)


def read_images(facts: ImageFacts, path: Path) -> Images:
    """Reads other labelled images. Raises InputError if their shape or classes differ from training."""
    images = Images(*read_labelled_images(path))
    facts.check_images(images, str(path))
    return images


def pixel_batches(
    config: DigitsConfig, facts: ImageFacts, images: Images, seed: int | None = None
) -> Examples:
    """Returns batches of scaled pixels [rows · columns / pixels, B, pixels] and classes [B].

    Args:
        config: the options.
        facts: the facts of the training images.
        images: at least one image.
        seed: seed of each epoch's order; None: no shuffling.
    """
    x = images.pixels.reshape(len(images), -1).astype(np.float32) / 255
    x = (x - np.float32(facts.mean)) / np.float32(facts.scale)
    if config.permuted:
        x = x[:, pixel_order(config, facts)]
    return Examples(
        torch.from_numpy(x.reshape(len(images), -1, config.pixels)),
        torch.from_numpy(images.labels.astype(np.int64)),
        batch_size=config.batch_size,
        seed=seed,
    )


def pixel_order(config: DigitsConfig, facts: ImageFacts) -> np.ndarray:
    """Returns the positions of an image's pixels in reading order."""
    positions = np.arange(facts.size)
    if not config.permuted:
        return positions
    return np.random.default_rng([config.seed, 1]).permutation(positions)
