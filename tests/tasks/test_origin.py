"""What a run remembers of its data and its training, and what ``show`` says of them."""

import contextlib
import hashlib
import io
import json
import os
import re
from pathlib import Path

import pytest
from task_cases import CASES
from tiny import table

import elman
from elman.cli import main
from elman.tasks.shared.origin import Origin

OLD = sorted(path for path in (Path(__file__).parent / "old_runs").iterdir() if path.is_dir())
AMOUNTS = {
    "anomaly-detection": r"1 series, \d+ rows, 2 columns",
    "classification": r"60 examples, 2 labels",
    "digits": r"\d+ images",
    "forecasting": r"\d+ series, \d+ steps",
    "language-model": r"[\d,]+ characters, 1 document",
    "music": r"20 pieces, \d+ steps",
    "regression": r"\d+ sequences, \d+ steps",
    "speech-recognition": r"\d+ recordings",
    "tagging": r"\d+ sentences, [\d,]+ words, \d+ tags",
    "translation": r"\d+ pairs",
    "video-prediction": r"\d+ frames",
}


def shown(run: Path) -> list[str]:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        assert main(["show", str(run)]) == 0
    return output.getvalue().splitlines()


def line(lines: list[str], name: str) -> str:
    (found,) = (each for each in lines if each.startswith(f"{name}: "))
    return found.removeprefix(f"{name}: ")


@pytest.mark.parametrize("name", CASES)
def test_every_task_shows_data_parameters_and_time(name, tmp_path):
    task = CASES[name].train(tmp_path)
    lines = shown(tmp_path / "run")
    paths = CASES[name].data(tmp_path)
    amount = AMOUNTS.get(name, r"\d+ drawn sequences")
    if paths:
        named = ", ".join(map(str, paths))
        pattern = rf"{re.escape(named)} \({amount}; [\d,]+ bytes, SHA-256 [0-9a-f]{{12}}…\)"
    else:
        pattern = amount
    assert re.fullmatch(pattern, line(lines, "data"))
    assert line(lines, "parameters") == f"{sum(p.numel() for p in task.model.parameters()):,}"
    assert re.search(r"\d+ s, begun 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\+00:00$", line(lines, "trained"))


@pytest.mark.parametrize("run", OLD, ids=lambda path: path.name)
def test_an_old_run_shows_what_it_knows(run):
    lines = shown(run)
    assert int(line(lines, "parameters").replace(",", "")) > 0
    assert [each for each in lines if each.startswith(("data: ", "started from: "))] == []
    assert "begun" not in line(lines, "trained")


def test_the_hash_is_that_of_the_files_and_survives_saving(tmp_path):
    CASES["regression"].write(tmp_path)
    path = CASES["regression"].data(tmp_path)[0]
    CASES["regression"].train(tmp_path)
    origin = elman.load(tmp_path / "run").origin
    assert origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert origin.bytes == path.stat().st_size
    elman.load(tmp_path / "run").save(tmp_path / "copy")
    assert elman.load(tmp_path / "copy").origin == origin


def test_many_paths_are_shortened_and_a_pipe_has_no_hash(tmp_path):
    paths = [tmp_path / f"{k}.csv" for k in range(30)]
    for path in paths:
        path.write_text(table())
    origin = Origin.of(paths, {"row": 1, "series": 2})
    assert len(origin.paths) == 20
    assert origin.data.startswith(f"{paths[0]}, {paths[1]}, {paths[2]} and 27 more (1 row, 2 series; ")
    os.mkfifo(tmp_path / "pipe")
    assert Origin.of([tmp_path / "pipe"], {}).data == str(tmp_path / "pipe")


def test_a_run_says_what_it_started_from(tmp_path):
    CASES["language-model"].train(tmp_path, "lm")
    CASES["classification"].train(tmp_path, pretrained=tmp_path / "lm")
    assert line(shown(tmp_path / "run"), "started from") == str(tmp_path / "lm")


@pytest.mark.parametrize("change", [{"bytes": -1}, {"paths": 3}, {"began": "yesterday"}, {"more": 1}])
def test_an_origin_that_no_run_writes_ends_in_one_line(tmp_path, capsys, change):
    CASES["adding"].train(tmp_path)
    path = tmp_path / "run" / "config.json"
    content = json.loads(path.read_text())
    content["origin"] |= change
    path.write_text(json.dumps(content))
    assert main(["show", str(tmp_path / "run")]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"elman: {path}: origin")
