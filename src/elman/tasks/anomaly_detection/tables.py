"""Analyses and streamed answers of a detector as rows of tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from elman.anomalies.anomalies import Analysis
from elman.anomalies.detector import Answer
from elman.data.read.rows import RowParser
from elman.data.scale import written
from elman.tasks.anomaly_detection.data import ColumnFacts, time_column
from elman.tasks.anomaly_detection.options import AnomalyDetectionConfig

_DIGITS = 6  # significant digits of an expected or observed number


class AnalysisTables:
    """Formats analyses of series as rows of cells; the first row names the columns."""

    def __init__(self, config: AnomalyDetectionConfig, facts: ColumnFacts) -> None:
        self._name = [config.id_column] if facts.names else []
        self._time = time_column(config, facts) or "row"
        self._columns = facts.columns
        self._units = dict(zip(facts.columns, zip(facts.mean, facts.scale, strict=True), strict=True))

    def ranges(self, analyses: Sequence[Analysis], method: str) -> Iterator[list[object]]:
        """Yields a row for each anomaly, with the column that contributes most to it."""
        yield [*self._name, "start", "end", "score", "column", "expected", "seen"]
        for each in analyses:
            for anomaly in each.anomalies(method):
                worst = anomaly.reasons[0]
                mean, scale = self._units[worst.column]
                values = (written(v, mean, scale, _DIGITS) for v in (worst.expected, worst.seen))
                yield [
                    *self._name_of(each),
                    anomaly.start,
                    anomaly.end,
                    f"{anomaly.score:.4g}",
                    worst.column,
                    *values,
                ]

    def scores(self, analyses: Sequence[Analysis], method: str) -> Iterator[list[object]]:
        """Yields, for each row of the series, its score, whether it is anomalous, and the expected values.

        A row that the method cannot judge has no score. The method ``quantile`` also scores each column.
        """
        heads = [*self._name, self._time, "score", "anomaly", *(f"expected_{name}" for name in self._columns)]
        by_column = analyses[0].chosen(method) == "quantile"  # as the run has it: the same for all series
        yield [*heads, *(f"score_{name}" for name in self._columns if by_column)]
        for each in analyses:
            name, flags = self._name_of(each), each.flags(method)
            scores, judged = each.row_scores(method), each.judged_by(method)
            for row, time in enumerate(each.series.times):
                pairs = zip(each.expected[row], self._units.values(), strict=True)
                values = (written(value, *unit, _DIGITS) for value, unit in pairs)
                score = f"{scores[row]:.4g}" if judged[row] else None
                own = each.column_scores[row] if by_column else ()
                column_scores = (f"{one:.4g}" if judged[row] else None for one in own)
                yield [*name, time, score, int(flags[row]), *values, *column_scores]

    def _name_of(self, analysis: Analysis) -> list[str]:
        return [analysis.series.name] if self._name else []

    def streamed(self, answers: Iterator[Answer | None], parser: RowParser) -> "StreamedRows":
        """Returns a row for each answer of a stream."""
        return StreamedRows(answers, parser, (*self._name, self._time, "score", "anomaly"))


@dataclass(frozen=True)
class StreamedRows:
    """Answers to lines, each by the names of its columns; None stands for a header.

    Attributes:
        answers: answers to the lines, as they come.
        parser: the parser of the lines.
        columns: names of an answer's cells, in order.
    """

    answers: Iterator[Answer | None]
    parser: RowParser
    columns: tuple[str, ...]

    @property
    def is_json(self) -> bool:
        """Whether the lines are JSON objects; known once the first is answered."""
        return bool(self.parser.is_json)

    def __iter__(self) -> Iterator[dict[str, Any] | None]:
        for answer in self.answers:
            if answer is None:
                yield None
                continue
            score = None if answer.score is None else float(f"{answer.score:.4g}")
            flag = None if answer.anomaly is None else int(answer.anomaly)
            cells = (answer.name, answer.time, score, flag)[-len(self.columns) :]
            yield dict(zip(self.columns, cells, strict=True))
