"""Classes of images, and the figures of a classifier."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.baselines.simple_classifiers import nearest_mean
from elman.batch import Batch
from elman.data.batches.examples import Examples
from elman.data.read.idx import find_images, read_idx
from elman.errors import InputError
from elman.metrics.label_figures import confusion_matrix, indicator, log_loss
from elman.models.pooled import Pooled
from elman.models.predict import predict
from elman.pictures.confusion import draw_confusion
from elman.tasks.digits.data import ImageData, ImageFacts, Images, pixel_batches, read_images
from elman.tasks.digits.options import DigitsConfig
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.table import behind_lines, table_lines

_CONFUSION = "confusion.png"


class ImageAnswers(TaskAnswers):
    """Probabilities of the classes of images, and figures on labelled images."""

    config: DigitsConfig
    facts: ImageFacts
    model: Pooled

    def recognise(self, path: Path) -> np.ndarray:
        """Returns probabilities [N, V] for the images of a file, or for the test images of a folder."""
        pixels = read_idx(find_images(path), 3)
        images = Images(pixels, np.zeros(len(pixels), np.uint8))
        self.facts.check_images(images, str(path))
        return self.probabilities(images)

    def probabilities(self, images: Images) -> np.ndarray:
        """Returns probabilities [N, V] of the classes of images; ignores their labels."""
        model: Any = self.model

        def logits(batch: Batch) -> Tensor:
            result: Tensor = model.head.logits(model.features(batch.inputs))
            return result

        outputs = list(predict(model, pixel_batches(self.config, self.facts, images).epoch(), logits))
        return torch.cat(outputs).float().softmax(-1).numpy()

    def batches(self, paths: list[Path]) -> Examples:
        """Returns batches of other images and their classes."""
        return pixel_batches(self.config, self.facts, self._read(paths))

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on other images: a file with labels next to it, or a folder's test images."""
        images = self._read(paths)
        return _figures(images.labels, self.probabilities(images))

    def _read(self, paths: list[Path]) -> Images:
        if len(paths) != 1:
            raise InputError(f"digits reads one folder or file of images. Got {len(paths)}.")
        return read_images(self.facts, find_images(paths[0]))

    def measure(self, data: ImageData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model, the most frequent class and the nearest mean image on the test part."""
        training, test = data.images["training"], data.images["test"]
        p = self.probabilities(test)
        x, other_x = (each.pixels.reshape(len(each), -1) for each in (training, test))
        simple = {
            "most frequent class": np.full(len(test), np.bincount(training.labels).argmax()),
            "nearest mean image": nearest_mean(x, training.labels, other_x),
        }
        matrix = confusion_matrix(test.labels.astype(np.int64), p.argmax(1), self.facts.classes)
        if self.folder is not None:
            names = [str(k) for k in range(self.facts.classes)]
            draw_confusion(matrix, names, self.folder / _CONFUSION, f"{self.folder.name}: the test part")
        return {
            "test": _figures(test.labels, p),
            "baselines": {
                name: {"accuracy": float((predicted == test.labels).mean())}
                for name, predicted in simple.items()
            },
            "confusion": matrix.tolist(),
        }

    def excerpt(self, batches: Examples) -> Excerpt:
        """Returns the first batch; its steps are called pixels if each step is one pixel."""
        batch, pixels = next(iter(batches.epoch(0))), self.config.pixels
        if pixels == 1:
            return Excerpt(batch, unit="pixels", features=("pixel",))
        return Excerpt(batch, features=tuple(f"pixel {k + 1}" for k in range(pixels)))

    def report(self, results: dict[str, Any]) -> str:
        """Returns the accuracies of the model and of simple methods."""
        test = results["test"]
        rows = {
            name: [f"{figures['accuracy']:.4f}"]
            for name, figures in {**results["baselines"], "this model": test}.items()
        }
        lines = table_lines(f"on the test part ({test['images']:,} images)", ["accuracy"], rows)
        lines += behind_lines(test, results["baselines"], {"accuracy": "accuracy"}, higher_is_better=True)
        return "\n".join([*lines, f"log loss of this model: {test['log_loss']:.4f} nats"])


def _figures(labels: np.ndarray, p: np.ndarray) -> dict[str, Any]:
    """Returns accuracy and log loss."""
    return {
        "accuracy": float((p.argmax(1) == labels).mean()),
        "log_loss": log_loss(indicator(labels, p.shape[1]), p),
        "images": len(labels),
    }
