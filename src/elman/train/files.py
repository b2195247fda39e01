"""Files that are whole or not there, and the run folder's names."""

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
INSPECT, REPORT = "inspect", "report.html"  # the folder within a run's, and the page in it
SUMMARY, LISTED = "summary.json", "files"  # of a report: its numbers, and under this key its files' names
_ENDINGS = {".json", ".jsonl", ".safetensors", ".npy", ".npz", ".png", ".tmp"}  # of what runs write
_ENDINGS_OF_REPORTS = {".html", ".png", ".svg", ".csv", ".json"}
_OLD = ".old"  # of what is being replaced


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Lets ``write`` fill a temporary file beside ``path``, then puts it in place in one move.

    Whoever reads ``path`` at any moment, or after the process was killed, finds the old file or the new.
    What a killed process left of the temporary file, the next writing removes.
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
    """Raises InputError unless a run may be put here.

    A folder that holds something needs ``overwrite``, and must then be a run folder: nothing else is ever
    removed.
    """
    if _is_taken(folder, overwrite):
        if not (folder / CONFIG).is_file():
            raise InputError(
                f"{folder}: is no run folder (it has no {CONFIG}), so --overwrite leaves it alone"
            )
        if not _is_run(folder):
            raise InputError(f"{folder}: is no run folder, or holds more, so --overwrite leaves it alone")


def check_new_report(folder: Path, overwrite: bool) -> None:
    """Raises InputError unless a report may be put here; what is replaced must be one."""
    if _is_taken(folder, overwrite) and not is_report(folder):
        raise InputError(
            f"{folder}: is no report, or holds more than its {SUMMARY} lists (a report of an earlier version "
            "lists nothing), so --overwrite leaves it alone"
        )


def is_report(folder: Path) -> bool:
    """Whether the folder holds a report, and no file that the report does not list as its own."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    listed = _read_object(folder / SUMMARY).get(LISTED)
    return (
        isinstance(listed, list)
        and (folder / REPORT).is_file()
        and all(entry.name in listed and _is_plain(entry) for entry in folder.iterdir())
    )


def _is_taken(folder: Path, overwrite: bool) -> bool:
    """Whether the folder holds something that is to be replaced; InputError where it must not be."""
    for parent in folder.parents:
        if parent.exists() and not parent.is_dir():
            raise InputError(f"{parent}: is a file; no folder can be made in it (--out {folder})")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: is a file or a link; --out must be a folder")
    taken = folder.is_dir() and any(folder.iterdir())
    if taken and not overwrite:
        raise InputError(f"{folder}: exists; give another --out, or --overwrite to replace it")
    return taken


def _is_run(folder: Path) -> bool:
    """Whether the folder holds a run's configuration and nothing that no run would leave."""
    config = _read_object(folder / CONFIG)
    return {"format_version", "task", "config"} <= config.keys() and all(
        (entry.is_file() and entry.suffix in _ENDINGS) or is_report(entry) or is_left_of_a_report(entry)
        for entry in folder.iterdir()
    )


def is_left_of_a_report(folder: Path) -> bool:
    """Whether this is what one that was killed left: half a report, or the rest of that which it replaced."""
    return (
        (folder.match(f".{INSPECT}.*.tmp") or folder.match(f".{INSPECT}.*.tmp{_OLD}"))
        and folder.is_dir()
        and not folder.is_symlink()
        and all(_is_plain(entry) and entry.suffix in _ENDINGS_OF_REPORTS for entry in folder.iterdir())
    )


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _read_object(path: Path) -> dict[str, Any]:
    """A file's JSON object; empty where there is none."""
    try:
        found = json.loads(path.read_bytes()) if path.is_file() else None  # which a pipe is not
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder``; if it is not installed, it goes, and any parents made for it."""
    made = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from None
    scratch.chmod(0o777 & ~_umask())
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for parent in made:
            with suppress(OSError):  # it holds the run
                parent.rmdir()


def install(scratch: Path, folder: Path) -> None:
    """Puts a filled scratch folder in place of ``folder``, which ``check_new_folder`` has allowed."""
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
