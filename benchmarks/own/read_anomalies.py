"""Readers of recordings with labelled anomalies. See ``read_shared`` for what a reader is; these return
``Channels`` by name.
"""

import json
from pathlib import Path

import numpy as np
import polars as pl

from own.places import Places
from own.rows import Channels

NAB_TRAIN, NAB_MOST = 0.15, 750  # the benchmark's probationary part


def nab(places: Places, family: str) -> dict[str, Channels]:
    """The files of a family of the Numenta Anomaly Benchmark that have anomalies after their first part."""
    folder = places.data("nab")
    windows = json.loads((folder / "labels/combined_windows.json").read_text())
    found: dict[str, Channels] = {}
    for path in sorted((folder / "data" / family).glob("*.csv")):
        table = pl.read_csv(path)
        times = table["timestamp"].str.to_datetime()
        labels = np.zeros(len(table), int)
        for begin, end in windows[f"{family}/{path.name}"]:
            form = "%Y-%m-%d %H:%M:%S%.f"
            first, last = pl.Series([begin, end]).str.to_datetime(form).to_list()
            labels |= times.is_between(first, last).to_numpy()
        train = int(min(NAB_TRAIN * len(table), NAB_MOST))
        if labels[train:].any():
            values = table["value"].cast(float).to_numpy()[:, None]
            found[path.stem] = Channels(values, labels, train, table["timestamp"].to_list())
    return found


def skab(places: Places, part: str) -> dict[str, Channels]:
    """A water loop with eight sensors; the first 400 rows of a file are for training, as upstream has it."""
    found: dict[str, Channels] = {}
    for path in sorted((places.data("skab") / part).glob("*.csv"), key=lambda path: int(path.stem)):
        table = pl.read_csv(path, separator=";", infer_schema_length=None)
        values = table.drop("datetime", "anomaly", "changepoint").cast(pl.Float64).to_numpy()
        labels = table["anomaly"].cast(int).to_numpy()
        found[f"file-{path.stem}"] = Channels(values, labels, 400, table["datetime"].to_list())
    return found


def _columns(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the values of a file, without its times if it has any, and the labels in its last column."""
    table = pl.read_csv(path, infer_schema_length=None)
    table = table.drop("timestamp", strict=False)
    return table[:, :-1].cast(pl.Float64).to_numpy(), table[:, -1].cast(float).cast(int).to_numpy()


def train_and_test(places: Places, train: str, test: str) -> dict[str, Channels]:
    """Two files of aeon: the first is for training."""
    folder = places.python("aeon==1.6.0")
    (first,), (second,) = folder.rglob(train), folder.rglob(test)
    (values, labels), (more, faults) = _columns(first), _columns(second)
    return {
        second.stem: Channels(np.concatenate([values, more]), np.concatenate([labels, faults]), len(labels))
    }


def one_file(places: Places, package: str, file: str, train: int) -> dict[str, Channels]:
    """One file of a Python package, whose first rows are for training."""
    (path,) = places.python(package).rglob(file)
    return {path.stem: Channels(*_columns(path), train)}
