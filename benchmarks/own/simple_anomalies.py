"""The simple methods of ``methods.toml`` for anomalies."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest

from elman.baselines.windowed_gaussian import windowed_gaussian
from own.figures import period_of, vus_pr
from own.measure import Run
from own.numbers import read_channels
from own.prepare import about_of


def anomalies(folder: Path, method: str, seed: int) -> Run:
    """Scores the rows after each recording's training part."""
    rows, seconds = [], 0.0
    for _, table, cut in read_channels(folder, about_of(folder)):
        values = table.drop("timestamp", "label", strict=False).to_numpy().astype(float)
        began = time.perf_counter()
        scores = METHODS[method](values, cut, seed)
        seconds += time.perf_counter() - began
        rows.append(vus_pr(scores, table["label"].to_numpy()[cut:], period_of(values)))
    return Run(statistics.fmean(rows), seconds, rows)


def _everything(values: np.ndarray, cut: int, seed: int) -> np.ndarray:
    return np.ones(len(values) - cut)


def _windowed_gaussian(values: np.ndarray, cut: int, seed: int) -> np.ndarray:
    """The highest score of all columns; a score needs the values before it alone."""
    return np.max([windowed_gaussian(column)[cut:] for column in values.T], axis=0)


def _isolation_forest(values: np.ndarray, cut: int, seed: int) -> np.ndarray:
    middle = np.nanmedian(values[:cut], axis=0)
    filled = np.where(np.isnan(values), middle, values)
    return -IsolationForest(random_state=seed).fit(filled[:cut]).score_samples(filled[cut:])


METHODS: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
    "flag-everything": _everything,
    "windowed-gaussian": _windowed_gaussian,
    "isolation-forest": _isolation_forest,
}
