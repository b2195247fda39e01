"""Moving digits: two handwritten digits that bounce within a square."""

import math
from dataclasses import dataclass

import numpy as np

from elman.config import require

_STEP = 0.1  # of the free side, by which a digit moves in a frame


@dataclass(frozen=True, eq=False)
class MovingDigits:
    """Windows of frames in which digits move at constant speed and bounce off the edges.

    Each digit starts anywhere, moves in any direction by a tenth of the side that it is free to move in
    (3.6 pixels in a square of 64), and is reflected where it would leave the square. Where digits cover each
    other, the brighter pixel is seen.

    Args:
        images: [N, h, w] uint8 digits, as MNIST has them.
        number: windows of an epoch.
        length: T, frames of a window.
        seed: of all draws.
        fresh: whether each epoch draws other windows.
        size: height and width of the square.
        digits: of a window.

    Raises:
        InputError: the digits do not fit into the square.

    Source: Srivastava, Mansimov & Salakhutdinov 2015, arXiv:1502.04681, section 3.2.
    """

    images: np.ndarray
    number: int
    length: int
    seed: int
    fresh: bool = True
    size: int = 64
    digits: int = 2

    def __post_init__(self) -> None:
        """Checks the sizes."""
        most = max(self.images.shape[1:])
        require("the size of the square", self.size > most, f"above the {most} of a digit", self.size)

    def __len__(self) -> int:
        return self.number

    def window(self, number: int, epoch: int) -> np.ndarray:
        """Returns a window: uint8 [T, size, size]."""
        random = np.random.default_rng([self.seed, epoch if self.fresh else 0, number])
        frames = np.zeros((self.length, self.size, self.size), np.uint8)
        for image in self.images[random.integers(len(self.images), size=self.digits)]:
            free = self.size - np.array(image.shape)
            angle = random.uniform(0, 2 * math.pi)
            speed = _STEP * np.array([math.sin(angle), math.cos(angle)])
            way = random.random(2) + speed * np.arange(self.length)[:, None]
            corners = (_reflected(way) * free).astype(int)
            for frame, (top, left) in zip(frames, corners, strict=True):
                place = frame[top : top + image.shape[0], left : left + image.shape[1]]
                np.maximum(place, image, out=place)
        return frames


def _reflected(way: np.ndarray) -> np.ndarray:
    """Folds a straight way into [0, 1], as reflections at both ends do."""
    return 1 - np.abs(way % 2 - 1)
