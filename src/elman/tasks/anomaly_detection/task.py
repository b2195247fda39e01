"""Anomaly detection: rows of numbers over time that differ from their expected values."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from elman.anomalies.anomalies import Analysis, Anomaly
from elman.anomalies.detector import DetectorStream
from elman.data.channels.calendar import CALENDARS
from elman.errors import InputError
from elman.heads.squared_error import SquaredError
from elman.models.autoencoder import Autoencoder
from elman.models.framewise import Framewise
from elman.tasks.anomaly_detection.answers import AnomalyAnswers
from elman.tasks.anomaly_detection.data import ChannelData, ColumnFacts, from_memory
from elman.tasks.anomaly_detection.options import AnomalyDetectionConfig
from elman.tasks.anomaly_detection.tables import StreamedRows
from elman.tasks.shared.data import Parts
from elman.tasks.shared.task import Task
from elman.train.loop import LossUnit

Method = Literal["auto", "quantile", "dynamic", "likelihood"]


class AnomalyDetector(Task):
    """Detects ranges of rows that differ from their expected values, offline or row by row.

    A forecaster predicts each row from the rows before it; an autoencoder reconstructs windows. Both learn
    from the training part what is normal, under squared error. Errors become ranges by the quantiles of
    errors in normal rows, by a dynamic threshold (Hundman et al. 2018, arXiv:1802.04431) or, from the past
    alone, by their likelihood (Ahmad et al. 2017).

    Args:
        **options: fields of ``AnomalyDetectionConfig`` (``elman train anomaly-detection --help`` explains).

    Shapes:
        X [N, D], or [N] for one column; NaN is missing. A list of arrays, tensors, columns or frames holds
        several series; a list of numbers, or of lists, is one series of rows. The columns of a frame (polars,
        pandas) are read by name, as in a file, including the columns that the options ``id_column``,
        ``time_column`` and ``label_column`` name.

    Raises:
        InputError: an option out of its range.
    """

    Config = AnomalyDetectionConfig
    Facts = ColumnFacts
    Data = ChannelData
    Answers = AnomalyAnswers

    model: Framewise | Autoencoder

    def fit(
        self,
        X: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all rows, which count as normal; ``split`` applies to files only.

        Args:
            X: one series or several.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: shapes do not match, or a value is infinite.
        """
        table = from_memory(self.config, X)
        whole = np.array([(len(each), len(each)) for each in table.series])
        return self._fit(
            lambda folder: ChannelData.of(self.config, table, whole, folder, named=self.named),
            out,
            overwrite,
            show_progress,
        )

    def detect(self, X: Any, method: Method = "auto") -> list[Anomaly]:
        """Returns the anomalies of one series or several, in order.

        Args:
            X: as for ``fit``, with the columns that the detector was trained on.
            method: "quantile" finds what is beyond the errors of normal rows; "dynamic" what stands out in
                the
                whole series; "likelihood" judges each row from the past alone; see ``Analysis``. "auto" is
                the first if any measure of it held on the validation part, otherwise the second.
        """
        return [anomaly for each in self.analyse(X) for anomaly in each.anomalies(method)]

    def scores(self, X: Any) -> np.ndarray:
        """Returns the streaming score of each row [N] of one series, in decades; see ``Likelihood``."""
        analyses = self.analyse(X)
        if len(analyses) != 1:
            raise InputError(f"X must be one series. Got {len(analyses)}; analyse takes several.")
        scores, given = analyses[0].scores, analyses[0].series.given
        if given is None:
            return scores
        as_given = np.empty_like(scores)  # rows were sorted by time
        as_given[given] = scores
        return as_given

    def analyse(self, X: Any) -> list[Analysis]:
        """Returns expected values, errors and scores of one series or several."""
        answers: AnomalyAnswers = self.answers
        return answers.analyse(from_memory(self.config, X, self.facts.columns).series)

    def analyse_file(self, path: str | Path) -> list[Analysis]:
        """Reads a table and analyses it; see ``analyse``."""
        answers: AnomalyAnswers = self.answers
        return answers.analyse_file(Path(path))

    def stream(self) -> DetectorStream:
        """Returns the detector as an object that reads one row at a time, by ``push(values, time)``."""
        answers: AnomalyAnswers = self.answers
        return answers.stream()

    def detect_lines(self, lines: Iterable[bytes], on_bad_line: Callable[[str], None]) -> StreamedRows:
        """Answers each line of a table as soon as it is read; each series has a state of its own.

        Args:
            lines: UTF-8; CSV with or without a header, or JSON objects.
            on_bad_line: called with a message for each malformed line, which gets an empty answer.
        """
        answers: AnomalyAnswers = self.answers
        return answers.answer_lines(lines, on_bad_line)

    def build(self) -> Framewise | Autoencoder:
        """Returns layer and head, with an encoder before them if windows are reconstructed."""
        columns = len(self.facts.columns)
        layer = self.layer(columns + CALENDARS[self.config.calendar])
        head = SquaredError(layer.output_size, columns * len(self.config.ahead))
        if self.config.lagged:
            return Framewise(layer, head, self.config.dropout)
        return Autoencoder(layer, self.layer(layer.output_size), head, self.config.window)

    def _measure(self, parts: Parts, show_progress: bool) -> dict[str, Any]:
        """Learns what errors usually reach, then measures the model."""
        self.facts = replace(self.facts, usual=self.answers.learn_usual(self.data))
        return super()._measure(parts, show_progress)

    def loss_unit(self) -> LossUnit:
        """Shows the mean squared error, in units of the columns' variances."""
        return LossUnit("squared error", 1.0, "values")
