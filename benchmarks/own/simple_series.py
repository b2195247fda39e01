"""The simple methods of ``methods.toml`` for time series."""

import multiprocessing
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from own.figures import mase_rows
from own.measure import CORES, Run
from own.numbers import known_before, read_series, values_of
from own.prepare import about_of


def series(folder: Path, method: str, seed: int) -> Run:
    """Fits a method on the history of each series; later forecasts see all before them."""
    about = about_of(folder)
    values = {name: values_of(table) for name, table in read_series(folder).items()}
    began = time.perf_counter()
    jobs = [(method, one, about) for one in values.values()]
    with multiprocessing.get_context("spawn").Pool(CORES) as pool:
        found = pool.starmap(forecasts, jobs, chunksize=max(1, len(jobs) // (8 * CORES)))
    seconds = time.perf_counter() - began
    rows = mase_rows(values, dict(zip(values, found, strict=True)), about)
    return Run(sum(rows) / len(rows), seconds, rows)


def forecasts(method: str, values: np.ndarray, about: dict[str, Any]) -> np.ndarray:
    """Returns a series' forecasts [windows, horizon]."""
    from statsforecast.models import AutoETS, AutoTheta, Naive, SeasonalNaive

    season, horizon, windows = about["season"], about["horizon"], about["windows"]
    filled = without_gaps(values, season)
    cuts = [len(values) - known_before(about, window) for window in range(windows)]
    season = season if cuts[0] > 2 * season else 1
    model = {
        "naive": Naive,
        "seasonal-naive": lambda: SeasonalNaive(season),
        "auto-ets": lambda: AutoETS(season_length=season),
        "auto-theta": lambda: AutoTheta(season_length=season),
    }[method]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = model.fit(filled[: cuts[0]])
        found = [model.predict(horizon)["mean"]]
        found += [model.forward(filled[:cut], horizon)["mean"] for cut in cuts[1:]]
    return np.array(found)


def without_gaps(values: np.ndarray, season: int) -> np.ndarray:
    """Returns a series whose missing values are those of a season before, or else the last known ones."""
    filled = values.copy()
    for k in np.flatnonzero(np.isnan(values)):
        filled[k] = filled[k - season] if k >= season else filled[k - 1]
    return filled
