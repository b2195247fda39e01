"""Finds anomalous ranges from prediction errors of a whole series: the offline form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.metrics.ranges import Range, runs

_Z = np.arange(2.5, 12, 0.5)  # candidate thresholds, in deviations above the mean
_LEAST = 0.05  # lowest threshold, in the errors' unit
_BLOCKS = 30  # parts of a history, each with its own threshold


@dataclass(frozen=True)
class Thresholded:
    """Errors of one column with their thresholds.

    Attributes:
        smoothed: [N] the errors' exponentially weighted mean.
        threshold: [N] threshold of each smoothed error.
        strength: [N] (smoothed − threshold) / (μ + σ), the relative excess.
        ranges: ranges of anomalous points; disjoint and in order.
    """

    smoothed: np.ndarray
    threshold: np.ndarray
    strength: np.ndarray
    ranges: list[Range]

    def shortened(self, errors: np.ndarray, most: int) -> "Thresholded":
        """Returns the same without the last points of each range whose other errors are below the threshold.

        Args:
            errors: [N] those other errors; a missing one counts as above.
            most: how many points are dropped from a range at most; a range of no more may be dropped whole.
        """
        ranges = []
        for first, last in self.ranges:
            above = ~(np.abs(errors[first : last + 1]) <= max(float(self.threshold[first]), _LEAST))
            above[:-most] = True
            if above.any():
                ranges.append((first, first + int(np.flatnonzero(above)[-1])))
        return replace(self, ranges=ranges)


def dynamic_threshold(
    errors: np.ndarray, smoothing: int = 5, history: int = 2100, prune: float = 0.13
) -> Thresholded:
    """Finds ranges of unusually large errors, without assuming a distribution.

    The errors' absolute values are smoothed. The best threshold ε = μ + zσ is the one for which removing all
    points above it reduces mean and deviation most, per removed point and range:

        ε = argmax (Δμ/μ + Δσ/σ) / (points above + ranges above²)

    Ranges are then sorted by their highest error, with the highest error below ε as the last entry. Starting
    at the end, ranges are dropped until one exceeds the next entry by a share of at least ``prune``.

    Smoothing makes a range begin and end late. So each range is narrowed, or extended by up to ``smoothing``
    points at its beginning, to the first and the last point whose own error exceeds the threshold.

    Args:
        errors: errors of one column. For NaN (a missing value) the last smoothed error is repeated. Rows
            before the first known error are ignored.
        smoothing: span of the smoothing, in points: the newest point has weight 2 / (span + 1).
        history: points that a threshold is computed from; it applies to the last thirtieth of them.
        prune: see above.

    Shapes:
        errors [N]

    Units:
        errors in standard deviations of their column.

    Source: Hundman et al. 2018, arXiv:1802.04431, sections 3.2 and 3.3; the range of z and the lowest
    threshold are those of its published program.
    """
    sizes = np.abs(errors.astype(np.float64))
    smoothed = _smooth(sizes, smoothing)
    threshold, strength = np.zeros_like(smoothed), np.zeros_like(smoothed)
    flags = np.zeros(len(smoothed), dtype=bool)
    known = np.flatnonzero(~np.isnan(errors))
    opening = done = int(known[0]) if len(known) else len(errors)
    while done < len(smoothed):
        # the first threshold applies to its whole history
        end = min(len(smoothed), done + (history if done == opening else max(1, history // _BLOCKS)))
        begin = max(opening, end - history)
        window = smoothed[begin:end]
        epsilon = _threshold(window)
        kept = _pruned(window, epsilon, prune)
        new = slice(done, end)
        flags[new] = kept[done - begin :]
        threshold[new] = epsilon
        strength[new] = (smoothed[new] - epsilon) / max(window.mean() + window.std(), _LEAST)
        done = end
    return Thresholded(smoothed, threshold, strength, _with_edges(runs(flags), sizes, threshold, smoothing))


def _with_edges(ranges: Sequence[Range], sizes: np.ndarray, threshold: np.ndarray, back: int) -> list[Range]:
    """Returns ranges with the edges of their errors; a range without an error above the threshold stays."""
    result: list[Range] = []
    for first, last in ranges:
        begin = max(first - back, result[-1][1] + 1 if result else 0)
        # the threshold of the range's own first point: before the range another one may hold
        above = begin + np.flatnonzero(sizes[begin : last + 1] > np.maximum(threshold[first], _LEAST))
        result.append((int(above[0]), int(above[-1])) if len(above) else (first, last))
    return result


def _smooth(sizes: np.ndarray, span: int) -> np.ndarray:
    """Returns the mean of all sizes so far, with weights that fall geometrically and sum to 1."""
    share = 2 / (span + 1)
    smoothed = np.empty_like(sizes)
    total = weight = mean = 0.0
    for step, size in enumerate(sizes.tolist()):
        if size == size:
            total, weight = (1 - share) * total + size, (1 - share) * weight + 1
            mean = total / weight
        smoothed[step] = mean
    return smoothed


def _threshold(window: np.ndarray) -> float:
    """Returns the best threshold, or the highest candidate if no point exceeds any."""
    mean, deviation = window.mean(), window.std()
    best, epsilon = 0.0, mean + _Z[-1] * deviation
    for candidate in mean + _Z * deviation:
        above = window > candidate
        count = int(above.sum())
        if count in (0, len(window)):
            break
        rest = window[~above]
        gain = (mean - rest.mean()) / mean + (deviation - rest.std()) / deviation
        worth = gain / (count + len(runs(above)) ** 2)
        if worth >= best:
            best, epsilon = worth, candidate
    return max(float(epsilon), _LEAST)


def _pruned(window: np.ndarray, epsilon: float, prune: float) -> np.ndarray:
    """Returns flags of the points in ranges that remain after pruning."""
    above = window > epsilon
    kept = np.zeros_like(above)
    ranges = sorted(runs(above), key=lambda ends: -window[ends[0] : ends[1] + 1].max())
    peaks = [window[first : last + 1].max() for first, last in ranges]
    peaks.append(window[~above].max(initial=0.0))
    # keep all ranges up to the last one that exceeds the next entry enough
    standing = [k for k in range(len(ranges)) if (peaks[k] - peaks[k + 1]) / peaks[k] >= prune]
    for first, last in ranges[: standing[-1] + 1 if standing else 0]:
        kept[first : last + 1] = True
    return kept
