"""Digits: the classes of images that are read pixel by pixel, a classical test of long memory."""

from pathlib import Path

import numpy as np

from elman.heads.categorical import Categorical
from elman.models.pooled import Pooled
from elman.tasks.digits.answers import ImageAnswers
from elman.tasks.digits.data import ImageData, ImageFacts
from elman.tasks.digits.options import DigitsConfig
from elman.tasks.shared.task import Task
from elman.train.loop import LossUnit


class DigitClassifier(Task):
    """Classifies images that are read as sequences of pixels.

    Recurrent layer → last state → softmax. Pixels are scaled to mean 0 and variance 1, as measured on the
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
    Facts = ImageFacts
    Data = ImageData
    Answers = ImageAnswers

    model: Pooled

    def recognise(self, path: str | Path) -> np.ndarray:
        """Returns probabilities [N, V] for the images of an idx file, or for the test images of a folder.

        Raises:
            InputError: the file does not exist, has another format, or its images differ in size from the
                training images.
        """
        p: np.ndarray = self.answers.recognise(Path(path))
        return p

    def build(self) -> Pooled:
        """Returns the model: layer, last state, softmax."""
        layer = self.layer(self.config.pixels)
        return Pooled(layer, Categorical(layer.output_size, self.facts.classes), self.config.dropout)

    def loss_unit(self) -> LossUnit:
        """Shows the loss in nats."""
        return LossUnit("nats", 1.0, "images")
