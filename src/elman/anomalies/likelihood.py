"""Computes anomaly scores from prediction errors, from the past alone: the streaming form."""

from collections import deque

import numpy as np

from elman.metrics.normal_tail import tail_decades

FEWEST = 30
"""Rows after which a model's state, and the deviation of its errors, are reliable."""
_FLOOR = 0.02  # minimum deviation of a level, in the errors' unit: no prediction is exact
_MOST = 10.0  # levels in the history are clipped at this deviation, so that a faulty value cannot hide others


class Likelihood:
    """Scores how improbable each new error is given the errors before it, in constant time and memory.

        a_t = | mean of the last s errors |,    z_t = (a_t − μ) / max(σ, 0.02)
        score_t = −log₁₀ min(1, D · Q(max over columns of z_t)),    Q the normal distribution's upper tail

    μ and σ are mean and deviation of a over the W points before t, separately for each column. A score that
    does not exceed those of the R points before becomes 0, so that a lasting anomaly is reported once. The
    first 30 points, and points at which all columns are missing, score 0.

    Args:
        columns: D.
        smoothing: s, points of the short mean.
        history: W, points of μ and σ.
        repeat: R, points after a score in which only a higher one is reported.

    Units:
        errors in standard deviations of their column; scores in decades (5 is one in 100,000).

    Source: Ahmad, Lavin, Purdy & Agha 2017, Unsupervised real-time anomaly detection for streaming data,
    Neurocomputing 262 (there the error has no sign, the tail saturates, and no repeated score is held back).
    """

    def __init__(self, columns: int, smoothing: int = 5, history: int = 8000, repeat: int = 10) -> None:
        self._errors = np.zeros((smoothing, columns))
        self._known = np.zeros((smoothing, columns), dtype=bool)
        self._levels = np.zeros((history, columns))
        self._counted = np.zeros((history, columns), dtype=bool)
        self._sum, self._squares = np.zeros(columns), np.zeros(columns)
        self._count = np.zeros(columns, dtype=np.int64)
        self._repeat = repeat
        self._recent: deque[tuple[int, float]] = deque()  # (step, score) with decreasing scores
        self._step = 0

    def push(self, errors: np.ndarray) -> tuple[float, int]:
        """Returns the score of the next point, and the position of the least probable column.

        Args:
            errors: [D]; NaN for missing values.
        """
        known = ~np.isnan(errors)
        place = self._step % len(self._errors)
        self._errors[place] = np.where(known, errors, 0.0)
        self._known[place] = known
        level = np.abs(self._errors.sum(0)) / np.maximum(self._known.sum(0), 1)
        mean = self._sum / np.maximum(self._count, 1)
        variance = self._squares / np.maximum(self._count, 1) - mean * mean
        deviation = np.sqrt(np.maximum(variance, _FLOOR * _FLOOR))
        z = (level - mean) / deviation
        young = self._count < FEWEST
        z[~known | young] = -np.inf
        self._remember(np.where(young, level, np.minimum(level, mean + _MOST * deviation)), known)
        column = int(z.argmax())
        return self._hold_back(tail_decades(float(z[column]), len(z))), column

    def _remember(self, level: np.ndarray, known: np.ndarray) -> None:
        """Adds a level to the history and removes the one that it replaces."""
        place = self._step % len(self._levels)
        old, was = self._levels[place], self._counted[place]
        level = np.where(known, level, 0.0)
        self._sum += level - old
        self._squares += level * level - old * old
        self._count += known.astype(np.int64) - was
        self._levels[place], self._counted[place] = level, known
        self._step += 1
        if place == 0:  # recomputed once per cycle, so that rounding errors do not accumulate
            self._sum, self._squares = self._levels.sum(0), np.square(self._levels).sum(0)

    def _hold_back(self, score: float) -> float:
        """Returns the score, or 0 if one of the last R was at least as high."""
        recent = self._recent
        while recent and recent[0][0] < self._step - self._repeat:
            recent.popleft()
        held = bool(recent) and recent[0][1] >= score
        while recent and recent[-1][1] <= score:
            recent.pop()
        recent.append((self._step, score))
        return 0.0 if held else score


def likelihood_scores(errors: np.ndarray, likelihood: Likelihood) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scores of a whole series, as in a stream, and the least probable columns.

    Shapes:
        errors [N, D] → scores [N], columns [N]
    """
    pairs = [likelihood.push(row) for row in errors.astype(np.float64)]
    return np.array([score for score, _ in pairs]), np.array([column for _, column in pairs], dtype=np.int64)
