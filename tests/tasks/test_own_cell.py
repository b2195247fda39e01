"""A cell of the user's own, by command and in Python: trained, recorded, never run by the folder itself."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from tiny import SMALL, interrupt_at, same_bits, text, weights

import elman
from elman.cells.named import make_cell
from elman.cli import main
from elman.errors import InputError, Interrupted
from elman.train import progress

CELL = """
import pathlib
from dataclasses import dataclass
import torch
import elman

runs = pathlib.Path(__file__).with_suffix(".runs")
runs.write_text((runs.read_text() if runs.exists() else "") + "x")


@dataclass(frozen=True)
class Leaky(elman.Cell):
    gates = ("f", "h")

    def pointwise(self, w, projected, recurrent, state):
        f, h = (projected + recurrent).chunk(2, -1)
        f = torch.sigmoid(f)
        return (f * state[0] + (1 - f) * torch.tanh(h),)


class NoCell:
    pass
"""
FLAGS = ["--epochs", "2", "--hidden-size", "8", "--embedding-size", "4", "--bptt", "20", "--batch-size", "4"]


@pytest.fixture
def cell(tmp_path: Path) -> str:
    (tmp_path / "own.py").write_text(CELL)
    (tmp_path / "corpus.txt").write_text(text())
    return f"{tmp_path / 'own.py'}:Leaky"


def times_run(folder: Path) -> int:
    return len((folder / "own.runs").read_text())


def test_trained_recorded_and_loaded_when_named_again(cell, tmp_path, capsys):
    run = tmp_path / "run"
    assert (
        main(
            [
                "train",
                "language-model",
                str(tmp_path / "corpus.txt"),
                "--out",
                str(run),
                "--cell",
                cell,
                *FLAGS,
            ]
        )
        == 0
    )
    content = json.loads((run / "config.json").read_text())
    assert content["config"]["cell"] == cell
    assert content["cell_sha256"] == hashlib.sha256(CELL.encode()).hexdigest()
    before = times_run(tmp_path)
    for command in (["generate"], ["evaluate", str(tmp_path / "corpus.txt")], ["resume"]):
        capsys.readouterr()
        assert main([command[0], str(run), *command[1:]]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "a file that is not part of elman: name it with --cell FILE.py:Class to execute it" in line
    assert main(["show", str(run)]) == 0
    assert times_run(tmp_path) == before
    capsys.readouterr()
    assert main(["generate", str(run), "--cell", cell, "--length", "30", "--seed", "1"]) == 0
    assert len(capsys.readouterr().out) == 31


def test_interrupted_it_is_resumed_when_named_again(cell, tmp_path, monkeypatch):
    options = SMALL | {"embedding_size": 4, "bptt": 20, "cell": cell}
    whole = elman.LanguageModel(**options).fit(texts=[text()])
    monkeypatch.setattr(progress, "make_progress", lambda: interrupt_at(5))
    with pytest.raises(Interrupted):
        elman.LanguageModel(**options).fit(texts=[text()], out=tmp_path / "run", show_progress=True)
    with pytest.raises(InputError, match="name it with --cell"):
        elman.resume(tmp_path / "run")
    assert same_bits(weights(elman.resume(tmp_path / "run", cell=cell).model), weights(whole.model))


def test_loaded_it_is_the_same_model(cell, tmp_path):
    task = elman.LanguageModel(**SMALL, embedding_size=4, cell=cell).fit(texts=[text()], out=tmp_path / "run")
    loaded = elman.load(tmp_path / "run", cell=cell)
    assert same_bits(weights(loaded.model), weights(task.model))
    assert loaded.results["test"] == task.results["test"]
    assert "".join(loaded.generate("the", length=50, seed=1)) == "".join(
        task.generate("the", length=50, seed=1)
    )
    moved = (tmp_path / "own.py").rename(tmp_path / "moved.py")  # the same file under another name
    assert elman.load(tmp_path / "run", cell=f"{moved}:Leaky").config.cell == f"{moved}:Leaky"


def test_a_file_that_changed_is_warned_of(cell, tmp_path):
    elman.LanguageModel(**SMALL, embedding_size=4, cell=cell).fit(texts=[text()]).save(tmp_path / "run")
    (tmp_path / "own.py").write_text(CELL + "# later\n")
    with pytest.warns(UserWarning, match=r"own\.py:Leaky: is not the file that the run was trained with"):
        elman.load(tmp_path / "run", cell=cell)


def test_a_built_in_cell_is_not_named_again(tmp_path, cell):
    elman.LanguageModel(**SMALL, embedding_size=4).fit(texts=[text()]).save(tmp_path / "run")
    with pytest.raises(InputError, match="the cell is 'lstm'; no --cell is needed to load it"):
        elman.load(tmp_path / "run", cell=cell)
    assert not (tmp_path / "own.runs").exists()


def test_what_is_named_to_load_with_must_be_a_file(cell, tmp_path):
    elman.LanguageModel(**SMALL, embedding_size=4, cell=cell).fit(texts=[text()]).save(tmp_path / "run")
    with pytest.raises(InputError, match=r"--cell must be FILE\.py:Class\. Got 'lstm'\."):
        elman.load(tmp_path / "run", cell="lstm")


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (CELL, "Missing", r"own\.py has no subclass of elman\.Cell named 'Missing'"),
        (CELL, "NoCell", r"own\.py has no subclass of elman\.Cell named 'NoCell'"),
        (CELL, "runs", r"own\.py has no subclass of elman\.Cell named 'runs'"),
        ("import nowhere", "Leaky", r"own\.py cannot be run: ModuleNotFoundError: No module named 'nowhere'"),
        ("class Leaky(", "Leaky", r"own\.py cannot be run: SyntaxError"),
        (None, "Leaky", r"own\.py: no such file"),
    ],
)
def test_a_file_that_does_not_hold_the_cell_is_refused(tmp_path, content, name, message):
    if content is not None:
        (tmp_path / "own.py").write_text(content)
    with pytest.raises(InputError, match=message):
        elman.LanguageModel(cell=f"{tmp_path / 'own.py'}:{name}").fit(texts=[text()])


# Built-in cells by name


def test_a_name_may_carry_options():
    assert make_cell("elman:nonlinearity=relu,bias=false", 3, 5) == elman.cells.Elman(3, 5, False, "relu")
    assert make_cell("projected-lstm:proj_size=2", 3, 5).output_size == 2
    assert make_cell("gru", 3, 5) == elman.cells.GRU(3, 5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lsmt", "unknown cell 'lsmt'; known: cfc, conv-gru, conv-lstm, coupled-lstm"),
        ("base", "unknown cell 'base'"),
        ("", "unknown cell ''"),
        ("lstm:units=3", "--cell: LSTM has no option 'units'; known: bias"),
        ("lstm:hidden_size=3", "--cell: LSTM has no option 'hidden_size'"),
        ("lstm:bias=perhaps", "--cell: option bias must be bool. Got 'perhaps'."),
        ("projected-lstm:proj_size=two", "--cell: option proj_size must be int. Got 'two'."),
        ("elman:nonlinearity=sine", "--cell elman:nonlinearity=sine: nonlinearity must be 'tanh' or 'relu'"),
    ],
)
def test_a_name_that_is_none_is_refused(name, message):
    with pytest.raises(InputError) as error:
        make_cell(name, 3, 5)
    assert str(error.value).startswith(message)


def test_a_state_of_the_cells_own_is_carried_from_step_to_step(cell, tmp_path):
    task = elman.LanguageModel(**SMALL, embedding_size=4, cell=cell).fit(texts=[text()])
    tokens = torch.randint(len(task.vocabulary), (7, 1))
    features, _ = task.model.features(tokens)
    stream = task.model.stream()
    for token in tokens:
        logits = stream.step(token)
    torch.testing.assert_close(logits, task.model.head.logits(features[-1]))
