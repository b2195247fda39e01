"""Anomaly detection: rows of numbers over time that are not as the rows before them let expect."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import tyro

from elman.config import flag, require
from elman.errors import InputError
from elman.pictures.base import check_picture
from elman.tasks.shared.answers import Sample
from elman.tasks.shared.data import Parts
from elman.tasks.shared.options import TaskConfig, Verb
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.table import csv_line
from elman.tasks.shared.task import Task

if TYPE_CHECKING:
    from elman.anomalies.anomalies import Analysis, Anomaly
    from elman.anomalies.detector import Answer, DetectorStream
    from elman.anomalies.likelihood import Likelihood
    from elman.data.batches.windows import Windows
    from elman.data.channels.channels import Channels, ChannelTable
    from elman.data.read.rows import RowParser
    from elman.models.autoencoder import Autoencoder
    from elman.models.framewise import Framewise
    from elman.train.loop import Reading

_DATA = "channels.npz"
_PICTURE = "anomalies.png"
_DIGITS = 6  # significant ones of an expected or seen number in CSV


@dataclass(frozen=True, kw_only=True)
class AnomalyDetectionConfig(TaskConfig):
    """Trains a detector of anomalies in one or many columns of numbers over time.

    Reads a table with one row a step (.csv, .tsv, .jsonl, .parquet). What it is trained on counts as normal.
    """

    model: Literal["forecaster", "autoencoder"] = "forecaster"
    """predicts each row from those before it, or reconstructs a window from one vector"""
    hidden_size: int = 64
    """units of each layer"""
    window: int = 100
    """rows of a training example, and those that an autoencoder reconstructs"""
    stride: int = 1
    """rows between the beginnings of two training examples"""
    calendar: Literal["none", "day", "week"] = "none"
    """the model also reads the time of day, or of day and week"""
    split: tuple[float, float, float] = (0.4, 0.1, 0.5)
    """shares of training, validation and test part, by position in each series; 1 0 0 trains on all"""
    id_column: str = "unique_id"
    """column that names a row's series, where there is one"""
    time_column: str = "timestamp"
    """column of a row's time, where there is one"""
    label_column: str = "label"
    """column of 0 and 1 (an anomaly), where there is one: only for measuring"""
    labels: Path | None = None
    """JSON of labelled windows, as NAB's: {"folder/file.csv": [[first time, last time], …]}"""
    smoothing: int = 5
    """rows over which an error is averaged before it is judged"""
    history: int = 8000
    """rows of errors that a new one is compared with"""
    repeat: int = 10
    """streaming: rows after an anomaly in which only a higher score counts"""
    threshold: float = 5.0
    """streaming: score from which a row is an anomaly; 5 is an error of one in 100,000"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        for name, least in (("window", 2), ("stride", 1), ("smoothing", 1), ("history", 50), ("repeat", 0)):
            value = getattr(self, name)
            require(flag(name), least <= value <= 10**6, f"an int in [{least}, 1e6]", value)
        require("--threshold", self.threshold >= 0, "in [0, inf)", self.threshold)


@dataclass(frozen=True, kw_only=True)
class Detect(Verb):
    """Prints the anomalies of a file, or of rows as they come, as CSV."""

    data: Annotated[Path | None, tyro.conf.Positional] = None
    """a table with the training table's columns; none with --stream"""
    method: Literal["dynamic", "likelihood"] = "dynamic"
    """dynamic: with the whole file at hand; likelihood: each row from the past alone, as --stream does"""
    scores: bool = False
    """score and expected values of every row, in place of the ranges"""
    plot: Path | None = None
    """picture to write (.png, .svg, .pdf), of the series with the highest score"""
    stream: bool = False
    """reads rows from standard input (CSV, or JSON objects) and answers each at once"""

    example: ClassVar[str] = "elman detect runs/anomaly-detection new.csv --plot anomalies.png"

    def __post_init__(self) -> None:
        """Checks what excludes what, and where the picture is to go."""
        if self.stream and (self.data is not None or self.plot is not None or self.scores):
            raise InputError("--stream reads standard input and goes with no file, --plot or --scores")
        if not self.stream and self.data is None:
            raise InputError("detect needs a file, or --stream")
        check_picture(self.plot)

    def text(self, task: "AnomalyDetector") -> Iterator[str]:
        """One line a range, or a row."""
        from elman.data.scale import written

        units = task.units
        name = [task.config.id_column] if task.facts["names"] else []
        if self.stream:
            head = csv_line([*name, task.time_name, "score", "anomaly"])
            parser = task.parser()
            for answer in self._answers(task, parser):
                if answer is None:
                    yield head
                elif parser.is_json:
                    yield json.dumps(self._object(task, answer)) + "\n"
                else:
                    yield csv_line(list(self._object(task, answer).values()))
        elif self.scores:
            expected = [f"expected_{column}" for column in task.facts["columns"]]
            analyses = self._analyses(task)  # nothing is printed before all is found to be usable
            yield csv_line([*name, task.time_name, "score", "anomaly", *expected])
            for each in analyses:
                own, flags = [each.series.name] if name else [], each.flags(self.method)
                for row, time in enumerate(each.series.times):
                    pairs = zip(each.expected[row], units.values(), strict=True)
                    values = (written(value, *unit, _DIGITS) for value, unit in pairs)
                    yield csv_line([*own, time, f"{each.scores[row]:.4g}", int(flags[row]), *values])
        else:
            analyses = self._analyses(task)
            yield csv_line([*name, "start", "end", "score", "column", "expected", "seen"])
            for each in analyses:
                own = [each.series.name] if name else []
                for found in each.anomalies(self.method):
                    reason = found.reasons[0]
                    unit = units[reason.column]
                    values = (written(v, *unit, _DIGITS) for v in (reason.expected, reason.seen))
                    yield csv_line(
                        [*own, found.start, found.end, f"{found.score:.4g}", reason.column, *values]
                    )

    def json(self, task: "AnomalyDetector") -> dict[str, Any]:
        """Ranges with all their reasons, or rows."""
        if self.stream:
            said = [
                self._object(task, each) for each in self._answers(task, task.parser()) if each is not None
            ]
            return {"rows": said}
        analyses = self._analyses(task)
        if not self.scores:
            return {
                "anomalies": [asdict(found) for each in analyses for found in each.anomalies(self.method)]
            }
        return {
            "columns": task.facts["columns"],
            "series": [
                {
                    "name": each.series.name,
                    "times": each.series.times,
                    "scores": each.scores.tolist(),
                    "anomalies": each.flags(self.method).tolist(),
                    "expected": each.expected.tolist(),
                }
                for each in analyses
            ],
        }

    def _analyses(self, task: "AnomalyDetector") -> list["Analysis"]:
        assert self.data is not None
        analyses = task.analyse_file(self.data)
        if self.plot is not None:
            from elman.pictures.anomalies import draw_anomalies

            draw_anomalies(analyses, self.method, self.plot)
        return analyses

    def _answers(self, task: "AnomalyDetector", parser: "RowParser") -> Iterator["Answer | None"]:
        from elman.anomalies.detector import answers

        def complain(message: str) -> None:
            print(f"elman: {message}", file=sys.stderr)

        return answers(sys.stdin.buffer, parser, task.stream, complain)

    def _object(self, task: "AnomalyDetector", answer: "Answer") -> dict[str, Any]:
        """An answer by name, in the order of the cells."""
        name = {task.config.id_column: answer.name} if task.facts["names"] else {}
        score = None if answer.score is None else float(f"{answer.score:.4g}")
        flagged = None if answer.anomaly is None else int(answer.anomaly)
        return {**name, task.time_name: answer.time, "score": score, "anomaly": flagged}


class AnomalyDetector(Task):
    """Ranges of rows that are not as the rows before them let expect, scored offline or row by row.

    A forecaster predicts each row from those before it, an autoencoder reconstructs windows; both learn what
    is normal from the training part, under squared error. Errors become ranges by a dynamic threshold
    (Hundman et al. 2018, arXiv:1802.04431) or, from the past alone, by their likelihood (Ahmad et al. 2017).

    Args:
        **options: fields of ``AnomalyDetectionConfig`` (``elman train anomaly-detection --help`` explains).

    Shapes:
        X [N, D], or [N] of one column; NaN is missing. A list of arrays, tensors, columns or frames holds a
        series in each; a list of numbers, or of lists, is one series of rows. Of a frame (polars, pandas) the
        columns go by their names, those of the options ``id_column``, ``time_column`` and ``label_column``
        included, as in a file.

    Raises:
        InputError: an option out of its range.
    """

    Config = AnomalyDetectionConfig
    verb = Detect
    example = "elman train anomaly-detection table.csv --out runs/anomaly-detection --epochs 30"

    def fit(
        self,
        X: Any,
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on all rows given, as normal ones: ``split`` is for files.

        Args:
            X: one series or several.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Raises:
            InputError: shapes do not fit, or a value is infinite.
        """
        table = self._from_memory(X)
        whole = np.array([(len(each), len(each)) for each in table.series])
        return self._fit(lambda folder: self._learn(table, whole, folder), out, overwrite, show_progress)

    def detect(self, X: Any, method: Literal["dynamic", "likelihood"] = "dynamic") -> "list[Anomaly]":
        """Anomalies of one series or several, in order.

        Args:
            X: as for ``fit``, with the columns that the detector was trained on.
            method: dynamic, with the whole series at hand; likelihood, each row from the past alone.
        """
        return [found for each in self.analyse(X) for found in each.anomalies(method)]

    def scores(self, X: Any) -> np.ndarray:
        """The streaming score of each row [N] of one series, in decades: 5 is one in 100,000."""
        analyses = self.analyse(X)
        if len(analyses) != 1:
            raise InputError(f"X must be one series. Got {len(analyses)}; analyse takes several.")
        return analyses[0].scores

    def analyse(self, X: Any) -> "list[Analysis]":
        """All that the detector makes of one series or several: expected values, errors, scores."""
        self._fitted()
        return self._analyses(self._from_memory(X, self.facts["columns"]).series)

    def analyse_file(self, path: str | Path) -> "list[Analysis]":
        """``analyse`` for a table."""
        self._fitted()
        return self._analyses(self._read_alike(Path(path)))

    def stream(self) -> "DetectorStream":
        """The detector as an object that reads one row at a time, by ``push(values, time)``."""
        from elman.anomalies.detector import DetectorStream

        model: Any = self._fitted().cpu()  # at one row a step no device is faster
        return DetectorStream(
            model.stream(),
            self._likelihood(),
            self._fact("mean"),
            self._fact("scale"),
            calendar=self.config.calendar,
            lagged=self._lagged,
            threshold=self.config.threshold,
        )

    def parser(self) -> "RowParser":
        """Reads lines of rows such as the training table's."""
        from elman.data.read.rows import RowParser

        self._fitted()
        name = self.config.id_column if self.facts["names"] else None
        return RowParser(
            self.facts["columns"], name, self.config.time_column if self.facts["times"] else None
        )

    @property
    def units(self) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation of each column."""
        facts = self.facts
        return dict(zip(facts["columns"], zip(facts["mean"], facts["scale"], strict=True), strict=True))

    @property
    def time_name(self) -> str:
        """Of the time in answers: the time column, or ``row`` where there is none."""
        return self.config.time_column if self.facts["times"] else "row"

    # Data

    def read(self, data: list[Path], folder: Path | None) -> None:
        """Reads one table, cuts each series by position, learns scales from the training parts."""
        from elman.data.split import split_points

        path = _only(data)
        table = self._read(path, with_labels=True)
        cuts = np.array(
            [
                split_points(
                    len(each), self.config.split, "rows", f"{path}: {each.name}" if each.name else str(path)
                )
                for each in table.series
            ]
        )
        self._learn(table, cuts, folder, str(path))

    def _read(self, path: Path, with_labels: bool) -> "ChannelTable":
        """A table; its labels also from the file of windows, where one is named."""
        from elman.data.channels.channels import read_channels
        from elman.data.channels.labels import labelled, windows_of

        config = self.config
        table = read_channels(path, **self._special)
        if config.labels is None or not with_labels:
            return table
        windows = windows_of(config.labels, path)
        series = [labelled(each, windows, str(config.labels)) for each in table.series]
        return replace(table, series=series)

    def _from_memory(self, X: Any, columns: Sequence[str] | None = None) -> "ChannelTable":
        from elman.data.channels.channels import channels_from_memory

        return channels_from_memory(X, columns, **self._special)

    @property
    def _special(self) -> dict[str, str]:
        """The columns that hold no channel."""
        config = self.config
        return {name: getattr(config, name) for name in ("id_column", "time_column", "label_column")}

    def _read_alike(self, path: Path, with_labels: bool = False) -> "list[Channels]":
        """Reads a file with the columns that the model was trained on."""
        table = self._read(path, with_labels)
        wanted = self._header(self.facts["names"], self.facts["times"], self.facts["columns"])
        found = self._header(table.has_names, table.has_times, table.columns)
        if sorted(found) != sorted(wanted):
            raise InputError(f"{path}: columns must be {', '.join(wanted)}. Got {', '.join(found)}.")
        return table.ordered(self.facts["columns"], str(path))

    def _header(self, has_names: bool, has_times: bool, columns: list[str]) -> list[str]:
        names = [self.config.id_column] * has_names + [self.config.time_column] * has_times
        return names + columns

    def _learn(self, table: "ChannelTable", cuts: np.ndarray, folder: Path | None, source: str = "X") -> None:
        """Facts and scales from the training parts; series kept, in the run folder where there is one."""
        from elman.data.channels.channels import save_channels
        from elman.data.scale import standard

        self._series, self._cuts = table.series, cuts
        training = [each.values[:end] for each, (end, _) in zip(table.series, cuts, strict=True)]
        for column, values in zip(table.columns, np.concatenate(training).T, strict=True):
            if np.isnan(values).all():
                raise InputError(f"{source}: column {column!r} has no number in the training part")
        mean, scale = standard(np.concatenate(training))
        self.facts = {
            "columns": table.columns,
            "names": table.has_names,
            "times": table.has_times,
            "mean": mean,
            "scale": scale,
        }
        if folder is not None:
            save_channels(folder / _DATA, table.series, cuts)

    def reopen(self, folder: Path) -> None:
        """Reads the series and their cuts again."""
        from elman.data.channels.channels import load_channels

        self._series, self._cuts = load_channels(folder / _DATA, len(self.facts["columns"]))

    def parts(self) -> Parts:
        """Windows of the training and validation parts."""
        prepared = [self._prepared(each) for each in self._series]
        length = max(2, min(self.config.window, int(self._cuts[:, 0].max())))
        ends, stops = self._cuts.T
        return Parts(
            self._windows(prepared, np.zeros_like(ends), ends, length, self.config.stride, self.config.seed),  # type: ignore[arg-type]
            self._windows(prepared, ends, stops, length, length),
        )

    def _windows(
        self,
        prepared: "Sequence[tuple[np.ndarray, np.ndarray]]",
        begins: np.ndarray,
        ends: np.ndarray,
        length: int,
        stride: int,
        seed: int | None = None,
    ) -> "Windows | None":
        """Windows of the rows from ``begins`` to ``ends`` of each series; None where there are no rows."""
        from elman.data.batches.windows import Windows

        pieces = [
            (inputs[begin:end], targets[begin:end])
            for (inputs, targets), begin, end in zip(prepared, begins, ends, strict=True)
            if end > begin
        ]
        if not pieces:
            return None
        x, y = zip(*pieces, strict=True)
        return Windows(x, y, length=length, stride=stride, batch_size=self.config.batch_size, seed=seed)

    def _prepared(self, series: "Channels") -> tuple[np.ndarray, np.ndarray]:
        """What the model reads at each row [N, I], and what is to be expected [N, D], NaN where unknown."""
        from elman.data.channels.calendar import calendar
        from elman.data.channels.channels import filled
        from elman.data.scale import scaled

        seen = scaled(series.values, self._fact("mean"), self._fact("scale"))
        read, targets = filled(seen), seen
        if self._lagged:  # the row before; nothing foretells the first
            read, targets = np.roll(read, 1, axis=0), seen.copy()
            read[0], targets[0] = 0, np.nan
        features = calendar(series.times, self.config.calendar, series.name or "the times")
        return np.concatenate([read, features], axis=1), targets

    def _fact(self, name: str) -> np.ndarray:
        return np.asarray(self.facts[name], dtype=np.float64)

    # The model

    @property
    def _lagged(self) -> bool:
        return bool(self.config.model == "forecaster")

    def build(self) -> "Framewise | Autoencoder":
        """Layer and head; an encoder before them where windows are reconstructed."""
        from elman.data.channels.calendar import CALENDARS
        from elman.heads.squared_error import SquaredError
        from elman.models.autoencoder import Autoencoder
        from elman.models.framewise import Framewise

        layer = self.layer(len(self.facts["columns"]) + CALENDARS[self.config.calendar])
        head = SquaredError(layer.output_size, len(self.facts["columns"]))
        if self._lagged:
            return Framewise(layer, head, self.config.dropout)
        return Autoencoder(layer, self.layer(layer.output_size), head, self.config.window)

    def reading(self) -> "Reading":
        """Mean squared error, in the columns' variances."""
        from elman.train.loop import Reading

        return Reading("squared error", 1.0, "values")

    def _likelihood(self) -> "Likelihood":
        from elman.anomalies.likelihood import Likelihood

        config = self.config
        return Likelihood(len(self.facts["columns"]), config.smoothing, config.history, config.repeat)

    def _analyses(self, series: "Sequence[Channels]") -> "list[Analysis]":
        from elman.anomalies.expectation import forecasts, reconstructions

        model: Any = self._fitted()
        found = []
        for each in series:
            inputs, targets = self._prepared(each)
            if self._lagged:
                past = whole = forecasts(model, inputs)
            else:
                past, whole = reconstructions(model, inputs)
            found.append(self._analysis(each, whole, targets - past, targets - whole))
        return found

    def _analysis(
        self, series: "Channels", expected: np.ndarray, past: np.ndarray, whole: np.ndarray
    ) -> "Analysis":
        """What follows from the errors, given those from the past alone and those with the whole at hand."""
        from elman.anomalies.anomalies import Analysis
        from elman.anomalies.likelihood import likelihood_scores

        scores, blamed = likelihood_scores(past, self._likelihood())
        config = self.config
        return Analysis(
            series,
            self.facts["columns"],
            expected * self._fact("scale") + self._fact("mean"),
            whole,
            scores,
            blamed,
            config.threshold,
            config.smoothing,
            config.history,
        )

    # Figures

    def measure(self, parts: Parts) -> dict[str, Any]:
        """Errors on the test part beside simple methods', and how well labelled anomalies are found."""
        from elman.anomalies.anomalies import figures
        from elman.pictures.anomalies import draw_anomalies

        analyses = self._analyses(self._series)
        if self.folder is not None:
            draw_anomalies(analyses, "dynamic", self.folder / _PICTURE)
        begins = [int(stop) for _, stop in self._cuts]
        if all(begin == len(each) for begin, each in zip(begins, self._series, strict=True)):
            return {}
        return {"test": figures(analyses, begins), "baselines": self._baselines(begins)}

    def _baselines(self, begins: Sequence[int]) -> dict[str, dict[str, float]]:
        """The figures of methods that learn nothing, through the same scoring."""
        from elman.anomalies.anomalies import figures
        from elman.baselines.windowed_gaussian import windowed_gaussian
        from elman.data.channels.channels import filled
        from elman.data.scale import scaled

        simple: dict[str, list[Analysis]] = {"previous value": [], "training mean": []}
        gaussian = []
        for each in self._series:
            seen = scaled(each.values, self._fact("mean"), self._fact("scale"))
            before = np.roll(filled(seen), 1, axis=0)
            before[0] = seen[0]
            for name, expected in (("previous value", before), ("training mean", np.zeros_like(seen))):
                simple[name].append(self._analysis(each, expected, seen - expected, seen - expected))
            tails = np.stack([windowed_gaussian(column) for column in each.values.T], axis=1)
            gaussian.append(replace(simple["training mean"][-1], scores=tails.max(1), blamed=tails.argmax(1)))
        found = {name: figures(each, begins) for name, each in simple.items()}
        if any(each.labels is not None for each in self._series):
            found["windowed Gaussian"] = figures(gaussian, begins, "likelihood")
        return found

    def evaluate(self, data: Paths) -> dict[str, Any]:
        """The test part's figures for all rows of another file."""
        from elman.anomalies.anomalies import figures

        self._fitted()
        analyses = self._analyses(self._read_alike(_only(as_paths(data)), with_labels=True))
        return figures(analyses, [0] * len(analyses))

    def other_batches(self, data: list[Path]) -> "Windows":
        """Windows of another file's rows, one after another."""
        self._fitted()
        series = self._read_alike(_only(data))
        ends = np.array([len(each) for each in series])
        length = max(2, min(self.config.window, int(ends.max())))
        prepared = [self._prepared(each) for each in series]
        found = self._windows(prepared, np.zeros_like(ends), ends, length, length)
        assert found is not None  # a table has a row
        return found

    def as_sample(self, batch: Any) -> Sample:
        """The columns by name; a forecaster reads them one row late."""
        late = ", 1 before" if self._lagged else ""
        return Sample(batch, features=tuple(f"{column}{late}" for column in self.facts["columns"]))

    def report(self) -> str:
        """The test part's figures beside the simple methods'."""
        if "test" not in self.results:
            return "trained on all rows; no test part"
        rows = {**self.results["baselines"], "this model": self.results["test"]}
        shown = [key for key in self.results["test"] if key != "rows"]
        width = max(map(len, rows))
        head = "  ".join(f"{key.replace('_', ' '):>15}" for key in shown)
        lines = [f"{'on the test part':<{width}}  {head}"]
        for name, row in rows.items():
            cells = (f"{row[key]:>15.4g}" if key in row else f"{'':>15}" for key in shown)
            lines.append(f"{name:<{width}}  {'  '.join(cells)}")
        lines.append("error: root mean squared, in the columns' standard deviations; ranges: those found")
        return "\n".join(lines)

    def check_facts(self, source: str) -> None:
        """Names and scales of the columns; what else the table had."""
        from elman.data.scale import check_scale

        columns: Any = self.facts.get("columns")
        ok = isinstance(columns, list) and 1 <= len(columns) <= 10**5
        if not (ok and all(isinstance(name, str) for name in columns)):
            raise InputError(f"{source}: facts: columns must be a list of names")
        for key in ("names", "times"):
            if type(self.facts.get(key)) is not bool:
                raise InputError(f"{source}: facts: {key} must be true or false")
        for key in ("mean", "scale"):
            check_scale(self.facts, key, len(columns), source)


def _only(paths: Sequence[Path]) -> Path:
    if len(paths) != 1:
        raise InputError(f"anomaly-detection reads one file. Got {len(paths)}.")
    return paths[0]
