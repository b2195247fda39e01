"""The default run of a task: the command that a newcomer types, and its figure on the test part."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from own.figures import accuracy_rows, chrf_rows, corpus_bleu, mase_rows, period_of, squared_rows, vus_pr
from own.measure import Run
from own.numbers import known_before, read_channels, read_sequences, read_series, values_of
from own.prepare import about_of, read_pairs, read_rows

ELMAN = [sys.executable, "-m", "elman.cli"]
COMMANDS = {"numeric-sequences": "classification", "sequence-regression": "regression"}
# where a task has no --test: the file given is for training and validation, in the task's own proportion
NO_TEST = {
    "sequence-regression": ["--split", "0.9", "0.1", "0"],
    "anomaly-detection": ["--split", "0.8", "0.2", "0"],
}


def default_run(folder: Path, seed: int, minutes: float, options: tuple[str, ...] = ()) -> Run:
    """Trains without options but the seed and the limit of time, and what says which part is for tests.

    Args:
        folder: a prepared set.
        seed: the seed.
        minutes: the limit of time.
        options: those of the network alone.
    """
    task = about_of(folder)["task"]
    limit = ["--seed", str(seed), *options]
    with tempfile.TemporaryDirectory() as temporary:
        measure = {"forecasting": _forecast, "anomaly-detection": _detected}.get(task)
        return (
            measure(folder, Path(temporary), minutes, limit)
            if measure
            else _one_file(folder, Path(temporary), minutes, limit)
        )


def _one_file(folder: Path, temporary: Path, minutes: float, limit: list[str]) -> Run:
    """Trains on the file of the training part."""
    task = about_of(folder)["task"]
    run = temporary / "run"
    files = {
        "language-model": ["text.txt"],
        "sequence-regression": ["train.csv"],
        "numeric-sequences": ["train.csv", "--test", "test.csv"],
    }.get(task, ["train.tsv", "--test", "test.tsv"])
    paths = [str(folder / file) if "." in file else file for file in files]
    seconds, results = train(task, paths, run, minutes, limit)
    measure = {
        "classification": _classified,
        "numeric-sequences": _classified_numbers,
        "sequence-regression": _predicted,
        "translation": _translated,
    }.get(task)
    if measure:
        figure, rows, more = measure(folder, str(run))
    else:
        # of characters, the level of the default run
        figure, rows, more = results["test"]["bits_per_token"], [], {}
    alone = {"network": network} if (network := _network_alone(results)) is not None else {}
    return Run(figure, seconds, rows, more | alone | _sizes(results))


def _network_alone(results: dict[str, Any]) -> float | None:
    """Returns the figure of the network alone on the test part, where a run measured it beside its own."""
    if "alone" in results:
        return results["alone"]["the network alone"].get("accuracy")  # of numbers, it has other figures
    return results.get("test", {}).get("network_bits_per_token")


def train(
    task: str, files: list[str], run: Path, minutes: float, limit: list[str]
) -> tuple[float, dict[str, Any]]:
    """Trains; returns the seconds that it took, and what the run says of itself."""
    began = time.perf_counter()
    time_limit = ["--max-minutes", str(minutes)]
    more = NO_TEST.get(task, [])
    call("train", COMMANDS.get(task, task), *files, "--out", str(run), *more, *time_limit, *limit)
    return time.perf_counter() - began, json.loads((run / "results.json").read_text())


def _sizes(results: dict[str, Any]) -> dict[str, int]:
    return {"parameters": results["parameters"], "steps": results["steps"]}


def _classified_numbers(folder: Path, run: str) -> tuple[float, list[float], dict[str, float]]:
    labels, _ = read_sequences(folder, "test")
    lines = call("classify", run, str(folder / "test.csv")).splitlines()
    found = dict(line.split("\t")[:2] for line in lines)  # the sequence's name comes first
    rows = accuracy_rows(labels, [found[f"test-{k}"] for k in range(len(labels))])
    return sum(rows) / len(rows), rows, {}


def _predicted(folder: Path, run: str) -> tuple[float, list[float], dict[str, float]]:
    training, truth = ([float(y) for y in read_sequences(folder, part)[0]] for part in ("train", "test"))
    table = pl.read_csv(call("predict", run, str(folder / "test.csv")).encode())
    found = dict(table.iter_rows())
    rows = squared_rows(truth, [found[f"test-{k}"] for k in range(len(truth))], training)
    return sum(rows) / len(rows), rows, {}


def _forecast(folder: Path, temporary: Path, minutes: float, limit: list[str]) -> Run:
    """Trains on what precedes the first test step of each series; later forecasts read all before them."""
    about, series = about_of(folder), read_series(folder)
    found: dict[str, list[list[float]]] = {name: [] for name in series}
    run, file = temporary / "run", temporary / "history.csv"
    for window in range(about["windows"]):
        hidden = known_before(about, window)
        pl.concat([table[: len(table) - hidden] for table in series.values()]).write_csv(file)
        if window == 0:
            options = ["--horizon", str(about["horizon"]), "--test-windows", "0"]
            seconds, results = train("forecasting", [str(file), *options], run, minutes, limit)
        forecast = pl.read_csv(
            call("forecast", str(run), str(file)).encode(), schema_overrides={"unique_id": str}
        )
        for group in forecast.partition_by("unique_id", maintain_order=True):
            found[group.item(0, 0)].append(group["elman"].to_list())
    values = {name: values_of(table) for name, table in series.items()}
    rows = mase_rows(values, {name: np.array(one) for name, one in found.items()}, about)
    return Run(statistics.fmean(rows), seconds, rows, _sizes(results))


def _detected(folder: Path, temporary: Path, minutes: float, limit: list[str]) -> Run:
    """Trains on the first part of each recording, and scores the rest; the recordings share the time."""
    about = about_of(folder)
    rows, seconds = [], 0.0
    for name, table, cut in read_channels(folder, about):
        unlabelled = table.drop("label")
        past, whole = temporary / f"{name}-past.csv", temporary / f"{name}.csv"
        unlabelled[:cut].write_csv(past)
        unlabelled.write_csv(whole)
        run = temporary / name
        share = minutes / len(about["cuts"])
        took, results = train("anomaly-detection", [str(past)], run, share, limit)
        seconds += took
        scores = pl.read_csv(call("detect", str(run), str(whole), "--scores").encode())["score"].to_numpy()
        values = unlabelled.drop("timestamp", strict=False).to_numpy().astype(float)
        rows.append(vus_pr(scores[cut:], table["label"].to_numpy()[cut:], period_of(values)))
    return Run(statistics.fmean(rows), seconds, rows, _sizes(results))


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
    return options if options and options[0] in call("train", COMMANDS.get(task, task), "--help") else []


def call(*arguments: str) -> str:
    """Runs a command of elman; returns what it printed."""
    done = subprocess.run([*ELMAN, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"elman {arguments[0]} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout
