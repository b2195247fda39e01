"""Builds a cell's C++ into a library, once on each machine: libraries are kept in the user's cache."""

import contextlib
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from elman import kernels
from elman.compiler.trace import NotCompilable
from elman.kernels.compiled.table import _kernels
from elman.notice import notice

_SECONDS = 120  # that a compiler may take
_COMPILERS = ("g++", "clang++", "c++")
_LIST = 'CELL(made, Made, "{name}", "{extras}")\n#undef CELL\n'
_HEADER = """#pragma once
#include "functions.hpp"

namespace elman::ELMAN_ISA {{

{text}
}}  // namespace elman::ELMAN_ISA
"""


def build(text: str, name: str, extras: Sequence[str]) -> Path:
    """Returns the library of a cell's struct, which is called Made; builds it unless it is in the cache.

    Args:
        text: C++, as ``emit.header`` gives it.
        name: of the cell.
        extras: names of its parameters for each unit.

    Raises:
        NotCompilable: this machine has no compiler, or it failed; the message names the log.
    """
    command = compile_command()
    files = {
        "cell_headers.hpp": _HEADER.format(text=text),
        "cell.def": _LIST.format(name=name, extras=" ".join(extras)),
    }
    folder = cache_folder() / _key(command, files)
    library = folder / "cell.so"
    with _lock(folder.with_suffix(".lock")):
        if not _is_ours(library):
            _compile(command, files, folder)
    return library


def cache_folder() -> Path:
    """Returns the folder of the libraries: $ELMAN_CACHE, or elman/cells in the user's cache."""
    own = os.environ.get("ELMAN_CACHE")
    base = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "elman"
    folder = base / "cells"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def sources() -> Path:
    """Returns the folder of the kernels' C++: that of the installed package, or of the source tree."""
    package = Path(kernels.__file__).parent
    found = [p for p in (package / "csrc", package.parents[2] / "csrc") if (p / "plugin.cpp").exists()]
    if not found:
        raise NotCompilable("the C++ of the kernels is not installed")
    return found[0]


@lru_cache
def compile_command() -> tuple[str, ...]:
    """Returns the command of the compiler: $ELMAN_CXX, $CXX, or the first of g++, clang++, c++ that there is.

    Raises:
        NotCompilable: there is none, or elman was installed without its kernels.
    """
    if _kernels is None:
        raise NotCompilable("elman was installed without its compiled kernels")
    for variable in ("ELMAN_CXX", "CXX"):
        if own := os.environ.get(variable):
            return tuple(shlex.split(own))
    found = next((path for path in map(shutil.which, _COMPILERS) if path), None)
    if found is None:
        raise NotCompilable(f"no C++ compiler: none of {', '.join(_COMPILERS)} is on the path")
    return (found,)


def _key(command: Sequence[str], files: dict[str, str]) -> str:
    """Returns a name that changes with all that a library depends on."""
    digest = hashlib.sha256()
    for part in (*_arguments(command), _version(tuple(command)), *files.values(), *_texts_of_kernels()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]


def _arguments(command: Sequence[str]) -> list[str]:
    isa, flags = _kernels.isa(), _kernels.flags().split()
    plain = ["-std=c++20", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread", "-Wno-psabi", "-w"]
    return [*command, *plain, *flags, f"-DELMAN_ISA={isa}", '-DELMAN_CELLS="cell.def"']


@lru_cache
def _version(command: tuple[str, ...]) -> str:
    try:
        return subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotCompilable(f"the C++ compiler {command[0]} does not run: {error}") from error


@lru_cache
def _texts_of_kernels() -> tuple[str, ...]:
    folder = sources()
    return tuple(p.read_text("utf-8") for p in sorted(folder.glob("*.?pp")))


def _compile(command: Sequence[str], files: dict[str, str], folder: Path) -> None:
    """Compiles in a folder of its own, which takes its place in the cache when all is there."""
    notice(
        f"a cell's kernel is compiled by {command[0]}, once on this machine; ELMAN_COMPILE=never goes without"
    )
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        place = Path(name)
        for file, text in files.items():
            (place / file).write_text(text, "utf-8")
        arguments = [*_arguments(command), f"-I{place}", f"-I{sources()}", str(sources() / "plugin.cpp")]
        arguments += ["-o", str(place / "cell.so")]
        try:
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotCompilable(f"the C++ compiler failed: {error}") from error
        if done.returncode:
            log = folder.with_suffix(".log")
            log.write_text(f"{shlex.join(arguments)}\n{done.stderr}", "utf-8")
            raise NotCompilable(f"the C++ compiler {command[0]} failed; {log} holds what it said")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        for file in (*files, "cell.so"):
            os.replace(place / file, folder / file)


def _is_ours(library: Path) -> bool:
    """Whether a library is there, belongs to this user, and nobody else may have changed it."""
    try:
        facts = library.stat()
    except OSError:
        return False
    owned = not hasattr(os, "getuid") or facts.st_uid == os.getuid()
    return owned and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and facts.st_size > 0


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[Any]:
    """Holds a lock between processes for the block."""
    import fcntl  # only where there are compiled kernels, as they need POSIX too

    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
