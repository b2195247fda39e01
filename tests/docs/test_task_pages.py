"""The pages of the tasks are what their dataclasses say now."""

import subprocess
import sys

import pages

from elman.registry import task_names


def test_pages_are_up_to_date():
    ran = subprocess.run(
        [sys.executable, str(pages.ROOT / "docs/make_tasks.py"), "--check"], capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    assert {path.stem for path in (pages.ROOT / "docs/tasks").glob("*.md")} == {*task_names(), "README"}
