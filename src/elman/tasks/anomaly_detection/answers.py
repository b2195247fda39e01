"""Anomalies that a trained detector finds, and the figures that measure it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from elman.anomalies.anomalies import Analysis, figures
from elman.anomalies.detector import DetectorStream, answer_lines
from elman.anomalies.expectation import reconstructions
from elman.anomalies.follow import Reader, follow
from elman.anomalies.gaps import comparable
from elman.anomalies.likelihood import Likelihood, likelihood_scores
from elman.baselines.windowed_gaussian import windowed_gaussian
from elman.data.batches.windows import Windows
from elman.data.channels.channels import Channels, filled, load_channels
from elman.data.read.rows import RowParser
from elman.models.autoencoder import Autoencoder
from elman.models.framewise import Framewise
from elman.pictures.anomalies import draw_anomalies
from elman.tasks.anomaly_detection.data import (
    CHANNELS,
    ChannelData,
    ColumnFacts,
    clock_of,
    only_path,
    prepare,
    read_alike,
    time_column,
    times_read,
    window_length,
    windows,
)
from elman.tasks.anomaly_detection.options import AnomalyDetectionConfig
from elman.tasks.anomaly_detection.tables import AnalysisTables, StreamedRows
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.table import behind_lines, table_lines

_PICTURE = "anomalies.png"


class AnomalyAnswers(TaskAnswers):
    """Analyses of series, whole or row by row, and figures of the detected anomalies."""

    config: AnomalyDetectionConfig
    facts: ColumnFacts
    model: Framewise | Autoencoder

    def analyse(self, series: Sequence[Channels]) -> list[Analysis]:
        """Computes expected values, errors and scores of each series."""
        analyses = []
        for each in series:
            seen = self.facts.scaled(each.values)
            reread = None
            if isinstance(self.model, Autoencoder):
                past, whole = reconstructions(self.model, prepare(self.config, self.facts, each)[0])
            else:  # row by row as a stream does, so that the answers are the same to the last digit
                past = whole = self._followed(each, seen)
                seen[0] = np.nan  # nothing was read before
                reread = partial(self._reread, each)
            analyses.append(replace(self._analysis(each, whole, seen - past, seen - whole), reread=reread))
        return analyses

    def _followed(self, series: Channels, seen: np.ndarray) -> np.ndarray:
        """Returns what a forecaster expects in each row [N, D], scaled, if it reads ``seen`` [N, D]."""
        return follow(self._reader(), seen, times_read(self.config, self.facts, series), lagged=True)

    def _reread(self, series: Channels, marked: np.ndarray) -> np.ndarray:
        """Returns a forecaster's errors [N, D] if the marked values [N, D] are missing to it."""
        seen = self.facts.scaled(series.values)
        errors: np.ndarray = seen - self._followed(series, np.where(marked, np.nan, seen))
        return errors

    def analyse_file(self, path: Path) -> list[Analysis]:
        """Reads a table and analyses it; see ``analyse``."""
        return self.analyse(read_alike(self.config, self.facts, path))

    def _analysis(
        self, series: Channels, expected: np.ndarray, past: np.ndarray, whole: np.ndarray
    ) -> Analysis:
        """Computes scores and ranges from errors.

        Args:
            series: the observed values.
            expected: [N, D] expected values, scaled.
            past: [N, D] errors of the values expected from the past alone, scaled.
            whole: [N, D] errors of the values expected from the whole series, scaled.
        """
        config = self.config
        scores, blamed = likelihood_scores(comparable(past, series.values), self._likelihood())
        return Analysis(
            series,
            self.facts.columns,
            self.facts.unscaled(expected),
            comparable(whole, series.values),
            scores,
            blamed,
            config.threshold,
            config.smoothing,
            config.history,
        )

    def _reader(self) -> Reader:
        return self.model.eval().cpu().stream()  # no device is faster at one row per step

    def _likelihood(self) -> Likelihood:
        config = self.config
        return Likelihood(len(self.facts.columns), config.smoothing, config.history, config.repeat)

    def stream(self) -> DetectorStream:
        """Returns the detector as an object that reads one row at a time."""
        return DetectorStream(
            self._reader(),
            self._likelihood(),
            np.array(self.facts.mean),
            np.array(self.facts.scale),
            calendar=self.config.calendar,
            clock=clock_of(self.config, self.facts),
            lagged=self.config.lagged,
            threshold=self.config.threshold,
        )

    def answer_lines(self, lines: Iterable[bytes], on_bad_line: Callable[[str], None]) -> StreamedRows:
        """Yields an answer to each line of a table; see ``AnomalyDetector.detect_lines``."""
        config, facts = self.config, self.facts
        parser = RowParser(
            facts.columns,
            config.id_column if facts.names else None,
            time_column(config, facts),
            config.reading.as_trained(facts.decimal),
            facts.time_parts,
        )
        return self.tables.streamed(answer_lines(lines, parser, self.stream, on_bad_line), parser)

    @property
    def tables(self) -> AnalysisTables:
        """Formats analyses as rows of cells."""
        return AnalysisTables(self.config, self.facts)

    def draw(self, analyses: Sequence[Analysis], method: str, path: Path) -> None:
        """Draws the series with the highest score; see ``draw_anomalies``."""
        trained = [self._trained_rows(each.series) for each in analyses]
        draw_anomalies(analyses, method, path, trained, clock_of(self.config, self.facts))

    def _trained_rows(self, series: Channels) -> int:
        """Returns how many rows the series begins with that the run was trained on."""
        if self.folder is None or not (self.folder / CHANNELS).exists():
            return 0
        own, cuts = load_channels(self.folder / CHANNELS, len(self.facts.columns))
        for each, (end, _) in zip(own, cuts, strict=True):
            same = each.times[:end] == series.times[:end]
            if same and np.array_equal(each.values[:end], series.values[:end], equal_nan=True):
                return int(end)
        return 0

    def batches(self, paths: list[Path]) -> Windows:
        """Returns consecutive windows of another file's rows."""
        series = read_alike(self.config, self.facts, only_path(paths))
        ends = np.array([len(each) for each in series])
        length = window_length(self.config, ends)
        prepared = [prepare(self.config, self.facts, each) for each in series]
        result = windows(self.config, prepared, np.zeros_like(ends), ends, length, length)
        assert result is not None  # a table has a row
        return result

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the detector on all rows of another file."""
        analyses = self.analyse(read_alike(self.config, self.facts, only_path(paths), with_labels=True))
        return figures(analyses, [0] * len(analyses))

    def measure(self, data: ChannelData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures errors and detection of anomalies on the test part, also of simple methods."""
        analyses = self.analyse(data.series)
        if self.folder is not None:
            self.draw(analyses, "dynamic", self.folder / _PICTURE)
        begins = [int(stop) for _, stop in data.cuts]
        if all(begin == len(each) for begin, each in zip(begins, data.series, strict=True)):
            return {}
        return {"test": figures(analyses, begins), "baselines": self._baselines(data.series, begins)}

    def _baselines(self, series: Sequence[Channels], begins: Sequence[int]) -> dict[str, dict[str, float]]:
        """Measures methods that learn nothing, with the same scoring."""
        simple: dict[str, list[Analysis]] = {"previous value": [], "training mean": []}
        gaussian = []
        for each in series:
            seen = self.facts.scaled(each.values)
            before = np.roll(filled(seen), 1, axis=0)
            before[0] = seen[0]
            for name, expected in (("previous value", before), ("training mean", np.zeros_like(seen))):
                simple[name].append(self._analysis(each, expected, seen - expected, seen - expected))
            tails = np.stack([windowed_gaussian(column) for column in each.values.T], axis=1)
            gaussian.append(replace(simple["training mean"][-1], scores=tails.max(1), blamed=tails.argmax(1)))
        results = {name: figures(analyses, begins) for name, analyses in simple.items()}
        if any(each.labels is not None for each in series):
            results["windowed Gaussian"] = figures(gaussian, begins, "likelihood")
        return results

    def excerpt(self, batches: Windows) -> Excerpt:
        """Returns the first batch with the names of the columns; a forecaster reads them one row late."""
        late = ", 1 before" if self.config.lagged else ""
        names = tuple(f"{column}{late}" for column in self.facts.columns)
        return Excerpt(next(iter(batches.epoch(0))), features=names)

    def report(self, results: dict[str, Any]) -> str:
        """Returns the figures of the test part, with those of simple methods."""
        if "test" not in results:
            return "trained on all rows; no test part"
        keys = [key for key in results["test"] if key != "rows"]
        rows = {
            name: [f"{row[key]:.4g}" if key in row else "" for key in keys]
            for name, row in {**results["baselines"], "this model": results["test"]}.items()
        }
        heads = [f"{key.replace('_', ' '):>15}" for key in keys]
        lines = table_lines("on the test part", heads, rows)
        test, simple = results["test"], results["baselines"]
        lines += behind_lines(test, simple, {"error": "error"}, higher_is_better=False)
        better = {"f1": "F1 of rows", "range_f1": "F1 of ranges", "nab": "NAB"}
        lines += behind_lines(test, simple, better, higher_is_better=True)
        lines.append(
            "error: root mean squared, in the columns' standard deviations; ranges: the detected ones"
        )
        return "\n".join(lines)
