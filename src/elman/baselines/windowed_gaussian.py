"""The windowed Gaussian detector: the simple method that a detector of anomalies is compared with."""

import numpy as np

from elman.metrics.normal_tail import tail_decades

_LEAST = 1e-6  # deviation of a constant window


def windowed_gaussian(values: np.ndarray, window: int = 6400, step: int = 100) -> np.ndarray:
    """How far in the tails of its window each value lies, from the values before it alone.

    The normal distribution is that of all values before while these are fewer than ``window``; then of
    ``window`` values, moved on ``step`` at a time.

    Args:
        values: one column; NaN is left out and scores 0.
        window: values of the distribution.
        step: values after which it is taken anew.

    Shapes:
        values [N] → scores [N]

    Units:
        decades, −log₁₀ Q(|x − μ| / σ): a monotonic form of NAB's 1 − Q that does not run into 1.

    Source: NAB's detector of this name (Lavin & Ahmad 2015, arXiv:1510.03336), with its window and step.
    """
    scores = np.zeros(len(values))
    rows = np.flatnonzero(~np.isnan(values))
    known = values[rows].astype(np.float64)
    if not len(known):
        return scores
    known = known - known[0]  # sums of squares then lose nothing to a large level
    sums, squares = (np.append(0.0, each.cumsum()) for each in (known, known**2))
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
