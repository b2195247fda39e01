"""Score of the Numenta Anomaly Benchmark, which rewards early detection and few false alarms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_CAP = 5000  # rows; a longer file has the same probation
_FAR = 3.0  # window widths after a window, from where a false alarm has the full cost


@dataclass(frozen=True)
class Profile:
    """Weights of detections, false alarms and missed windows.

    Attributes:
        detected: reward of a detection in a window's first row.
        false_alarm: cost of a false alarm far from any window.
        missed: cost of a window without a detection.
    """

    detected: float
    false_alarm: float
    missed: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward low FP rate": Profile(1.0, 0.22, 1.0),
    "reward low FN rate": Profile(1.0, 0.11, 2.0),
}


@dataclass(frozen=True)
class Scored:
    """One series with its anomaly scores and its labels.

    Attributes:
        scores: [N], higher is more anomalous; a point is flagged if its score reaches the threshold.
        windows: (first, last) row of each labelled window, inclusive; disjoint and in order.
    """

    scores: np.ndarray
    windows: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class NabScore:
    """A detector's score on a corpus.

    Attributes:
        score: 100 for a perfect detector, 0 for one that flags nothing; negative for a worse one.
        threshold: threshold of this score.
        detected: number of windows with a flagged point.
        windows: number of all windows.
        false_alarms: number of flagged points outside windows.
    """

    score: float
    threshold: float
    detected: int
    windows: int
    false_alarms: int


def nab_score(
    corpus: Sequence[Scored],
    profile: Profile = PROFILES["standard"],
    *,
    probation: float = 0.15,
    threshold: float | None = None,
) -> NabScore:
    """Scores a detector on a corpus, with one threshold for all series.

        A detection at relative position y (−1 at a window's first row, 0 after its last) is worth
        σ(y) = 2 / (1 + exp(5 y)) − 1. The best detection of each window counts, divided by σ(−1); a window
        without detection costs ``missed``. Each flagged row outside costs −σ(y) ``false_alarm``, with y in
        widths after the last window; 1 × ``false_alarm`` if there is none or it is 3 widths away.
        score = 100 (sum − null) / (perfect − null); null flags nothing, perfect every window's first row.

    Args:
        corpus: all series.
        profile: the weights.
        probation: share of a series (of at most 5,000 rows) at its beginning that is not scored.
        threshold: threshold of the scores; None: the best for this corpus, as in the benchmark.

    Raises:
        ValueError: there is no window after the probation, or a score is NaN.

    Source: Lavin & Ahmad 2015, arXiv:1510.03336, with positions as in NAB's scorer (version 1.1). One
    correction: for the rows after it, a window of a single row has width 1, not 0.
    """
    scores, worth, window = (
        np.concatenate(parts) for parts in zip(*_rows(corpus, profile, probation), strict=True)
    )
    if np.isnan(scores).any():
        raise ValueError("scores must not be NaN")
    names = np.unique(window[window >= 0])
    if not len(names):
        raise ValueError("the corpus has no labelled window after the probation")
    order = np.argsort(-scores, kind="stable")
    scores, worth, window = scores[order], worth[order], window[order]
    gain = np.where(window < 0, worth, 0.0)
    first = np.zeros(len(scores), dtype=bool)
    for name in names:
        rows = np.flatnonzero(window == name)
        gain[rows] = np.diff(np.maximum.accumulate(np.append(-profile.missed, worth[rows])))
        first[rows[0]] = True
    null = -profile.missed * len(names)
    # sums[n]: the sum with the n highest scores flagged; `possible`: the n that a threshold can produce
    sums = null + np.append(0.0, gain.cumsum())
    if threshold is None:
        possible = np.append(0, np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) + 1)
        best = int(possible[np.argmax(sums[possible])])
        threshold = float(scores[best - 1]) if best else float("inf")
    else:
        best = int((scores >= threshold).sum())
    return NabScore(
        float(100 * (sums[best] - null) / (profile.detected * len(names) - null)),
        threshold,
        int(first[:best].sum()),
        len(names),
        int((window[:best] < 0).sum()),
    )


def probation_rows(rows: int, probation: float = 0.15) -> int:
    """Returns the number of rows at a series' beginning that are not scored."""
    return int(min(probation * rows, probation * _CAP))


def _rows(
    corpus: Sequence[Scored], profile: Profile, probation: float
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Returns score, worth and window (−1: outside) of each row after the probation, by series."""
    result = []
    windows = 0
    for series in corpus:
        rows = np.arange(len(series.scores))
        inside = np.full(len(rows), -1)
        position = np.full(len(rows), _FAR)
        for first, last in series.windows:
            width = last - first + 1
            position[first : last + 1] = -(last - rows[first : last + 1] + 1) / width
            position[last + 1 :] = (rows[last + 1 :] - last) / max(width - 1, 1)
            inside[first : last + 1] = windows
            windows += 1
        worth = np.where(position >= _FAR, -1.0, 2 / (1 + np.exp(5 * position.clip(max=_FAR))) - 1)
        highest = 2 / (1 + np.exp(-5)) - 1
        worth *= np.where(inside < 0, profile.false_alarm, profile.detected / highest)
        begin = probation_rows(len(rows), probation)
        result.append((series.scores[begin:], worth[begin:], inside[begin:]))
    return result
