"""The Numenta Anomaly Benchmark on the files of a folder, one configuration for all of them:

    python recipes/nab.py ../shared/data/nab

Of each file a model learns the probationary part alone (the first 15 %, at most 750 rows); then the whole
file is scored row by row from the past alone. Beside the network stands its score plus a multiple of the
windowed Gaussian's: how improbable the error is, and how improbable the value. About a minute a seed on one
core.

Two tables. In the first, thresholds (and the multiple) are chosen on the files that are reported, as the
benchmark prescribes, and the other options were chosen by this score: so it is optimistic, as are the
published ones. In the second, every division of the five families into two and three is reported twice:
threshold and multiple are chosen on one part and reported on the other. False alarms in files without an
anomaly count in the part that holds them.
"""

import argparse
import json
import statistics
import warnings
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from recipe import command

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
    "horizons": (1,),
    "smoothing": 5,
    "repeat": 10,
    "epochs": 15,
    "learning_rate": 5e-3,
}
MULTIPLES = 0.3, 0.5, 0.7, 1.0  # of the windowed Gaussian's score, added to the network's
BOTH = "both"
Corpus = dict[str, Scored]
"""Scores and labels of each file."""


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
    methods = ("elman", "windowed Gaussian", "random", "null", *(f"{BOTH} {w}" for w in MULTIPLES))
    corpora: dict[str, list[Corpus]] = {name: [{} for _ in range(arguments.seeds)] for name in methods}
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
            for multiple in MULTIPLES:
                scores[f"{BOTH} {multiple}"] = scores["elman"] + multiple * scores["windowed Gaussian"]
            for method, found in scores.items():
                corpora[method][seed][name] = Scored(found, windows)
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
                profile: [nab_score(list(corpus.values())[which], weights).score for corpus in seeds]
                for profile, weights in PROFILES.items()
            }
            results.setdefault(part, {})[method] = found
            cells = (f"{statistics.mean(s):.1f} ({min(s):.1f} … {max(s):.1f})" for s in found.values())
            print(f"{method:<18}" + "".join(f"{cell:>26}" for cell in cells))
    results["divisions"] = print_divisions(corpora)
    if arguments.write:
        arguments.write.write_text(json.dumps(results, indent=2) + "\n")


def print_divisions(corpora: dict[str, list[Corpus]]) -> dict[str, dict[str, list[float]]]:
    """Prints and returns the standard scores of each division: chosen on one part, reported on the other."""
    both = [name for name in corpora if name.startswith(BOTH)]
    rows = {"windowed Gaussian": ["windowed Gaussian"], "elman": ["elman"], BOTH: both}
    results: dict[str, dict[str, list[float]]] = {}
    print(f"\n{'chosen on':<66}" + "".join(f"{name:>26}" for name in rows))
    for chosen_on, reported_on in divisions(families(corpora["elman"][0])):
        found = {
            name: [
                reported([corpora[one][seed] for one in candidates], chosen_on, reported_on)
                for seed in range(len(corpora["elman"]))
            ]
            for name, candidates in rows.items()
        }
        where = ", ".join(chosen_on)
        results[where] = found
        cells = (f"{statistics.mean(s):.1f} ({min(s):.1f} … {max(s):.1f})" for s in found.values())
        print(f"{where:<66}" + "".join(f"{cell:>26}" for cell in cells))
    for name in ("elman", BOTH):
        ahead = [
            statistics.mean(row[name]) - statistics.mean(row["windowed Gaussian"]) for row in results.values()
        ]
        mean, worst = statistics.mean(ahead), min(ahead)
        print(f"{name} ahead of the windowed Gaussian: mean {mean:.1f}, worst of {len(ahead)} {worst:.1f}")
    return results


def families(corpus: Corpus) -> list[str]:
    """Returns the folders of the files."""
    return sorted({name.split("/")[0] for name in corpus})


def divisions(names: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yields each division into two families and the others, either part first."""
    for two in combinations(names, 2):
        others = [name for name in names if name not in two]
        yield from ((two, others), (others, two))


def reported(candidates: Sequence[Corpus], chosen_on: Sequence[str], reported_on: Sequence[str]) -> float:
    """Chooses candidate and threshold by the standard score of one part; returns that of the other."""

    def part(corpus: Corpus, names: Sequence[str]) -> list[Scored]:
        return [scored for name, scored in corpus.items() if name.split("/")[0] in names]

    found = [nab_score(part(corpus, chosen_on)) for corpus in candidates]
    best = max(range(len(found)), key=lambda k: found[k].score)
    return nab_score(part(candidates[best], reported_on), threshold=found[best].threshold).score


if __name__ == "__main__":
    command(main)
