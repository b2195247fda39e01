"""Atomic file writes, and the names of the files in a run folder."""

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from elman.data.read.folders import RUN, RUN_KEYS
from elman.errors import InputError, TrainingStopped

try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None  # type: ignore[assignment]

CONFIG = RUN
WEIGHTS = "model.safetensors"
VOCABULARY = "vocabulary.json"
HISTORY = "history.jsonl"
RESULTS = "results.json"
CHECKPOINT = "checkpoint.safetensors"
CURVE = "loss.png"
PRETRAINING = "pretraining-"  # what the names of a loop's files begin with, if the training follows on it
INSPECT, REPORT = "inspect", "report.html"  # the report's folder within the run folder, and its page
SUMMARY, LISTED = "summary.json", "files"  # the report's numbers; under this key, the names of its files
_ENDINGS = {".json", ".jsonl", ".safetensors", ".npy", ".npz", ".png", ".tmp"}  # suffixes that runs write
_ENDINGS_OF_REPORTS = {".html", ".png", ".svg", ".csv", ".json"}
METADATA = "metadata.json"  # what a task's export keeps besides the network
_EXPORTED = {"model.onnx", "step.onnx", METADATA}  # and headers of C
_OLD = ".old"  # suffix of a folder that is being replaced
_TRIES = 20  # times that a folder may be replaced by others while it is being replaced


class WriteError(OSError):
    """A file of a run folder cannot be written, as on a full disk; it names the file, not a temporary one."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Raises WriteError with the name of a file for what goes wrong while it is written.

    A folder that is absent is a FileNotFoundError.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise WriteError(error.errno, error.strerror or str(error), str(path)) from error
    except Exception as error:  # safetensors has an error of its own around that of the operating system
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        kind = FileNotFoundError if int(number[1]) == errno.ENOENT else WriteError
        raise kind(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def write_atomically(
    path: Path, write: Callable[[Path], object], check: Callable[[], None] = lambda: None
) -> None:
    """Calls ``write`` on a temporary file next to ``path``, then renames it to ``path``.

    A reader sees the old file or the new one, never a partial one, even if the process is killed. The next
    write removes a temporary file that a killed process left.

    Args:
        path: the file.
        write: writes the file that it is called with.
        check: raises TrainingStopped if the folder is another run's by now. It is called before anything is
            written, before the renaming, and before a temporary file is removed.

    Raises:
        WriteError: the file cannot be written; the old one stays.
    """
    check()
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with naming(path):
            temporary.unlink(missing_ok=True)
            with temporary.open("xb"):  # the operating system applies the user's mask; a library may not
                mode = temporary.stat().st_mode
            write(temporary)
            temporary.chmod(mode)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            check()
            temporary.replace(path)
    except FileNotFoundError:
        check()  # a folder that was replaced meanwhile lacks the temporary file
        raise
    finally:
        # the folder is another run's, whose temporary file has this name; or it cannot be written
        with suppress(TrainingStopped, OSError):
            check()
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any, check: Callable[[], None] = lambda: None) -> None:
    """Writes JSON, atomically; ``check`` as for ``write_atomically``."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"

    def write(temporary: Path) -> None:
        check()
        temporary.write_text(text, "utf-8")
        check()

    write_atomically(path, write)


class Claim:
    """A training's claim on its run folder: no other training writes to it, and it is still in its place.

    The claim is the operating system's lock on the run's configuration, so it ends with the process, however
    that ends. On a file system without locks only a replaced folder is noticed.

    Args:
        folder: the run folder, with its configuration.
        place: where the folder will be moved to before it is checked; None: it stays.

    Raises:
        InputError: another training holds the claim.
    """

    def __init__(self, folder: Path, place: Path | None = None) -> None:
        self.place = folder if place is None else place
        self._file = (folder / CONFIG).open("r+b")  # some file systems lock only files open for writing
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise InputError(f"{folder}: another process is training this run at this moment") from None
        except OSError:  # a file system without locks
            pass

    def check(self) -> None:
        """Raises TrainingStopped unless the folder is still in its place."""
        try:
            is_there = os.path.samestat(os.fstat(self._file.fileno()), (self.place / CONFIG).stat())
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise TrainingStopped(
                f"{self.place}: was replaced, moved or deleted during training, so this run stops"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


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


def check_new_export(folder: Path, overwrite: bool) -> None:
    """Raises InputError unless an export may be written to this folder; only an export is replaced."""
    if _is_taken(folder, overwrite) and not all(
        _is_plain(entry) and (entry.name in _EXPORTED or entry.suffix == ".h") for entry in folder.iterdir()
    ):
        raise InputError(
            f"{folder}: not an export, or it holds other files, so --overwrite does not replace it"
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
    return config.keys() >= RUN_KEYS and all(
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
        scratch = folder.with_name(f".{folder.name}.{os.urandom(4).hex()}.tmp")
        scratch.mkdir()
    except OSError as error:
        raise InputError(f"{folder}: cannot be created: {error.strerror}") from None
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for parent in made:
            with suppress(OSError):  # not empty: the run was installed in it
                parent.rmdir()


def install(
    scratch: Path, folder: Path, overwrite: bool, check: Callable[[Path, bool], None] | None = None
) -> None:
    """Moves a filled scratch folder to ``folder``.

    A folder that is not empty is replaced only with ``overwrite``, and only if the check accepts it, even if
    it was filled after an earlier check.

    Args:
        scratch: the filled folder.
        folder: its place.
        overwrite: replaces what is there.
        check: raises InputError unless a folder may be written; None: ``check_new_folder``.

    Raises:
        InputError: another process filled the folder meanwhile.
    """
    check = check_new_folder if check is None else check
    old = scratch.with_name(scratch.name + _OLD)
    for _ in range(_TRIES):
        check(folder, overwrite)
        try:
            if overwrite and folder.is_dir():
                folder.rename(old)
            elif os.name == "nt" and folder.is_dir():  # where a folder cannot take the place of an empty one
                folder.rmdir()
            scratch.rename(folder)  # fails if the folder is not empty
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise
        finally:
            shutil.rmtree(old, ignore_errors=True)
    raise InputError(f"{folder}: other processes write to this folder; choose another --out")
