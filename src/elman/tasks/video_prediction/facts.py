"""Facts that a predictor of frames learns from its training data."""

from dataclasses import dataclass

from elman.config import require
from elman.tasks.shared.facts import TaskFacts


@dataclass(frozen=True)
class VideoFacts(TaskFacts):
    """The shape of a frame.

    Attributes:
        channels: C, 1 for grey and 3 for colour.
        height: H, in pixels.
        width: W, in pixels.
        digits: whether the frames are those of moving digits.
    """

    channels: int
    height: int
    width: int
    digits: bool

    def __post_init__(self) -> None:
        """Checks every value."""
        require("channels", self.channels in (1, 3), "1 or 3", self.channels)
        for name in ("height", "width"):
            value = getattr(self, name)
            require(name, 1 <= value <= 4096, "an int in [1, 4096]", value)

    @property
    def shape(self) -> tuple[int, int, int]:
        """C, H, W."""
        return self.channels, self.height, self.width
