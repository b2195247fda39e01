"""The transcript of the training recording that sounds most alike."""

from collections.abc import Sequence

import numpy as np

_FRAMES = 50  # that every recording is brought to


def nearest_transcripts(
    training: Sequence[np.ndarray], texts: Sequence[str], test: Sequence[np.ndarray]
) -> list[str]:
    """Returns for each test recording the transcript of the training recording at the least distance.

    The distance is the mean of the Euclidean ones along the best path of dynamic time warping. Every
    recording is brought to 50 frames first, by linear interpolation.

    Args:
        training: N recordings, frames [T, I], standardised.
        texts: their transcripts.
        test: M recordings.

    Source: Sakoe & Chiba 1978, IEEE Transactions on Acoustics, Speech, and Signal Processing 26(1).
    """
    known = np.stack([resampled(x) for x in training])  # [N, 50, I]
    nearest = [int(distances(known, resampled(x)).argmin()) for x in test]
    return [texts[k] for k in nearest]


def resampled(x: np.ndarray, frames: int = _FRAMES) -> np.ndarray:
    """Returns frames [T, I] as another number of frames, linearly interpolated."""
    times = np.linspace(0, len(x) - 1, frames)
    before = times.astype(np.int64)
    share = (times - before)[:, None]
    after = np.minimum(before + 1, len(x) - 1)
    return np.asarray(x[before] * (1 - share) + x[after] * share, np.float32)


def distances(known: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Returns the distances [N] of x [T, I] from recordings [N, T, I], by dynamic time warping.

    A path goes on by a frame of either recording or of both; its length is that of T frames.
    """
    squares = np.square(known).sum(-1)[:, :, None] + np.square(x).sum(-1) - 2 * known @ x.T
    cost = np.sqrt(np.maximum(squares, 0))  # [N, T, T]
    size = cost.shape[1]
    total = np.full((len(known), size + 1, size + 1), np.inf, cost.dtype)
    total[:, 0, 0] = 0
    for diagonal in range(2 * size - 1):  # all cells of it at once
        i = np.arange(max(0, diagonal - size + 1), min(size, diagonal + 1))
        j = diagonal - i
        before = np.minimum(np.minimum(total[:, i, j + 1], total[:, i + 1, j]), total[:, i, j])
        total[:, i + 1, j + 1] = before + cost[:, i, j]
    return np.asarray(total[:, size, size] / size)
