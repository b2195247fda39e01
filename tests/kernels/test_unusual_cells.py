"""Cells at the limits of the templates of csrc, unlike the built-in ones: a C++ program compares them."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("unusual_cells.cpp")
CSRC = Path(__file__).parents[2] / "csrc"
COMPILER = shutil.which("g++")


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds the program with one piece of a header replaced; returns how it ended and what it printed."""
    if COMPILER is None:
        pytest.skip("no g++ here")

    def run(name: str, *replaced: str) -> tuple[int, str]:
        folder = shutil.copytree(CSRC, tmp_path_factory.mktemp("csrc") / "csrc")
        if replaced:
            header = folder / replaced[0]
            text = header.read_text()
            assert text.count(replaced[1]) == 1
            header.write_text(text.replace(*replaced[1:]))
        command = [
            COMPILER,
            "-std=c++20",
            "-O1",
            "-Wno-psabi",
            f"-I{folder}",
            str(SOURCE),
            "-pthread",
            "-ldl",
        ]
        subprocess.run([*command, "-o", str(folder / name)], check=True)
        ended = subprocess.run([folder / name], capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout

    return run


def test_they_equal_a_loop(build):
    code, printed = build("right")
    assert code == 0, printed
    assert len(printed.splitlines()) == 3  # a line a cell


@pytest.mark.long
@pytest.mark.parametrize(
    "replaced",
    [
        ("layout.hpp", "add(G, S);", "add(first, G);"),
        ("backward.hpp", "((n - 1) * s_.B + b)", "b"),
        ("step.hpp", "slot >= L::first", "slot < G"),
    ],
    ids=lambda replaced: replaced[0],
)
def test_a_wrong_template_is_noticed(build, replaced):
    assert build("wrong", *replaced)[0] != 0
