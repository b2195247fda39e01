"""How a recording might have sounded: variations of its log-mel frames, for training."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from elman.data.features.fbank import FLOOR, LOWEST, Fbank

_SPEED, _VOICE = 0.1, 0.1  # largest relative changes, with strength 1
_GAIN = 6.0  # dB, likewise
_NOISY = 0.5  # share of recordings that get noise, if there is any
_MASKS = 2  # of times, and of bands
_MASKED_TIME, _MASKED_BANDS = 0.1, 0.2  # largest share of frames and bands in one mask, with strength 1
_QUIET = 0.05
_DECIBEL = np.log(10) / 10


@dataclass(frozen=True)
class Variations:
    """Varies frames at random: speed, voice, loudness, noise, and times and bands that are left out.

    All is done to the frames. A sound that is played faster is shorter, and its bands move up; another voice
    moves the bands alone; noise adds to the energy of each band, as it does on average in a mixture.

    Attributes:
        fbank: what the frames are.
        strength: 0 changes nothing but noise.
        noise: recordings of noise, frames [T, bins] each.
        snr: range from which the ratio of a recording's energy to that of the noise is drawn, dB.
        window: frames; if it is not 0, quiet is put before and behind a recording, so that it stands at a
            random place of a window about so long, as a word does in running sound.

    Source: speed, Ko, Povey, Peddinti & Khudanpur 2015, "Audio augmentation for speech recognition"; voice,
    Jaitly & Hinton 2013, "Vocal tract length perturbation (VTLP) improves speech recognition"; masks, Park et
    al. 2019, arXiv:1904.08779 (SpecAugment, without its warp of time).
    """

    fbank: Fbank
    strength: float = 1.0
    noise: Sequence[np.ndarray] = field(default=(), repr=False)
    snr: tuple[float, float] = (0.0, 20.0)
    window: int = 0

    def __call__(self, frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Returns frames [T', bins] float32 from [T, bins]; the length changes with the speed."""
        if self.strength:
            speed, voice = 1 + self.strength * np.array([_SPEED, _VOICE]) * random.uniform(-1, 1, 2)
            frames = at_speed(frames, speed)
            frames = with_bands_moved(frames, speed * voice, self.fbank)
            frames = frames + self.strength * _GAIN * _DECIBEL * random.uniform(-1, 1)
        if self.window:
            frames = with_quiet(frames, self.window, random)
        if len(self.noise) and random.random() < _NOISY:
            noise = self.noise[int(random.integers(len(self.noise)))]
            frames = with_noise(frames, part_of(noise, len(frames), random), random.uniform(*self.snr))
        frames = np.maximum(frames, FLOOR).astype(np.float32)
        return masked(frames, self.strength, random) if self.strength else frames


def at_speed(frames: np.ndarray, factor: float) -> np.ndarray:
    """Returns frames [T / factor, bins] as those of a sound that is ``factor`` times as fast."""
    length = max(1, round(len(frames) / factor))
    return _between(frames, np.linspace(0, len(frames) - 1, length))


def with_bands_moved(frames: np.ndarray, factor: float, fbank: Fbank) -> np.ndarray:
    """Returns frames [T, bins] of a sound whose frequencies are ``factor`` times as high."""
    edges = np.linspace(_mel(LOWEST), _mel(fbank.rate / 2), fbank.bins + 2)
    frequencies = 700 * np.expm1(edges[1:-1] / 1127)
    places = (_mel(frequencies / factor) - edges[1]) / (edges[1] - edges[0])
    return _between(frames.T, np.clip(places, 0, fbank.bins - 1)).T


def with_noise(frames: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """Returns frames [T, bins] of a sound with noise [T, bins] added, at a ratio of their energies in dB."""
    louder = _energy(frames) - _energy(noise) - _DECIBEL * snr
    return np.logaddexp(frames, noise + louder)


def with_quiet(frames: np.ndarray, window: int, random: np.random.Generator) -> np.ndarray:
    """Returns frames with some before and behind them that have the least energy of each band (but for 5 %).

    Both together are at most what lacks to a window, and 10 more on each side.
    """
    quiet = np.quantile(frames, _QUIET, axis=0, keepdims=True)
    lacking = max(0, window - len(frames))
    before = int(random.integers(lacking + 1))
    edges = (before + int(random.integers(11)), lacking - before + int(random.integers(11)))
    return np.concatenate([np.repeat(quiet, edges[0], 0), frames, np.repeat(quiet, edges[1], 0)])


def part_of(noise: np.ndarray, length: int, random: np.random.Generator) -> np.ndarray:
    """Returns so many frames of a recording from a random one on; it begins again behind its end."""
    return noise[(random.integers(len(noise)) + np.arange(length)) % len(noise)]


def masked(frames: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Returns frames of which some times and some bands are at the mean of the recording."""
    frames, mean = frames.copy(), frames.mean()
    for _ in range(_MASKS):
        for axis, share in ((0, _MASKED_TIME), (1, _MASKED_BANDS)):
            size = frames.shape[axis]
            width = int(random.uniform(0, min(0.5, strength * share)) * size)
            begin = int(random.integers(size - width + 1))
            cut = slice(begin, begin + width)
            frames[(cut,) if axis == 0 else (slice(None), cut)] = mean
    return frames


def _energy(frames: np.ndarray) -> float:
    """Returns the logarithm of the mean energy of frames in all bands."""
    return float(np.log(np.exp(frames.astype(np.float64)).sum(1).mean()))


def _mel(frequency: np.ndarray | float) -> np.ndarray:
    return np.asarray(1127 * np.log1p(np.asarray(frequency) / 700))


def _between(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns rows [M, …] at places between those of [N, …], linearly interpolated."""
    before = np.minimum(places.astype(np.int64), len(rows) - 1)
    after = np.minimum(before + 1, len(rows) - 1)
    share = (places - before)[:, None].astype(rows.dtype)
    return np.asarray(rows[before] * (1 - share) + rows[after] * share)
