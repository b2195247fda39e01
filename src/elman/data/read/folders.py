"""The files in folders that are given as data; runs that lie among them are no data."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from elman.config import counted
from elman.errors import InputError
from elman.notice import notice

RUN = "config.json"
"""The file that makes a folder a run folder."""

RUN_KEYS = frozenset(("format_version", "task", "config"))
"""What a run's configuration has, in whatever version."""


def files_below(folder: Path) -> list[Path]:
    """Returns the files in a folder, at any depth, sorted by path.

    Hidden files and folders, whose names begin with a dot, are left out; so are run folders, such as those
    that earlier trainings wrote into a folder of data, which is reported in one line.

    Raises:
        InputError: a folder cannot be listed.
    """
    runs: list[Path] = []
    files = sorted(_files(folder, runs))
    if runs:
        notice(
            f"{folder}: {counted(len(runs), 'run folder')} left out: {', '.join(map(str, sorted(runs)[:3]))}"
        )
    return files


def holds_only_runs(folder: Path) -> bool:
    """Whether there are run folders in a folder, or it is one, and no other files."""
    runs: list[Path] = []
    return next(_files(folder, runs), None) is None and bool(runs)


def is_run(folder: Path) -> bool:
    """Whether a folder is a run folder."""
    path = folder / RUN
    if not path.is_file():
        return False
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.keys() >= RUN_KEYS


def _files(folder: Path, runs: list[Path]) -> Iterator[Path]:
    """Yields the visible files; adds the run folders that are passed by to a list."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: the folder cannot be listed: {error.strerror}") from error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        if RUN in files and is_run(Path(parent)):
            runs.append(Path(parent))
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(parent, name) for name in files if not name.startswith("."))
        yield from (file for file in visible if file.is_file())
