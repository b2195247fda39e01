"""Atomic file writes, and the names of the files in a run folder."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from elman.errors import InputError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
VOCABULARY = "vocabulary.json"
HISTORY = "history.jsonl"
RESULTS = "results.json"
CHECKPOINT = "checkpoint.safetensors"
CURVE = "loss.png"
INSPECT, REPORT = "inspect", "report.html"  # the report's folder within the run folder, and its page
SUMMARY, LISTED = "summary.json", "files"  # the report's numbers; under this key, the names of its files
_ENDINGS = {".json", ".jsonl", ".safetensors", ".npy", ".npz", ".png", ".tmp"}  # suffixes that runs write
_ENDINGS_OF_REPORTS = {".html", ".png", ".svg", ".csv", ".json"}
_OLD = ".old"  # suffix of a folder that is being replaced


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Calls ``write`` on a temporary file next to ``path``, then renames it to ``path``.

    A reader sees the old file or the new one, never a partial one, even if the process is killed. The next
    write removes a temporary file that a killed process left.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, atomically."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, "utf-8"))


def check_new_folder(folder: Path, overwrite: bool) -> None:
    """Raises InputError unless a run may be written to this folder.

    A folder that is not empty needs ``overwrite`` and must be a run folder: nothing else is ever removed.
    """
    if _is_taken(folder, overwrite):
        if not (folder / CONFIG).is_file():
            raise InputError(
                f"{folder}: not a run folder (it has no {CONFIG}), so --overwrite does not replace it"
            )
        if not _is_run(folder):
            raise InputError(
                f"{folder}: not a run folder, or it holds other files, so --overwrite does not replace it"
            )


def check_new_report(folder: Path, overwrite: bool) -> None:
    """Raises InputError unless a report may be written to this folder; only a report is replaced."""
    if _is_taken(folder, overwrite) and not is_report(folder):
        raise InputError(
            f"{folder}: not a report, or it holds files that its {SUMMARY} does not list (reports of earlier "
            "versions list none), so --overwrite does not replace it"
        )


def is_report(folder: Path) -> bool:
    """Whether the folder holds a report and no file that the report does not list."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    listed = _read_object(folder / SUMMARY).get(LISTED)
    return (
        isinstance(listed, list)
        and (folder / REPORT).is_file()
        and all(entry.name in listed and _is_plain(entry) for entry in folder.iterdir())
    )


def _is_taken(folder: Path, overwrite: bool) -> bool:
    """Whether the folder is not empty and may be replaced; raises InputError if it may not be."""
    for parent in folder.parents:
        if parent.exists() and not parent.is_dir():
            raise InputError(f"{parent}: is a file, so no folder can be created in it (--out {folder})")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: --out must be a folder. Got a file or a link.")
    taken = folder.is_dir() and any(folder.iterdir())
    if taken and not overwrite:
        raise InputError(f"{folder}: already exists; choose another --out, or replace it with --overwrite")
    return taken


def _is_run(folder: Path) -> bool:
    """Whether the folder holds a run's configuration and only files that a run writes."""
    config = _read_object(folder / CONFIG)
    return {"format_version", "task", "config"} <= config.keys() and all(
        (entry.is_file() and entry.suffix in _ENDINGS) or is_report(entry) or is_left_of_a_report(entry)
        for entry in folder.iterdir()
    )


def is_left_of_a_report(folder: Path) -> bool:
    """Whether a killed process left this folder: a partial report, or the old one that it was replacing."""
    return (
        (folder.match(f".{INSPECT}.*.tmp") or folder.match(f".{INSPECT}.*.tmp{_OLD}"))
        and folder.is_dir()
        and not folder.is_symlink()
        and all(_is_plain(entry) and entry.suffix in _ENDINGS_OF_REPORTS for entry in folder.iterdir())
    )


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON object from a file; returns an empty one if there is none."""
    try:
        value = json.loads(path.read_bytes()) if path.is_file() else None  # is_file: a pipe would block
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """Makes a temporary folder next to ``folder``; removes it, and parents made for it, unless installed."""
    made = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    except OSError as error:
        raise InputError(f"{folder}: cannot be created: {error.strerror}") from None
    scratch.chmod(0o777 & ~_umask())
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for parent in made:
            with suppress(OSError):  # not empty: the run was installed in it
                parent.rmdir()


def install(scratch: Path, folder: Path) -> None:
    """Moves a filled scratch folder to ``folder``; ``check_new_folder`` must have accepted it."""
    if folder.exists():
        old = scratch.with_name(scratch.name + _OLD)
        folder.rename(old)
        scratch.rename(folder)
        shutil.rmtree(old)
    else:
        scratch.rename(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
