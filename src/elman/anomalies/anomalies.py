"""Finds anomalous ranges of rows and the columns responsible for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from elman.anomalies.dynamic_threshold import Thresholded, dynamic_threshold
from elman.anomalies.likelihood import FEWEST
from elman.anomalies.usual import Lasting
from elman.config import require
from elman.data.channels.channels import Channels
from elman.errors import InputError
from elman.metrics.nab import Scored, nab_score
from elman.metrics.ranges import Range, marks, point_scores, range_scores, runs
from elman.metrics.volume import auc_pr, vus_pr, width_of

METHODS = ("auto", "quantile", "dynamic", "likelihood")


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

    Three methods find anomalies: ``quantile``, beyond what errors reach in normal rows (see ``Usual``);
    ``dynamic``, what stands out in the whole series (see ``dynamic_threshold``); and ``likelihood``, from the
    scores of the streaming form (see ``Likelihood``). ``auto`` is ``quantile`` if any measure of it held on
    the validation part, otherwise ``dynamic``.

    Attributes:
        series: the series, with the observed values.
        columns: names of the D columns.
        expected: [N, D] in the columns' units.
        errors: [N, D] observed − expected from the whole series, in standard deviations of the column; NaN if
            missing.
        reread: returns such errors of a model to which the marked values [N, D] are missing; None: the model
            does not read one row after another.
        lasting: errors over several horizons and what they usually reach; None if the run does not know.
        ratio: score of ``quantile`` from which a row is an anomaly.
        scores: [N] scores of the streaming form.
        blamed: [N] position of the column that causes each score.
        threshold: score of the streaming form from which a row is an anomaly.
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
    lasting: Lasting | None = None
    ratio: float = 2.0

    def chosen(self, method: str) -> str:
        """Returns the method, for "auto" the one that it stands for.

        Raises:
            InputError: an unknown method, or ``quantile`` with a run that does not know usual errors.
        """
        require("method", method in METHODS, f"one of {', '.join(map(repr, METHODS))}", method)
        if method == "quantile" and self.lasting is None:
            raise InputError(
                "method quantile: the run does not know what errors usually reach; train it anew"
            )
        if method != "auto":
            return method
        held = self.lasting is not None and self.lasting.usual.held.any()
        return "quantile" if held else "dynamic"

    def of_errors(self, used: np.ndarray) -> "Analysis":
        """Returns an analysis whose method ``quantile`` uses some of the errors alone, see ``Usual.only``."""
        assert self.lasting is not None
        return replace(self, lasting=Lasting(self.lasting.errors, self.lasting.usual.only(used)))

    def row_scores(self, method: str) -> np.ndarray:
        """Returns the score of each row [N]: of ``quantile``, or else of the streaming form."""
        if self.chosen(method) == "quantile":
            assert self.lasting is not None
            highest: np.ndarray = self.column_scores.max(1)
            return highest
        return self.scores

    @property
    def column_scores(self) -> np.ndarray:
        """The score of each column by the method ``quantile`` [N, D], of which the row's is the highest."""
        assert self.lasting is not None
        return self.lasting.by_column

    def judged_by(self, method: str) -> np.ndarray:
        """Returns whether the method can judge each row [N]; see ``judged``."""
        if self.chosen(method) == "quantile":
            return np.arange(len(self.series)) >= FEWEST
        return self.judged

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
        method = self.chosen(method)
        if method == "quantile":
            assert self.lasting is not None
            return self._gather(self.lasting.ranges(self.ratio), self.column_scores)
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


def figures(analyses: Sequence[Analysis], begins: Sequence[int], method: str = "auto") -> dict[str, float]:
    """Measures the model's errors, and how well it finds labelled anomalies.

    Args:
        analyses: one per series.
        begins: first row to measure in each series.
        method: method that finds the ranges.

    Returns:
        ``error``, the root mean squared error in the columns' standard deviations; ``rows``; ``ranges``, the
        number of ranges. With labels also ``precision``, ``recall`` and ``f1`` of rows and of ranges,
        ``auc_pr`` and ``vus_pr`` of the method's scores, the mean over the series with labelled rows, and
        ``nab``, NAB's standard score of the streaming form at its threshold.
    """
    errors = np.concatenate([one.errors[begin:] for one, begin in zip(analyses, begins, strict=True)])
    flags = [one.flags(method)[begin:] for one, begin in zip(analyses, begins, strict=True)]
    results = {
        "error": float(np.sqrt(np.nanmean(np.square(errors, dtype=np.float64)))),
        "rows": len(errors),
        "ranges": sum(len(runs(rows)) for rows in flags),
    }
    series = [one.series for one in analyses]
    if any(each.labels is None for each in series):
        return results
    parts = [(one.row_scores(method), one.flags(method)) for one in analyses]
    results |= detection_figures(series, begins, parts)
    return results | nab_figure(series, begins, [one.scores for one in analyses], analyses[0].threshold)


def detection_figures(
    series: Sequence[Channels], begins: Sequence[int], found: Sequence[tuple[np.ndarray, np.ndarray]]
) -> dict[str, float]:
    """Measures scores and flags against labels: the figures of ``figures`` that do not need a model.

    Args:
        series: with labels.
        begins: first row to measure in each series.
        found: of each series, scores [N] and flags [N].
    """
    flags = [rows[begin:] for (_, rows), begin in zip(found, begins, strict=True)]
    labels = _labels(series, begins)
    # a separator row between two series keeps their ranges apart
    joined, real = (np.concatenate([np.append(rows, False) for rows in parts]) for parts in (flags, labels))
    results: dict[str, float] = {"ranges": len(runs(joined))}
    results |= point_scores(joined, real) | range_scores(runs(joined), runs(real))
    areas = [
        areas_of(scores[begin:], label, one.values)
        for one, (scores, _), begin, label in zip(series, found, begins, labels, strict=True)
        if label.any()
    ]
    if areas:
        results |= {name: float(np.mean([each[name] for each in areas])) for name in areas[0]}
    return results


def nab_figure(
    series: Sequence[Channels], begins: Sequence[int], scores: Sequence[np.ndarray], threshold: float
) -> dict[str, float]:
    """Returns ``nab``, NAB's standard score, of scores [N] of each series; nothing without labelled rows."""
    corpus = [
        Scored(one[begin:], runs(label))
        for one, begin, label in zip(scores, begins, _labels(series, begins), strict=True)
    ]
    if not any(each.windows for each in corpus):
        return {}
    return {"nab": nab_score(corpus, probation=0, threshold=threshold).score}


def _labels(series: Sequence[Channels], begins: Sequence[int]) -> list[np.ndarray]:
    """Returns the labels of the rows to measure, of series that have labels."""
    labels = [one.labels for one in series]
    assert all(rows is not None for rows in labels)
    return [rows[begin:] for rows, begin in zip(labels, begins, strict=True) if rows is not None]


def areas_of(scores: np.ndarray, labels: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Returns ``auc_pr`` and ``vus_pr`` of a series' scores, with margins as wide as its first column's
    period.

    Shapes:
        scores [N]; labels [N] bool, at least one true; values [M, D], the whole series
    """
    width = min(width_of(values[:, 0]), len(labels))
    return {"auc_pr": auc_pr(scores, labels), "vus_pr": vus_pr(scores, labels, width)}
