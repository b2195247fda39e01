"""Faults that last: a part of the Skoltech Anomaly Benchmark, chosen on one folder, reported on the other:

    python recipes/skab.py ../shared/data/skab

Of each file the first 400 rows are normal: a model learns 320 and keeps 80 for validation; the rest is
judged. Smoothing and threshold are chosen by the F1 of rows on the files of one folder, among those with at
most 20 % false alarms there, and reported on the files of the other, both ways. The simple methods choose a
threshold in the same way. Rows: simple methods; the training mean alone (the longest horizon); the network
alone; both.
"""

import argparse
import json
import statistics
import warnings
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from recipe import command

import elman
from elman.anomalies.usual import Lasting, Usual
from elman.baselines.windowed_gaussian import windowed_gaussian
from elman.metrics.ranges import marks

OPTIONS: dict[str, Any] = {
    "cell": "gru",
    "hidden_size": 32,
    "window": 50,
    "epochs": 30,
    "learning_rate": 5e-3,
    "time_column": "datetime",
    "label_column": "anomaly",
    "ignore_columns": ("changepoint",),
}
TRAINING, VALIDATION = 320, 80  # rows
SMOOTHING = 5, 20, 80
RATIOS = 1.6, 1.8, 2.0, 2.1, 2.2, 2.3, 2.4, 2.6, 2.8, 3.0, 3.5
SHARES = np.linspace(0.01, 1, 100)  # of the rows of a part that a simple method flags
MOST_FALSE = 0.2
PARTS = "valve2", "other"

Flags = dict[str, np.ndarray]
"""Flagged rows of each file, after its training part."""


def main() -> None:
    """Prints F1 of rows and false alarms of each method, by the part that they are reported on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="with valve2/ and other/")
    parser.add_argument("--seeds", type=int, default=3, help="runs to average")
    parser.add_argument("--write", type=Path, help="JSON to write")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # rows of the same second
    files = {part: sorted((arguments.folder / part).glob("*.csv")) for part in PARTS}
    found: dict[str, list[dict[str, tuple[float, float]]]] = {}
    for seed in range(arguments.seeds):
        labels: Flags = {}
        candidates: dict[str, dict[object, Flags]] = {}
        scores: dict[str, Flags] = {}
        for path in (path for paths in files.values() for path in paths):
            values, labels[str(path)], flags = judged(path, seed)
            for (method, choice), rows in flags:
                candidates.setdefault(method, {}).setdefault(choice, {})[str(path)] = rows
            for method, simple in SIMPLE.items():
                scores.setdefault(method, {})[str(path)] = simple(values, seed)
            print(f"seed {seed}: {path.parent.name}/{path.name}", flush=True)
        for method, own in scores.items():
            highest = np.concatenate(list(own.values()))
            for share in SHARES:
                cut = np.quantile(highest, 1 - share)
                candidates.setdefault(method, {})[share] = {name: row >= cut for name, row in own.items()}
        for method, choices in candidates.items():
            found.setdefault(method, []).append(reported(choices, labels, files))
        print_table(found)
    if arguments.write:
        arguments.write.write_text(json.dumps(found, indent=2) + "\n")


def judged(
    path: Path, seed: int
) -> tuple[np.ndarray, np.ndarray, Iterator[tuple[tuple[str, object], np.ndarray]]]:
    """Trains on a file; returns its values, labels, and the rows flagged by each method and choice."""
    rows = len(path.read_text().splitlines()) - 1
    normal = TRAINING + VALIDATION
    split = TRAINING / rows, VALIDATION / rows, 1 - normal / rows
    task = elman.AnomalyDetector(**OPTIONS, split=split, seed=seed).train([path])
    (series,) = task.data.series
    assert task.data.cuts.tolist() == [[TRAINING, normal]]

    def flags() -> Iterator[tuple[tuple[str, object], np.ndarray]]:
        (analysis,) = task.answers.analyse([series])
        errors = analysis.lasting.errors
        flat = errors.reshape(rows, -1)
        horizons = np.repeat([*task.config.ahead, 1], len(task.facts.columns)).tolist()
        is_mean = np.arange(len(horizons)) >= len(task.config.ahead) * len(task.facts.columns)
        alone = {"the training mean alone": is_mean, "the network alone": ~is_mean, "both": is_mean | True}
        for smoothing, ratio in product(SMOOTHING, RATIOS):
            parts = [flat[:TRAINING]], [flat[TRAINING:normal]]
            usual = Usual.fit(*parts, horizons=horizons, shortest=smoothing, threshold=ratio)
            for method, used in alone.items():
                ranges = Lasting(errors, usual.only(used)).ranges(ratio)
                found = marks([each for column in ranges for each in column], rows)
                yield (method, (smoothing, ratio)), found[normal:]

    return series.values, series.labels[normal:], flags()


def gaussian(values: np.ndarray, seed: int) -> np.ndarray:
    """The highest windowed Gaussian's score of all columns."""
    normal = TRAINING + VALIDATION
    return np.max([windowed_gaussian(column)[normal:] for column in values.T], axis=0)


def forest(values: np.ndarray, seed: int) -> np.ndarray:
    """Scikit-learn's isolation forest on the rows."""
    from sklearn.ensemble import IsolationForest

    normal = TRAINING + VALIDATION
    return -IsolationForest(random_state=seed).fit(values[:normal]).score_samples(values[normal:])


def everything(values: np.ndarray, seed: int) -> np.ndarray:
    """The same for all rows."""
    return np.ones(len(values) - TRAINING - VALIDATION)


SIMPLE: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "flag everything": everything,
    "windowed Gaussian": gaussian,
    "isolation forest": forest,
}


def reported(
    choices: dict[object, Flags], labels: Flags, files: dict[str, list[Path]]
) -> dict[str, tuple[float, float]]:
    """Chooses on one part and measures on the other; returns F1 and false alarms of each, and the choice."""
    result = {}
    for chosen_on, reported_on in (PARTS, PARTS[::-1]):

        def worth(choice: object, part: str = chosen_on) -> tuple[bool, float]:
            f1, false = measured(choices[choice], labels, files[part])
            return false <= MOST_FALSE, f1

        best = max(choices, key=worth)
        result[reported_on] = (*measured(choices[best], labels, files[reported_on]), best)
    return result


def measured(flags: Flags, labels: Flags, paths: list[Path]) -> tuple[float, float]:
    """Returns F1 of rows, and the share of normal rows that are flagged, over some files."""
    found = np.concatenate([flags[str(path)] for path in paths])
    real = np.concatenate([labels[str(path)] for path in paths])
    f1 = 2 * (found & real).sum() / max(found.sum() + real.sum(), 1)
    return float(f1), float(found[~real].mean())


def print_table(found: dict[str, list[dict[str, Any]]]) -> None:
    """Prints the means over the seeds, and the choices."""
    print(f"\n{'F1 of rows, false alarms':<26}" + "".join(f"{f'on {part}':>22}" for part in PARTS))
    for method, seeds in found.items():
        cells = []
        for part in PARTS:
            f1, false = (statistics.mean(seed[part][k] for seed in seeds) for k in (0, 1))
            cells.append(f"{f1:.3f} {false:7.1%}")
        print(f"{method:<26}" + "".join(f"{cell:>22}" for cell in cells))
    for method, seeds in found.items():
        print(f"{method}: chosen", *(seed[part][2] for seed in seeds for part in PARTS))


if __name__ == "__main__":
    command(main)
