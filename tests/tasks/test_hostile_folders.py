"""Run folders that somebody prepared: each is refused in one line, at once, and runs no code."""

import json
import os
import pickle
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import SMALL, reviews, rhythm_values, table, text

import elman
from elman.errors import InputError

CONFIG, WEIGHTS, VOCABULARY, RESULTS = "config.json", "model.safetensors", "vocabulary.json", "results.json"
PEAK = Path("/proc/self/clear_refs")
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Good runs, loaded once so that everything is imported."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "table.csv").write_text(table())
    elman.LanguageModel(**SMALL, embedding_size=4, ngrams="none").fit(texts=[text()]).save(folder / "lm")
    elman.SequenceRegressor(**SMALL).train([folder / "table.csv"]).save(folder / "regression")
    (folder / "reviews.csv").write_text(reviews())
    options = SMALL | {"class_weights": "balanced"}
    alone = {**options, "ngrams": "none"}
    elman.SequenceClassifier(**alone).train([folder / "reviews.csv"]).save(folder / "classification")
    elman.AnomalyDetector(**SMALL).fit(rhythm_values()).save(folder / "anomalies")
    found = {name: folder / name for name in ("lm", "regression", "classification", "anomalies")}
    for run in found.values():
        assert elman.load(run).model is not None
    return found


# Damages to a file


def put(name: str, content: bytes | str) -> Damage:
    return lambda folder: (folder / name).write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )


def edit(name: str, change: Callable[[Any], Any]) -> Damage:
    """Changes parsed JSON; what ``change`` returns is written."""
    return lambda folder: (folder / name).write_text(
        json.dumps(change(json.loads((folder / name).read_text())))
    )


def config(**fields: Any) -> Damage:
    return edit(CONFIG, lambda content: content | fields)


def option(**options: Any) -> Damage:
    return edit(CONFIG, lambda content: content | {"config": content["config"] | options})


def fact(**facts: Any) -> Damage:
    return edit(CONFIG, lambda content: content | {"facts": content["facts"] | facts})


def tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Damage:
    def damage(folder: Path) -> None:
        found = load_file(folder / WEIGHTS)
        change(found)
        save_file(found, folder / WEIGHTS)

    return damage


def fill(value: float) -> Damage:
    return tensors(lambda found: found["head.bias"].view(-1)[-1:].fill_(value))


def header(change: Callable[[dict[str, Any]], Any], length: int | None = None) -> Damage:
    """Changes the header of the safetensors file, or the length that it claims to have."""

    def damage(folder: Path) -> None:
        content = (folder / WEIGHTS).read_bytes()
        (size,) = struct.unpack("<Q", content[:8])
        found = json.loads(content[8 : 8 + size])
        text = json.dumps(change(found) or found).encode()
        data = content[8 + size :]
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", length or len(text)) + text + data)

    return damage


def offsets(begin: int, end: int) -> Damage:
    return header(lambda found: found["head.bias"].update(data_offsets=[begin, end]))


def sparse(name: str, size: int) -> Damage:
    return lambda folder: os.truncate(folder / name, size)


def replaced(name: str, kind: str) -> Damage:
    """A folder, a pipe or a link to an outside copy in place of the file."""

    def damage(folder: Path) -> None:
        path = folder / name
        if kind == "link":
            path.symlink_to(path.rename(folder.parent / name))
            return
        path.unlink()
        path.mkdir() if kind == "folder" else os.mkfifo(path)

    return damage


CODE = """
import elman, pathlib
pathlib.Path(__file__).with_name("marker").touch()
class Mine(elman.Cell): pass
"""


def own_cell(folder: Path) -> None:
    (folder / "cell.py").write_text(CODE)
    option(cell=f"{folder / 'cell.py'}:Mine")(folder)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("marker",)


LM: dict[str, dict[str, Damage]] = {
    WEIGHTS: {
        "cut": lambda folder: os.truncate(folder / WEIGHTS, 500),
        "one byte short": lambda folder: os.truncate(folder / WEIGHTS, (folder / WEIGHTS).stat().st_size - 1),
        "trailing bytes": sparse(WEIGHTS, 2**30),
        "empty": put(WEIGHTS, b""),
        "missing": lambda folder: (folder / WEIGHTS).unlink(),
        "a pickle": put(WEIGHTS, pickle.dumps(Bomb())),
        "header of 2^60": header(lambda _: None, length=2**60),
        "header of 2^64 - 1": header(lambda _: None, length=2**64 - 1),
        "header of nothing": header(lambda _: None, length=1),
        "header no JSON": put(WEIGHTS, struct.pack("<Q", 8) + b"{head: 1"),
        "header deep": put(WEIGHTS, struct.pack("<Q", 10**6) + b"[" * 10**6),
        "header a list": header(lambda _: [1]),
        "header of 10^5 tensors": header(
            lambda found: (
                found | {f"x{k}": found["head.bias"] | {"data_offsets": [0, 0]} for k in range(10**5)}
            )
        ),
        "overlap": offsets(0, 72),
        "out of range": offsets(10**9, 10**9 + 72),
        "backwards": offsets(72, 0),
        "shape and bytes disagree": header(lambda found: found["head.bias"].update(shape=[10**6])),
        "shape overflows": header(lambda found: found["head.bias"].update(shape=[2**40, 2**40])),
        "other shape": tensors(lambda found: found.update({"head.bias": torch.zeros(5)})),
        "transposed": tensors(
            lambda found: found.update({"head.weight": found["head.weight"].T.contiguous()})
        ),
        "float64": tensors(lambda found: found.update({"head.bias": found["head.bias"].double()})),
        "float16": tensors(lambda found: found.update({"head.bias": found["head.bias"].half()})),
        "missing tensor": tensors(lambda found: found.pop("head.bias")),
        "extra tensor": tensors(lambda found: found.update(extra=torch.zeros(1))),
        "name of lines": tensors(lambda found: found.update({"a\nb": torch.zeros(1)})),
        "nan": fill(float("nan")),
        "inf": fill(float("inf")),
        "other run's": tensors(lambda found: [found.pop(name) for name in list(found)]),
    },
    CONFIG: {
        "empty": put(CONFIG, ""),
        "missing": lambda folder: (folder / CONFIG).unlink(),
        "no JSON": put(CONFIG, "{'task': 1}"),
        "no UTF-8": put(CONFIG, b'{"task": "\xff\xfe"}'),
        "a list": put(CONFIG, "[]"),
        "deep": put(CONFIG, "[" * 100_000),
        "deep value": put(
            CONFIG, '{"task": "language-model", "format_version": ' + "[" * 900 + "]" * 900 + "}"
        ),
        "huge": sparse(CONFIG, 2**30),
        "long number": put(CONFIG, '{"task": "language-model", "format_version": ' + "9" * 5000 + "}"),
        "no task": edit(CONFIG, lambda content: {k: v for k, v in content.items() if k != "task"}),
        "task above": config(task="../x"),
        "task by path": config(task="../tasks/language_model"),
        "task a module": config(task="base"),
        "task of lines": config(task="a\nb"),
        "task a number": config(task=1),
        "task of another": config(task="regression"),
        "version 2": config(format_version=2),
        "version 0": config(format_version=0),
        "version '1'": config(format_version="1"),
        "version '1\\n'": config(format_version="1\n"),
        "version true": config(format_version=True),
        "version 1.0": config(format_version=1.0),
        "version 10^400": config(format_version=10**400),
        "version null": config(format_version=None),
        "options null": config(config=None),
        "options a list": config(config=[]),
        "facts a list": config(facts=[]),
        "no facts": edit(CONFIG, lambda content: {k: v for k, v in content.items() if k != "facts"}),
        "unknown option": option(sudo=True),
        "option of lines": option(**{"a\nb": 1}),
        "option of surrogates": put(
            CONFIG, r'{"task": "language-model", "format_version": 1, "config": {"\ud800": 1}}'
        ),
        "bool for int": option(hidden_size=True),
        "text for int": option(hidden_size="8"),
        "float for int": option(hidden_size=8.0),
        "int for bool": option(tied=1),
        "list for text": option(cell=["lstm"]),
        "null for int": option(layers=None),
        "short split": option(split=[1.0]),
        "nan": option(dropout=float("nan")),
        "infinity": option(learning_rate=float("inf")),
        "nan within": option(split=[float("nan"), 0.5, 0.5]),
        "10^400 for a float": option(clip_at=10**400),
        "negative": option(hidden_size=-8),
        "units 10^9": option(hidden_size=10**9),
        "layers 10^9": option(layers=10**9),
        "tied that cannot": option(tied=True),
        "long text": option(cell="lstm" * 10**5),
        "unknown cell": option(cell="lsmt"),
        "cell above": option(cell="../cells/lstm"),
        "cell by path": option(cell="lstm/../gru"),
        "cell of lines": option(cell="a\nb"),
        "cell's sizes": option(cell="lstm:hidden_size=99"),
        "cell's option": option(cell="elman:nonlinearity=exec"),
        "cell that runs": own_cell,
        "cell nowhere": option(cell="/nowhere\n.py:Mine"),
        "unknown init": option(init="zero"),
        "init again and again": option(init="+".join(["orthogonal"] * 300)),
        "init's number": option(init="chrono:" + "9" * 400),
    },
    VOCABULARY: {
        "missing": lambda folder: (folder / VOCABULARY).unlink(),
        "no JSON": put(VOCABULARY, "symbols"),
        "deep": put(VOCABULARY, "[" * 100_000),
        "huge": sparse(VOCABULARY, 2**30),
        "repeated": edit(VOCABULARY, lambda v: v | {"symbols": v["symbols"] + v["symbols"][-1:]}),
        "unsorted": edit(VOCABULARY, lambda v: v | {"symbols": v["symbols"][::-1]}),
        "several characters": edit(VOCABULARY, lambda v: v | {"symbols": [*v["symbols"][:-1], "zz"]}),
        "a surrogate": edit(VOCABULARY, lambda v: v | {"symbols": [*v["symbols"][:-1], "\ud800"]}),
        "numbers": edit(VOCABULARY, lambda v: v | {"symbols": list(range(len(v["symbols"])))}),
        "a text": edit(VOCABULARY, lambda v: v | {"symbols": "".join(v["symbols"])}),
        "none": edit(VOCABULARY, lambda v: v | {"symbols": []}),
        "other level": put(VOCABULARY, '{"level": "bytes"}'),
        "unknown level": put(VOCABULARY, '{"level": "../words"}'),
        "more": edit(VOCABULARY, lambda v: v | {"code": "x"}),
    },
    RESULTS: {
        "no JSON": put(RESULTS, "{"),
        "a list": put(RESULTS, "[]"),
        "deep": put(RESULTS, "[" * 100_000),
        "huge": sparse(RESULTS, 2**30),
    },
}
for name, damages in LM.items():
    damages |= {kind: replaced(name, kind) for kind in ("folder", "pipe", "link")}

# sizes within their limits are found out by the weights, before anything is allocated
ABSURD = {"hidden_size": 10**6, "embedding_size": 10**6, "layers": 1000, "init": "orthogonal"}
ODD: dict[str, tuple[str, Damage]] = {
    "a letter more": (WEIGHTS, edit(VOCABULARY, lambda v: v | {"symbols": [*v["symbols"], "\U0010ffff"]})),
    "a letter less": (WEIGHTS, edit(VOCABULARY, lambda v: v | {"symbols": v["symbols"][:-1]})),
    "10^6 letters": (
        VOCABULARY,
        edit(
            VOCABULARY,
            lambda v: v | {"symbols": [chr(k) for k in range(0x10FFFF) if not 0xD800 <= k < 0xE000]},
        ),
    ),
    "units 10^6": (WEIGHTS, option(hidden_size=10**6)),
    "layers 1000": (WEIGHTS, option(layers=1000)),
    "all sizes absurd": (WEIGHTS, option(**ABSURD)),
    "no folder": ("", shutil.rmtree),
    "a file": ("", lambda folder: (shutil.rmtree(folder), folder.write_text(""))),
}

REGRESSION: dict[str, Damage] = {
    "no features": fact(features=[]),
    "features missing": fact(features=None),
    "features numbers": fact(features=[1, 2]),
    "one feature more": fact(features=["a", "b", "c"]),
    "no outputs": fact(outputs=[]),
    "means short": fact(input_mean=[0.0]),
    "means nan": fact(input_mean=[0.0, float("nan")]),
    "means true": fact(input_mean=[0.0, True]),
    "means texts": fact(input_mean=["0", "0"]),
    "means a number": fact(input_mean=0.0),
    "mean 10^400": fact(target_mean=[10**400]),
    "mean 10^300": fact(target_mean=[1e300]),
    "scale 0": fact(input_scale=[0.0, 1.0]),
    "scale negative": fact(target_scale=[-1.0]),
    "flat missing": fact(flat=None),
    "flat 1": fact(flat=1),
}
CLASSIFICATION: dict[str, Damage] = {
    "no classes": fact(classes=[]),
    "classes missing": fact(classes=None),
    "classes twice": fact(classes=["a", "a"]),
    "classes alike": fact(classes=["1", 1]),
    "classes lists": fact(classes=[["a"], ["b"]]),
    "3 texts": fact(texts=3),
    "texts true": fact(texts=True),
    "texts and features": fact(features=["a"]),
    "numbers without names": fact(texts=0),
    "scale 0": fact(texts=0, features=["a"], input_mean=[0.0], input_scale=[0.0]),
    "mean nan": fact(texts=0, features=["a"], input_mean=[float("nan")], input_scale=[1.0]),
    "weights short": fact(label_weights=[1.0]),
    "weights negative": fact(label_weights=[1.0, -1.0]),
    "several 1": fact(multi_label=1),
    "more": fact(code="x"),
}
ANOMALIES: dict[str, Damage] = {
    "no columns": fact(columns=[]),
    "columns missing": fact(columns=None),
    "columns numbers": fact(columns=[1, 2]),
    "one column more": fact(columns=["a", "b", "c"]),
    "means short": fact(mean=[0.0]),
    "mean nan": fact(mean=[0.0, float("nan")]),
    "scale 0": fact(scale=[0.0, 1.0]),
    "names 1": fact(names=1),
    "times missing": fact(times=None),
}
CASES = [
    *(
        pytest.param("lm", file, damage, id=f"{file}: {name}")
        for file, damages in LM.items()
        for name, damage in damages.items()
    ),
    *(pytest.param("lm", file, damage, id=name) for name, (file, damage) in ODD.items()),
    *(
        pytest.param("classification", CONFIG, damage, id=f"labels: {name}")
        for name, damage in CLASSIFICATION.items()
    ),
    pytest.param(
        "classification", WEIGHTS, fact(classes=["a", "b", "c"], label_weights=None), id="a label more"
    ),
    pytest.param("classification", WEIGHTS, option(pooling="max"), id="another pooling"),
    *(pytest.param("regression", CONFIG, damage, id=f"facts: {name}") for name, damage in REGRESSION.items()),
    *(pytest.param("anomalies", CONFIG, damage, id=f"facts: {name}") for name, damage in ANOMALIES.items()),
]


def peak() -> int:
    """The most memory since ``PEAK`` was last written to, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@contextmanager
def counted() -> Iterator[list[int]]:
    """Counts calls of functions, Python's and built in: work as every processor counts it."""
    calls, before = [0], sys.getprofile()

    def count(_frame: object, event: str, _argument: object) -> None:
        calls[0] += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("task", "file", "damage"), CASES)
def test_is_refused(runs, tmp_path, monkeypatch, task, file, damage):
    folder = tmp_path / "run"
    shutil.copytree(runs[task], folder)
    damage(folder)
    monkeypatch.chdir(tmp_path)
    if PEAK.exists():
        PEAK.write_text("5")
        before = peak()
    with counted() as calls, pytest.raises(InputError) as error:
        elman.load(folder)
    message = str(error.value)
    gone = (
        file == CONFIG and not (folder / CONFIG).exists()
    )  # then the folder is no run folder, which the message says
    assert message.startswith(str(folder if gone else folder / file))
    assert "\n" not in message
    assert len(message) < 600
    assert calls[0] < 1_000_000  # of 1000 layers each is described, and none is made
    assert not PEAK.exists() or peak() - before < 200  # MB; a vocabulary may be 32 of JSON
    assert not list(tmp_path.rglob("marker"))
