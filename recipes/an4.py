"""AN4, spelled names, addresses and commands: trained from ready-made features, 100 utterances choose.

    python recipes/an4.py ../shared/data/an4_mfcc --out runs/an4

The 948 training utterances (74 speakers) are divided at random: 100 are the validation part, on which epoch,
language model and weights are chosen; the 130 test utterances are of ten other speakers. Printed are the
error rates of the sound alone and with the language model of the training transcripts, on the test part and
on those of its sentences that no training utterance says.
"""

import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from recipe import command, manifest
from spoken import arguments, recognise

OPTIONS: dict[str, Any] = {"hidden_size": 128, "epochs": 50}
CHOOSING = 100  # utterances


def main() -> None:
    """Trains, and prints the error rates."""
    given = arguments(__doc__, "folder with an4_feat.tar.gz and an4/etc")
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with tarfile.open(given.data / "an4_feat.tar.gz") as archive:
            archive.extractall(home, filter="data")
        recognise(OPTIONS, given, given.out, written(home, given.data / "an4" / "etc"))


def written(home: Path, etc: Path) -> dict[str, Path]:
    """Writes a manifest of each part, and one of the test sentences that training lacks."""
    every = {}
    for part in ("train", "test"):
        names = (etc / f"an4_{part}.fileids").read_text().split()
        lines = (etc / f"an4_{part}.transcription").read_text().splitlines()
        texts = [line.rpartition("(")[0].strip() for line in lines]
        every[part] = [
            (home / "an4" / "feat" / f"{each}.mfc", text) for each, text in zip(names, texts, strict=True)
        ]
    order = np.random.default_rng(0).permutation(len(every["train"]))
    choosing, rest = (sorted(rows) for rows in np.split(order, [CHOOSING]))
    known = {text for _, text in every["train"]}
    rows = {
        "training": [every["train"][k] for k in rest],
        "validation": [every["train"][k] for k in choosing],
        "test": every["test"],
        "unseen": [row for row in every["test"] if row[1] not in known],
    }
    return {part: manifest(home / f"{part}.csv", ("path", "text"), of_part) for part, of_part in rows.items()}


if __name__ == "__main__":
    command(main)
