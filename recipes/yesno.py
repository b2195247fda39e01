"""Yes and no in Hebrew, eight words a recording, one speaker: Kaldi's split of 31 and 29 recordings.

    python recipes/yesno.py ../shared/data/yesno --out runs/yesno

Of the 31, 6 choose and 25 are trained on: whole, and in strings of 3 to 10 of their words, since 25 orders of
two words are soon known by heart. Words are cut where a recording is quietest near each eighth of its speech.
"""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from recipe import command, manifest
from spoken import arguments, recognise

from elman.data.read.audio import read_audio
from elman.errors import InputError

OPTIONS: dict[str, Any] = {"hidden_size": 64, "epochs": 15, "language": "words"}
RATE, WORDS, CHOOSING = 8000, 8, 6
STRINGS, LENGTHS = 250, (3, 10)
LOUDER = 0.4  # at most, each word of a string in log10 of its amplitude; or softer
SMOOTH, NEAR, LEAST = 0.05, 0.2, 0.3  # seconds: of the mean of energies, from an eighth to its cut, of a word
NAMES = ("lo", "ken")  # no, yes


def main() -> None:
    """Makes the strings, trains, and prints the error rates."""
    given = arguments(__doc__, "folder with waves_yesno", "folder of strings and run")
    recognise(OPTIONS, given, given.out / f"run-{given.seed}", parts_of(given.data, given.out))


def parts_of(data: Path, out: Path) -> dict[str, Path]:
    """Writes the strings, and the manifest of each part."""
    paths = sorted((data / "waves_yesno").resolve().glob("*.wav"))
    if not paths:
        raise InputError(f"{data}: has no waves_yesno/*.wav")
    rows = [(path, [NAMES[int(digit)] for digit in path.stem.split("_")]) for path in paths]
    random = np.random.default_rng(0)
    training = [row for row in rows if row[0].name.startswith("0")]
    order = random.permutation(len(training))
    own = [training[k] for k in order[CHOOSING:]]
    parts = {
        "training": own + strings(own, out / "training", random),
        "validation": [training[k] for k in order[:CHOOSING]],
        "test": [row for row in rows if row not in training],
    }
    return {
        part: manifest(out / f"{part}.csv", ("path", "text"), [(path, " ".join(said)) for path, said in rows])
        for part, rows in parts.items()
    }


def strings(
    rows: list[tuple[Path, list[str]]], folder: Path, random: np.random.Generator
) -> list[tuple[Path, list[str]]]:
    """Writes strings of the words of recordings, in any order; returns them with what they say."""
    cut = [(words_in(read_audio(path, RATE).samples), said) for path, said in rows]
    well_cut = [(words, said) for words, said in cut if min(map(len, words)) > LEAST * RATE]
    pieces = [piece for words, said in well_cut for piece in zip(words, said, strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for k in range(STRINGS):
        drawn = random.integers(len(pieces), size=random.integers(LENGTHS[0], LENGTHS[1] + 1))
        path = (folder / f"{k}.wav").resolve()
        loud = 10 ** random.uniform(-LOUDER, LOUDER, len(drawn))
        sound = np.concatenate([pieces[n][0] * gain for n, gain in zip(drawn, loud, strict=True)])
        soundfile.write(path, sound / max(1.0, np.abs(sound).max()), RATE)
        found.append((path, [pieces[n][1] for n in drawn]))
    return found


def words_in(sound: np.ndarray) -> list[np.ndarray]:
    """Cuts a recording into its words, which follow one another at about the same pace."""
    width = round(SMOOTH * RATE)
    energy = np.convolve(sound**2, np.ones(width) / width, "same")
    loud = np.flatnonzero(energy > 0.01 * np.percentile(energy, 95))
    eighths, near = np.linspace(loud[0], loud[-1], WORDS + 1)[1:-1].astype(int), round(NEAR * RATE)
    cuts = [at - near + int(energy[at - near : at + near].argmin()) for at in eighths]
    return np.split(sound, cuts)


if __name__ == "__main__":
    command(main)
