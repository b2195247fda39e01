"""Cuts long recordings at their pauses."""

from collections.abc import Iterable, Iterator

import numpy as np

_PAUSE = 30  # frames of a pause
_SHARE = 0.3  # of the longest piece, that every piece has at least


def in_segments(pieces: Iterable[np.ndarray], most: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yields a recording that arrives piece by piece in segments of at most ``most`` frames.

    A recording that is longer is cut where 30 frames together have the least mean, which is where a spectrum
    is quietest. Only one segment, and what comes after it, is in memory.

    Args:
        pieces: frames [T, I], one piece after the other.
        most: frames; at least 60.

    Yields:
        The number of the first frame, and the segment [S, I].
    """
    kept: list[np.ndarray] = []
    held = begin = 0
    for piece in pieces:
        kept.append(piece)
        held += len(piece)
        while held > most:
            frames = np.concatenate(kept)
            cut = _quietest(frames[:most])
            yield begin, frames[:cut]
            kept, held, begin = [frames[cut:]], held - cut, begin + cut
    if held:
        yield begin, np.concatenate(kept)


def _quietest(frames: np.ndarray) -> int:
    """Returns the frame in the middle of the quietest pause of a segment, beyond its first part."""
    level = np.concatenate([[0.0], frames.mean(1, dtype=np.float64).cumsum()])
    means = (level[_PAUSE:] - level[:-_PAUSE]) / _PAUSE
    first = min(int(_SHARE * len(frames)), len(means) - 1)
    return first + int(means[first:].argmin()) + _PAUSE // 2
