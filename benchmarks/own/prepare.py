"""Sets as files: what a default run, a simple method and a peer all read.

A set's folder holds ``train.tsv`` and ``test.tsv`` (label and text, with names in the first row; or source
and target, without), ``text.txt`` for a language model, or what ``numbers.py`` writes, and ``about.json``:
sizes and a hash of the files.
"""

import csv
import hashlib
import json
import tomllib
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from own import read_anomalies, read_debian, read_python, read_sequences, read_series, read_shared
from own.numbers import TARGETS, write_channels, write_sequences, write_series
from own.places import Places
from own.rows import Rows, one_line

HERE = Path(__file__).parent
MOST_TEST = 2000  # rows of a test part that is drawn here
ABOUT_SET = {"task", "source", "side", "reader"}
FACTS = ("horizon", "season", "windows")  # of a set of series: steps, steps, forecasts of each series


def load_sets(path: Path = HERE / "sets.toml") -> dict[str, dict[str, Any]]:
    """Returns the sets by name, each with its side."""
    content = tomllib.loads(path.read_text("utf-8"))
    return {
        name: {**about, "side": content["sources"][about["source"]]["side"]}
        for name, about in content["sets"].items()
    }


def load_methods(path: Path = HERE / "methods.toml") -> dict[str, dict[str, Any]]:
    """Returns the figure and the methods of each task."""
    return tomllib.loads(path.read_text("utf-8"))


def prepared(places: Places, name: str, about: dict[str, Any]) -> Path:
    """Returns the folder of a set, and writes it first if it is absent."""
    folder = places.build / "sets" / name
    if not (folder / "about.json").is_file():
        options = {key: about[key] for key in about.keys() - {*ABOUT_SET, *FACTS}}
        rows = reader_of(about)(places, **options)
        folder.mkdir(parents=True, exist_ok=True)
        sizes = write(folder, about, rows)
        files = sorted(path for path in folder.iterdir() if path.name != "about.json")
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
        facts = {"set": name, "task": about["task"], "side": about["side"], **sizes, "sha256": digest}
        (folder / "about.json").write_text(json.dumps(facts, indent=2))  # last, so that it marks a whole set
    return folder


def write(folder: Path, about: dict[str, Any], content: Any) -> dict[str, Any]:
    """Writes what a reader returned; returns its sizes."""
    task = about["task"]
    if task in TARGETS:
        return write_sequences(folder, task, content)
    if task == "forecasting":
        return write_series(folder, content, {key: about[key] for key in FACTS})
    if task == "anomaly-detection":
        return write_channels(folder, content)
    return write_text(folder, content) if task == "language-model" else write_rows(folder, task, content)


def reader_of(about: dict[str, Any]) -> Callable[..., Any]:
    """Returns the function that a set names."""
    modules = (read_shared, read_python, read_debian, read_sequences, read_series, read_anomalies)
    readers = {name: value for module in modules for name, value in vars(module).items()}
    return readers[about["reader"]]


def about_of(folder: Path) -> dict[str, Any]:
    """Returns what ``about.json`` says."""
    return json.loads((folder / "about.json").read_text())


def write_text(folder: Path, text: str) -> dict[str, Any]:
    """Writes the text of a language model."""
    (folder / "text.txt").write_text(text, "utf-8", newline="\n")
    return {"train": len(text), "test": len(text) - round(len(text) * 0.95)}


def write_rows(folder: Path, task: str, rows: Rows) -> dict[str, Any]:
    """Writes the rows of both parts; without a test part, a fifth of the (shuffled) rows becomes one."""
    train, test = rows
    if not test:
        size = min(len(train) // 5, MOST_TEST)
        train, test = train[size:], train[:size]
    if task == "classification":  # what never stands in training cannot be predicted
        known = {label for label, _ in train}
        test = [row for row in test if row[0] in known]
    for name, part in (("train", train), ("test", test)):
        with (folder / f"{name}.tsv").open("w", encoding="utf-8", newline="") as file:
            if task == "translation":  # lines with a tab, which know neither names nor quotes
                file.writelines(f"{plain(source)}\t{plain(target)}\n" for source, target in part)
            else:
                table = csv.writer(file, delimiter="\t", lineterminator="\n")
                table.writerows([("label", "text"), *part])
    sizes: dict[str, Any] = {"train": len(train), "test": len(test)}
    if task == "classification":
        sizes["labels"] = len({label for label, _ in train})
    return sizes


def read_rows(path: Path) -> tuple[list[str], list[str]]:
    """Returns both columns of a part."""
    csv.field_size_limit(10**8)
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t")
    first, second = zip(*rows, strict=True)
    return list(first), list(second)


def read_pairs(path: Path) -> tuple[list[str], list[str]]:
    """Returns sources and targets of a part."""
    pairs = [line.split("\t") for line in path.read_text("utf-8").rstrip("\n").split("\n")]
    return [source for source, _ in pairs], [target for _, target in pairs]


def plain(text: str) -> str:
    """Returns a text on one line, without control characters."""
    return "".join(c for c in one_line(text) if unicodedata.category(c) not in {"Cc", "Zl", "Zp"})
