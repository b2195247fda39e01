"""Sets of numbers as files: what a default run, a simple method and a peer all read.

Sequences: ``train.csv`` and ``test.csv``, a row for each step. Series: ``series.csv``, a row for each step
of each series; the last ``horizon × windows`` steps are the test part. Channels: a file for each recording,
whose first rows are the training part.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from own.rows import Channels, Sequences, Series

TARGETS = {"numeric-sequences": "label", "sequence-regression": "y"}
LEAST_TEST = 5  # a set without a test part gives one in so many


def write_sequences(folder: Path, task: str, sequences: Sequences) -> dict[str, Any]:
    """Writes both parts; without a test part, a fifth of the (shuffled) sequences becomes one."""
    train, test = sequences
    if not test:
        size = len(train) // LEAST_TEST
        train, test = train[size:], train[:size]
    for name, part in (("train", train), ("test", test)):
        frames = [
            pl.DataFrame(values, schema=[f"c{k + 1}" for k in range(values.shape[1])], orient="row").select(
                pl.lit(f"{name}-{number}").alias("unique_id"), pl.lit(target).alias(TARGETS[task]), pl.all()
            )
            for number, (target, values) in enumerate(part)
        ]
        _write(pl.concat(frames), folder / f"{name}.csv")
    lengths = [len(values) for _, values in train]
    sizes = {"train": len(train), "test": len(test), "columns": train[0][1].shape[1]}
    if task == "numeric-sequences":
        sizes["labels"] = len({label for label, _ in train})
    return sizes | {"steps": [min(lengths), max(lengths)]}


def read_sequences(folder: Path, part: str) -> tuple[list[str], list[np.ndarray]]:
    """Returns labels or numbers, as text, and values [T, I] of each sequence of a part."""
    table = pl.read_csv(folder / f"{part}.csv", infer_schema_length=None)
    groups = table.partition_by("unique_id", maintain_order=True)
    return [str(group.item(0, 1)) for group in groups], [group[:, 2:].to_numpy() for group in groups]


def write_series(folder: Path, series: Series, facts: dict[str, Any]) -> dict[str, Any]:
    """Writes the series that are longer than twice their test part, from first to last known value."""
    test = facts["horizon"] * facts["windows"]
    frames = []
    for name, (times, values) in series.items():
        known = np.flatnonzero(~np.isnan(values))
        if len(known) == 0:
            continue
        first, last = known[0], known[-1] + 1
        if last - first > 2 * test and np.unique(values[first : last - test]).size > 1:
            columns = {"unique_id": name, "ds": times[first:last], "y": values[first:last]}
            frames.append(pl.DataFrame(columns))
    table = pl.concat(frames)
    _write(table, folder / "series.csv")
    count = len(frames)
    return {"train": len(table) - count * test, "test": count * facts["windows"], "series": count, **facts}


def read_series(folder: Path) -> dict[str, pl.DataFrame]:
    """Returns the whole series by name, with their columns unique_id, ds and y."""
    table = pl.read_csv(
        folder / "series.csv", schema_overrides={"unique_id": str, "ds": str, "y": pl.Float64}
    )
    groups = table.partition_by("unique_id", maintain_order=True)
    return {group.item(0, 0): group for group in groups}


def values_of(table: pl.DataFrame) -> np.ndarray:
    """Returns the values of a series, NaN where one is missing."""
    return table["y"].fill_null(np.nan).to_numpy()


def known_before(about: Mapping[str, Any], window: int) -> int:
    """Returns how many of the last steps of a series are hidden from the forecast of a window."""
    return about["horizon"] * (about["windows"] - window)


def write_channels(folder: Path, recordings: dict[str, Channels]) -> dict[str, Any]:
    """Writes a file for each recording, and says where its training part ends."""
    for name, recording in recordings.items():
        columns = {f"c{k + 1}": column for k, column in enumerate(recording.values.T)}
        times = {} if recording.times is None else {"timestamp": recording.times}
        _write(pl.DataFrame(times | columns | {"label": recording.labels}), folder / f"{name}.csv")
    cuts = {name: recording.train for name, recording in recordings.items()}
    columns = {recording.values.shape[1] for recording in recordings.values()}
    return {
        "train": sum(cuts.values()),
        "test": len(cuts),
        "rows": sum(len(recording.labels) for recording in recordings.values()),
        "columns": max(columns),
        "cuts": cuts,
    }


def read_channels(folder: Path, about: dict[str, Any]) -> Iterator[tuple[str, pl.DataFrame, int]]:
    """Yields name, table (its last column is ``label``) and rows of the training part of each recording."""
    for name, cut in about["cuts"].items():
        yield name, pl.read_csv(folder / f"{name}.csv", infer_schema_length=None), cut


def _write(table: pl.DataFrame, path: Path) -> None:
    numbers = [name for name, kind in table.schema.items() if kind.is_float()]
    # NaN is an empty cell
    table.with_columns(pl.col(numbers).fill_nan(None)).write_csv(path)
