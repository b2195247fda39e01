"""Precision over recall of anomaly scores at all thresholds, by rows and with margins around the labels."""

import numpy as np

from elman.metrics.ranges import Range, runs

_THRESHOLDS = 250
_USUAL_WIDTH = 125  # of a column without a period
_LAGS, _LEAST_LAG = 400, 3  # lags of the autocorrelation
_MOST_ROWS = 20_000  # that the autocorrelation is computed from


def auc_pr(scores: np.ndarray, labels: np.ndarray) -> float:
    """Returns the area under precision over recall of single rows (average precision).

        AP = Σ (recall_k − recall_{k−1}) · precision_k,    k over the distinct scores, the highest first

    A random score has about the share of labelled rows.

    Shapes:
        scores [N], higher is more anomalous; labels [N], bool, at least one true
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # rows of one score come together
    hits = labels[order].cumsum()[ends]
    return float(np.sum(np.diff(hits, prepend=0) / hits[-1] * hits / (ends + 1)))


def vus_pr(scores: np.ndarray, labels: np.ndarray, width: int) -> float:
    """Returns the volume under the surface of precision and recall: the mean area over margins of each width.

    A row at distance d ≤ w / 2 from a labelled range counts √(1 − d / w), so that a score is not punished for
    rows just beside it. With m the sum of these over the flagged rows outside, h the flagged rows inside, P
    the labelled rows and E the share of the ranges, with margins, that are flagged at all:

        recall = E · min(1, (h + m) / (P + m / 2)),    precision = (h + m) / flagged rows

    The area is Σ (recall_k − recall_{k−1}) · precision_k over 250 ranks, evenly spaced.

    Args:
        scores: higher is more anomalous.
        labels: at least one true.
        width: W; the mean is over w = 0 … W.

    Shapes:
        scores [N], labels [N] bool

    Source: Paparrizos et al. 2022, Volume under the surface, PVLDB 15(11), as in TSB-AD (Liu & Paparrizos
    2024), with its 250 thresholds.
    """
    ranked = -np.sort(-scores)
    thresholds = ranked[np.linspace(0, len(scores) - 1, _THRESHOLDS).astype(int)]
    flagged = np.searchsorted(-ranked, -thresholds, side="right")  # rows whose score reaches each threshold
    order = np.argsort(-scores, kind="stable")
    inside = np.append(0, labels[order].cumsum())[flagged]
    ranges, total = runs(labels), int(labels.sum())
    areas = []
    for w in range(width + 1):
        outside = np.where(labels, 0.0, _margins(ranges, len(labels), w))
        beside = np.append(0.0, outside[order].cumsum())[flagged]
        peaks = np.array([scores[first : last + 1].max() for first, last in _widened(ranges, len(labels), w)])
        met = (peaks[:, None] >= thresholds).mean(0)
        recall = met * np.minimum((inside + beside) / (total + beside / 2), 1.0)
        areas.append(np.sum(np.diff(recall, prepend=0.0) * (inside + beside) / flagged))
    return float(np.mean(areas))


def width_of(column: np.ndarray) -> int:
    """Returns the widest margin for a column: its strongest period, in rows, as in TSB-AD.

    This is the lag of the highest peak of the autocorrelation of the first 20,000 rows, from lag 4 on; 125 if
    there is none, or none in lags 6 to 303.

    Shapes:
        column [N]; missing values are interpolated
    """
    column = np.asarray(column[:_MOST_ROWS], dtype=np.float64)
    known = np.flatnonzero(~np.isnan(column))
    if not len(known):
        return _USUAL_WIDTH
    column = np.interp(np.arange(len(column)), known, column[known])
    column = column - column.mean()
    lags = min(_LAGS, len(column) - 1)
    spectrum = np.fft.rfft(column, 2 * len(column))
    products = np.fft.irfft(np.abs(spectrum) ** 2)[_LEAST_LAG : lags + 1]
    middle = products[1:-1]
    peaks = np.flatnonzero((middle > products[:-2]) & (middle > products[2:])) + 1
    if not len(peaks):
        return _USUAL_WIDTH
    best = int(peaks[np.argmax(products[peaks])])
    return best + _LEAST_LAG if 3 <= best <= 300 else _USUAL_WIDTH


def _margins(ranges: list[Range], rows: int, w: int) -> np.ndarray:
    """Returns what each row beside the ranges counts [rows]; margins of two ranges add up to at most 1."""
    worth = np.zeros(rows)
    distances = np.arange(1, w // 2 + 1)
    for first, last in ranges:
        for places in (last + distances, first - distances):
            is_row = (places >= 0) & (places < rows)
            worth[places[is_row]] += np.sqrt(1 - distances[is_row] / w)
    return np.minimum(worth, 1.0)


def _widened(ranges: list[Range], rows: int, w: int) -> list[Range]:
    """Returns the ranges with their margins; those that overlap or meet in a row are one."""
    half, merged = w // 2, [list(ranges[0])]
    for first, last in ranges[1:]:
        if merged[-1][1] + half < first - half:
            merged.append([first, last])
        else:
            merged[-1][1] = last
    return [(max(first - half, 0), min(last + half, rows - 1)) for first, last in merged]
