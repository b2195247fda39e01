"""The default run of a task: the command that a newcomer types, and its figure on the test part."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from own.figures import accuracy_rows, chrf_rows, corpus_bleu
from own.measure import Run
from own.prepare import about_of, read_pairs, read_rows

ELMAN = [sys.executable, "-m", "elman.cli"]


def default_run(folder: Path, seed: int, minutes: float, options: tuple[str, ...] = ()) -> Run:
    """Trains without options but the seed and the limit of time; ``--test`` names the test part's file.

    Args:
        folder: a prepared set.
        seed: the seed.
        minutes: the limit of time.
        options: those of the network alone.
    """
    task = about_of(folder)["task"]
    with tempfile.TemporaryDirectory() as temporary:
        run = f"{temporary}/run"
        if task == "language-model":
            files = [str(folder / "text.txt")]
        else:
            files = [str(folder / "train.tsv"), "--test", str(folder / "test.tsv")]
        began = time.perf_counter()
        limit = ["--seed", str(seed), "--max-minutes", str(minutes)]
        call("train", task, *files, "--out", run, *limit, *options)
        seconds = time.perf_counter() - began
        results = json.loads((Path(run) / "results.json").read_text())
        measure = {"classification": _classified, "translation": _translated}.get(task)
        if measure:
            figure, rows, more = measure(folder, run)
        else:
            # of characters, the level of the default run
            figure, rows, more = results["test"]["bits_per_token"], [], {}
        return Run(
            figure, seconds, rows, more | {"parameters": results["parameters"], "steps": results["steps"]}
        )


def _classified(folder: Path, run: str) -> tuple[float, list[float], dict[str, float]]:
    labels, _ = read_rows(folder / "test.tsv")
    predicted = [line.split("\t")[0] for line in call("classify", run, str(folder / "test.tsv")).splitlines()]
    rows = accuracy_rows(labels, predicted)
    return sum(rows) / len(rows), rows, {}


def _translated(folder: Path, run: str) -> tuple[float, list[float], dict[str, float]]:
    sources, targets = read_pairs(folder / "test.tsv")
    lines = Path(run).parent / "sources.txt"
    lines.write_text("".join(f"{source}\n" for source in sources), "utf-8")
    translations = call("translate", run, str(lines)).splitlines()
    rows = chrf_rows(translations, targets)
    return sum(rows) / len(rows), rows, {"bleu": corpus_bleu(translations, targets)}


def network_options(task: str, options: list[str]) -> list[str]:
    """Returns the options of the network alone, or none if this version does not know them."""
    return options if options and options[0] in call("train", task, "--help") else []


def call(*arguments: str) -> str:
    """Runs a command of elman; returns what it printed."""
    done = subprocess.run([*ELMAN, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"elman {arguments[0]} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout
