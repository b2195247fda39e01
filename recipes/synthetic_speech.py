"""Synthetic sentences: what one says to a house, read by espeak-ng; the test part has voices of its own.

    python recipes/synthetic_speech.py --out runs/synthetic-speech

The sentences are drawn from the grammar below (180 words or so), each once, for all parts; a voice is an
accent and a variant of espeak-ng, at varied speeds and pitches. If flite is there, its voices read the test
sentences too, which is a part of its own. All of this is synthetic: it says little about people.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from recipe import command, manifest
from spoken import arguments, recognise

from elman.errors import InputError

OPTIONS: dict[str, Any] = {"hidden_size": 192, "epochs": 20}
SENTENCES = {"training": 1600, "validation": 150, "test": 200}
ACCENTS = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan")
VARIANTS = {
    "training": ("m1", "m2", "m3", "m4", "m8", "f1", "f2", "f3"),
    "validation": ("m5", "f4"),
    "test": ("m6", "m7", "f5"),
}
SPEEDS, PITCHES = (140, 190), (35, 65)  # words a minute, of 0 to 99
FLITE = ("awb", "kal", "rms", "slt")
GRAMMAR = {
    "sentence": (
        "turn {switch} the {device} in the {room}",
        "{please}turn the {device} {switch} {when}",
        "set the {heater} to {number} degrees {when}",
        "set a timer for {number} {unit}",
        "wake me {day} at {hour} {minute}",
        "play {style} music in the {room}",
        "what is the weather like in {city} {day}",
        "{please}call {name} {when}",
        "send a message to {name} and say {message}",
        "add {food} and {food} to the shopping list",
        "remind {name} to {task} {day} at {hour} {minute}",
        "how long does it take to drive to {city}",
        "is the {opening} in the {room} {state}",
        "{please}{move} the {opening} in the {room}",
    ),
    "please": ("", "please ", "could you ", "can you "),
    "switch": ("on", "off"),
    "device": ("light", "lamp", "radio", "fan", "television", "camera", "printer", "kettle"),
    "room": ("kitchen", "bedroom", "bathroom", "hall", "garage", "office", "garden", "cellar"),
    "heater": ("heating", "oven", "boiler", "freezer", "water"),
    "opening": ("window", "door", "curtain", "gate"),
    "state": ("open", "closed", "locked"),
    "move": ("open", "close", "lock"),
    "when": ("now", "later", "{day}", "in {number} {unit}", "before {hour}"),
    "day": ("today", "tonight", "tomorrow", "on {weekday}", "on {weekday} morning", "next week"),
    "weekday": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "hour": ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    "minute": ("", "fifteen", "twenty", "thirty", "forty five"),
    "number": ("five", "ten", "twelve", "fifteen", "eighteen", "twenty {digit}", "thirty {digit}", "sixty"),
    "digit": ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "unit": ("seconds", "minutes", "hours"),
    "style": ("quiet", "classical", "modern", "happy", "dance", "piano", "guitar", "folk"),
    "city": ("london", "paris", "berlin", "madrid", "rome", "vienna", "dublin", "oslo", "athens", "lisbon"),
    "name": ("anna", "peter", "maria", "james", "susan", "david", "my mother", "my brother", "the doctor"),
    "message": ("i am late", "dinner is ready", "the train is full", "i will call back", "happy birthday"),
    "food": ("bread", "milk", "apples", "cheese", "rice", "coffee", "butter", "eggs", "sugar", "tomatoes"),
    "task": ("feed the cat", "water the flowers", "pay the bill", "buy a ticket", "clean the car"),
}


def main() -> None:
    """Makes the sentences, trains, and prints the error rates."""
    given = arguments(__doc__, None, "folder of sentences and run")
    check_there()
    random, every = np.random.default_rng(0), sentences()
    parts = {}
    for part, number in SENTENCES.items():
        texts = [next(every) for _ in range(number)]
        parts[part] = read_aloud(given.out / part, texts, VARIANTS[part], random)
        if part == "test":
            of_flite = read_by_flite(given.out / "flite", texts)
    parts |= {} if of_flite is None else {"flite": of_flite}
    recognise(OPTIONS, given, given.out / f"run-{given.seed}", parts)


def check_there() -> None:
    """Raises InputError without espeak-ng."""
    if shutil.which("espeak-ng") is None:
        raise InputError("espeak-ng reads the sentences aloud, and is not installed (apt install espeak-ng)")


def sentences(seed: int = 0) -> Iterator[str]:
    """Yields sentences of the grammar without end, each once."""
    random, seen = np.random.default_rng(seed), set()

    def expanded(text: str) -> str:
        return re.sub(r"{(\w+)}", lambda found: expanded(str(random.choice(GRAMMAR[found[1]]))), text)

    while True:
        text = " ".join(expanded("{sentence}").split())
        if text not in seen:
            seen.add(text)
            yield text


def read_aloud(
    folder: Path, texts: list[str], variants: tuple[str, ...], random: np.random.Generator
) -> Path:
    """Writes sentences as espeak-ng reads them, and their manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for k, text in enumerate(texts):
        voice = f"{random.choice(ACCENTS)}+{random.choice(variants)}"
        speed, pitch = (str(random.integers(*bounds)) for bounds in (SPEEDS, PITCHES))
        speak("espeak-ng", "-v", voice, "-s", speed, "-p", pitch, "-w", f"{folder}/{k}.wav", text)
        rows.append((f"{folder.name}/{k}.wav", text))
    return manifest(folder.with_suffix(".csv"), ("path", "text"), rows)


def read_by_flite(folder: Path, texts: list[str]) -> Path | None:
    """Writes sentences as flite's voices read them in turn, and their manifest; None without flite."""
    if shutil.which("flite") is None:
        print("flite is not installed (apt install flite), so its voices are left out")
        return None
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for k, text in enumerate(texts):
        speak("flite", "-voice", FLITE[k % len(FLITE)], "-t", text, "-o", f"{folder}/{k}.wav")
        rows.append((f"{folder.name}/{k}.wav", text))
    return manifest(folder.with_suffix(".csv"), ("path", "text"), rows)


def speak(*words: str) -> None:
    """Runs a program that speaks. Raises InputError if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or "no message").splitlines()[-1]
        raise InputError(f"{words[0]}: ended with status {done.returncode}: {said}")


if __name__ == "__main__":
    command(main)
