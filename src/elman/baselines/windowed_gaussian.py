"""The windowed Gaussian detector, a baseline for anomaly detection."""

import numpy as np

from elman.metrics.normal_tail import tail_decades

_LEAST = 1e-6  # deviation of a constant window


def windowed_gaussian(values: np.ndarray, window: int = 6400, step: int = 100) -> np.ndarray:
    """Scores each value by its tail probability under a normal distribution of the values before it.

    The distribution is fitted to all values before, while these are fewer than ``window``, then to
    ``window`` values, moved by ``step`` at a time.

    Args:
        values: one column; NaN is ignored and scores 0.
        window: number of values of the distribution.
        step: number of values after which it is fitted again.

    Shapes:
        values [N] → scores [N]

    Units:
        decades, −log₁₀ Q(|x − μ| / σ): a monotonic form of NAB's 1 − Q that does not saturate at 1.

    Source: NAB's detector of this name (Lavin & Ahmad 2015, arXiv:1510.03336), with its window and step.
    """
    scores = np.zeros(len(values))
    rows = np.flatnonzero(~np.isnan(values))
    known = values[rows].astype(np.float64)
    if not len(known):
        return scores
    known = known - known[0]  # avoids cancellation in the sums of squares
    sums, squares = (np.append(0.0, x.cumsum()) for x in (known, known**2))
    t = np.arange(1, len(known))
    moved = step * (np.maximum(t - window, 0) // step)
    end = np.where(t <= window, t, window + moved)
    count = end - moved
    mean = (sums[end] - sums[moved]) / count
    variance = (squares[end] - squares[moved]) / count - mean**2
    deviation = np.sqrt(variance.clip(min=0))
    deviation[deviation == 0] = _LEAST
    scores[rows[1:]] = [tail_decades(z) for z in (np.abs(known[1:] - mean) / deviation).tolist()]
    return scores
