"""What a recogniser reads at each step: several frames of a recording."""

from dataclasses import dataclass

import numpy as np

from elman.data.features.variations import at_speed

_TEMPO, _NOISE = 0.1, 0.2  # most relative change of tempo, deviation of the noise
_MASKS, _MASKED_TIME = 2, 0.12  # parts of the time that are left out, and the most of all steps in one


@dataclass(frozen=True)
class Windows:
    """Cuts frames into steps of several frames, side by side.

    Step t reads the frames from t · stride − behind to (t + 1) · stride + ahead; before the first frame and
    after the last one stand copies of them. A step is thus known ``ahead`` frames after its own last frame.

    Attributes:
        stride: frames from one step to the next.
        behind: further frames before these.
        ahead: further frames after these.

    Source: stacked frames with a stride, Sak, Senior, Rao & Beaufays 2015, arXiv:1507.06947.
    """

    stride: int = 1
    behind: int = 0
    ahead: int = 0

    @property
    def frames(self) -> int:
        """Frames of a step."""
        return self.behind + self.stride + self.ahead

    def steps(self, frames: int) -> int:
        """Returns the number of steps of so many frames."""
        return -(-frames // self.stride)

    def inputs(self, x: np.ndarray) -> np.ndarray:
        """Returns the steps of a recording: frames [T, I] → [⌈T / stride⌉, frames · I]."""
        if not len(x):
            return np.zeros((0, self.frames * x.shape[1]), x.dtype)
        x = np.pad(x, ((self.behind, self.ahead + -len(x) % self.stride), (0, 0)), "edge")
        return self._cut(x)

    def _cut(self, x: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(x, self.frames, 0)[:: self.stride]
        return np.array(windows.swapaxes(1, 2), order="C").reshape(len(windows), -1)

    def stream(self) -> "WindowStream":
        """Returns the steps of frames that arrive."""
        return WindowStream(self)


class WindowStream:
    """Steps of frames that arrive; together they are those of the whole recording.

    Args:
        windows: how frames become steps.
    """

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._kept: np.ndarray | None = None  # frames that further steps read
        self._read = 0  # frames so far

    def take(self, frames: np.ndarray) -> np.ndarray:
        """Returns the steps [S, …] that are complete with the next frames [T, I]; S may be 0."""
        windows = self._windows
        self._read += len(frames)
        if self._kept is None:
            if not len(frames):
                return np.zeros((0, windows.frames * frames.shape[1]), frames.dtype)
            self._kept = np.repeat(frames[:1], windows.behind, 0)
        self._kept = np.concatenate([self._kept, frames])
        ready = max(0, (len(self._kept) - windows.frames) // windows.stride + 1)
        if not ready:
            return np.zeros((0, windows.frames * frames.shape[1]), frames.dtype)
        used = ready * windows.stride
        steps = windows._cut(self._kept[: used + windows.behind + windows.ahead])
        self._kept = self._kept[used:]
        return steps

    def end(self) -> np.ndarray:
        """Returns the last steps [S, …]; S may be 0."""
        if self._kept is None:
            return np.zeros((0, 0), np.float32)
        more = self._windows.ahead + -self._read % self._windows.stride
        return self.take(np.repeat(self._kept[-1:], more, 0))


def varied_features(x: np.ndarray, strength: float, random: np.random.Generator, *, least: int) -> np.ndarray:
    """Returns ready-made features as they might have been: another tempo, noise, and times left out.

    ``Variations`` does more to frames of sound, whose columns it knows.

    Args:
        x: frames [T, I], standardised.
        strength: 0 changes nothing.
        random: draws the changes.
        least: frames that must remain.

    Source: Park et al. 2019, "SpecAugment", arXiv:1904.08779; Ko et al. 2015, "Audio augmentation for speech
    recognition".
    """
    length = max(least, round(len(x) * np.exp(strength * _TEMPO * random.uniform(-1, 1))))
    x = at_speed(x, len(x) / length)
    x = x + (strength * _NOISE * random.normal(size=x.shape)).astype(np.float32)
    for _ in range(_MASKS):
        x[_span(len(x), strength * _MASKED_TIME, random)] = 0.0
    return x


def _span(length: int, share: float, random: np.random.Generator) -> slice:
    """Draws a part of a length, of up to a share of it."""
    size = int(random.integers(0, max(1, round(min(share, 1.0) * length) + 1)))
    begin = int(random.integers(0, length - size + 1))
    return slice(begin, begin + size)
