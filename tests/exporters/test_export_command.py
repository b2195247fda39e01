"""``elman export``: what it writes and prints, and its errors, after which nothing is left."""

import json
import sys
from pathlib import Path

import pytest
import tiny

import elman
from elman.cli import main
from elman.exporters.c.run import compiler
from elman.exporters.export import LARGEST_DIFFERENCE

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

FILES = ["model.onnx", "step.onnx", "metadata.json"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    (folder / "corpus.txt").write_text(tiny.text())
    options = {**tiny.SMALL, "embedding_size": 4, "epochs": 1, "level": "characters"}
    elman.LanguageModel(**options).train(folder / "corpus.txt", folder / "lm")
    return folder / "lm"


def test_the_folder_stands_beside_the_run(run, capsys):
    assert main(["export", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == FILES
    assert lines[3].startswith("largest difference from the network in double precision: ")
    assert lines[-1] == f"export folder  {run}-onnx"
    assert sorted(path.name for path in Path(f"{run}-onnx").iterdir()) == sorted(FILES)


def test_an_earlier_export_is_replaced_only_when_asked(run, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["export", str(run), "--out", str(out), "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["folder"], found["files"]) == (str(out), FILES)
    assert 0 < found["difference"] <= 2e-6
    assert main(arguments) == 2
    assert "already exists; choose another --out" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0
    (out / "notes.txt").write_text("mine")
    assert main([*arguments, "--overwrite"]) == 2
    assert "not an export, or it holds other files" in capsys.readouterr().err
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "RUN must be given"),
        (["nowhere"], "nowhere: no such run folder"),
        (["RUN", "--to", "tflite"], "--to must be one of"),
        (["RUN", "--cell", "mine.py:Cell"], "no --cell is needed to load it"),
        (["RUN", "--weights", "int8"], "--weights is for --to c"),
        (["RUN", "--to", "c", "--scan"], "--scan is for --to onnx"),
        (["RUN", "--to", "c", "--name", "2nd"], "--name must be a name in C. Got '2nd'."),
    ],
)
def test_wrong_use_is_one_line(run, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = [str(run) if argument == "RUN" else argument for argument in arguments]
    assert main(["export", *given, *(["--out", "out"] if given else [])]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert message in said
    assert not any(tmp_path.iterdir())


def test_a_missing_library_names_the_extra(run, tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("elman.exporters.onnx.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", str(run), "--out", str(tmp_path / "out")]) == 2
    assert "onnx is not installed; install it with: pip install 'elman[onnx]'" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_files_that_disagree_are_not_kept(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(LARGEST_DIFFERENCE, "onnx", 0.0)
    monkeypatch.setattr("elman.exporters.export._SHARE_OF_OWN", 0.0)
    assert main(["export", str(run), "--out", str(tmp_path / "out")]) == 1
    assert "nothing is kept, because the files differ from the network by" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_header_with_int8_prints_what_it_costs(run, tmp_path, capsys):
    if compiler() is None:
        pytest.skip("there is no C compiler")
    out = tmp_path / "out"
    assert main(["export", str(run), "--to", "c", "--weights", "int8", "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == ["lm.h", "metadata.json"]
    assert found["sizes"]["the state of a stream"] == 4 * 2 * 8
    name, before, after = found["test"]
    test = json.loads((run / "results.json").read_text())["test"]
    assert name == "bits/char"
    own = test.get("network_bits_per_token", test["bits_per_token"])
    assert before == pytest.approx(own, rel=1e-3)
    assert 0 < abs(after - before) < 0.1
    assert json.loads((out / "metadata.json").read_text())["task"] == "language-model"
    assert main(["export", str(run), "--to", "c"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("weights: ")).endswith(" bytes")
    assert "the state of a stream: 64 bytes" in lines


def test_the_help_ends_with_an_example(capsys):
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    printed = capsys.readouterr().out
    assert printed.endswith("elman export runs/language-model --to onnx\n")
    assert "--scan" in printed
