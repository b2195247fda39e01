"""examples/unrolled.py draws a sentence of anybody's."""

import re
import runpy
import sys

import pages
import pytest
from matplotlib.image import imread


@pytest.fixture
def unrolled(tmp_path, monkeypatch, capsys):
    """Runs the program in an empty folder; returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["unrolled.py", *arguments])
        runpy.run_path(str(pages.ROOT / "examples/unrolled.py"), run_name="__main__")
        return capsys.readouterr()

    return run


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_each_word_is_a_step_and_the_gradient_ends_at_the_last(unrolled, cell):
    said = unrolled("the cat sat on the mat", "--cell", cell).out.splitlines()
    steps = [
        re.fullmatch(r"reads (\S+) +expects (\S+) +\((\d+)%\)  gradient (\S+)", line) for line in said[:-1]
    ]
    words = ["the", "cat", "sat", "on", "the", "mat", "(end)"]
    assert [step[1] for step in steps] == words[:-1]
    assert [step[2] for step in steps] == words[1:]  # after so short a sentence it knows them by heart
    assert float(steps[-1][4]) == 1
    assert all(float(step[4]) > 0 for step in steps)
    assert said[-1] == "picture  unrolled.png"
    assert imread("unrolled.png")[..., :3].std() > 0.05  # it is not blank


def test_a_longer_sentence_takes_several_rows(unrolled):
    unrolled("hello $a_b$ hello", "--level", "characters", "--out", "short.png")
    unrolled("hello", "--level", "characters", "--out", "shorter.png")
    long, short = imread("short.png"), imread("shorter.png")
    assert long.shape[0] == 2 * short.shape[0]
    assert long.shape[1] > short.shape[1]


def test_characters_that_the_font_lacks_are_reported_once(unrolled):
    said = unrolled("中 文", "--out", "a.svg")
    assert said.err.splitlines() == [
        "unrolled: the font lacks some of these characters; they are drawn as boxes"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["word"], "the sentence must have 2 to 48 words. Got 1."),
        (["a" * 49, "--level", "characters"], "the sentence must have 2 to 48 characters. Got 49."),
        (["a b", "--out", "a.gif"], "--out must be a .png, .svg or .pdf in a folder that exists. Got a.gif."),
    ],
)
def test_bad_input_is_named_in_one_line(unrolled, capsys, arguments, message):
    with pytest.raises(SystemExit):
        unrolled(*arguments)
    assert capsys.readouterr().err.splitlines()[-1] == f"unrolled.py: error: {message}"
