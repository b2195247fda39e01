"""Options of the task anomaly-detection and of its verb."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from elman.config import Argument, flag, require
from elman.errors import InputError
from elman.pictures.base import check_picture
from elman.tasks.shared.options import ColumnOptions, StartOptions, Verb
from elman.tasks.shared.table import csv_line


@dataclass(frozen=True, kw_only=True)
class Detect(Verb):
    """Prints the anomalies in a file, or in rows as they come, as CSV."""

    data: Annotated[Path | None, Argument(positional=True, metavar="FILE")] = None
    """table with the training table's columns, others are ignored; absent with --stream"""
    method: Literal["auto", "quantile", "dynamic", "likelihood"] = "auto"
    """quantile: find errors beyond those of normal rows, over several spans and horizons; dynamic: find
    errors that stand out in the file; likelihood: judge each row from the rows before it alone, as with
    --stream; auto: quantile if any of its measures held on the validation part of the training, otherwise
    dynamic"""
    scores: bool = False
    """print score and expected values of every row instead of the anomalous ranges; with the method quantile
    also a score for each column"""
    plot: Path | None = None
    """picture to write (.png, .svg or .pdf) of the series with the highest score; if absent, none"""
    stream: bool = False
    """read rows from standard input (CSV or JSON objects) and answer each at once; score and anomaly are
    empty (null) while it warms up (about 35 rows of a series), and where all values are missing"""

    example: ClassVar[str] = "elman detect runs/anomaly-detection new.csv --plot anomalies.png"

    def __post_init__(self) -> None:
        """Checks which options exclude each other, and the picture's path."""
        if self.stream and (self.data is not None or self.plot is not None or self.scores):
            raise InputError("--stream reads standard input and goes with no file, --plot or --scores")
        if self.stream and self.method not in ("auto", "likelihood"):
            raise InputError(
                "--stream judges each row from those before it, so --method must be auto or likelihood. "
                f"Got {self.method}."
            )
        if not self.stream and self.data is None:
            raise InputError("detect needs a file, or --stream")
        check_picture(self.plot)

    def text(self, task: Any) -> Iterator[str]:
        """Yields one line for each range, or for each row."""
        if self.stream:
            with BadLines() as bad:
                lines = task.detect_lines(sys.stdin.buffer, bad)
                for row in bad.checked(lines):
                    if row is None:
                        yield csv_line(lines.columns)
                    else:
                        yield json.dumps(row) + "\n" if lines.is_json else csv_line(row.values())
        else:
            analyses = self._analyses(task)  # before anything is printed: the file may be refused
            tables = task.answers.tables
            yield from map(csv_line, (tables.scores if self.scores else tables.ranges)(analyses, self.method))

    def json(self, task: Any) -> dict[str, Any]:
        """Returns ranges with all their reasons, or rows."""
        if self.stream:
            with BadLines() as bad:
                lines = task.detect_lines(sys.stdin.buffer, bad)
                return {"rows": [row for row in bad.checked(lines) if row is not None]}
        analyses = self._analyses(task)
        if not self.scores:
            return {"anomalies": [asdict(each) for one in analyses for each in one.anomalies(self.method)]}
        return {
            "columns": task.facts.columns,
            "series": [
                {
                    "name": each.series.name,
                    "times": each.series.times,
                    "scores": [
                        score if judged else None
                        for score, judged in zip(
                            each.row_scores(self.method).tolist(),
                            each.judged_by(self.method).tolist(),
                            strict=True,
                        )
                    ],
                    "anomalies": each.flags(self.method).tolist(),
                    "expected": each.expected.tolist(),
                }
                | (
                    {"column_scores": each.column_scores.tolist()}
                    if each.chosen(self.method) == "quantile"
                    else {}
                )
                for each in analyses
            ],
        }

    def _analyses(self, task: Any) -> list[Any]:
        """Analyses the file; draws the picture if one is requested."""
        analyses: list[Any] = task.analyse_file(self.data)
        if self.plot is not None:
            task.answers.draw(analyses, self.method, self.plot)
        return analyses


class BadLines:
    """Prints the first malformed line of a stream as it comes, and the number of all at the end."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, message: str) -> None:
        """Counts a line; prints the message of the first."""
        self.count += 1
        if self.count == 1:
            print(f"elman: {message.rstrip('.')}. Such lines are skipped and counted.", file=sys.stderr)

    def checked(self, rows: Iterable[dict[str, Any] | None]) -> Iterator[dict[str, Any] | None]:
        """Yields rows as they come. Raises InputError at the end if every line was malformed."""
        number = 0
        for row in rows:
            number += row is not None
            yield row
        if number and number == self.count:
            raise InputError("--stream: no line of standard input could be read")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.count:
            lines = "1 line was" if self.count == 1 else f"{self.count:,} lines were"
            print(f"elman: {lines} skipped", file=sys.stderr)


@dataclass(frozen=True, kw_only=True)
class AnomalyDetectionConfig(StartOptions, ColumnOptions):
    """Trains a detector of anomalies in one or more columns of numbers over time.

    Reads a table with one row for each step (.csv, .tsv, .jsonl, .parquet). The rows of the training part
    count as normal.
    """

    verb = Detect
    reads = "table to train on; see above"
    example = "elman train anomaly-detection table.csv --out runs/anomaly-detection --epochs 30"
    rank = 40
    of_the_run = (*StartOptions.of_the_run, "model", "calendar", "horizons")
    of_old_runs = {"horizons": [1]}
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "": ("model", "horizons", "window", "calendar", "pretrained"),
        "columns of the data": (
            "columns",
            "ignore_columns",
            "id_column",
            "time_column",
            "time_format",
            "label_column",
        ),
        "training": ("stride",),
        "parts of the data": ("split",),
        "evaluation": ("labels",),
        "scores and thresholds": ("smoothing", "history", "repeat", "threshold", "ratio"),
    }

    model: Literal["forecaster", "autoencoder"] = "forecaster"
    """forecaster: predict each row from the rows before it; autoencoder: reconstruct windows of rows"""
    horizons: tuple[int, ...] = (1, 10, 30)
    """forecaster: rows ahead that each row predicts; beyond the first, which must be 1, they keep a fault
    that
    lasts from being expected as soon as the model has read it"""
    hidden_size: int = 64
    """units of each layer"""
    window: int = 100
    """rows in a window: in a training example, and in what an autoencoder reconstructs"""
    stride: int = 1
    """rows between the starts of two training examples"""
    calendar: Literal["none", "day", "week"] = "none"
    """times that the model also reads: day (time of day), or week (time of day and of week)"""
    split: tuple[float, float, float] = (0.4, 0.1, 0.5)
    """shares of training, validation and test part, by position in each series; 1 0 0 trains on all rows"""
    id_column: str = "unique_id"
    """column that names the series of each row, if the table has it; otherwise there is one series"""
    time_column: str = "timestamp"
    """column of the time; if the table has no such column, the only one that holds dates, or year, month,
    day, …; otherwise rows are numbered"""
    time_format: str | None = None
    """how times are written: a format of strptime such as %d/%m/%Y; s, ms, us or ns for integers since 1970;
    number for plain integers. If absent, found from the times"""
    label_column: str = "label"
    """column of labels, 0 or 1 (anomaly), or normal and anomaly, if the table has it; they measure the
    detector, never train it"""
    labels: Path | None = None
    """JSON file of anomalous windows, in the format of NAB: {"folder/file.csv": [[first time, last time],
    …]}; if absent, only --label-column is read"""
    smoothing: int = 5
    """number of rows over which errors are averaged before they are judged"""
    history: int = 8000
    """number of earlier rows whose errors a new error is compared with"""
    repeat: int = 10
    """streaming: number of rows after an anomaly in which only a higher score is another anomaly"""
    threshold: float = 5.0
    """streaming: lowest score of an anomaly, in decades; 5 is reached by at most one row in 100,000 if errors
    are normally distributed, by more if their tails are heavier"""
    ratio: float = 2.0
    """quantile method: lowest score of an anomaly, as a multiple of the error that 99 % of normal rows do not
    exceed"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        for name, least in (("window", 2), ("stride", 1), ("smoothing", 1), ("history", 50), ("repeat", 0)):
            value = getattr(self, name)
            require(flag(name), least <= value <= 10**6, f"an int in [{least}, 1e6]", value)
        require("--threshold", self.threshold >= 0, "in [0, inf)", self.threshold)
        require("--ratio", self.ratio >= 1, "in [1, inf)", self.ratio)
        rising = all(a < b for a, b in pairwise(self.horizons)) and self.horizons[:1] == (1,)
        rule = "1 and then rising numbers of rows, at most 10,000"
        require("--horizons", rising and self.horizons[-1] <= 10**4, rule, self.horizons)

    @property
    def ahead(self) -> tuple[int, ...]:
        """Rows ahead that the model expects; an autoencoder reconstructs the row itself."""
        return self.horizons if self.lagged else (1,)

    @property
    def lagged(self) -> bool:
        """Whether the model reads the row before the one that it expects, as a forecaster does."""
        return self.model == "forecaster"
