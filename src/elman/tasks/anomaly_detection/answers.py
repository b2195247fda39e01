"""Anomalies that a trained detector finds, and the figures that measure it."""

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from elman.anomalies.anomalies import Analysis, detection_figures, figures, nab_figure
from elman.anomalies.detector import DetectorStream, answer_lines
from elman.anomalies.expectation import reconstructions
from elman.anomalies.follow import Reader, follow
from elman.anomalies.gaps import comparable
from elman.anomalies.likelihood import FEWEST, Likelihood, likelihood_scores
from elman.anomalies.usual import Lasting, Usual
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
from elman.tasks.anomaly_detection.report import EVERYTHING, FOREST, GAUSSIAN, report_lines
from elman.tasks.anomaly_detection.tables import AnalysisTables, StreamedRows
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts

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
                ahead = past[:, None]
            else:  # row by row as a stream does, so that the answers are the same to the last digit
                ahead = self._followed(each, seen)
                past = whole = ahead[:, 0]
                reread = partial(self._reread, each)
            errors = _over_horizons(seen, ahead, self.config.ahead)
            if self.config.lagged:
                seen[0] = np.nan  # nothing was read before
            usual = self.facts.usual
            analyses.append(
                replace(
                    self._analysis(each, whole, seen - past, seen - whole),
                    reread=reread,
                    lasting=None if usual is None else Lasting(errors, usual),
                )
            )
        return analyses

    def learn_usual(self, data: ChannelData) -> Usual:
        """Learns what errors reach in the training and validation parts; see ``Usual``."""
        training, validation = [], []
        for each, (end, stop) in zip(data.series, data.cuts, strict=True):
            seen = self.facts.scaled(each.values)[:stop]
            if isinstance(self.model, Autoencoder):
                inputs = prepare(self.config, self.facts, each)[0][:stop]
                ahead = reconstructions(self.model, inputs)[0][:, None]
            else:
                ahead = self._followed(each, seen)
            errors = _over_horizons(seen, ahead, self.config.ahead).reshape(stop, -1)
            training.append(errors[:end])
            validation.append(errors[end:])
        columns, config = len(self.facts.columns), self.config
        return Usual.fit(
            training,
            validation,
            horizons=np.repeat([*config.ahead, 1], columns).tolist(),
            shortest=config.smoothing,
            threshold=config.ratio,
        )

    def _followed(self, series: Channels, seen: np.ndarray) -> np.ndarray:
        """Returns what a forecaster expects over each horizon [N, H, D], scaled, if it reads ``seen`` [N, D].

        ``seen`` may be the first rows alone.
        """
        times = times_read(self.config, self.facts, series)[: len(seen)]
        return follow(self._reader(), seen, times, lagged=True, horizons=self.config.ahead)

    def _reread(self, series: Channels, marked: np.ndarray) -> np.ndarray:
        """Returns a forecaster's errors [N, D] if the marked values [N, D] are missing to it."""
        seen = self.facts.scaled(series.values)
        errors: np.ndarray = seen - self._followed(series, np.where(marked, np.nan, seen))[:, 0]
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
            ratio=config.ratio,
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
            horizons=self.config.ahead,
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
            self.draw(analyses, "auto", self.folder / _PICTURE)
        begins = [int(stop) for _, stop in data.cuts]
        if all(begin == len(each) for begin, each in zip(begins, data.series, strict=True)):
            return {}
        results = {"test": figures(analyses, begins), "baselines": self._baselines(data, begins)}
        alone = self._alone(analyses, begins)
        return results | ({"alone": alone} if alone else {})

    def _alone(self, analyses: Sequence[Analysis], begins: Sequence[int]) -> dict[str, dict[str, float]]:
        """Measures the two parts of a detector that judges by usual errors, each without the other."""
        labelled = all(one.series.labels is not None for one in analyses)
        if not labelled or any(one.chosen("auto") != "quantile" for one in analyses):
            return {}
        columns = len(self.facts.columns)
        is_mean = np.arange((len(self.config.ahead) + 1) * columns) >= len(self.config.ahead) * columns
        parts = {"the training mean alone": is_mean, "the network alone": ~is_mean}
        return {
            name: figures([one.of_errors(used) for one in analyses], begins, "quantile")
            for name, used in parts.items()
        }

    def _baselines(self, data: ChannelData, begins: Sequence[int]) -> dict[str, dict[str, float]]:
        """Measures methods that learn nothing, with the same scoring; with labels also simple detectors."""
        series, results = data.series, {}
        for name in ("previous value", "training mean"):
            analyses = []
            for each in series:
                seen = self.facts.scaled(each.values)
                expected = np.zeros_like(seen)
                if name == "previous value":
                    expected = np.roll(filled(seen), 1, axis=0)
                    expected[0] = seen[0]
                analyses.append(self._analysis(each, expected, seen - expected, seen - expected))
            results[name] = figures(analyses, begins, "dynamic")
        if any(each.labels is None for each in series):
            return results
        for name, (threshold, scores) in self._detectors(data).items():
            parts = [(one, one >= threshold) for one in scores]
            results[name] = detection_figures(series, begins, parts)
            if name == GAUSSIAN:
                results[name] |= nab_figure(series, begins, scores, threshold)
        return results

    def _detectors(self, data: ChannelData) -> dict[str, tuple[float, list[np.ndarray]]]:
        """Returns threshold and scores of each series of simple detectors, by name."""
        series = data.series
        gaussian = [
            np.max([windowed_gaussian(column) for column in each.values.T], axis=0) for each in series
        ]
        results = {
            EVERYTHING: (1.0, [np.ones(len(each)) for each in series]),
            GAUSSIAN: (self.config.threshold, gaussian),
        }
        try:
            forest = importlib.import_module("elman.baselines.isolation_forest")
        except ImportError:  # the report says how to install scikit-learn
            return results
        training = np.concatenate(
            [each.values[:end] for each, (end, _) in zip(series, data.cuts, strict=True)]
        )
        scores = [forest.isolation_forest(training, each.values, self.config.seed) for each in series]
        return results | {FOREST: (forest.ISOLATION_THRESHOLD, scores)}

    def excerpt(self, batches: Windows) -> Excerpt:
        """Returns the first batch with the names of the columns; a forecaster reads them one row late."""
        late = ", 1 before" if self.config.lagged else ""
        names = tuple(f"{column}{late}" for column in self.facts.columns)
        return Excerpt(next(iter(batches.epoch(0))), features=names)

    def report(self, results: dict[str, Any]) -> str:
        """Returns whether the detector is worth using, and its figures beside those of simple methods."""
        return "\n".join(report_lines(results))


def _over_horizons(seen: np.ndarray, ahead: np.ndarray, horizons: Sequence[int]) -> np.ndarray:
    """Returns the errors over each horizon and, last, over the longest: from the training mean [N, H + 1, D].

    Expectations made in the first 30 rows are left out: the model's state is not yet reliable.

    Args:
        seen: [N, D] scaled values.
        ahead: [N, H, D] expected values, scaled.
        horizons: H of them.
    """
    errors = np.concatenate([seen[:, None] - ahead, seen[:, None]], axis=1).astype(np.float64)
    for place, horizon in enumerate(horizons):
        errors[: FEWEST + horizon - 1, place] = np.nan
    return errors
