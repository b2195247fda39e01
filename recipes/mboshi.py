"""Mboshi, 48 minutes of read sentences of a language of Congo: a tenth chooses, a tenth is reported.

    python recipes/mboshi.py ../shared/data/mboshi --out runs/mboshi

The 924 sentences are divided at random; the three speakers are in all parts. Printed are the error rates of
the sound alone and with the language model of the training transcripts.
"""

import csv
import tempfile
from pathlib import Path

import numpy as np
from recipe import command, manifest
from spoken import arguments, recognise

COLUMNS = ("path", "text", "start_sample", "samples")


def main() -> None:
    """Trains, and prints the error rates."""
    given = arguments(__doc__, "folder with index.tsv and train.ogg")
    with tempfile.TemporaryDirectory() as home:
        recognise({}, given, given.out, written(Path(home), given.data.resolve()))


def written(home: Path, data: Path) -> dict[str, Path]:
    """Writes a manifest of each part."""
    with (data / "index.tsv").open(encoding="utf-8") as file:
        rows = [
            (data / "train.ogg", row["mboshi"], row["start_sample"], row["samples"])
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    order, tenth = np.random.default_rng(0).permutation(len(rows)), len(rows) // 10
    parts = zip(("validation", "test", "training"), np.split(order, [tenth, 2 * tenth]), strict=True)
    return {
        part: manifest(home / f"{part}.csv", COLUMNS, [rows[k] for k in sorted(index)])
        for part, index in parts
    }


if __name__ == "__main__":
    command(main)
