"""Run folders of version 0.1.0, one for each task and main variant, load and answer as they did.

``old_runs/NAME`` is a run folder; ``old_runs/NAME.json`` beside it holds what the run is asked (``given``)
and what version 0.1.0 answered (``answers``). ``old_runs/make.py`` wrote both. Only public names are used
here, because what is inside the package moves. The scores of anomalies by likelihood were recorded again when
their definition was corrected: they named probabilities that were too small. So were the ranges
of the dynamic method when they got the edges of the errors: they began a row late.
"""

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tiny import idx

import elman
from elman.cli import main
from elman.errors import InputError

RUNS = Path(__file__).parent / "old_runs"
RECORDS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(RUNS.glob("*.json"))}
UNFINISHED = [name for name in RECORDS if (RUNS / name / "checkpoint.safetensors").exists()]
FINISHED = [name for name in RECORDS if name not in UNFINISHED]
KEEP_DATA = [name for name in FINISHED if "sample" in RECORDS[name]["answers"]]
# Their labels and numbers appear in no answer and no sample.
KEEP_MORE = [
    name for name in KEEP_DATA if name.startswith(("anomaly", "classification", "digits", "regression"))
]

Given = dict[str, Any]


# What each kind of run is asked


def language_model(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    written = {prompt: "".join(task.generate(prompt, length=40, seed=3)) for prompt in given["prompts"]}
    return {"written": written, "figures": task.evaluate(folder / "new.txt")}


def classification(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    X = (
        [tuple(x) if isinstance(x, list) else x for x in given["texts"]]
        if "texts" in given
        else arrays(given)
    )
    lengths = given.get("lengths")
    return {
        "classes": task.classes_.tolist(),
        "predicted": np.asarray(task.predict(X, lengths), dtype=object).tolist(),
        "probabilities": task.predict_proba(X, lengths).tolist(),
        "figures": task.evaluate(folder / "new.csv"),
    }


def regression(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    X, y, lengths = arrays(given), np.array(given["targets"]), given["lengths"]
    found = {
        "predicted": task.predict(X, lengths).tolist(),
        "figures": task.evaluate(X=X, y=y, lengths=lengths),
        "score": task.score(X, y, lengths),
    }
    return found | ({"file": task.evaluate(folder / "new.csv")} if "new.csv" in given["files"] else {})


def forecasting(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    other = pl.read_csv(folder / "new.csv", try_parse_dates=True)
    return {
        "own": columns(task.predict(levels=[50, 80])),
        "other": columns(task.predict(other, h=given["steps"], levels=[90])),
        "figures": task.evaluate(folder / "new.csv"),
    }


def translation(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    texts = given["texts"]
    best = [[each._asdict() for each in found] for found in task.nbest(texts, nbest=2, beam=3)]
    figures = task.evaluate(folder / "new.tsv")
    return {"greedy": task.translate(texts, beam=1), "best": best, "figures": figures}


def anomaly_detection(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    X = arrays(given)
    detected = {name: list(map(asdict, task.detect(X, name))) for name in ("dynamic", "likelihood")}
    stream = task.stream()
    points = [stream.push(row) for row in X[:20]] if given["streams"] else []
    return {
        "detected": detected,
        "scores": task.scores(X).tolist(),
        "streamed": [np.asarray(point.expected).tolist() for point in points],
        "figures": task.evaluate(folder / "new.csv"),
    }


def digits(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    images = folder / "t10k-images-idx3-ubyte"
    return {"probabilities": task.recognise(images).tolist(), "figures": task.evaluate(folder)}


def laboratory(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    tried = printed("try", str(task.folder), "--length", str(given["length"]), "--sequences", "9", "--json")
    return {"figures": task.evaluate(), "tried": json.loads(tried)}


ASK: dict[str, Callable[[Any, Given, Path], dict[str, Any]]] = {
    "adding": laboratory,
    "anomaly-detection": anomaly_detection,
    "classification": classification,
    "copy": laboratory,
    "digits": digits,
    "forecasting": forecasting,
    "language-model": language_model,
    "parity": laboratory,
    "regression": regression,
    "translation": translation,
}


def answers(task: Any, given: Given, folder: Path) -> dict[str, Any]:
    """What a run answers, as JSON gives it back; the files that it is asked about are put into ``folder``."""
    put(given["files"], folder)
    return json.loads(json.dumps(ASK[task.name](task, given, folder)))


def put(files: dict[str, Any], folder: Path) -> None:
    """Writes texts as they are and arrays as idx files."""
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else idx(np.array(content)))


def sample(task: Any) -> dict[str, Any]:
    """What ``elman inspect`` looks at, if the run folder keeps its data."""
    found = task.excerpt()
    facts = {"unit": found.unit, "texts": found.texts, "features": found.features, "needed": found.needed}
    return json.loads(json.dumps(facts))


def arrays(given: Given) -> np.ndarray:
    return np.array(given["numbers"])


def columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """A table by column, with times as text."""
    return frame.with_columns(pl.col(pl.Date, pl.Datetime).cast(str)).to_dict(as_series=False)


def printed(*arguments: str) -> str:
    """What a command prints that succeeds."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        assert main(list(arguments)) == 0
    return output.getvalue()


# That the answers are the same


def same(found: Any, recorded: Any, where: str) -> None:
    """Texts and whole numbers are the same; floats are close, since processors round differently."""
    if isinstance(recorded, dict):
        assert found.keys() == recorded.keys(), where
        for key in recorded:
            same(found[key], recorded[key], f"{where}.{key}")
    elif isinstance(recorded, list):
        assert len(found) == len(recorded), where
        for number, (one, other) in enumerate(zip(found, recorded, strict=True)):
            same(one, other, f"{where}[{number}]")
    else:
        is_float = isinstance(recorded, float)
        assert found == (pytest.approx(recorded, rel=1e-4, abs=1e-5) if is_float else recorded), where


@pytest.fixture
def run(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNS / name, tmp_path / name))


def test_every_task_has_an_old_run():
    tasks = {json.loads((RUNS / name / "config.json").read_text("utf-8"))["task"] for name in RECORDS}
    assert tasks == ASK.keys()
    assert {
        path.name for path in RUNS.iterdir() if path.is_dir() and path.name != "__pycache__"
    } == RECORDS.keys()
    assert UNFINISHED


@pytest.mark.parametrize("name", FINISHED)
def test_an_old_run_answers_as_it_did(name, run, tmp_path):
    record = RECORDS[name]
    recorded = {key: value for key, value in record["answers"].items() if key != "sample"}
    same(answers(elman.load(run), record["given"], tmp_path), recorded, name)


@pytest.mark.parametrize("name", KEEP_DATA)
def test_an_old_run_gives_its_own_data_back(name, run):
    same(sample(elman.load(run)), RECORDS[name]["answers"]["sample"], name)


@pytest.mark.parametrize("name", KEEP_MORE)
def test_an_old_run_killed_at_its_start_is_trained_on_its_own_data(name, run):
    recorded = json.loads((run / "results.json").read_text("utf-8"))
    for file in ("results.json", "model.safetensors", "history.jsonl"):
        (run / file).unlink()
    found = json.loads(json.dumps(elman.resume(run).results))
    # what 0.1 did not say
    assert recorded.keys() | {"what_to_try"} <= found.keys() <= recorded.keys() | {"what_to_try", "residuals"}
    assert (found["parameters"], found["steps"]) == (recorded["parameters"], recorded["steps"])
    baselines = recorded.get("baselines", {})  # these depend on the data alone; later versions have more
    same({method: found["baselines"][method] for method in baselines}, baselines, name)


@pytest.mark.parametrize("name", FINISHED)
def test_an_old_run_is_shown_with_its_figures(name, run):
    shown = printed("show", str(run))
    assert json.loads((run / "config.json").read_text("utf-8"))["task"] in shown
    assert elman.load(run).report() in shown


@pytest.mark.parametrize("name", UNFINISHED)
def test_an_old_unfinished_run_is_resumed_to_its_end(name, run, tmp_path):
    record = RECORDS[name]
    assert f"elman resume {run}" in printed("show", str(run))
    task = elman.resume(run)
    assert {key: task.results[key] for key in ("parameters", "steps")} == record["results"]
    same(answers(task, record["given"], tmp_path), record["answers"], name)
    assert task.report() in printed("show", str(run))
    with pytest.raises(InputError, match="is finished"):
        elman.resume(run)
