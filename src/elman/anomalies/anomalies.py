"""Anomalous ranges of rows, and the columns to blame for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elman.anomalies.dynamic_threshold import Thresholded, dynamic_threshold
from elman.anomalies.likelihood import FEWEST
from elman.config import require
from elman.data.channels.channels import Channels
from elman.metrics.nab import Scored, nab_score
from elman.metrics.ranges import Range, point_scores, range_scores, runs

METHODS = ("dynamic", "likelihood")


@dataclass(frozen=True)
class Reason:
    """A column whose values were not as expected.

    Attributes:
        column: its name.
        time: of the row in the range with the largest error.
        expected: value that the model expected in that row.
        seen: value in that row.
    """

    column: str
    time: str
    expected: float
    seen: float


@dataclass(frozen=True)
class Anomaly:
    """An anomalous range of rows.

    Attributes:
        series: the series' name.
        start: time of the first row.
        end: time of the last row.
        first: number of the first row in its series, from 0.
        last: number of the last row.
        score: by the method that found the range; higher is more anomalous.
        reasons: the columns to blame, the worst first.
    """

    series: str
    start: str
    end: str
    first: int
    last: int
    score: float
    reasons: list[Reason]


@dataclass(frozen=True)
class Analysis:
    """A series with a detector's expected values, errors and scores.

    Two methods find anomalies: ``dynamic``, with the whole series at hand (see ``dynamic_threshold``), and
    ``likelihood``, from the scores that a stream would have given (see ``Likelihood``).

    Attributes:
        series: with the values seen.
        columns: names of the D columns.
        expected: [N, D] in the columns' units.
        errors: [N, D] seen − expected with the whole series at hand, in standard deviations of the column;
            NaN where a value is missing.
        scores: [N] of the streaming form.
        blamed: [N] position of the column that each score is due to.
        threshold: score from which a row is an anomaly.
        smoothing: span of the errors' smoothing.
        history: rows that a dynamic threshold is found from.
    """

    series: Channels
    columns: Sequence[str]
    expected: np.ndarray
    errors: np.ndarray
    scores: np.ndarray
    blamed: np.ndarray
    threshold: float
    smoothing: int
    history: int

    @cached_property
    def thresholded(self) -> list[Thresholded]:
        """Each column's errors against their dynamic threshold; the first rows of the series are left out."""
        errors = self.errors.copy()
        errors[:FEWEST] = np.nan  # the model's state has seen too little
        return [dynamic_threshold(column, self.smoothing, self.history) for column in errors.T]

    def flags(self, method: str) -> np.ndarray:
        """Whether each row is anomalous [N]."""
        flags = np.zeros(len(self.series), dtype=bool)
        for anomaly in self.anomalies(method):
            flags[anomaly.first : anomaly.last + 1] = True
        return flags

    def anomalies(self, method: str) -> list[Anomaly]:
        """The ranges that a method finds, in order. Raises InputError for any other method."""
        require("method", method in METHODS, f"one of {', '.join(map(repr, METHODS))}", method)
        if method == "dynamic":
            strength = np.stack([column.strength for column in self.thresholded], axis=1)
            return self._gather([column.ranges for column in self.thresholded], strength)
        flags = self.scores >= self.threshold
        strength = np.where(self.blamed[:, None] == np.arange(len(self.columns)), self.scores[:, None], 0.0)
        ranges = [runs(flags & (self.blamed == column)) for column in range(len(self.columns))]
        return self._gather(ranges, strength)

    def _gather(self, ranges: Sequence[Sequence[Range]], strength: np.ndarray) -> list[Anomaly]:
        """Ranges of single columns as anomalies of the series; those that overlap or touch become one."""
        errors, expected, series = self.errors, self.expected, self.series
        marked = np.zeros(errors.shape, dtype=bool)
        for column, of_column in enumerate(ranges):
            for first, last in of_column:
                marked[first : last + 1, column] = True
        anomalies = []
        for first, last in runs(np.any(marked, axis=1)):
            here = slice(first, last + 1)
            worst = np.where(marked[here], strength[here], -np.inf).max(0)
            reasons = []
            for column in np.argsort(-worst, kind="stable")[: int(marked[here].any(0).sum())]:
                row = first + int(np.argmax(np.nan_to_num(np.abs(errors[here, column]), nan=-1.0)))
                reasons.append(
                    Reason(
                        self.columns[column],
                        series.times[row],
                        float(expected[row, column]),
                        float(series.values[row, column]),
                    )
                )
            anomalies.append(
                Anomaly(
                    series.name,
                    series.times[first],
                    series.times[last],
                    first,
                    last,
                    float(worst.max()),
                    reasons,
                )
            )
        return anomalies


def figures(analyses: Sequence[Analysis], begins: Sequence[int], method: str = "dynamic") -> dict[str, float]:
    """How large the model's errors are, and how well it finds labelled anomalies.

    Args:
        analyses: one for each series.
        begins: for each series the first row that counts.
        method: finds the ranges.

    Returns:
        ``error``, the root mean squared error in the columns' standard deviations; ``rows``; ``ranges``, the
        number found. With labels also ``precision``, ``recall`` and ``f1`` of rows and of ranges, and
        ``nab``, NAB's standard score of the streaming form at its threshold.
    """
    errors = np.concatenate([each.errors[begin:] for each, begin in zip(analyses, begins, strict=True)])
    flags = [each.flags(method)[begin:] for each, begin in zip(analyses, begins, strict=True)]
    results = {
        "error": float(np.sqrt(np.nanmean(np.square(errors, dtype=np.float64)))),
        "rows": len(errors),
        "ranges": sum(len(runs(each)) for each in flags),
    }
    known = [each.series.labels for each in analyses if each.series.labels is not None]
    if len(known) < len(analyses):
        return results
    labels = [each[begin:] for each, begin in zip(known, begins, strict=True)]
    # a separator row between two series keeps their ranges apart
    joined, real = (np.concatenate([np.append(each, False) for each in every]) for every in (flags, labels))
    results |= point_scores(joined, real) | range_scores(runs(joined), runs(real))
    if real.any():
        corpus = [
            Scored(each.scores[begin:], runs(label))
            for each, begin, label in zip(analyses, begins, labels, strict=True)
        ]
        threshold = analyses[0].threshold
        results["nab"] = nab_score(corpus, probation=0, threshold=threshold).score
    return results
