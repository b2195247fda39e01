"""A cell (one file) and a task (one folder), as docs/extending.md adds them, are found by everything."""

import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pages
import pytest

PAGE = pages.read("docs/extending.md")
# an editable installation finds its package before any path does
COPY_FIRST = """
import sys

sys.meta_path.sort(key=lambda finder: "editable" in type(finder).__module__)
"""
NUMBERS = "".join(f"{k % 7}\n" for k in range(80))


def copy(folder: Path) -> Path:
    """A copy of the package with the page's cell and task in it, and the page's program beside it."""
    source = folder / "src/elman"
    shutil.copytree(pages.ROOT / "src/elman", source)  # with what is compiled already
    cell = next(
        block.code for block in pages.blocks(PAGE, "python") if "class MinimalGatedUnit" in block.code
    )
    (source / "cells/minimal_gated_unit.py").write_text(cell)
    for block in pages.blocks(PAGE, "py"):
        name, _, code = block.code.removeprefix("# ").partition("\n")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    (source / "tasks/next_number/__init__.py").write_text('"""The task next-number."""\n')
    kernels = importlib.util.find_spec("elman.kernels._kernels")
    if kernels is not None:  # of an editable installation they lie elsewhere
        shutil.copy(kernels.origin, source / "kernels")
    (folder / "src/sitecustomize.py").write_text(COPY_FIRST)
    (folder / "numbers.txt").write_text(NUMBERS)
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(tmp_path_factory.mktemp("extended"))


def run(work: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(work / "src"), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def elman(work: Path, *arguments: str) -> str:
    return run(work, "-m", "elman.cli", *arguments)


def test_the_copy_is_what_runs(work):
    assert run(work, "-c", "import elman; print(elman.__file__)").startswith(str(work))


def test_help_lists_them(work):
    said = elman(work, "--help")
    assert "next-number" in said
    assert "elman guess RUN" in said
    assert "guesses the number that follows others" in said
    said = elman(work, "train", "next-number", "--help")
    assert "--window" in said
    assert "numbers that a guess is made from" in said
    assert "a file of numbers, one a line" in elman(work, "guess", "--help")


def test_trained_by_command_with_both(work):
    options = ["--cell", "minimal-gated-unit", "--hidden-size", "8", "--epochs", "2", "--out", "run"]
    commands = [
        ["train", "next-number", "numbers.txt", *options],
        ["guess", "run", "numbers.txt"],
        ["show", "run"],
    ]
    # in one process, which imports torch once
    program = f"from elman.cli import main\nfor c in {commands}: print('status', main(c), end='\\f')"
    trained, guessed, shown, rest = run(work, "-c", program).split("status 0\f")
    for name in ("last number", "mean of the window", "this model", "next        elman guess run"):
        assert name in trained
    assert float(guessed) == pytest.approx(3, abs=6)
    assert "minimal-gated-unit" in shown
    assert rest == ""


def test_testing_finds_and_checks_them(work):
    program = (
        "from elman.testing import check_cell, registered_cells, registered_tasks\n"
        "(cell,) = [cell for cell in registered_cells() if cell.__name__ == 'MinimalGatedUnit']\n"
        "check_cell(cell)\n"
        "print(registered_tasks()['next-number'].__name__)\n"
        "import runpy\n"  # in one process, which imports torch once
        "runpy.run_path('check_next_number.py', run_name='__main__')\n"
    )
    assert run(work, "-c", program) == "NextNumber\nevery promise is kept\n"


def test_the_example_checks_its_own_cell(monkeypatch, capsys):
    monkeypatch.syspath_prepend(pages.ROOT / "examples")
    runpy.run_path(str(pages.ROOT / "examples/check_own_cell.py"))
    assert "keeps" in capsys.readouterr().out
