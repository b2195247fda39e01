"""Corpora, models and runs so small that they train in a moment."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agreement import randomise
from safetensors.torch import load_file

from elman.cells import LSTM, Cell
from elman.data.batches.examples import Examples
from elman.data.tokens.corpus import Corpus
from elman.data.tokens.vocab import ByteVocabulary
from elman.heads.squared_error import SquaredError
from elman.layers import Recurrent
from elman.models.autoregressive import Autoregressive
from elman.models.pooled import Pooled
from elman.testing.task_case import same_bits as same_bits
from elman.testing.task_case import weights as weights
from elman.train.progress import Silent

V, I, H = 6, 4, 5
WORDS = ("the", "a", "cat", "dog", "ran", "sat", "on", "mat", "big", "red")
SMALL: dict[str, Any] = {"hidden_size": 8, "batch_size": 4, "epochs": 2}
"""Options of a task."""
PLAIN: dict[str, Any] = {"rocket": "none", "centre": "none", "differences": False, "frame": 1, "augment": 0.0}
"""Options of a network that reads nothing but the steps of a numeric sequence, as they are."""


def text(words: int = 300, seed: int = 0) -> str:
    """Words drawn at random, ten a line."""
    drawn = np.random.default_rng(seed).choice(WORDS, (words // 10, 10))
    return "".join(" ".join(line) + "\n" for line in drawn)


def table(sequences: int = 30, seed: int = 0, columns: str = "unique_id,ds,a,b,y") -> str:
    """A CSV of sequences of 3 to 6 steps whose target is the sum of one feature and the last of the other."""
    rng = np.random.default_rng(seed)
    lines = [columns]
    for number in range(sequences):
        values = rng.normal(size=(rng.integers(3, 7), 2)).round(3)
        y = values[:, 0].sum() + values[-1, 1]
        lines += [f"s{number},{step},{a},{b},{y:.6f}" for step, (a, b) in enumerate(values)]
    return "\n".join(lines) + "\n"


def sales(series: int = 5, seed: int = 0, months: int = 48, future: int = 3) -> str:
    """A CSV of monthly series of unlike lengths, with covariates; the last months have no target yet."""
    rng = np.random.default_rng(seed)
    lines = ["unique_id,ds,y,price,weather,shop"]
    for number in range(series):
        steps = months - number
        price = rng.integers(1, 4, steps + future)
        season = 1 + 0.4 * np.sin(2 * np.pi * (np.arange(steps + future) % 12) / 12)
        y = (number + 2) * 10 * season * (1.2 - 0.1 * price) * np.exp(0.05 * rng.normal(size=steps + future))
        for step in range(steps + future):
            month = np.datetime64("2015-01") + step
            target, weather = (
                (f"{y[step]:.4f}", "wet" if y[step] > 20 else "dry") if step < steps else ("", "")
            )
            lines.append(f"s{number},{month}-01,{target},{price[step]},{weather},{'AB'[number % 2]}")
    return "\n".join(lines) + "\n"


GERMAN = dict(
    zip(WORDS, ("der", "ein", "Kater", "Hund", "lief", "saß", "auf", "Matte", "großer", "roter"), strict=True)
)
"""The words in another language."""


NAMES = ("Anna", "Ben", "Cora", "Dan", "Eva", "Finn", "Gina", "Hal", "Iris", "Jon")


def tagged(number: int = 30, seed: int = 0) -> str:
    """Sentences of 4 to 9 words in columns: names of one word or two are persons, numbers are years."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(number):
        for _ in range(rng.integers(2, 4)):
            lines.append(f"{rng.choice(WORDS)} D O")
            first, *more = rng.choice(NAMES, rng.integers(1, 3))
            lines += [f"{first} N B-PER", *(f"{name}{rng.integers(9)} N I-PER" for name in more)]
        lines += [f"{rng.integers(1900, 2000)} C B-YEAR", ""]
    return "\n".join(lines) + "\n"


def activities(sequences: int = 12, seed: int = 0, steps: int = 60) -> str:
    """A CSV of sequences of two numbers with a label in every row, which changes every 5 to 15 rows."""
    rng = np.random.default_rng(seed)
    lines = ["unique_id,ds,x,y,activity"]
    for number in range(sequences):
        labels, run = rng.integers(3, size=steps), rng.integers(5, 16)
        for step in range(steps):
            label = labels[step // run]
            x, y = rng.normal(size=2) * 0.5 + [label, -label]
            lines.append(f"p{number},{step},{x:.4f},{y:.4f},{('walk', 'sit', 'run')[label]}")
    return "\n".join(lines) + "\n"


def sentences(number: int = 40, seed: int = 0) -> str:
    """Lines of some words, a tab and their translations in the opposite order; no line twice."""
    rng = np.random.default_rng(seed)
    drawn: dict[tuple[str, ...], None] = {}
    while len(drawn) < number:
        drawn[tuple(rng.choice(WORDS, rng.integers(2, 6)).tolist())] = None
    return "".join(f"{' '.join(line)}\t{' '.join(GERMAN[word] for word in line[::-1])}\n" for line in drawn)


def reviews(number: int = 60, seed: int = 0) -> str:
    """A CSV of texts of 5 to 9 words and what one of the words, good or bad, makes of them."""
    rng = np.random.default_rng(seed)
    lines = ["text,label"]
    for k in range(number):
        words = [*rng.choice(WORDS, rng.integers(4, 8)), f"w{k % 7}"]
        words.insert(int(rng.integers(len(words))), ("good", "bad")[k % 2])
        lines.append(f"{' '.join(words)},{('pos', 'neg')[k % 2]}")
    return "\n".join(lines) + "\n"


def rhythm_values(rows: int = 120, seed: int = 0) -> np.ndarray:
    """Two columns [rows, 2] that rise and fall together, with a little noise."""
    phase = 2 * np.pi * np.arange(rows) / 12
    noise = 0.05 * np.random.default_rng(seed).normal(size=(rows, 2))
    return np.stack([np.sin(phase), 10 + 2 * np.cos(phase)], axis=1) + noise


def rhythm(rows: int = 120, seed: int = 0, values: np.ndarray | None = None) -> str:
    """A CSV of columns a and b over time, a row every half hour."""
    values = rhythm_values(rows, seed) if values is None else values
    times = np.datetime64("2024-01-01T00:00:00") + np.timedelta64(30, "m") * np.arange(rows)
    lines = [
        f"{str(time).replace('T', ' ')},{a:.5f},{b:.5f}" for time, (a, b) in zip(times, values, strict=True)
    ]
    return "\n".join(["timestamp,a,b", *lines]) + "\n"


def idx(array: np.ndarray) -> bytes:
    """Bytes as the content of an idx file."""
    head = np.array([0x0800 + array.ndim, *array.shape], ">u4")
    return head.tobytes() + array.astype(np.uint8).tobytes()


def idx_files(folder: str, part: str, number: int, seed: int = 0) -> dict[str, bytes]:
    """Images of 28 × 28 pixels, in each of three classes another row of them bright, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 3
    images = rng.integers(60, size=(number, 28, 28))
    images[np.arange(number), 5 + 8 * labels] += 190
    return {
        f"{folder}/{part}-images-idx3-ubyte": idx(images),
        f"{folder}/{part}-labels-idx1-ubyte": idx(labels),
    }


def corpus(length: int, starts: tuple[int, ...] = (0,), seed: int = 0) -> Corpus:
    """Random tokens below V."""
    tokens = np.random.default_rng(seed).integers(0, V, length)
    return Corpus(tokens, np.array(starts), ByteVocabulary())


def language_model(cell: type[Cell] = LSTM, dropout: float = 0.0, **options: Any) -> Autoregressive:
    return randomise(Autoregressive(V, Recurrent(cell(I, H), **options), dropout))


def regressor(cell: type[Cell] = LSTM, **options: Any) -> Pooled:
    layer = Recurrent(cell(2, 16), **options)
    return Pooled(layer, SquaredError(layer.output_size, 1))


def examples(number: int = 8, batch_size: int = 4, seed: int = 0) -> Examples:
    """Random sequences of 2 to 6 steps with random targets."""
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(number, 6, 2, generator=generator), torch.randn(number, 1, generator=generator)
    lengths = torch.randint(2, 7, (number,), generator=generator)
    return Examples(x, y, lengths, batch_size=batch_size, seed=seed)


class Probe(Silent):
    """Calls back with the number of steps after every step, before the loop has saved it."""

    def __init__(self, after: Callable[[int], object]) -> None:
        self.after, self.steps = after, 0
        self.shown: list[tuple[float, dict[str, str]]] = []
        self.left: list[float] = []

    def update(self, share: float, seconds_left: float, facts: dict[str, str]) -> None:
        self.steps += 1
        self.shown.append((share, facts))
        self.left.append(seconds_left)
        self.after(self.steps)


def interrupt_at(step: int) -> Probe:
    """Ctrl-C after that step."""
    return Probe(lambda steps: os.kill(os.getpid(), signal.SIGINT) if steps == step else None)


def timeless(folder: Path) -> dict[str, Any]:
    """All that a run left, but for how long it took."""
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    results = folder / "results.json"
    return {
        "weights": {name: value.tolist() for name, value in load_file(folder / "model.safetensors").items()},
        "history": [{key: value for key, value in line.items() if key != "seconds"} for line in lines],
        "results": json.loads(results.read_text()) | {"seconds": 0} if results.exists() else {},
    }
