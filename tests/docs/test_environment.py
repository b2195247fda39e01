"""docs/environment.md names every environment variable that the code reads, and its examples work."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pages
import pytest

PAGE = pages.read("docs/environment.md")
VARIABLES = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
COMMANDS = [line for block in pages.blocks(PAGE, "sh") for line in block.code.splitlines()]


def read_by(path):
    """Names of ours that a file takes from the environment, or that its commands set there."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":  # whatever function reads it: a name in quotes, whole
        return set(re.findall(r"""["'](ELMAN_[A-Z_]+)["']""", text))
    if path.name == "Makefile":
        return set(re.findall(r"^\t(?:.* )?(ELMAN_[A-Z_]+)=", text, re.MULTILINE))
    return set(re.findall(r'getenv\(\s*"(\w+)"', text))


def test_every_variable_that_the_code_reads_is_in_the_page():
    folders = [pages.ROOT / name for name in ("src", "csrc", "tests", "benchmarks", "recipes", "examples")]
    found = [path for folder in folders for path in sorted(folder.rglob("*")) if path != Path(__file__)]
    code = [path for path in found if path.suffix in (".py", ".cpp", ".hpp", ".def")]
    read = {name: path.name for path in [pages.ROOT / "Makefile", *code] for name in read_by(path)}
    assert read.keys() >= {"ELMAN_ISA", "ELMAN_KERNELS", "ELMAN_SHARED"}
    missing = {f"{name} ({path})" for name, path in read.items() if name not in VARIABLES}
    assert not missing


def test_no_variable_stands_twice():
    assert len(VARIABLES) == len(set(VARIABLES)) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_work(command):
    variable, value, code = re.fullmatch(r'(\w+)=(\S+) python -c "(.*)"', command).groups()
    assert variable in VARIABLES
    environment = os.environ | {variable: value}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)
