"""The files that tell people and machines what to run: .ci/run, its list of programs, and CONTRIBUTING.md."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_list_of_layers_is_the_contracts():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers = "\n".join(line.replace("elman.", "") for line in contract["layers"])
    (listed,) = re.findall(r"^## Layers of the code\n.*?```\n(.*?)\n```", CONTRIBUTING, re.S | re.M)
    assert listed == layers


def test_every_target_that_is_named_exists_and_every_one_of_tests_is_named():
    targets = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.M))
    named = set(re.findall(r"\bmake ([a-z-]+)", CONTRIBUTING + (ROOT / "README.md").read_text()))
    assert named - {"help"} <= targets
    assert {"test", "test-long", "check"} <= named
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.M)
    assert targets <= set(phony.split())


def test_help_lists_every_target():
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    said = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[0] for line in said.splitlines()] == re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.M)


def test_every_file_that_the_suite_begins_with_exists():
    (names,) = re.findall(r"^LONG = \((.*?)^\)", (ROOT / "tests/conftest.py").read_text(), re.S | re.M)
    files = re.findall(r'"(.+?)"', names)
    assert files
    assert [name for name in files if not (ROOT / "tests" / name).is_file()] == []


def test_every_program_of_the_list_has_its_reason():
    lines = [line for line in (ROOT / ".ci/debian.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+  # .+", line) for line in lines)


# .ci/run, with programs that write down how they are called


@pytest.fixture
def ci(tmp_path: Path) -> Path:
    """A copy of .ci in a folder whose bin/ holds every program that it calls."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "bin").mkdir()
    for name, body in {
        "make": 'echo "make $*" >> calls; [ "$1" != "$FAILING" ] || exit 7',
        "apt-get": 'echo "apt-get $*" >> calls; [ "$1" != "$FAILING" ] || exit 9',
        "sudo": 'shift; "$@"',
        "dpkg-query": '[ "${*: -1}" = here ] && printf "install ok installed"',
    }.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)
    return tmp_path


def called(ci: Path, programs: str, failing: str = "") -> tuple[int, list[str]]:
    """The status of .ci/run with that list, and what it called."""
    (ci / ".ci/debian.txt").write_text(programs)
    environment = os.environ | {"PATH": f"{ci / 'bin'}:{os.environ['PATH']}", "FAILING": failing}
    ran = subprocess.run([ci / ".ci/run"], env=environment, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    return ran.returncode, (ci / "calls").read_text().splitlines()


@pytest.mark.parametrize("programs", ["", "# a remark\n\n", "here  # there already\n"])
def test_without_an_absent_program_nothing_is_installed(ci, programs):
    assert called(ci, programs) == (0, ["make check", "make test"])


def test_absent_programs_are_installed_before_anything_runs(ci):
    status, calls = called(ci, "here  # a\nabsent  # b\n# c\nother-1.0  # d\n")
    assert status == 0
    assert calls == [
        "apt-get update -qq",
        "apt-get install -qq --yes --no-install-recommends absent other-1.0",
        "make check",
        "make test",
    ]


@pytest.mark.parametrize(
    ("failing", "status", "last"),
    [
        ("check", 7, "make check"),
        ("test", 7, "make test"),
        ("install", 9, "apt-get install -qq --yes --no-install-recommends absent"),
    ],
)
def test_the_first_failure_ends_it_with_its_status(ci, failing, status, last):
    found, calls = called(ci, "absent  # b\n", failing)
    assert found == status
    assert calls[-1] == last
