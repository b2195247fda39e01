"""How the frames of clips are read. No heavy import: options hold it."""

import math
from dataclasses import dataclass

from elman.config import require


@dataclass(frozen=True)
class View:
    """Rate, size and colour of frames.

    Attributes:
        rate: frames a second; None: all frames. Pictures and planes have no times and are read one by one.
        size: (height, width) in pixels, to which a frame is squeezed by averaging; None: as they are.
        colour: whether a frame has red, green and blue; otherwise it is grey.

    Raises:
        InputError: the rate or a size is not positive.
    """

    rate: float | None = None
    size: tuple[int, int] | None = None
    colour: bool = False

    def __post_init__(self) -> None:
        rate, size = self.rate, self.size
        require("--frame-rate", rate is None or 0 < rate < math.inf, "above 0", rate)
        require("--frame-size", size is None or 1 <= min(size) <= max(size) <= 10**4, "in [1, 1e4]", size)


EVERY = View()
"""All frames, grey, in their own size."""
