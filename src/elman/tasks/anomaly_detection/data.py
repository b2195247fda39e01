"""Columns of numbers over time, cut into parts and scaled for the model."""

import os
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from elman.anomalies.usual import Usual
from elman.config import from_json, listed, require, to_json
from elman.data.batches.windows import Windows
from elman.data.channels.calendar import Clock, calendar
from elman.data.channels.channels import (
    Channels,
    ChannelTable,
    Roles,
    channels_from_memory,
    filled,
    load_channels,
    read_channels,
    save_channels,
)
from elman.data.channels.columns import label_columns, read_line
from elman.data.channels.labels import labelled, windows_of
from elman.data.scale import check_numbers, scaled, standard
from elman.data.series.time_forms import form_of_text
from elman.data.split import split_points
from elman.errors import InputError, spelled
from elman.notice import notice
from elman.tasks.anomaly_detection.options import AnomalyDetectionConfig
from elman.tasks.shared.arrays import reading_arrays, save_arrays
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.start import begun
from elman.train import files

CHANNELS = "channels.npz"
"""File of the series in the run folder."""
USUAL = "usual.safetensors"
"""File of what errors reach in normal rows."""
_MOST_COLUMNS = 10**5


@dataclass(frozen=True)
class ColumnFacts(TaskFacts):
    """The columns of the training table and their scales.

    Attributes:
        columns: names of the D columns of numbers.
        names: whether a column names the series of each row.
        times: whether a column holds the time of each row.
        mean: [D] mean of each column in the training part.
        scale: [D] standard deviation of each column in the training part.
        time_column: name of the column of times, if it is not that of the options.
        time_parts: the columns that it is joined from.
        time_form: how times are written, see ``TimeForm``; empty: unknown, as in older runs.
        decimal: decimal mark of numbers; empty: each file shows its own, as in older runs.
        usual: what errors reach in normal rows, in a file of its own; None until they are known, and in older
            runs.
    """

    columns: tuple[str, ...]
    names: bool
    times: bool
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    time_column: str = ""
    time_parts: tuple[str, ...] = ()
    time_form: str = ""
    decimal: Literal["", ".", ","] = ""
    usual: Usual | None = None

    def __post_init__(self) -> None:
        """Checks that every column has a scale."""
        count = len(self.columns)
        require("columns", 1 <= count <= _MOST_COLUMNS, f"1 to {_MOST_COLUMNS} names", count)
        check_numbers("mean", self.mean, count)
        check_numbers("scale", self.scale, count)
        known = not self.time_form or form_of_text(self.time_form) is not None
        require("time_form", known, "a form of times", self.time_form)

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes what errors usually reach; returns the rest."""
        self.save_fitted(folder)
        content = to_json(replace(self, usual=None))
        del content["usual"]
        return content

    def save_fitted(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes what errors usually reach, if it is known."""
        if self.usual is not None:
            save_arrays(folder / USUAL, self.usual.arrays(), check)

    @classmethod
    def load(cls, content: dict[str, Any], config: AnomalyDetectionConfig, folder: Path) -> Self:
        """Reads the facts, and what errors usually reach if the run has it."""
        if "usual" in content:
            raise InputError(f"{folder / files.CONFIG}: facts: unknown key 'usual'")
        facts = from_json(cls, content, str(folder / files.CONFIG))
        path = folder / USUAL
        if not os.path.lexists(path):
            return facts
        with reading_arrays(path, "what errors of this run usually reach") as arrays:
            count = (len(config.ahead) + 1) * len(facts.columns)
            return replace(facts, usual=Usual.of(arrays, count))

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Converts values [..., D] to standard deviations from the mean, float32."""
        return scaled(values, np.array(self.mean), np.array(self.scale))

    def unscaled(self, values: np.ndarray) -> np.ndarray:
        """Converts values [..., D] back to the columns' units, float64."""
        result: np.ndarray = values * np.array(self.scale) + np.array(self.mean)
        return result


class ChannelData(TaskData):
    """One or more series, each cut by position into training, validation and test part.

    Attributes:
        series: at least one complete series.
        cuts: [series, 2] rows at which the training and the validation part of each series end.
    """

    config: AnomalyDetectionConfig
    facts: ColumnFacts

    def __init__(
        self,
        config: AnomalyDetectionConfig,
        facts: ColumnFacts,
        series: Sequence[Channels],
        cuts: np.ndarray,
    ) -> None:
        super().__init__(config, facts)
        self.series, self.cuts = series, cuts

    @classmethod
    def read(
        cls,
        config: AnomalyDetectionConfig,
        paths: list[Path],
        folder: Path | None,
        named: Collection[str] = (),
    ) -> Self:
        """Reads one table and cuts each of its series by ``split``."""
        path = only_path(paths)
        table = _read_table(config, path, True, _roles(config))
        cuts = [
            split_points(len(each), config.split, "rows", f"{path}: {each.name}" if each.name else str(path))
            for each in table.series
        ]
        return cls.of(config, table, np.array(cuts), folder, str(path), named)

    @classmethod
    def of(
        cls,
        config: AnomalyDetectionConfig,
        table: ChannelTable,
        cuts: np.ndarray,
        folder: Path | None,
        source: str = "X",
        named: Collection[str] = (),
    ) -> Self:
        """Learns the scales of the training parts; stores the series in the run folder.

        Args:
            config: the options.
            table: all series.
            cuts: see the class.
            folder: the run folder, or None.
            source: the file, for messages.
            named: options that the user named; a pretrained run may not change these.

        Raises:
            InputError: a column has no number in the training part.
        """
        config, start = begun(config, named)
        if start is not None:
            start.check(f"{source}: the columns", tuple(table.columns), start.task.facts.columns)
        pieces = [each.values[:end] for each, (end, _) in zip(table.series, cuts, strict=True)]
        training = np.concatenate(pieces)
        for column, values in zip(table.columns, training.T, strict=True):
            if np.isnan(values).all():
                raise InputError(f"{source}: column {column!r} has no number in the training part")
        _tell_columns(table, training, source)
        mean, scale = map(tuple, standard(training))
        facts = ColumnFacts(
            tuple(table.columns),
            table.has_names,
            table.has_times,
            mean,
            scale,
            table.time_column,
            table.time_parts,
            "" if table.form is None else str(table.form),
            table.decimal,  # type: ignore[arg-type]
        )
        if folder is not None:
            save_channels(folder / CHANNELS, table.series, cuts)
        data = cls(config, facts, table.series, cuts)
        if start is not None:
            data.start = start.weights()
        return data

    @classmethod
    def reopen(cls, config: AnomalyDetectionConfig, facts: ColumnFacts, folder: Path) -> Self:
        """Reads the series and their cuts from the run folder."""
        return cls(config, facts, *load_channels(folder / CHANNELS, len(facts.columns)))

    @property
    def amounts(self) -> dict[str, int]:
        """Series, rows and columns."""
        return {
            "series": len(self.series),
            "row": sum(map(len, self.series)),
            "column": self.series[0].values.shape[1],
        }

    def parts(self) -> Parts:
        """Returns windows of the training and validation parts; the test part is analysed as a whole."""
        config = self.config
        prepared = [prepare(config, self.facts, each) for each in self.series]
        ends, stops = self.cuts.T
        length = window_length(config, ends)
        training = windows(
            config, prepared, np.zeros_like(ends), ends, length, config.stride, seed=config.seed
        )
        assert training is not None  # every training part has rows
        return Parts(training, windows(config, prepared, ends, stops, length, length))


Prepared = tuple[np.ndarray, np.ndarray]
"""The model's input at each row of a series [N, I], and its targets [N, D]."""


def prepare(config: AnomalyDetectionConfig, facts: ColumnFacts, series: Channels) -> Prepared:
    """Returns the model's input at each row, and the target, NaN where unknown."""
    seen = facts.scaled(series.values)
    read, targets = filled(seen), seen
    if config.lagged:  # the input is the row before, so the first row has no target
        read, targets = np.roll(read, 1, axis=0), seen.copy()
        read[0], targets[0] = 0, np.nan
    return np.concatenate([read, times_read(config, facts, series)], axis=1), targets


def times_read(config: AnomalyDetectionConfig, facts: ColumnFacts, series: Channels) -> np.ndarray:
    """Returns the features of the times that the model also reads [N, F]."""
    return calendar(series.times, config.calendar, series.name or "the times", clock_of(config, facts))


def clock_of(config: AnomalyDetectionConfig, facts: ColumnFacts) -> Clock:
    """Returns how times are read: as in training."""
    return Clock(config.time_format, form_of_text(facts.time_form) if facts.time_form else None)


def time_column(config: AnomalyDetectionConfig, facts: ColumnFacts) -> str | None:
    """Returns the name of the column of times; None if the training table had none."""
    return (facts.time_column or config.time_column) if facts.times else None


def window_length(config: AnomalyDetectionConfig, rows: np.ndarray) -> int:
    """Returns the number of rows in a window: ``window``, but at most the rows of the longest series."""
    return max(2, min(config.window, int(rows.max())))


def windows(
    config: AnomalyDetectionConfig,
    prepared: Sequence[Prepared],
    begins: np.ndarray,
    ends: np.ndarray,
    length: int,
    stride: int,
    seed: int | None = None,
) -> Windows | None:
    """Returns windows of the rows from ``begins`` to ``ends`` of each series; None if there are no rows."""
    pieces = [
        (inputs[begin:end], _ahead(targets[begin:end], config.ahead))
        for (inputs, targets), begin, end in zip(prepared, begins, ends, strict=True)
        if end > begin
    ]
    if not pieces:
        return None
    x, y = zip(*pieces, strict=True)
    return Windows(x, y, length=length, stride=stride, batch_size=config.batch_size, seed=seed)


def _ahead(targets: np.ndarray, horizons: Sequence[int]) -> np.ndarray:
    """Returns the targets over each horizon [N, H · D] from those over 1 [N, D]; NaN past the end."""
    shifted = [
        np.concatenate([targets[h - 1 :], np.full_like(targets[: h - 1], np.nan)])[: len(targets)]
        for h in horizons
    ]
    return np.concatenate(shifted, axis=1)


def only_path(paths: Sequence[Path]) -> Path:
    """Returns the only path. Raises InputError unless there is exactly one."""
    if len(paths) != 1:
        raise InputError(f"anomaly-detection reads one file. Got {len(paths)}.")
    return paths[0]


def from_memory(config: AnomalyDetectionConfig, X: Any, columns: Sequence[str] = ()) -> ChannelTable:
    """Makes series of arrays or frames, with these columns if given; see ``channels_from_memory``."""
    roles = _roles(config)
    return channels_from_memory(X, replace(roles, columns=columns, ignored=()) if columns else roles)


def read_alike(
    config: AnomalyDetectionConfig, facts: ColumnFacts, path: Path, *, with_labels: bool = False
) -> list[Channels]:
    """Reads the columns of the training table from another file; further columns are ignored.

    Raises:
        InputError: the file lacks one of the columns, or that of the names or the times.
    """
    table = _read_table(config, path, with_labels, _same_roles(config, facts), facts.decimal)
    for name, is_there, expected in (
        (config.id_column, table.has_names, facts.names),
        (time_column(config, facts), table.has_times, facts.times),
    ):
        if expected and not is_there:
            raise InputError(f"{path}: has no column {name!r}, which the training table had")
    return table.series


def _read_table(
    config: AnomalyDetectionConfig, path: Path, with_labels: bool, roles: Roles, decimal: str = ""
) -> ChannelTable:
    """Reads a table, with the labels of ``--labels`` if requested and if the option names a file."""
    table = read_channels(path, roles, config.reading.as_trained(decimal))
    if config.labels is None or not with_labels:
        return table
    labels, clock = windows_of(config.labels, path), replace(roles.clock, form=table.form)
    series = [labelled(each, labels, str(config.labels), clock) for each in table.series]
    return replace(table, series=series)


def _roles(config: AnomalyDetectionConfig) -> Roles:
    """Returns what the options say about columns."""
    return Roles(
        config.id_column,
        config.time_column,
        config.label_column,
        config.columns,
        config.ignore_columns,
        Clock(config.time_format),
        required=config.named_columns("id_column", "time_column", "label_column"),
    )


def _same_roles(config: AnomalyDetectionConfig, facts: ColumnFacts) -> Roles:
    """Returns what the columns stood for in the training table."""
    return Roles(
        config.id_column if facts.names else None,
        time_column(config, facts),
        config.label_column,
        facts.columns,
        clock=clock_of(config, facts),
        time_parts=facts.time_parts,
        find_time=False,
    )


def _tell_columns(table: ChannelTable, training: np.ndarray, source: str) -> None:
    """Reports which columns are read, which of them are constant, and which look like labels."""
    notice(f"{source}: {read_line(table.columns, training)}")
    labels = label_columns(table.columns, np.concatenate([each.values for each in table.series]))
    if labels:
        warnings.warn(
            spelled(
                f"{source}: {listed(labels)} looks like labels, but is read as numbers to learn from; use "
                f"--label-column {labels[0]} or --ignore-columns {','.join(labels)}"
            ),
            stacklevel=2,
        )
