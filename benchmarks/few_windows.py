"""How much weights of a combination should trust the errors of few forecasts.

    python benchmarks/few_windows.py --shared ../shared

One model forecasts each series of M3's training parts: first its validation part, then the last horizon. Then
groups of 1, 3, 10 and 30 series each get weights of their own, as if a user had no others: the inverse p-th
power of each method's mean error on the group's validation part. Printed is the mean MASE on the last
horizon, by group size and p; ``fit_weights`` in ``elman.baselines.combination`` has the rule that it chose.
"""

import argparse
import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import elman
from elman.baselines.backtest import LEVELS, scaled_errors, simple_forecasts
from elman.tasks.forecasting.combination import SIMPLE, medians

ROOT = Path(__file__).parents[1]
KINDS = {"YEARLY": (3, 1), "QUARTERLY": (3, 4), "MONTHLY": (6, 12)}  # every how many series, season
GROUPS, POWERS = (1, 3, 10, 30), (0.0, 1.0, 1.5, 2.0, 4.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder that holds data/")
    parser.add_argument("--epochs", type=int, help="passes over the training part; if absent, the default's")
    options = parser.parse_args()
    print(f"| series | weights of | windows | {' | '.join(f'p = {power:g}' for power in POWERS)} |")
    print(f"|{'---|' * (3 + len(POWERS))}")
    for kind, (every, season) in KINDS.items():
        validation, test = errors_of(*series_of(options.shared, kind, every), season, options.epochs)
        for size in GROUPS:
            windows, means = by_group(validation, test, size)
            cells = " | ".join(f"{mean:.4f}" for mean in means)
            print(f"| {kind.lower()} | {size} series | {windows:.1f} | {cells} |", flush=True)


def series_of(shared: Path, kind: str, every: int) -> tuple[pl.DataFrame, int]:
    """Returns training parts of M3 as a long table, and the horizon."""
    with gzip.open(shared / "data/m3/M3.jsonl.gz", "rt") as file:
        chosen = [row for row in map(json.loads, file) if row["period"] == kind][::every]
    tables = [
        pl.DataFrame({"unique_id": row["sn"], "ds": range(len(row["x"])), "y": np.asarray(row["x"], float)})
        for row in chosen
    ]
    return pl.concat(tables), chosen[0]["h"]


def errors_of(
    series: pl.DataFrame, horizon: int, season: int, epochs: int | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the scaled errors [M, H, K] and series [M] of the validation part and of the last horizon."""
    passes = {} if epochs is None else {"epochs": epochs}
    with tempfile.TemporaryDirectory() as folder:
        series.write_csv(f"{folder}/series.csv")
        task = elman.Forecaster(horizon=horizon, season=(season,), **passes).train(f"{folder}/series.csv")
    windows, panel = task.data.windows, task.data.panel
    found = []
    for query in (windows.validation(panel), windows.test(panel)):
        networks = task.answers._of_networks(query, LEVELS)
        histories = query.histories()
        methods = [name for name in SIMPLE if season > 1 or name != "seasonal naive"]
        points = medians(networks) | simple_forecasts(histories, horizon, season, methods)
        actual = next(iter(networks.values())).actual()
        found.append((scaled_errors(actual, points, histories, season), query.series))
    return found


def by_group(
    validation: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], size: int
) -> tuple[float, list[float]]:
    """Returns the windows that choose the weights of a group, and the mean error of each power."""
    series = np.unique(validation[1])
    groups = [series[first : first + size] for first in range(0, len(series), size)]
    found = []
    for power in POWERS:
        errors = []
        for group in groups:
            known, new = (part[0][np.isin(part[1], group)] for part in (validation, test))
            means = np.nanmean(np.abs(known), (0, 1))
            weights = np.maximum(means / means.mean(), 1e-9) ** -power
            errors += np.nanmean(np.abs(new @ (weights / weights.sum())), 1).tolist()
        found.append(float(np.mean(errors)))
    return len(validation[1]) / len(groups), found


if __name__ == "__main__":
    main()
