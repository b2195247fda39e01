"""Options as frozen dataclasses: the only source of flags, help texts and ``config.json``."""

import ast
import dataclasses
import functools
import itertools
import json
import re
import stat
import sys
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from elman.errors import InputError

T = TypeVar("T")
_LARGEST_JSON = 4 * 2**20  # bytes
_LONGEST_TEXT = 4096  # characters of an option


@dataclasses.dataclass(frozen=True)
class Argument:
    """How a field of options is typed on the command line, if its name and type do not suffice.

    It annotates the field: ``data: Annotated[Path, Argument(positional=True)]``.

    Attributes:
        positional: typed without a flag.
        name: the flag's name, if it differs from the field's.
        metavar: placeholder of the value in the help.
    """

    positional: bool = False
    name: str | None = None
    metavar: str | None = None


def require(option: str, holds: bool, rule: str, value: object) -> None:
    """Raises InputError unless the rule holds; its one line names option, rule and value."""
    if not holds:
        raise InputError(f"{option} must be {rule}. Got {shown(value)}.")


def flag(name: str) -> str:
    """Returns the flag of a field: ``hidden_size`` → ``--hidden-size``."""
    return "--" + name.replace("_", "-")


def check_types(config: Any) -> None:
    """Gives every field of a frozen dataclass the type of its annotation, or raises InputError.

    As the annotations require, lists become tuples, texts paths, and NumPy numbers Python numbers.
    """
    hints = typing.get_type_hints(type(config))
    for f in dataclasses.fields(config):
        before = getattr(config, f.name)
        value = typed(hints[f.name], before, flag(f.name))
        if value != before or type(value) is not type(before):
            object.__setattr__(config, f.name, value)


def field_docs(cls: type) -> dict[str, str]:
    """Returns the docstring under each field of a dataclass and its bases as one line, by field name."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base) and (source := _source(base.__module__)) is not None:
            docs |= _texts_under_fields(source, base.__name__)
    return docs


@functools.cache
def _source(module: str) -> ast.Module | None:
    """Returns a module's syntax tree; None if the module has no file."""
    path = getattr(sys.modules.get(module), "__file__", None)
    return None if path is None else ast.parse(Path(path).read_text("utf-8"))


def _texts_under_fields(source: ast.Module, name: str) -> dict[str, str]:
    """Returns the docstrings under the fields of the class of this name."""
    body = next((n.body for n in source.body if isinstance(n, ast.ClassDef) and n.name == name), [])
    texts = {}
    for statement, after in itertools.pairwise(body):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[field] = " ".join(text.split())
    return texts


def typed(hint: Any, value: Any, where: str) -> Any:
    """Converts a Python value to an annotated type. Raises InputError, which begins with ``where``."""
    return _typed(hint, _plain(value), where)


def to_json(config: Any) -> dict[str, Any]:
    """Returns the fields of a dataclass as JSON values."""
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):  # a NumPy number; importing NumPy for a type check would slow every command
        return value.item()
    return value


def from_json(cls: type[T], obj: object, where: str) -> T:
    """Makes a dataclass from JSON values, with every name and type checked.

    Args:
        cls: the dataclass.
        obj: the JSON value.
        where: the file, for messages.

    Raises:
        InputError: the value is no object, a name is unknown or missing, or a field has a wrong type or a
            value that the class refuses.
    """
    if not isinstance(obj, dict):
        raise InputError(f"{where}: must hold one object of options. Got {type(obj).__name__}.")
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values = {}
    for key, value in obj.items():
        name = str(key).replace("-", "_")
        if name not in known:
            raise InputError(f"{where}: unknown option {str(key)[:80]!r}")
        values[name] = _typed(hints[name], value, f"{where}: {name}")
    for f in dataclasses.fields(cls):  # type: ignore[arg-type]
        optional = f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING
        if f.name not in values and not optional:
            raise InputError(f"{where}: {f.name} is missing")
    try:
        return cls(**values)
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: {error}") from None


def is_finite(value: object) -> bool:
    """Returns whether a JSON value is a number that a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max


def _typed(hint: Any, value: Any, where: str) -> Any:
    """Converts a JSON value to an annotated type, or raises InputError."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _typed(arguments[0], value, where)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        for argument in arguments:
            if argument is not type(None):
                try:
                    return _typed(argument, value, where)
                except InputError:
                    continue
    elif origin is typing.Literal and value in arguments:
        return value
    elif origin is tuple and isinstance(value, list):
        inner = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        if len(inner) == len(value):
            return tuple(_typed(a, v, where) for a, v in zip(inner, value, strict=True))
    elif hint is float and is_finite(value):
        return float(value)
    elif hint is Path and isinstance(value, str):
        return Path(value)
    elif hint is str and isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise InputError(f"{where} must have at most {_LONGEST_TEXT} characters. Got {len(value)}.")
    elif hint in (int, str, bool) and type(value) is hint:
        return value
    raise InputError(f"{where} must be {expected(hint)}. Got {shown(value)}.")


_EXPECTED = {int: "an int", float: "a finite number", bool: "true or false", str: "a text", Path: "a text"}


def expected(hint: Any) -> str:
    """Describes in words what a value must be to fit an annotation."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("null" if a is type(None) else expected(a) for a in arguments)
    if origin is typing.Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin is tuple:
        return "a list" if arguments[-1] is ... else f"a list of {len(arguments)}"
    return _EXPECTED[hint]


def shown(value: object) -> str:
    """Returns a value as messages show it: one short line."""
    try:
        text = repr(value)
    except RecursionError:
        text = type(value).__name__
    text = text.replace("\n", " ")  # the repr of a table has several lines
    return text if len(text) <= 80 else text[:77] + "..."


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun, given in the singular: 1 step, 2,000 steps, 3 series."""
    return f"{number:,} {noun}{'' if number == 1 or noun == 'series' else 's'}"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Returns names with commas between them; of more than ``most``, the first and the number of all."""
    more = "" if len(names) <= most else f", … ({len(names)} in all)"
    return ", ".join(names[:most]) + more


def read_json(path: Path, largest: int = _LARGEST_JSON) -> Any:
    """Reads a JSON file of at most ``largest`` bytes.

    Raises:
        InputError: not a regular file, too large, not UTF-8, not JSON, or nested too deeply.
    """
    check_regular(path, largest)
    try:
        return json.loads(path.read_bytes())
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not JSON: {shown(str(error))}") from None


def check_regular(path: Path, largest: int | None = None) -> None:
    """Raises InputError unless the path is an ordinary file of at most ``largest`` bytes."""
    try:
        status = path.lstat()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: must be an ordinary file, not a link, folder or device")
    if largest is not None and status.st_size > largest:
        raise InputError(f"{path}: must have at most {largest:,} bytes. Got {status.st_size:,}.")


def read_yaml(path: Path) -> Any:
    """Reads options from a YAML file.

    Raises:
        InputError: the file does not exist or is not YAML.
    """
    import yaml  # here, as every help text reads this module and few commands read YAML

    class Loader(yaml.SafeLoader):
        """Reads 4e-3 as a number; in YAML 1.1 it is a text."""

    exponent = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", exponent, list("-+.0123456789"))
    try:
        return yaml.load(path.read_text("utf-8"), Loader) or {}
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not YAML: {shown(' '.join(str(error).split()))}") from None
