"""Recordings: samples of sound files and of arrays, as one channel at the rate that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from elman.config import shown
from elman.data.read.arrays import array
from elman.data.read.wave import check_rate, missing_bytes
from elman.errors import InputError
from elman.registry import LazyModule

if TYPE_CHECKING:
    import soundfile
    import soxr
else:
    soundfile, soxr = LazyModule("soundfile"), LazyModule("soxr")

AUDIO = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au")
"""File endings of recordings."""

_BLOCK = 10.0  # seconds that are read at a time
_CLIPPED = 0.001  # share of samples
_FULL, _RUN = 0.9999, 3  # clipped samples are at full scale, at least so many in a row
_LOUDEST = 8.0  # largest float sample; from 16-bit numbers that were not divided, larger ones come
_MOST_CHANNELS = 64
_INEXACT = 0.9  # share of an MP3 file's length, which is an estimate, that must be there


class Sound(NamedTuple):
    """Samples of a recording, or of a piece of one.

    Attributes:
        samples: [N] float32, full scale from −1 to 1: the mean of all channels.
        clipped: share of the samples, before resampling, that are cut off at full scale.
    """

    samples: np.ndarray
    clipped: float

    @property
    def is_clipped(self) -> bool:
        """Whether so many samples are cut off that it is told."""
        return self.clipped > _CLIPPED


class Clipping:
    """The share of clipped samples of a recording that is read piece by piece.

    Attributes:
        share: of the samples so far.
    """

    def __init__(self) -> None:
        self.share, self._samples = 0.0, 0

    def add(self, piece: Sound) -> None:
        """Takes the next piece."""
        number = self._samples + len(piece.samples)
        if number:
            self.share += (piece.clipped - self.share) * len(piece.samples) / number
        self._samples = number

    @property
    def is_told(self) -> bool:
        """Whether so many samples are cut off that it is told."""
        return self.share > _CLIPPED


class Facts(NamedTuple):
    """What a sound file says about itself.

    Attributes:
        rate: samples a second.
        channels: number of channels.
        samples: number of samples of each channel.
    """

    rate: int
    channels: int
    samples: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate


def audio_facts(path: Path) -> Facts:
    """Returns rate, channels and length of a sound file; see ``read_audio`` for what is refused."""
    with _opened(path) as file:
        return Facts(file.samplerate, file.channels, file.frames)


def read_audio(path: Path, rate: int, begin: float = 0.0, end: float | None = None) -> Sound:
    """Reads a recording, or a part of it, as one channel.

    Args:
        path: WAV, FLAC, Ogg (Vorbis, Opus), MP3, AIFF or AU, of any rate and number of channels.
        rate: samples a second of what is returned, Hz.
        begin: where the part begins, in seconds.
        end: where it ends; None: with the file.

    Returns:
        The samples [(end − begin) · rate]; only this part is read.

    Raises:
        InputError: the file is missing, damaged, empty, cut off (its header promises more), all its samples
            are 0, its rate is no sample rate (see ``check_rate``), or the part lies beyond it.
    """
    clipping, blocks = Clipping(), []
    for block in audio_blocks(path, rate, begin, end):
        clipping.add(block)
        blocks.append(block.samples)
    samples = np.concatenate(blocks)
    where = str(path) if (begin, end) == (0.0, None) else f"{path}: from {begin:g} s"
    check_heard(samples, where)
    return Sound(samples, clipping.share)


def audio_blocks(path: Path, rate: int, begin: float = 0.0, end: float | None = None) -> Iterator[Sound]:
    """Yields a recording piece by piece, so that one of hours needs no memory; see ``read_audio``.

    The pieces together are the samples of ``read_audio``; silence is not refused.
    """
    with _opened(path) as file:
        first = round(begin * file.samplerate)
        last = file.frames if end is None else round(end * file.samplerate)
        seconds = file.frames / file.samplerate
        if not 0 <= first < last <= file.frames + 1:  # times in a manifest are rounded
            raise InputError(
                f"{path}: a part must lie in its {seconds:.3f} s and have a length. "
                f"Got {begin:g} to {seconds if end is None else end:g} s."
            )
        convert = Resampler(file.samplerate, rate)
        file.seek(first)
        wanted, got = min(last, file.frames) - first, 0
        while got < wanted:
            values = file.read(
                min(wanted - got, int(_BLOCK * file.samplerate)), dtype="float32", always_2d=True
            )
            if not len(values):
                break
            got += len(values)
            if not np.isfinite(values).all():
                raise InputError(f"{path}: samples must be finite numbers. Got NaN or infinity.")
            yield Sound(convert(values.mean(1), last=got == wanted), _clipped(values))
        if got < wanted * (_INEXACT if file.format == "MP3" else 1):
            raise InputError(
                f"{path}: is cut off: it must hold {wanted / file.samplerate:.3f} s. "
                f"Got {got / file.samplerate:.3f} s."
            )
        if got < wanted:
            yield Sound(convert(np.zeros(0, np.float32), last=True), 0.0)


def audio_of_array(values: Any, given_rate: int, rate: int, where: str = "X") -> Sound:
    """Returns samples in memory as one channel at another rate.

    Args:
        values: [N], [N, channels] or [channels, N] (the longer axis is time): floats from −1 to 1, or
            integers, whose type has the full scale.
        given_rate: their samples a second, Hz.
        rate: samples a second of what is returned, Hz.
        where: name for messages.

    Raises:
        InputError: the shape, type or range is another one, or all samples are 0.
    """
    check_rate(given_rate, f"{where}: the sample rate")
    samples = array(values, where)
    if samples.ndim == 2 and samples.shape[0] < samples.shape[1]:
        samples = samples.T
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or 0 in samples.shape or samples.shape[1] > _MOST_CHANNELS:
        raise InputError(f"{where}: must be [samples] or [samples, channels]. Got {list(samples.shape)}.")
    if samples.dtype.kind in "iu":
        limits = np.iinfo(samples.dtype)
        half = (int(limits.max) - int(limits.min) + 1) / 2
        samples = (samples.astype(np.float64) - (half if limits.min == 0 else 0)) / half
    if samples.dtype.kind != "f":
        raise InputError(f"{where}: samples must be numbers. Got {samples.dtype}.")
    largest = float(np.abs(samples).max())
    if not largest <= _LOUDEST:
        raise InputError(f"{where}: samples of floats must be from -1 to 1. Got {largest:g}.")
    samples = samples.astype(np.float32)
    one = Resampler(given_rate, rate)(samples.mean(1), last=True)
    check_heard(one, where)
    return Sound(one, _clipped(samples))


def check_heard(samples: np.ndarray, where: str) -> None:
    """Raises InputError if there is no sample, or all are 0."""
    if not len(samples):
        raise InputError(f"{where}: holds no samples")
    if not samples.any():
        raise InputError(f"{where}: is silent: all of its samples are 0")


class Resampler:
    """Changes the rate of samples that come piece by piece; the pieces equal the whole at once.

    Args:
        given: samples a second of what comes, Hz.
        wanted: samples a second of what is returned, Hz.
    """

    def __init__(self, given: int, wanted: int) -> None:
        self._stream = None if given == wanted else soxr.ResampleStream(given, wanted, 1, dtype="float32")

    def __call__(self, samples: np.ndarray, *, last: bool) -> np.ndarray:
        """Returns the next samples [M] float32 from the next [N]; ``last`` ends them."""
        if self._stream is None:
            return np.asarray(samples, np.float32)
        converted: np.ndarray = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last)
        return converted


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Opens a sound file; says in one line what is wrong with it, also while it is read."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file")
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.stat().st_size:
        raise InputError(f"{path}: is empty")
    try:
        with soundfile.SoundFile(path) as file:
            check_rate(file.samplerate, f"{path}: the sample rate")
            if not file.frames:
                raise InputError(f"{path}: holds no samples")
            lacking = missing_bytes(path) if file.format in ("WAV", "WAVEX") else 0
            if lacking:
                raise InputError(f"{path}: is cut off: its header says {lacking:,} bytes more than there are")
            yield file
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error).removeprefix(f"Error opening {str(path)!r}: ").splitlines()[0]
        raise InputError(f"{path}: cannot be read as sound: {shown(reason)}") from None


def _clipped(values: np.ndarray) -> float:
    """Returns the share of the samples [N, channels] in runs at full scale."""
    full: np.ndarray = np.abs(values) >= _FULL
    if len(full) < _RUN or not full.any():
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(full, _RUN, 0)
    whole = np.asarray(windows.all(-1))  # runs, by their first sample
    in_run = np.zeros_like(full)
    for k in range(_RUN):
        in_run[k : len(whole) + k] |= whole
    return float(in_run.mean())
