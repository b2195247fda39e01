"""Compares two checkouts, in turn: start of the command line, calls of layers, a stream, training, memory.

    python benchmarks/before_after.py ../elman-before .    # each with its own .venv

Prints a table: the median of each, and the median and range of the ratios of neighbouring runs.
"""

import argparse
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import document

CALLS = """
import sys, time, torch, elman
torch.set_num_threads(1)
kind, T, B, H, trains = sys.argv[1], *map(int, sys.argv[2:])
layer, x = getattr(elman, kind)(H, H), torch.randn(T, B, H)
number, best = max(3, 20_000_000 // (T * B * H * H + 100_000)), float("inf")
for _ in range(7):
    began = time.perf_counter()
    for _ in range(number):
        if trains:
            layer(x)[0].sum().backward()
        else:
            with torch.inference_mode():
                layer(x)
    best = min(best, (time.perf_counter() - began) / number)
print(best * 1e6)
"""
STREAM = """
import time, torch, elman
torch.set_num_threads(1)
stream, x, best = elman.LSTM(64, 64).eval().stream(), torch.randn(64), float("inf")
for _ in range(9):
    began = time.perf_counter()
    for _ in range(2000):
        stream.step(x)
    best = min(best, (time.perf_counter() - began) / 2000)
print(best * 1e6)
"""
TRAINING = """
import resource, sys, time, elman
text = "to be, or not to be: that is the question. " * 6000
sizes = {"hidden_size": 128, "batch_size": 32, "bptt": 64, "dropout": 0.0}
task = elman.LanguageModel(epochs=1, ngram_order=2, **sizes).fit(texts=[text])
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(task.results["seconds"] if sys.argv[1] == "seconds" else memory)
"""
RUN = "tests/tasks/old_runs/language_model_0.1.0"


def processor_time(*arguments: str) -> Callable[[Path], float]:
    """Measures the processor time of a command, in seconds."""

    def measure(checkout: Path) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        execute(checkout, "-m", "elman.cli", *arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return measure


def wall_time(*arguments: str) -> Callable[[Path], float]:
    """Measures the time of a command, in seconds."""

    def measure(checkout: Path) -> float:
        began = time.perf_counter()
        execute(checkout, "-m", "elman.cli", *arguments)
        return time.perf_counter() - began

    return measure


def printed(code: str, *arguments: object) -> Callable[[Path], float]:
    """Takes the number that a program prints."""
    return lambda checkout: float(execute(checkout, "-c", code, *map(str, arguments)))


def execute(checkout: Path, *arguments: str) -> str:
    python = (checkout / ".venv/bin/python").absolute()
    return subprocess.run(
        [python, *arguments], cwd=checkout, check=True, capture_output=True, text=True
    ).stdout


MEASURES = {
    "`elman --help`, processor s": (7, processor_time("--help")),
    "`elman train forecasting --help`, processor s": (7, processor_time("train", "forecasting", "--help")),
    "`elman generate RUN`, s": (7, wall_time("generate", RUN, "--length", "5", "--seed", "1")),
    "LSTM 2 × 1 × 8, inference, µs": (5, printed(CALLS, "LSTM", 2, 1, 8, 0)),
    "LSTM 2 × 1 × 8, training, µs": (5, printed(CALLS, "LSTM", 2, 1, 8, 1)),
    "LSTM 50 × 32 × 128, inference, µs": (5, printed(CALLS, "LSTM", 50, 32, 128, 0)),
    "LSTM 50 × 32 × 128, training, µs": (5, printed(CALLS, "LSTM", 50, 32, 128, 1)),
    "LSTM stream, 64 units, a step, µs": (5, printed(STREAM)),
    "language model, 258,000 characters, s": (3, printed(TRAINING, "seconds")),
    "its peak memory, MiB": (3, printed(TRAINING, "memory")),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    rows = []
    for name, (rounds, measure) in MEASURES.items():
        pairs = [(measure(options.before), measure(options.after)) for _ in range(rounds)]
        ratios = sorted(new / old for old, new in pairs)
        medians = [f"{statistics.median(column):.4g}" for column in zip(*pairs, strict=True)]
        rows.append([name, *medians, f"{statistics.median(ratios):.3f} ({ratios[0]:.3f}–{ratios[-1]:.3f})"])
        print(" | ".join(rows[-1]), flush=True)
    print()
    print(document.table(["what", "before", "after", "after / before, median (range)"], rows))
    print(document.machine())


if __name__ == "__main__":
    main()
