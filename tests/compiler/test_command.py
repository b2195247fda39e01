"""``elman cell``: what it prints of a cell, and its errors."""

import json
from pathlib import Path

import pytest

from elman.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples/more_cells.py"


def printed(capsys, *arguments: str) -> str:
    assert main(["cell", *arguments]) == 0
    return capsys.readouterr().out


def test_a_cell_by_hand(capsys):
    text = printed(capsys, "lstm")
    assert text.startswith("LSTM: gates i, f, g, o; states h, c\n")
    assert "9 operations on 4 sums a unit, 26 backward with 4 kept values" in text
    assert text.endswith("written by hand\n")


def test_a_cell_that_runs_step_by_step_says_why(capsys):
    text = printed(capsys, "layer-norm-lstm")
    assert "step by step: layer_norm_lstm.py:" in text
    assert "mixes units" in text


def test_a_cell_of_ones_own_with_its_cpp(capsys):
    """Nothing is built, as tests/conftest.py says never."""
    text = printed(capsys, f"{EXAMPLES}:JANET", "--text")
    assert "about 0.5 of an LSTM's" in text
    assert "not built" in text
    assert "struct JANET {" in text


def test_facts_as_json(capsys):
    found = json.loads(printed(capsys, f"{EXAMPLES}:CoRNN", "--json", "--hidden-size", "6"))
    assert (found["cell"], found["multiplied"], found["states"]) == ("CoRNN", ["y", "z"], ["y", "z"])
    assert found["parameters"]["weight_hh"] == [6, 6]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "unknown cell 'lst'"),
        ([], "CELL must be given"),
        (["lstm", "--hidden-size", "0"], "--hidden-size must be at least 1. Got 0."),
        (["none.py:Cell"], "none.py: no such file"),
        ([f"{EXAMPLES}:None"], "has no subclass of elman.Cell named 'None'"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, message):
    assert main(["cell", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
