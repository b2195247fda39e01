"""What a network reads of a clip: pixels, what stands out from the background, and what changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_KEPT = 15  # frames whose median is the background
_LASTING = 0.7  # share of the motion of a frame that counts in the next one


class Background:
    """The median of the frames so far, of at most 15 that lie evenly among them.

    Once so many are kept, every second one is dropped, and from then on half as many are taken: the time
    that the median spans grows with the clip, and the memory does not.

    Source: medians of frames as background, Cutler & Davis 1998, "View-based detection and analysis of
    periodic motion".
    """

    def __init__(self) -> None:
        self._frames: list[np.ndarray] = []
        self._every, self._number = 1, 0
        self._median: np.ndarray | None = None

    def take(self, frame: np.ndarray) -> np.ndarray:
        """Returns the background [...] up to and with the next frame [...]."""
        if self._number % self._every == 0:
            if len(self._frames) == _KEPT:
                self._frames = self._frames[::2]
                self._every *= 2
            if self._number % self._every == 0:
                self._frames.append(frame)
                self._median = np.sort(self._frames, 0)[len(self._frames) // 2]
        self._number += 1
        assert self._median is not None
        return self._median


def backgrounds(clip: np.ndarray) -> np.ndarray:
    """Returns the background of each frame of a clip [T, …], from the frames up to it."""
    background = Background()
    return np.stack([background.take(frame) for frame in clip])


class Follower:
    """A window that follows what moves: its middle is the centre of the motion of the last few frames.

    Args:
        size: (height, width) of the window.
        jitter: (down, right), by how much it is beside that, in pixels.
    """

    def __init__(self, size: tuple[int, int], jitter: tuple[float, float] = (0.0, 0.0)) -> None:
        self._size, self._jitter = size, np.array(jitter)
        self._sums = np.zeros(3)  # of energy times row, of energy times column, of energy

    def cut(self, planes: np.ndarray, energy: np.ndarray) -> np.ndarray:
        """Returns what the window shows of the next frames.

        Args:
            planes: [T, C, H, W].
            energy: [T, H, W], how much moves at each pixel.

        Shapes:
            → [T, C, height, width]; all of an axis that is shorter
        """
        frame = np.array(energy.shape[1:])
        size = np.minimum(self._size, frame)
        cut = np.empty((*planes.shape[:2], *size), planes.dtype)
        for t, (picture, own) in enumerate(zip(planes, energy, strict=True)):
            by_row, by_column = own.sum(1), own.sum(0)
            now = [by_row @ np.arange(frame[0]), by_column @ np.arange(frame[1]), by_row.sum()]
            self._sums = _LASTING * self._sums + now
            middle = self._sums[:2] / self._sums[2] if self._sums[2] > 0 else (frame - 1) / 2
            first = np.clip(np.rint(middle + self._jitter - (size - 1) / 2), 0, frame - size).astype(int)
            top, left = first
            cut[t] = picture[:, top : top + size[0], left : left + size[1]]
        return cut


@dataclass(frozen=True)
class Motion:
    """Turns the frames of a clip into a network's inputs, each from itself and the frames before it.

    Attributes:
        level: read the pixels themselves.
        centred: read the pixels less the background.
        differences: read the difference from the frame before; 0 in the first frame.
        window: (height, width) of a window that follows what moves, see ``Follower``; None: whole frames.

    Raises:
        ValueError: there is nothing to read, or nothing to follow.
    """

    level: bool = True
    centred: bool = False
    differences: bool = False
    window: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not (self.level or self.centred):
            raise ValueError("pixels must be read, with their background or without")
        if self.window is not None and not (self.centred or self.differences):
            raise ValueError("what moves is found by a background or by differences, which must be read")

    def width(self, colours: int) -> int:
        """Returns the planes that a network reads of frames of so many planes."""
        return colours * (self.level + self.centred + self.differences)

    def size(self, planes: Sequence[int]) -> tuple[int, int]:
        """Returns height and width of what a network reads of frames of this height and width."""
        height, width = (min(pair) for pair in zip(planes, self.window or planes, strict=True))
        return height, width

    def with_background(self, clip: np.ndarray) -> np.ndarray:
        """Returns frames [T, C, H, W], with the planes of their backgrounds if these are read, uint8."""
        return np.concatenate([clip, backgrounds(clip)], 1) if self.centred else clip

    def inputs(
        self,
        planes: np.ndarray,
        mean: Sequence[float],
        scale: Sequence[float],
        before: np.ndarray | None = None,
        follower: Follower | None = None,
    ) -> np.ndarray:
        """Returns the inputs of frames.

        Args:
            planes: result of ``with_background``.
            mean: of each of the C planes of a frame.
            scale: the deviation of each.
            before: the frame before the first; None: there is none.
            follower: the window, which has seen what was before; None: a new one, if any.

        Shapes:
            planes [T, C, H, W] or [T, 2C, H, W] → [T, width, *size] float32
        """
        level, unit = (np.asarray(v, np.float32)[:, None, None] for v in (mean, scale))
        colours = len(level)
        frames = planes[:, :colours].astype(np.float32)
        parts = [(frames - level) / unit] if self.level else []
        if self.centred:
            parts.append((frames - planes[:, colours:]) / unit)
        if self.differences:
            first = frames[:1] if before is None else before[None, :colours].astype(np.float32)
            parts.append((frames - np.concatenate([first, frames[:-1]])) / unit)
        read = np.concatenate(parts, 1) if len(parts) > 1 else parts[0]
        if self.window is None:
            return read
        energy = np.square(read[:, colours * self.level :]).sum(1)
        return (follower or Follower(self.window)).cut(read, energy)


class MotionStream:
    """Turns frames that come one by one into a network's inputs, as ``Motion`` does a whole clip.

    Args:
        motion: what is read.
        mean: of each plane of a frame.
        scale: the deviation of each.
    """

    def __init__(self, motion: Motion, mean: Sequence[float], scale: Sequence[float]) -> None:
        self._motion, self._scales = motion, (mean, scale)
        self._background = Background()
        self._before: np.ndarray | None = None
        self._follower = None if motion.window is None else Follower(motion.window)

    def take(self, frame: np.ndarray) -> np.ndarray:
        """Returns the inputs [width, *size] of the next frame [C, H, W]."""
        planes = frame
        if self._motion.centred:
            planes = np.concatenate([frame, self._background.take(frame)])
        inputs = self._motion.inputs(planes[None], *self._scales, self._before, self._follower)[0]
        self._before = frame
        return inputs


SHIFT = 0.1
"""Largest share of height and width by which a picture is moved in training, with strength 1."""
_SHORTEST = 0.5  # share of a clip that is kept at least
_CUT, _MIRRORED = 0.5, 0.5  # shares of clips that are cut and mirrored


def filmed_otherwise(
    planes: np.ndarray, strength: float, random: np.random.Generator, *, mirror: bool
) -> np.ndarray:
    """Returns a clip as it might have been: at another place, begun later or ended earlier, mirrored.

    Args:
        planes: [T, C, H, W], at least one frame.
        strength: 0 changes nothing but the sides, and those only with ``mirror``.
        random: draws the changes.
        mirror: whether left and right may be exchanged.

    Returns:
        [T', C, H, W], with T' of at least half of T; pixels from beyond the edge are those of the edge.
    """
    steps, (height, width) = len(planes), planes.shape[2:]
    if strength and random.random() < _CUT:
        length = int(random.integers(max(1, round(_SHORTEST * steps)), steps + 1))
        begin = int(random.integers(steps - length + 1))
        planes = planes[begin : begin + length]
    down, right = (round(strength * SHIFT * size * random.uniform(-1, 1)) for size in (height, width))
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    if mirror and random.random() < _MIRRORED:
        columns = columns[::-1]
    return planes[:, :, rows[:, None], columns]


def drawn_follower(
    window: tuple[int, int] | None, strength: float, random: np.random.Generator
) -> Follower | None:
    """Returns a window that follows a little beside what moves, all along a clip; None: there is none."""
    if window is None:
        return None
    down, right = (strength * SHIFT * size * random.uniform(-1, 1) for size in window)
    return Follower(window, (down, right))
