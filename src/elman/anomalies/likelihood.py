"""Prediction errors → anomaly scores, each from the past alone: the streaming form."""

from collections import deque

import numpy as np

from elman.metrics.normal_tail import tail_decades

FEWEST = 30
"""Rows after which a model's state, and a deviation of its errors, can be trusted."""
_FLOOR = 0.02  # smallest deviation of a level, in the errors' unit: no prediction is exact
_MOST = (
    10.0  # deviations at which a level is clipped in the history, so that one faulty value cannot blind it
)


class Likelihood:
    """Scores how improbable each new error is among the errors before it, in constant time and memory.

        a_t = | mean of the last s errors |,    z_t = (a_t − μ) / max(σ, 0.02)
        score_t = −log₁₀ min(1, D · Q(max over columns of z_t)),    Q the normal distribution's upper tail

    μ and σ are mean and deviation of a over the W points before t, for each column by itself. A score that is
    not above those of the R points before becomes 0, so that an anomaly that continues is reported once. The
    first 30 points score 0, and so do points at which every column is missing.

    Args:
        columns: D.
        smoothing: s, points of the short mean.
        history: W, points that μ and σ are taken over.
        repeat: R, points in which only a higher score counts.

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
        self._recent: deque[tuple[int, float]] = deque()  # falling scores, the highest first
        self._step = 0

    def push(self, errors: np.ndarray) -> tuple[float, int]:
        """Returns the score of the next point, and the position of the least probable column.

        Args:
            errors: [D]; NaN where the value is missing.
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
        if place == 0:  # recomputed once a round, so that rounding errors do not accumulate
            self._sum, self._squares = self._levels.sum(0), np.square(self._levels).sum(0)

    def _hold_back(self, score: float) -> float:
        """The score, or 0 if one of the last R was as high."""
        recent = self._recent
        while recent and recent[0][0] < self._step - self._repeat:
            recent.popleft()
        held = bool(recent) and recent[0][1] >= score
        while recent and recent[-1][1] <= score:
            recent.pop()
        recent.append((self._step, score))
        return 0.0 if held else score


def likelihood_scores(errors: np.ndarray, likelihood: Likelihood) -> tuple[np.ndarray, np.ndarray]:
    """The scores of a whole series, as a stream would have given them, and the least probable columns.

    Shapes:
        errors [N, D] → scores [N], columns [N]
    """
    pairs = [likelihood.push(row) for row in errors.astype(np.float64)]
    return np.array([score for score, _ in pairs]), np.array([column for _, column in pairs], dtype=np.int64)
