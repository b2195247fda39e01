"""Finds anomalous ranges of rows and the columns responsible for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elman.anomalies.dynamic_threshold import Thresholded, dynamic_threshold
from elman.anomalies.likelihood import FEWEST
from elman.config import require
from elman.data.channels.channels import Channels
from elman.metrics.nab import Scored, nab_score
from elman.metrics.ranges import Range, marks, point_scores, range_scores, runs

METHODS = ("dynamic", "likelihood")


@dataclass(frozen=True)
class Reason:
    """A column with unexpected values.

    Attributes:
        column: name of the column.
        time: time of the row with the largest error in the range.
        expected: value that the model expected in that row.
        seen: observed value in that row.
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
        score: score of the method that found the range; higher is more anomalous.
        reasons: the responsible columns, the worst first.
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

    Two methods find anomalies: ``dynamic``, from the whole series (see ``dynamic_threshold``), and
    ``likelihood``, from the scores of the streaming form (see ``Likelihood``).

    Attributes:
        series: the series, with the observed values.
        columns: names of the D columns.
        expected: [N, D] in the columns' units.
        errors: [N, D] observed − expected from the whole series, in standard deviations of the column; NaN if
            missing.
        reread: returns such errors of a model to which the marked values [N, D] are missing; None: the model
            does not read one row after another.
        scores: [N] scores of the streaming form.
        blamed: [N] position of the column that causes each score.
        threshold: score from which a row is an anomaly.
        smoothing: span of the errors' smoothing.
        history: rows that a dynamic threshold is computed from.
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
    reread: Callable[[np.ndarray], np.ndarray] | None = None

    @cached_property
    def judged(self) -> np.ndarray:
        """Whether the streaming form can judge each row [N]; see ``Likelihood``."""
        judged: np.ndarray = self.blamed >= 0
        return judged

    @cached_property
    def thresholded(self) -> list[Thresholded]:
        """Each column's errors with their dynamic threshold, without the first rows of the series.

        A model that has read anomalous rows expects something wrong in the rows after them. So it reads the
        series again without the values in ranges, whose last rows are dropped if their errors then are usual.
        """
        errors = self.errors.copy()
        errors[:FEWEST] = np.nan  # the model's state is not yet reliable
        found = [dynamic_threshold(column, self.smoothing, self.history) for column in errors.T]
        marked = np.stack([marks(column.ranges, len(errors)) for column in found], axis=1)
        if self.reread is None or not marked.any():
            return found
        again = self.reread(marked)
        return [column.shortened(own, self.smoothing) for column, own in zip(found, again.T, strict=True)]

    def flags(self, method: str) -> np.ndarray:
        """Returns whether each row is anomalous [N]."""
        return marks([(found.first, found.last) for found in self.anomalies(method)], len(self.series))

    def anomalies(self, method: str) -> list[Anomaly]:
        """Returns the ranges that a method finds, in order; raises InputError for an unknown method."""
        require("method", method in METHODS, f"one of {', '.join(map(repr, METHODS))}", method)
        if method == "dynamic":
            strength = np.stack([column.strength for column in self.thresholded], axis=1)
            return self._gather([column.ranges for column in self.thresholded], strength)
        flags = self.scores >= self.threshold
        strength = np.where(self.blamed[:, None] == np.arange(len(self.columns)), self.scores[:, None], 0.0)
        ranges = [runs(flags & (self.blamed == column)) for column in range(len(self.columns))]
        return self._gather(ranges, strength)

    def _gather(self, ranges: Sequence[Sequence[Range]], strength: np.ndarray) -> list[Anomaly]:
        """Merges the ranges of all columns that overlap or touch into anomalies of the series."""
        errors, expected, series = self.errors, self.expected, self.series
        marked = np.stack([marks(of_column, len(errors)) for of_column in ranges], axis=1)
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
    """Measures the model's errors, and how well it finds labelled anomalies.

    Args:
        analyses: one per series.
        begins: first row to measure in each series.
        method: method that finds the ranges.

    Returns:
        ``error``, the root mean squared error in the columns' standard deviations; ``rows``; ``ranges``, the
        number of ranges. With labels also ``precision``, ``recall`` and ``f1`` of rows and of ranges, and
        ``nab``, NAB's standard score of the streaming form at its threshold.
    """
    errors = np.concatenate([one.errors[begin:] for one, begin in zip(analyses, begins, strict=True)])
    flags = [one.flags(method)[begin:] for one, begin in zip(analyses, begins, strict=True)]
    results = {
        "error": float(np.sqrt(np.nanmean(np.square(errors, dtype=np.float64)))),
        "rows": len(errors),
        "ranges": sum(len(runs(rows)) for rows in flags),
    }
    known = [one.series.labels for one in analyses if one.series.labels is not None]
    if len(known) < len(analyses):
        return results
    labels = [rows[begin:] for rows, begin in zip(known, begins, strict=True)]
    # a separator row between two series keeps their ranges apart
    joined, real = (np.concatenate([np.append(rows, False) for rows in parts]) for parts in (flags, labels))
    results |= point_scores(joined, real) | range_scores(runs(joined), runs(real))
    if real.any():
        corpus = [
            Scored(one.scores[begin:], runs(label))
            for one, begin, label in zip(analyses, begins, labels, strict=True)
        ]
        threshold = analyses[0].threshold
        results["nab"] = nab_score(corpus, probation=0, threshold=threshold).score
    return results
