"""What the recipes of speech recognition share: their arguments, and a run with its error rates."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from recipe import trained

import elman
from elman.tasks.speech_recognition.answers import SpeechAnswers


def arguments(about: str | None, data: str | None, out: str = "run folder to write") -> argparse.Namespace:
    """Returns data (None: the recipe has no data), out, seed, epochs and max_minutes of the command line."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if data is not None:
        parser.add_argument("data", type=Path, help=data)
    parser.add_argument("--out", type=Path, required=True, help=out)
    parser.add_argument("--seed", type=int, default=0, help="of the network; the parts stay the same")
    parser.add_argument("--epochs", type=int, help="if absent, as many as the recipe's figure has")
    parser.add_argument("--max-minutes", type=float, default=60, help="of the training")
    return parser.parse_args()


def recognise(options: dict[str, Any], given: argparse.Namespace, out: Path, parts: dict[str, Path]) -> None:
    """Trains a recogniser, or goes on with it, and prints its error rates.

    They are those of the sound alone, and of the sound with the language model of the training transcripts,
    on each part other than training and validation.

    Args:
        options: of the run.
        given: see ``arguments``.
        out: the run folder.
        parts: a manifest of each part; training, validation and test are among them.
    """
    epochs = {} if given.epochs is None else {"epochs": given.epochs}
    task = elman.SpeechRecognizer(
        **options | epochs,
        seed=given.seed,
        max_minutes=given.max_minutes,
        validation=(parts["validation"],),
        test=(parts["test"],),
    )
    task = trained(task, parts["training"], out)
    alone = SpeechAnswers(task.config, replace(task.facts, language=None), task.model)
    found = {
        part: {"sound alone": alone.evaluate([path]), "with the language model": task.evaluate(path)}
        for part, path in parts.items()
        if part not in ("training", "validation")
    }
    print(json.dumps(found, indent=1))
