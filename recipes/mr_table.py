"""Writes Pang and Lee's sentence polarity data, two files of a sentence a line, as one table.

python recipes/mr_table.py ../shared/data/mr mr.tsv
"""

import csv
import sys
from pathlib import Path

from recipe import command


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    with target.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["label", "text"])
        for label in ("neg", "pos"):
            lines = (source / f"rt-polarity.{label}").read_text("cp1252").splitlines()
            table.writerows([label, line.strip()] for line in lines)


if __name__ == "__main__":
    command(main)
