"""Ranges of rows that are anomalous, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.data.channels import Channels
from elman.metrics.ranges import Range, runs


@dataclass(frozen=True)
class Reason:
    """A column that was not as expected.

    Attributes:
        column: its name.
        time: of the row in the range at which it was farthest off.
        expected: by the model, there.
        seen: there.
    """

    column: str
    time: str
    expected: float
    seen: float


@dataclass(frozen=True)
class Anomaly:
    """A range of rows.

    Attributes:
        series: the series' name.
        start: time of the first row.
        end: time of the last row.
        first: number of the first row in its series, from 0.
        last: of the last.
        score: of the method that found it; higher is more anomalous.
        reasons: the columns to blame, the worst first.
    """

    series: str
    start: str
    end: str
    first: int
    last: int
    score: float
    reasons: list[Reason]


def gather(
    series: Channels,
    columns: Sequence[str],
    expected: np.ndarray,
    errors: np.ndarray,
    ranges: Sequence[Sequence[Range]],
    strength: np.ndarray,
) -> list[Anomaly]:
    """Ranges found in single columns as anomalies of the whole series; those that overlap become one.

    Args:
        series: with the values seen.
        columns: their names.
        expected: in the columns' units.
        errors: of the model, in any unit; NaN where a value is missing.
        ranges: of each column.
        strength: how anomalous each value is.

    Shapes:
        expected [N, D], errors [N, D], strength [N, D]
    """
    marked = np.zeros(errors.shape, dtype=bool)
    for column, found in enumerate(ranges):
        for first, last in found:
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
                    columns[column],
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
