"""Makes cells from names: built-in ones with options, or classes from a user's file."""

import dataclasses
import hashlib
import importlib.util
import inspect
import sys
import typing
from pathlib import Path
from typing import Any

from elman.cells.base import Cell
from elman.errors import InputError
from elman.registry import find

_SIZES = {"input_size", "hidden_size"}


def is_file(name: str) -> bool:
    """Whether the name refers to a user's file, such as ``own_cell.py:MyCell``."""
    return ".py:" in name


def fingerprint(name: str) -> str:
    """Returns the SHA-256 of the file that a name refers to."""
    return hashlib.sha256(_existing(name.rpartition(":")[0]).read_bytes()).hexdigest()


def make_cell(name: str, input_size: int, hidden_size: int, plane_axes: int = 0) -> Cell:
    """Makes a cell from its name and sizes.

    Args:
        name: ``lstm``; with options ``elman:nonlinearity=relu``; or ``FILE.py:Class``, which runs the file.
        input_size: I.
        hidden_size: H.
        plane_axes: axes of the input after its features, 2 for pictures.

    Raises:
        InputError: the name or an option is unknown, a value has the wrong type, the file lacks the class, or
            the cell needs a side input, which no task provides, or other planes.
    """
    cell = (
        _own_class(name)(input_size, hidden_size)
        if is_file(name)
        else _built_in(name, input_size, hidden_size)
    )
    if cell.needs_side_input:
        raise InputError(f"--cell {name}: needs a side input, which no task provides")
    if cell.plane_axes != plane_axes:
        read = {0: "features", 2: "planes"}.get(cell.plane_axes, f"{cell.plane_axes} axes of planes")
        given = "planes" if plane_axes else "features"
        raise InputError(f"--cell {name}: reads {read}, and this task gives {given}")
    return cell


def _built_in(name: str, input_size: int, hidden_size: int) -> Cell:
    """Makes a cell of ``elman/cells/`` from its name and options."""
    kind, _, text = name.partition(":")
    cls = find("cells", kind, Cell)
    options = parse_options(cls, text)
    try:
        return cls(input_size, hidden_size, **options)
    except ValueError as error:
        raise InputError(f"--cell {name}: {error}") from None


def parse_options(cls: type[Cell], text: str) -> dict[str, Any]:
    """Parses a cell's options from ``key=value,key=value``.

    Raises:
        InputError: an option is unknown, or a value has the wrong type.
    """
    items = (item.partition("=") for item in text.split(",") if item)
    return {key: _option(cls, key, value) for key, _, value in items}


def options_of(cell: Cell) -> str:
    """Formats the options that differ from their defaults; the inverse of ``parse_options``."""
    values = ((f, getattr(cell, f.name)) for f in dataclasses.fields(cell) if f.name not in _SIZES)
    return ",".join(f"{f.name}={value}" for f, value in values if value != f.default)


def _option(cls: type[Cell], key: str, value: str) -> object:
    known = {f.name for f in dataclasses.fields(cls)} - _SIZES
    if key not in known:
        raise InputError(f"--cell: {cls.__name__} has no option {key!r}; known: {', '.join(sorted(known))}")
    kind = typing.get_type_hints(cls)[key]
    try:
        return {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
    except (ValueError, KeyError):
        raise InputError(f"--cell: option {key} must be {kind.__name__}. Got {value!r}.") from None


def _existing(file: str) -> Path:
    if not Path(file).is_file():
        raise InputError(f"--cell: {file}: no such file")
    return Path(file)


def _own_class(full_name: str) -> type[Cell]:
    file, _, class_name = full_name.rpartition(":")
    path = _existing(file)
    name = f"elman_own_cell_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look it up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"--cell: {file} cannot be run: {reason}") from error
    cls = getattr(module, class_name, None)
    if not (inspect.isclass(cls) and issubclass(cls, Cell)):
        raise InputError(f"--cell: {file} has no subclass of elman.Cell named {class_name!r}")
    return cls
