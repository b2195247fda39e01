"""Digits: images read pixel by pixel, which class each is; a classical measure of long memory."""

from pathlib import Path

import numpy as np

from elman.heads.categorical import Categorical
from elman.models.pooled import Pooled
from elman.tasks.digits.answers import ImageAnswers
from elman.tasks.digits.data import ImageData, ImageFacts
from elman.tasks.digits.options import DigitsConfig
from elman.tasks.shared.task import Task
from elman.train.loop import Reading


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
    Facts = ImageFacts
    Data = ImageData
    Answers = ImageAnswers

    model: Pooled

    def recognise(self, path: str | Path) -> np.ndarray:
        """Probabilities [N, V] for the images of a file in the idx format, or of a folder's test part.

        Raises:
            InputError: no such file, another format, or images of another size than the training images'.
        """
        p: np.ndarray = self.answers.recognise(Path(path))
        return p

    def build(self) -> Pooled:
        """Layer, last state, softmax."""
        layer = self.layer(self.config.pixels)
        return Pooled(layer, Categorical(layer.output_size, self.facts.classes), self.config.dropout)

    def reading(self) -> Reading:
        """The loss, in nats."""
        return Reading("nats", 1.0, "images")
