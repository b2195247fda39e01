"""Finds the members of a folder of the package: each file or folder holds one public class, named after it.

``cells/peephole_lstm.py`` holds the cell ``peephole-lstm``, ``tasks/language_model/`` the task
``language-model``. Listing names imports nothing. A task's options are imported without the task, so that
``elman --help`` stays fast.
"""

import functools
import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from elman.errors import InputError

T = TypeVar("T")

_PACKAGE = Path(__file__).parent
_SHARED = {"__init__", "base", "convolution", "initialise", "named"}


def names(folder: str) -> list[str]:
    """Returns the names of all members of ``folder`` ("cells", "data/problems", …), sorted.

    Imports nothing.
    """
    return sorted(p.stem.replace("_", "-") for p in (_PACKAGE / folder).glob("*.py") if p.stem not in _SHARED)


def names_of_kind(folder: str, base: str) -> list[str]:
    """Returns the names of the files in ``folder`` that define a subclass of ``base``; imports nothing."""
    line = re.compile(rf"^class \w+\([^)]*\b{base}\b", re.MULTILINE)
    paths = {name: _PACKAGE / folder / f"{name.replace('-', '_')}.py" for name in names(folder)}
    return [name for name, path in paths.items() if line.search(path.read_text("utf-8"))]


def find(folder: str, name: str, base: type[T]) -> type[T]:
    """Returns the subclass of ``base`` that the file of this name defines.

    Raises:
        InputError: no such file; the message lists the known names.
    """
    _check_known(folder[:-1], name, names(folder))
    return _only(f"{folder.replace('/', '.')}.{name}", lambda value: issubclass(value, base), base.__name__)


def task_names() -> list[str]:
    """Returns the names of all tasks, sorted; imports nothing."""
    return list(_task_names(_PACKAGE))


@functools.cache  # the help asks for each task
def _task_names(package: Path) -> tuple[str, ...]:
    own = [p.parent.name for p in (package / "tasks").glob("*/options.py")]
    return tuple(sorted(name.replace("_", "-") for name in own if name != "shared"))


def tasks_of_verb(verb: str) -> list[str]:
    """Returns the names of the tasks whose ``options.py`` defines a verb.

    Imports nothing: the options of all tasks together take as long to import as a parser of arguments.
    """
    line = re.compile(rf"^class {re.escape(verb)}\([^)]*\bVerb\)", re.MULTILINE | re.IGNORECASE)
    paths = {name: _PACKAGE / "tasks" / name.replace("-", "_") / "options.py" for name in task_names()}
    return [name for name, path in paths.items() if line.search(path.read_text("utf-8"))]


def task_options(name: str) -> Any:
    """Returns the ``TaskConfig`` that a task's ``options.py`` defines, without importing the task.

    Raises:
        InputError: no such task.
    """
    _check_known("task", name, task_names())
    return _only(f"tasks.{name}.options", lambda value: hasattr(value, "verb"), "TaskConfig")


def find_task(name: str) -> Any:
    """Returns the ``Task`` that a task's ``task.py`` defines.

    Raises:
        InputError: no such task, or a library that it needs is not installed.
    """
    _check_known("task", name, task_names())
    return _only(f"tasks.{name}.task", lambda value: hasattr(value, "Config"), "Task")


def _check_known(kind: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise InputError(f"unknown {kind} {name!r}; known: {', '.join(known)}")


def _only(place: str, is_it: Callable[[type], bool], what: str) -> Any:
    """Returns the only class of a kind that a module of the package defines itself."""
    module = load_module(f"elman.{place.replace('-', '_')}")
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__ and is_it(value)
    ]
    if len(classes) != 1:
        raise TypeError(f"{module.__name__} must define exactly one {what}. Got {len(classes)}.")
    return classes[0]


class LazyModule(ModuleType):
    """A library that is imported when one of its names is first used, so that what needs none works without.

    A module that uses it postpones its annotations (``from __future__ import annotations``).

    Args:
        name: of the library.
    """

    def __getattr__(self, name: str) -> Any:
        """Imports the library; returns its member. Raises InputError if the library is not installed."""
        if name.startswith("__"):  # asked for by Python's own tools, which look at every module
            raise AttributeError(name)
        try:
            value = getattr(importlib.import_module(self.__name__), name)
        except ModuleNotFoundError as error:
            said = _not_installed(error) or f"{error.name} is not installed, and this needs it"
            raise InputError(said) from error
        setattr(self, name, value)
        return value


def load_module(name: str) -> ModuleType:
    """Imports a module of the package.

    Raises:
        InputError: an optional library that it imports is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        said = _not_installed(error)
        if said is None:
            raise
        raise InputError(said) from error


def _not_installed(error: ModuleNotFoundError) -> str | None:
    """Returns the message about a library that an extra installs; None if no extra does."""
    library = (error.name or "").partition(".")[0]
    extra = _extra_of(library)
    return extra and f"{library} is not installed; install it with: pip install 'elman[{extra}]'"


def _extra_of(library: str) -> str | None:
    """Returns the extra of this package that installs a library; None if no extra does."""
    from importlib.metadata import PackageNotFoundError, requires  # would add a fifth to elman --help

    distribution = {"sklearn": "scikit-learn"}.get(library, library)
    try:
        needed = requires("elman") or []
    except PackageNotFoundError:  # a source tree that is not installed
        return None
    for line in needed:
        match = re.match(r"([\w.-]+).*extra == ['\"](\w+)['\"]", line)
        if (
            match
            and match[2] not in ("dev", "bench", "all")
            and match[1].replace("_", "-") == distribution.replace("_", "-")
        ):
            return match[2]
    return None
