"""Voice commands, from the data sets in a folder; the options are those of OPTIONS.

    python recipes/voice_commands.py digits ../shared/data runs/commands
    python recipes/voice_commands.py speakers ../shared/data runs/commands
    python recipes/voice_commands.py arabic ../shared/data runs/commands
    python recipes/voice_commands.py spotting ../shared/data runs/commands --background mboshi

digits: FSDD, recordings 10 to 49 of each digit and speaker to learn, 5 to 9 to choose, 0 to 4 to report.
speakers: FSDD, each of the four speakers as the test part of a run on the other three.
arabic: 14 words of thirty speakers by the split of the data set.
spotting: these words in running sound: the clips of the test speakers, one every 3 to 10 seconds, in noise at
10 dB from files that were not learnt. The threshold is for three false alarms an hour in the half of the
background that was not learnt; false alarms are reported on the other corpus of speech.
"""

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
from recipe import HELD_NOISE, command, digits, in_noise, manifest, trained

import elman
from elman.data.read.audio import read_audio
from elman.data.read.recordings import audio_below, read_manifest
from elman.decode.spotting import most_an_hour
from elman.tasks.classification.spotting import Listener

OPTIONS: dict[str, dict[str, Any]] = {
    "digits": {"hidden_size": 64, "epochs": 14},
    "speakers": {"hidden_size": 64, "epochs": 16},
    "arabic": {"hidden_size": 128, "frame": 2, "epochs": 20, "rocket": "none"},
    "spotting": {"hidden_size": 128, "frame": 2, "epochs": 15},
}
RATE = 16_000
SPEECH = "picovoice_coffee_orders", "mboshi"
SNR, GAPS, NEAR = 10.0, (3.0, 10.0), 0.75  # dB, seconds, seconds
AN_HOUR = 3.0
LABELLED, PARTS = ("path", "label"), ("path", "label", "start_sample", "samples")


def run_of(name: str, seed: int, out: Path, data: Path, **options: Any) -> elman.SequenceClassifier:
    """Trains and reports a run."""
    return trained(elman.SequenceClassifier(seed=seed, **OPTIONS[name], **options), data, out)


def run_digits(data: Path, out: Path, seeds: int) -> None:
    """Reports FSDD by its own split."""
    rows = digits(data)
    parts = {"train": range(10, 50), "validation": range(5, 10), "test": range(5)}
    files = {
        part: manifest(out / f"digits_{part}.csv", LABELLED, [row[:2] for row in rows if row[3] in indices])
        for part, indices in parts.items()
    }
    for seed in range(seeds):
        own = {"validation": (files["validation"],), "test": (files["test"],)}
        task = run_of("digits", seed, out / f"digits-{seed}", files["train"], **own)
        print(f"digits, seed {seed}: accuracy {task.results['test']['accuracy']:.4f}", flush=True)


def run_speakers(data: Path, out: Path, seeds: int) -> None:
    """Reports FSDD on speakers who were not heard in training."""
    rows = digits(data)
    for speaker in sorted({row[2] for row in rows}):
        others = manifest(
            out / f"not_{speaker}.csv", LABELLED, [row[:2] for row in rows if row[2] != speaker]
        )
        own = manifest(out / f"only_{speaker}.csv", LABELLED, [row[:2] for row in rows if row[2] == speaker])
        for seed in range(seeds):
            task = run_of("speakers", seed, out / f"{speaker}-{seed}", others, test=(own,))
            print(f"{speaker}, seed {seed}: accuracy {task.results['test']['accuracy']:.4f}", flush=True)


def arabic(data: Path, out: Path) -> dict[str, Path]:
    """Writes the manifests of the Arabic words."""
    folder = (data / "arabic_speech_commands").resolve()
    with (folder / "index.csv").open() as file:
        rows = [*csv.DictReader(file)]
    return {
        part: manifest(
            out / f"arabic_{part}.csv",
            PARTS,
            [
                (folder / f"{row['keyword']}.ogg", row["keyword"], row["start_sample"], row["samples"])
                for row in rows
                if row["part"] == part
            ],
        )
        for part in ("train", "val", "test")
    }


def run_arabic(data: Path, out: Path, seeds: int) -> None:
    """Reports the Arabic words of the speakers of the test part."""
    files = arabic(data, out)
    for seed in range(seeds):
        own = {"validation": (files["val"],), "test": (files["test"],)}
        task = run_of("arabic", seed, out / f"arabic-{seed}", files["train"], **own)
        print(f"arabic, seed {seed}: accuracy {task.results['test']['accuracy']:.4f}", flush=True)


def running_sound(clips: Path, noises: list[Path], seed: int) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Returns clips in noise, and the time of the middle of each with its word."""
    random = np.random.default_rng(seed)
    recordings = read_manifest(clips)
    noise = np.concatenate([read_audio(path, RATE).samples for path in noises])
    pieces, truth, at = [], [], 0
    for k in random.permutation(len(recordings)):
        clip = recordings[k].read(RATE).samples
        quiet = round(random.uniform(*GAPS) * RATE)
        begin = int(random.integers(len(noise)))
        sound = np.concatenate([np.zeros(quiet, np.float32), clip])
        around = in_noise(sound, np.arange(len(sound)) >= quiet, noise, begin, SNR)
        truth.append(((at + quiet + len(clip) / 2) / RATE, recordings[k].text))
        at += len(around)
        pieces.append(around)
    return np.concatenate(pieces), truth


def heard(task: elman.SequenceClassifier, sound: np.ndarray, threshold: float) -> list[dict[str, Any]]:
    """Returns the words that are found in a sound that comes in pieces of ten seconds."""
    listener = Listener(task.answers, RATE, AN_HOUR, threshold)
    step = 10 * RATE
    found = [spot for k in range(0, len(sound), step) for spot in listener.take(sound[k : k + step])]
    return [*found, *listener.end()]


def run_spotting(data: Path, out: Path, seeds: int, background: str) -> None:
    """Reports words found in running sound, and false alarms in speech that holds none."""
    files = arabic(data, out)
    noises = audio_below(data / "background_noise")
    held = [path for path in noises if path.stem in HELD_NOISE]
    (other,) = set(SPEECH) - {background}
    for seed in range(seeds):
        task = run_of(
            "spotting",
            seed,
            out / f"spotting-{background}-{seed}",
            files["train"],
            validation=(files["val"],),
            split=(1.0, 0.0, 0.0),
            noise=tuple(path for path in noises if path not in held),
            background=(data / background,),
        )
        threshold = task.facts.alarms.threshold(AN_HOUR)
        sound, truth = running_sound(files["test"], held, seed)
        spots = heard(task, sound, threshold)
        right = sum(
            any(spot["label"] == word and abs(spot["time"] - time) <= NEAR for spot in spots)
            for time, word in truth
        )
        stray = sum(all(abs(spot["time"] - time) > NEAR for time, _ in truth) for spot in spots)
        print(
            f"threshold {threshold:.4f}: found {right} of {len(truth)} words ({right / len(truth):.1%}) in "
            f"{len(sound) / RATE / 3600:.2f} hours of noise, with {stray} words where there were none",
            flush=True,
        )
        speech = [read_audio(path, RATE).samples for path in audio_below(data / other)]
        alarms, hours = (
            sum(len(heard(task, x, threshold)) for x in speech),
            sum(map(len, speech)) / RATE / 3600,
        )
        print(
            f"{other}: {alarms} false alarms in {hours:.2f} hours, {alarms / hours:.1f} an hour, with 95 % "
            f"confidence less than {most_an_hour(alarms, hours):.1f}",
            flush=True,
        )


def main() -> None:
    """Runs one part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=OPTIONS)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="folder of manifests and runs")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--background", choices=SPEECH, default=SPEECH[0])
    arguments = parser.parse_args()
    data, out, seeds = arguments.data, arguments.out, arguments.seeds
    if arguments.part == "spotting":
        run_spotting(data, out, seeds, arguments.background)
    else:
        {"digits": run_digits, "speakers": run_speakers, "arabic": run_arabic}[arguments.part](
            data, out, seeds
        )


if __name__ == "__main__":
    command(main)
