"""The Numenta Anomaly Benchmark on the files of a folder, one configuration for all of them:

    python recipes/nab.py ../shared/data/nab

Of each file a model learns the probationary part alone (the first 15 %, at most 750 rows); then the whole
file is scored row by row from the past alone. The options were chosen by this score, as the benchmark has no
part to choose on: so it is optimistic, as are the published ones. About a minute a seed on one core.
"""

import argparse
import json
import statistics
import warnings
from pathlib import Path

import numpy as np

import elman
from elman.baselines.windowed_gaussian import windowed_gaussian
from elman.data.channels.labels import labelled
from elman.metrics.nab import PROFILES, Scored, nab_score, probation_rows
from elman.metrics.ranges import runs

OPTIONS = {
    "cell": "gru",
    "hidden_size": 32,
    "window": 100,
    "calendar": "day",
    "smoothing": 5,
    "repeat": 10,
    "epochs": 15,
    "learning_rate": 5e-3,
}


def detector(path: Path, rows: int, seed: int) -> elman.AnomalyDetector:
    """A detector that has learned a file's probationary part."""
    share = probation_rows(rows) / rows
    return elman.AnomalyDetector(**OPTIONS, split=(share, 0.0, 1 - share), seed=seed).train([path])


def main() -> None:
    """Prints the scores of every profile, the seeds' mean and range."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="with data/ and labels/combined_windows.json")
    parser.add_argument("--seeds", type=int, default=3, help="runs to average")
    parser.add_argument("--write", type=Path, help="JSON to write")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # some of the files' clocks go back
    labels = arguments.folder / "labels" / "combined_windows.json"
    corpora: dict[str, list[list[Scored]]] = {
        name: [[] for _ in range(arguments.seeds)]
        for name in ("elman", "windowed Gaussian", "random", "null")
    }
    files = json.loads(labels.read_text())
    for name in sorted(files):
        path = arguments.folder / "data" / name
        rows = len(path.read_text().splitlines()) - 1
        for seed in range(arguments.seeds):
            (analysis,) = detector(path, rows, seed).analyse_file(path)
            windows = runs(labelled(analysis.series, files[name], str(labels)).labels)
            scores = {
                "elman": analysis.scores,
                "windowed Gaussian": windowed_gaussian(analysis.series.values[:, 0]),
                "random": np.random.default_rng([seed, rows]).random(rows),
                "null": np.full(rows, 0.5),
            }
            for method, found in scores.items():
                corpora[method][seed].append(Scored(found, windows))
        print(name, f"{len(windows)} windows", flush=True)
    results: dict[str, dict[str, dict[str, list[float]]]] = {}
    parts = {
        "all files": slice(None),
        "1st, 3rd, … file": slice(0, None, 2),
        "2nd, 4th, … file": slice(1, None, 2),
    }
    for part, which in parts.items():
        print(f"\n{part:<18}" + "".join(f"{profile:>26}" for profile in PROFILES))
        for method, seeds in corpora.items():
            found = {
                profile: [nab_score(corpus[which], weights).score for corpus in seeds]
                for profile, weights in PROFILES.items()
            }
            results.setdefault(part, {})[method] = found
            cells = (f"{statistics.mean(s):.1f} ({min(s):.1f} … {max(s):.1f})" for s in found.values())
            print(f"{method:<18}" + "".join(f"{cell:>26}" for cell in cells))
    if arguments.write:
        arguments.write.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
