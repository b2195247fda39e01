"""Strings of spoken digits in noise, made of FSDD's single digits.

    python recipes/digit_strings.py ../shared/data --out runs/digit-strings

A string is 3 to 7 digits of one speaker with pauses of 0 to 0.5 s before, between and behind them. Recordings
10 to 49 of each digit and speaker are in the training part, 5 to 9 in the validation part, 0 to 4 in the test
part. The noise of the test part is at 10 dB, from files that the other parts lack; theirs is at 5 to 20 dB.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from recipe import HELD_NOISE, command, digits, in_noise, manifest
from spoken import arguments, recognise

from elman.data.read.audio import read_audio
from elman.data.read.recordings import audio_below

OPTIONS: dict[str, Any] = {"hidden_size": 128, "epochs": 20}
RATE = 8000
INDICES = {"training": range(10, 50), "validation": range(5, 10), "test": range(5)}
STRINGS = {"training": 1200, "validation": 150, "test": 200}
SNR = {"training": (5, 20), "validation": (5, 20), "test": (10, 10)}  # dB
LENGTHS, PAUSE = (3, 7), 0.5  # digits, seconds
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Sounds = dict[str, dict[int, list[np.ndarray]]]
"""Recordings of each speaker and digit."""


def main() -> None:
    """Makes the strings, trains, and prints the error rates."""
    given = arguments(__doc__, "folder with fsdd and background_noise", "folder of strings and run")
    parts = parts_of(digits(given.data), audio_below(given.data / "background_noise"), given.out)
    recognise(OPTIONS, given, given.out / f"run-{given.seed}", parts)


def parts_of(rows: list[tuple[Path, str, str, int]], noises: list[Path], out: Path) -> dict[str, Path]:
    """Writes the strings of each part, of recordings and noise of its own, and their manifests."""
    manifests = {}
    for number, part in enumerate(INDICES):
        sounds: Sounds = defaultdict(lambda: defaultdict(list))
        for path, digit, speaker, index in rows:
            if index in INDICES[part]:
                sounds[speaker][int(digit)].append(read_audio(path, RATE).samples)
        own = [path for path in noises if (path.stem in HELD_NOISE) == (part == "test")]
        noise = np.concatenate([read_audio(path, RATE).samples for path in own])
        manifests[part] = written(out / part, part, sounds, noise, np.random.default_rng(number))
    return manifests


def written(folder: Path, part: str, sounds: Sounds, noise: np.ndarray, random: np.random.Generator) -> Path:
    """Writes the strings of a part, and their manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for k in range(STRINGS[part]):
        own = sounds[str(random.choice(sorted(sounds)))]
        said = random.integers(10, size=random.integers(LENGTHS[0], LENGTHS[1] + 1)).tolist()
        clean, speech = string([own[digit][random.integers(len(own[digit]))] for digit in said], random)
        sound = in_noise(clean, speech, noise, int(random.integers(len(noise))), random.uniform(*SNR[part]))
        soundfile.write(folder / f"{k}.wav", sound / max(1.0, np.abs(sound).max()), RATE)
        rows.append((f"{part}/{k}.wav", " ".join(WORDS[digit] for digit in said)))
    return manifest(folder.with_suffix(".csv"), ("path", "text"), rows)


def string(sounds: list[np.ndarray], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns sounds with pauses around them, and which samples are no pause."""
    pieces = [np.zeros(round(random.uniform(0, PAUSE) * RATE))]
    for sound in sounds:
        pieces += [sound, np.zeros(round(random.uniform(0, PAUSE) * RATE))]
    speech = [np.full(len(piece), k % 2 == 1) for k, piece in enumerate(pieces)]
    return np.concatenate(pieces), np.concatenate(speech)


if __name__ == "__main__":
    command(main)
