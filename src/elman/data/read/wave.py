"""The header of WAV files, and sound that arrives: a WAV stream, or samples without a header."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import require
from elman.errors import InputError

SLOWEST, FASTEST = 1_000, 384_000
"""Range of sample rates, Hz."""

_UNKNOWN = (0, 0x7FFFFFFF - 36, 0x7FFFF000, 0xFFFFFFFF, 0xFFFFFFFF - 36)  # sizes that streams have
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_LARGEST_CHUNK = 1 << 20  # bytes of a chunk before the samples


def check_rate(rate: Any, option: str) -> None:
    """Raises InputError unless a number is a sample rate."""
    fits = isinstance(rate, int | np.integer) and SLOWEST <= int(rate) <= FASTEST
    require(option, fits, f"an int in [{SLOWEST:,}, {FASTEST:,}] Hz", rate)


@dataclass(frozen=True)
class Format:
    """How samples are written.

    Attributes:
        rate: samples a second.
        channels: number of channels.
        bits: of a sample.
        is_float: floats, or integers of which the highest byte comes last.
        size: bytes of all samples; None: until the end.
    """

    rate: int
    channels: int = 1
    bits: int = 16
    is_float: bool = False
    size: int | None = None

    @property
    def width(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.bits // 8

    def samples(self, content: bytes) -> np.ndarray:
        """Returns samples [N] float32, the mean of all channels, of N · ``width`` bytes."""
        values: np.ndarray
        if self.is_float:
            values = np.frombuffer(content, f"<f{self.bits // 8}").astype(np.float32)
        elif self.bits == 8:
            values = (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128
        else:
            size = self.bits // 8
            whole = np.zeros((len(content) // size, 4), np.uint8)
            whole[:, 4 - size :] = np.frombuffer(content, np.uint8).reshape(-1, size)
            values = whole.view("<i4")[:, 0].astype(np.float32) / 2**31
        return values.reshape(-1, self.channels).mean(1, dtype=np.float32)


def missing_bytes(path: Path) -> int:
    """Returns how many bytes of samples a WAV file lacks of those that its header says; 0 for other files."""
    with path.open("rb") as file:
        try:
            found = read_header(file.read, str(path))
        except InputError:  # another program wrote what is not known here, and its library reads it
            return 0
        begin = file.tell()
    return 0 if found is None or found.size is None else max(0, begin + found.size - path.stat().st_size)


def read_header(read: Callable[[int], bytes], name: str, head: bytes = b"") -> Format | None:
    """Reads the header of a WAV file up to its first sample; returns None if it has no such header.

    Args:
        read: returns so many bytes, or fewer at the end.
        name: for messages.
        head: up to 12 bytes that have been read already.

    Raises:
        InputError: the header ends early, or the samples are neither integers nor floats.

    Source: Microsoft & IBM 1991, Multimedia Programming Interface and Data Specifications 1.0.
    """
    head += read(12 - len(head))
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    found: Format | None = None
    while True:
        chunk = read(8)
        if len(chunk) < 8:
            raise InputError(f"{name}: ends within its header")
        kind, size = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        if kind == b"data":
            if found is None:
                raise InputError(f"{name}: must say how samples are written before they come")
            return Format(**{**vars(found), "size": None if size in _UNKNOWN else size})
        if size > _LARGEST_CHUNK:
            raise InputError(f"{name}: a part of its header must have at most {_LARGEST_CHUNK:,} bytes")
        content = read(size + size % 2)
        if kind == b"fmt ":
            found = _format(content, name)


def _format(content: bytes, name: str) -> Format:
    if len(content) < 16:
        raise InputError(f"{name}: ends within its header")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
    if code == _EXTENSIBLE and len(content) >= 26:
        code = struct.unpack("<H", content[24:26])[0]
    check_rate(rate, f"{name}: the sample rate")
    fits = (code == _PCM and bits in (8, 16, 24, 32)) or (code == _FLOAT and bits in (32, 64))
    if not fits or not channels:
        raise InputError(
            f"{name}: samples must be integers of 8, 16, 24 or 32 bits, or floats of 32 or 64. "
            f"Got kind {code} of {bits} bits in {channels} channels."
        )
    return Format(rate, channels, bits, code == _FLOAT)


def arriving_samples(
    file: Any, name: str, rate: int | None, seconds: float = 0.1
) -> tuple[int, Iterator[np.ndarray]]:
    """Returns the rate of sound that arrives, and its samples as they come.

    Args:
        file: a buffered file, such as ``sys.stdin.buffer``: a WAV stream; or, without its header, integers of
            16 bits, lowest byte first, of one channel.
        name: for messages.
        rate: samples a second if there is no header; None: only a WAV stream is read.
        seconds: most that is yielded at once.

    Returns:
        The rate in Hz; and samples [N] float32 from −1 to 1, the mean of all channels. A last sample of which
        bytes lack is left out.

    Raises:
        InputError: there is neither a header nor a rate, they contradict each other, or nothing comes.
    """
    head = file.read(12)
    if not head:
        raise InputError(f"{name}: holds no sound")
    found = read_header(file.read, name, head)
    if found is None and rate is None:
        raise InputError(f"{name}: must be a WAV stream, or --rate must give the samples a second")
    if found is not None and rate is not None and rate != found.rate:
        raise InputError(f"{name}: --rate must be that of the WAV stream, {found.rate}. Got {rate}.")
    if found is not None:
        return found.rate, _pieces(file, found, b"", seconds)
    assert rate is not None
    return rate, _pieces(file, Format(rate), head, seconds)


def _pieces(file: Any, form: Format, rest: bytes, seconds: float) -> Iterator[np.ndarray]:
    most = max(1, int(seconds * form.rate)) * form.width
    left = form.size
    while left is None or left > 0:
        block = file.read1(most - len(rest) if left is None else min(most - len(rest), left))
        if not block:
            break
        left = None if left is None else left - len(block)
        rest += block
        whole = len(rest) - len(rest) % form.width
        if whole:
            yield form.samples(rest[:whole])
            rest = rest[whole:]
    whole = len(rest) - len(rest) % form.width
    if whole:
        yield form.samples(rest[:whole])
