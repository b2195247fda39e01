"""Ten actions of nine persons (Weizmann): each person is the test part of a run on the other eight.

    python recipes/weizmann.py ../shared/data runs/weizmann

The options are those of OPTIONS. They were chosen without person 0, by runs on some of the persons 1 to 8
that were validated on others of them. No run has a validation part: what is tested chose nothing.
Every second frame is read. A fold that was interrupted goes on; one that is finished is not trained again.
"""

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
from recipe import command, trained

import elman
from elman.data.read.planes import read_packed

OPTIONS: dict[str, Any] = {
    "split": (1.0, 0.0, 0.0),
    "follow": (32, 32),
    "centre": "own",
    "batch_size": 4,
    "epochs": 160,
}
EVERY = 2
PERSONS = 9
SIMPLE = "logistic regression on mean and motion-energy picture"


def persons(data: Path, out: Path) -> list[Path]:
    """Writes the clips of each person as packed planes, with the names of their labels."""
    folder = data / "weizmann_actions"
    packed = read_packed(folder / "weizmann_64x64_gray.npz")
    assert packed is not None
    with (folder / "index.csv").open() as file:
        rows = [*csv.DictReader(file)]
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"p{person}.npz" for person in range(PERSONS)]
    for person, path in enumerate(paths):
        if path.exists():
            continue
        own = [k for k, row in enumerate(rows) if row["person"] == f"p{person}"]
        clips = [packed.clips[k][::EVERY] for k in own]
        offsets = np.cumsum([0, *map(len, clips)])
        labels = [rows[k]["label"] for k in own]
        np.savez(path, frames=np.concatenate(clips), offsets=offsets, label=labels)
    return paths


def main() -> None:
    """Trains and reports the folds, then all together."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="folder of clips and runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--persons", type=int, nargs="+", default=[*range(PERSONS)], help="whose folds to run; if absent, all"
    )
    arguments = parser.parse_args()
    paths = persons(arguments.data, arguments.out)
    found: dict[str, list[float]] = {"this model": [], SIMPLE: []}
    examples, seconds = 0, 0.0
    for person in arguments.persons:
        test = paths[person]
        others = [path for path in paths if path != test]
        task = elman.SequenceClassifier(**OPTIONS, seed=arguments.seed, test=(test,))
        task = trained(task, others, arguments.out / f"without-p{person}-{arguments.seed}")
        results = task.results
        examples += results["test"]["examples"]
        seconds += results["seconds"]
        for name, rows in (("this model", results["test"]), (SIMPLE, results["baselines"][SIMPLE])):
            found[name].append(rows["accuracy"] * results["test"]["examples"])
        print(f"person {person}: {found['this model'][-1]:.0f} right", flush=True)
    for name, right in reversed(found.items()):
        by_person = " ".join(f"{each:.0f}" for each in right)
        print(f"{name}: {sum(right):.0f} of {examples} right, {sum(right) / examples:.1%} ({by_person})")
    print(f"trained in {seconds / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    command(main)
