"""Finds what a folder of the package holds: one public thing a file, named after the file.

``cells/peephole_lstm.py`` holds the cell ``peephole-lstm``. Nothing is imported to list the names, so that
``elman --help`` stays quick.
"""

import importlib
import inspect
from pathlib import Path
from typing import TypeVar

from elman.errors import InputError

T = TypeVar("T")

_PACKAGE = Path(__file__).parent
_SHARED = {"__init__", "base", "initialise", "laboratory", "named"}


def names(folder: str) -> list[str]:
    """Names of all that ``folder`` ("cells", "tasks", …) holds, sorted; no module is imported."""
    return sorted(p.stem.replace("_", "-") for p in (_PACKAGE / folder).glob("*.py") if p.stem not in _SHARED)


def find(folder: str, name: str, base: type[T]) -> type[T]:
    """The subclass of ``base`` that the file of this name defines.

    Raises:
        InputError: no such file; the message lists those that exist.
    """
    if name not in names(folder):
        raise InputError(f"unknown {folder[:-1]} {name!r}; known: {', '.join(names(folder))}")
    module = importlib.import_module(f"elman.{folder}.{name.replace('-', '_')}")
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define exactly one {base.__name__}. Got {len(found)}.")
    return found[0]
