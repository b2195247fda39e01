"""AN4, spelled names, addresses and commands: trained from ready-made features, 100 utterances choose.

    python recipes/an4.py ../shared/data/an4_mfcc --out runs/an4

The 948 training utterances (74 speakers) are divided at random: 100 are the validation part, on which epoch,
language model and weights are chosen; the 130 test utterances are of ten other speakers. Printed are the
error rates of the sound alone and with the language model of the training transcripts, on the test part and
on those of its sentences that no training utterance says.
"""

import argparse
import json
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman.tasks.speech_recognition.answers import SpeechAnswers

OPTIONS: dict[str, Any] = {"hidden_size": 128, "epochs": 50}
CHOOSING = 100  # utterances


def main() -> None:
    """Trains, and prints the error rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="with an4_feat.tar.gz and an4/etc")
    parser.add_argument("--out", type=Path, required=True, help="run folder to write")
    parser.add_argument("--seed", type=int, default=0, help="of the network; the parts stay the same")
    parser.add_argument("--max-minutes", type=float, help="of the training")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with tarfile.open(arguments.folder / "an4_feat.tar.gz") as archive:
            archive.extractall(home, filter="data")
        parts = written(home, arguments.folder / "an4" / "etc")
        task = elman.SpeechRecognizer(
            **OPTIONS,
            seed=arguments.seed,
            max_minutes=arguments.max_minutes,
            validation=(parts["validation"],),
            test=(parts["test"],),
        )
        task.train(parts["training"], arguments.out, show_progress=True)
        alone = SpeechAnswers(task.config, replace(task.facts, language=None), task.model)
        found = {
            part: {
                "sound alone": alone.evaluate([parts[part]]),
                "with the language model": task.evaluate(parts[part]),
            }
            for part in ("test", "unseen")
        }
    print(task.report())
    print(json.dumps(found, indent=1))


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
    paths = {part: home / f"{part}.tsv" for part in rows}
    for part, path in paths.items():
        path.write_text("path\ttext\n" + "".join(f"{file}\t{text}\n" for file, text in rows[part]))
    return paths


if __name__ == "__main__":
    main()
