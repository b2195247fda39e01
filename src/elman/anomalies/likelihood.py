"""Computes anomaly scores from prediction errors, from the past alone: the streaming form."""

from collections import deque

import numpy as np

from elman.metrics.normal_tail import normal_deviates, tail_decades

FEWEST = 30
"""Rows after which a model's state, and the deviation of its errors, are reliable."""
_FLOOR = 0.02  # minimum deviation of a level, in the errors' unit: no prediction is exact
_MOST = 15.0  # levels in the history are clipped at this deviation, so that a faulty value cannot hide others


class Likelihood:
    """Scores how improbable each new error is given the errors before it, in constant time and memory.

        a_t = mean of the last s known errors,    z_t = (|a_t| − |μ|) / max(σ, 0.02)
        score_t = −log₁₀ min(1, 2D · P(max over columns of z_t)),    P Student's upper tail

    μ and σ are mean and deviation of a over the n known of the W points before t, separately for each column.
    Student's distribution has 3s n / (2s² + 1) degrees of freedom: as many independent errors give a
    deviation as well as n means of s overlapping ones. A score that does not exceed those of the R points
    before becomes 0, so that a lasting anomaly is reported once. A point at which no column can be judged
    (all are missing, or have fewer than 30 levels before) scores 0 and blames column −1.

    A score of 5 is what at most one row in 100,000 reaches if the errors are normally distributed, also if
    they depend on each other. Errors with heavier tails reach it more often: with s = 5, Laplace's about 20
    times as often, Student's with four degrees of freedom about 100 times.

    Args:
        columns: D.
        smoothing: s, errors of the short mean.
        history: W, points of μ and σ.
        repeat: R, points after a score in which only a higher one is reported.

    Units:
        errors in standard deviations of their column; scores in decades (5 is one in 100,000).

    Source: after Ahmad, Lavin, Purdy & Agha 2017, Unsupervised real-time anomaly detection for streaming
    data, Neurocomputing 262. There the error has no sign, its level is compared with mean and deviation of
    levels as if they were normally distributed, the tail saturates, and no repeated score is held back.
    """

    def __init__(self, columns: int, smoothing: int = 5, history: int = 8000, repeat: int = 10) -> None:
        self._errors = np.zeros((smoothing, columns))
        self._known = np.zeros(columns, dtype=np.int64)
        self._levels = np.zeros((history, columns))
        self._counted = np.zeros((history, columns), dtype=bool)
        self._sum, self._squares = np.zeros(columns), np.zeros(columns)
        self._count = np.zeros(columns, dtype=np.int64)
        self._freedom = 3 * smoothing / (2 * smoothing**2 + 1)
        self._repeat = repeat
        self._recent: deque[tuple[int, float]] = deque()  # (step, score) with decreasing scores
        self._step = 0

    def push(self, errors: np.ndarray) -> tuple[float, int]:
        """Returns the score of the next point, and the position of the least probable column; −1 if unjudged.

        Args:
            errors: [D]; NaN for missing values.
        """
        known = ~np.isnan(errors)
        columns, span = np.flatnonzero(known), len(self._errors)
        self._errors[self._known[columns] % span, columns] = errors[columns]
        self._known += known
        counted = known & (self._known >= span)  # the mean of fewer errors varies more
        level, count = self._errors.sum(0) / span, np.maximum(self._count, 1)
        mean = self._sum / count
        deviation = np.sqrt(np.maximum(self._squares / count - mean * mean, _FLOOR * _FLOOR))
        young = self._count < FEWEST
        beyond = np.maximum(np.abs(level) - np.abs(mean), 0.0)
        z = normal_deviates(beyond / deviation, self._freedom * count)
        judged = counted & ~young
        z[~judged] = -np.inf
        most = _MOST * deviation
        clipped = np.minimum(np.maximum(level, mean - most), mean + most)  # faster than clip on a few columns
        self._remember(np.where(young, level, clipped), counted)
        column = int(z.argmax())
        if not judged[column]:
            return self._hold_back(0.0), -1
        return self._hold_back(tail_decades(float(z[column]), 2 * len(z))), column

    def _remember(self, level: np.ndarray, counted: np.ndarray) -> None:
        """Adds a level to the history and removes the one that it replaces."""
        place = self._step % len(self._levels)
        old, was = self._levels[place], self._counted[place]
        level = np.where(counted, level, 0.0)
        self._sum += level - old
        self._squares += level * level - old * old
        self._count += counted.astype(np.int64) - was
        self._levels[place], self._counted[place] = level, counted
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
    """Returns the scores of a whole series, as in a stream, and the least probable columns; see ``push``.

    Shapes:
        errors [N, D] → scores [N], columns [N]
    """
    pairs = [likelihood.push(row) for row in errors.astype(np.float64)]
    return np.array([score for score, _ in pairs]), np.array([column for _, column in pairs], dtype=np.int64)
