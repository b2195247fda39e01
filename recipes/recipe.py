"""What the recipes in Python share: how they end, their manifests, their runs, and sound in noise."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman.cli.ending import ended
from elman.config import to_json
from elman.errors import InputError
from elman.train import files

HELD_NOISE = "gsc_exercise_bike", "coffee_kitchen", "asc_boiler"
"""Recordings of background_noise that no recipe trains on."""


def command(main: Callable[[], None]) -> None:
    """Runs a recipe; bad input and a signal end in one line, as of the command elman."""
    sys.exit(ended(main, Path(sys.argv[0]).name))


def manifest(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Writes a manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def trained(task: Any, data: Path | Sequence[Path], out: Path) -> Any:
    """Trains a run and prints its report; one that was interrupted goes on, a finished one is opened.

    Args:
        task: with the options of the run.
        data: files to train on.
        out: the run folder.

    Raises:
        InputError: the folder has a run with other options.
    """
    path = out / files.CONFIG
    if not path.exists():
        task.train(data, out, show_progress=True)
    else:
        before, wanted = json.loads(path.read_text())["config"], to_json(task.config)
        for name in task.named:
            if before.get(name) != wanted[name] and not _names_files(getattr(task.config, name)):
                raise InputError(
                    f"{out}: is a run with {name} {before.get(name)}, not {wanted[name]}; name another folder"
                )
        is_whole = (out / files.RESULTS).exists() and not (out / files.CHECKPOINT).exists()
        task = elman.load(out) if is_whole else elman.resume(out, show_progress=True)
    print(task.report(), flush=True)
    return task


def _names_files(value: object) -> bool:
    return isinstance(value, tuple) and any(isinstance(each, Path) for each in value)


def digits(data: Path) -> list[tuple[Path, str, str, int]]:
    """Returns file, digit, speaker and index of each recording of FSDD."""
    paths = sorted((data / "fsdd/recordings").resolve().glob("*.wav"))
    if not paths:
        raise InputError(f"{data}: must hold fsdd/recordings with sound files")
    return [(path, *path.stem.split("_")[:2], int(path.stem.split("_")[2])) for path in paths]


def in_noise(sound: np.ndarray, speech: np.ndarray, noise: np.ndarray, begin: int, snr: float) -> np.ndarray:
    """Returns a sound [N] with noise at a ratio.

    Args:
        sound: its samples.
        speech: [N] bool, the samples whose energy counts, those that are no pause.
        noise: a longer recording, read in a circle.
        begin: its first sample.
        snr: ratio of the speech's mean energy to that of the noise, dB.
    """
    around = noise[(begin + np.arange(len(sound))) % len(noise)]
    level = np.sqrt(np.mean(sound[speech] ** 2) / np.mean(around**2) / 10 ** (snr / 10))
    return (sound + level * around).astype(np.float32)
