"""Log-mel features of sound, whole or as it arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.config import require
from elman.data.read.wave import check_rate
from elman.registry import LazyModule

if TYPE_CHECKING:
    import kaldi_native_fbank
else:
    kaldi_native_fbank = LazyModule("kaldi_native_fbank")

SHIFT, LENGTH = 0.010, 0.025
"""Seconds from one frame to the next, and of a frame."""
FLOOR = 0.0
"""Least log energy. The rounding of 16-bit samples has about this much; digital silence would have −16."""
LOWEST = 20.0
"""Lower edge of the lowest band, Hz."""
_FULL_SCALE = 2.0**15  # as Kaldi reads samples of 16 bits
_MOST_BINS = 200


@dataclass(frozen=True)
class Fbank:
    """Logarithms of the energy in mel bands, 25 ms every 10 ms, without dither.

    Nothing depends on the whole recording, so that sound that arrives in pieces has the same features.

    Attributes:
        rate: samples a second, Hz.
        bins: number of bands, between 20 Hz and half the rate.

    Shapes:
        samples [N] → frames [round(N / (0.01 · rate)), bins] float32

    Units:
        nats of energy, as of 16-bit samples, from 0 (``FLOOR``) to about 27.

    Raises:
        InputError: a number is out of its range.

    Source: Davis & Mermelstein 1980; Povey et al. 2011, "The Kaldi speech recognition toolkit".
    """

    rate: int = 16_000
    bins: int = 40

    def __post_init__(self) -> None:
        """Checks the numbers."""
        check_rate(self.rate, "the sample rate")
        require("mels", 2 <= self.bins <= _MOST_BINS, f"an int in [2, {_MOST_BINS}]", self.bins)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each band."""
        return tuple(f"mel {k}" for k in range(1, self.bins + 1))

    def frames(self, samples: np.ndarray) -> np.ndarray:
        """Returns the frames of a whole recording [N] from −1 to 1; one too short for a frame has one."""
        least = int(np.ceil(SHIFT * self.rate))
        stream = self.stream()
        samples = np.pad(samples, (0, max(0, least - len(samples))))
        return np.concatenate([stream.take(samples), stream.end()])

    def stream(self) -> FbankStream:
        """Returns the features of sound that arrives in pieces."""
        return FbankStream(self)


class FbankStream:
    """Frames of sound that arrives; a frame comes when its last sample, 12.5 ms after its middle, is there.

    Args:
        fbank: the features.
    """

    def __init__(self, fbank: Fbank) -> None:
        options = kaldi_native_fbank.FbankOptions()
        options.frame_opts.samp_freq = fbank.rate
        options.frame_opts.dither = 0.0
        options.frame_opts.snip_edges = False
        options.frame_opts.frame_shift_ms = 1000 * SHIFT
        options.frame_opts.frame_length_ms = 1000 * LENGTH
        options.mel_opts.num_bins = fbank.bins
        options.mel_opts.low_freq = LOWEST
        options.mel_opts.high_freq = 0.0
        self._fbank, self._online, self._taken = fbank, kaldi_native_fbank.OnlineFbank(options), 0

    def take(self, samples: np.ndarray) -> np.ndarray:
        """Returns the frames [T, bins] that are complete with the next samples [N]; T may be 0."""
        if len(samples):
            scaled: Any = (np.asarray(samples, np.float32) * np.float32(_FULL_SCALE)).tolist()
            self._online.accept_waveform(self._fbank.rate, scaled)
        return self._ready()

    def end(self) -> np.ndarray:
        """Returns the last frames [T, bins], for which the sound is continued by its reflection."""
        self._online.input_finished()
        return self._ready()

    def _ready(self) -> np.ndarray:
        ready = self._online.num_frames_ready
        frames = np.zeros((ready - self._taken, self._fbank.bins), np.float32)
        for row, number in enumerate(range(self._taken, ready)):
            frames[row] = self._online.get_frame(number)
        if ready > self._taken:
            self._online.pop(ready - self._taken)
        self._taken = ready
        return np.maximum(frames, np.float32(FLOOR))
