"""Detectors: a trained model that scores one row at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from elman.anomalies.follow import Follower, Reader
from elman.anomalies.gaps import Gaps
from elman.anomalies.likelihood import Likelihood
from elman.data.channels.calendar import UNKNOWN, Clock, calendar
from elman.data.read.arrays import check_finite, numbers
from elman.data.read.rows import RowParser
from elman.data.scale import scaled
from elman.errors import InputError


class Point(NamedTuple):
    """A detector's result for one row.

    Attributes:
        score: anomaly score in decades; see ``Likelihood``. 0 if the row cannot be judged.
        anomaly: whether the score reaches the threshold.
        column: position of the column with the least probable error; −1 if the row cannot be judged, because
            the stream is still warming up (about its first 35 rows) or all values are missing.
        expected: [D] expected values, in the columns' units.
    """

    score: float
    anomaly: bool
    column: int
    expected: np.ndarray

    @property
    def judged(self) -> bool:
        """Whether the row can be judged."""
        return self.column >= 0


class DetectorStream:
    """Scores rows one by one, immediately and from the past alone.

    Args:
        reader: the model's stream.
        likelihood: a new one, without any errors.
        mean: [D] mean of each column.
        scale: [D] standard deviation of each column.
        calendar: see ``data.channels.calendar``.
        horizons: rows ahead that the model expects; the first, 1, is judged.
        lagged: whether the model reads the previous row and predicts this one (a forecaster), instead of
            reading and reconstructing this row.
        threshold: score from which a point is an anomaly.
        clock: how times are read.
    """

    def __init__(
        self,
        reader: Reader,
        likelihood: Likelihood,
        mean: np.ndarray,
        scale: np.ndarray,
        *,
        calendar: str,
        horizons: Sequence[int],
        lagged: bool,
        threshold: float,
        clock: Clock = UNKNOWN,
    ) -> None:
        self._reader = reader
        self._follower = Follower(reader, len(mean), lagged=lagged, horizons=horizons)
        self._gaps, self._likelihood = Gaps(len(mean)), likelihood
        self._mean, self._scale, self._seen = mean, scale, mean
        self._calendar, self._clock, self._threshold = calendar, clock, threshold

    @property
    def rows(self) -> int:
        """Number of rows read so far."""
        return self._follower.rows

    def push(self, values: Any, time: str = "") -> Point:
        """Reads and scores the next row.

        Args:
            values: [D], or one number if D is 1; NaN for missing values.
            time: time of the row; needed only if the model has a calendar.

        Raises:
            InputError: the values are not D numbers, one is infinite, or the time is invalid. The stream
                does not change then.
        """
        inputs = self.inputs(values, time)
        return self.judge(self._reader.step(torch.from_numpy(inputs)).numpy())

    def inputs(self, values: Any, time: str = "") -> np.ndarray:
        """Reads the next row; returns what the model's stream is to read [I], for ``judge``; see ``push``."""
        values = numbers(values, "the row")
        if values.ndim == 0 and len(self._mean) == 1:
            values = values[None]
        if values.shape != self._mean.shape:
            raise InputError(f"the row must be [{len(self._mean)}]. Got {list(values.shape)}.")
        check_finite(values, "the row", missing=True)
        features = calendar([time], self._calendar, "the row", self._clock)[0]
        self._seen = scaled(values, self._mean, self._scale)
        return self._follower.inputs(self._seen, features)

    def judge(self, output: np.ndarray) -> Point:
        """Scores the row whose ``inputs`` the model's stream has answered with [H · D]."""
        (expected, *_), (errors, *_) = self._follower.take(self._seen, output)
        errors = self._gaps.push(errors, ~np.isnan(self._seen))
        score, column = self._likelihood.push(errors)
        anomaly = column >= 0 and score >= self._threshold
        return Point(score, anomaly, column, expected * self._scale + self._mean)


class Answer(NamedTuple):
    """A detector's result for one line; all None for a malformed line.

    Attributes:
        name: name of the row's series.
        time: time of the row; its number in the series, from 0, if rows have no time.
        score: see ``Point``; None if the row cannot be judged.
        anomaly: see ``Point``; None if the row cannot be judged.
    """

    name: str | None = None
    time: str | None = None
    score: float | None = None
    anomaly: bool | None = None


def answer_lines(
    lines: Iterable[bytes],
    parser: RowParser,
    new_stream: Callable[[], DetectorStream],
    on_bad_line: Callable[[str], None],
) -> Iterator[Answer | None]:
    """Yields an answer for each line as soon as it is read; None for a header.

    Args:
        lines: lines in UTF-8.
        parser: parses the lines.
        new_stream: makes the stream of a series at its first row.
        on_bad_line: called with a message for each malformed line; its answer is empty.
    """
    streams: dict[str, DetectorStream] = {}
    for number, line in enumerate(lines, 1):
        try:
            row = parser.parse(line.decode("utf-8", "replace"))
            if row is None:
                yield None
                continue
            stream = streams.get(row.name) or streams.setdefault(row.name, new_stream())
            time = row.time or str(stream.rows)
            point = stream.push(row.values, row.time)
        except ValueError as error:
            on_bad_line(f"line {number}: {error}")
            yield Answer()
        else:
            judgement = (point.score, point.anomaly) if point.judged else (None, None)
            yield Answer(row.name, time, *judgement)
