"""Flags to values: one flag for each field of some dataclasses, shown in groups; errors in one line."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from elman.config import Argument, field_docs, flag, shown
from elman.errors import InputError

_METAVARS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}
_REPEATED: dict[bool, dict[str, Any]] = {
    True: {"action": "store_true", "help": argparse.SUPPRESS},
    False: {"action": "store_false", "help": argparse.SUPPRESS},
}
_NUMBERS = {int: "an int", float: "a number"}
_WORDINGS = {
    r"^argument (\S+): must": r"\1 must",
    r"^argument (\S+): expected (?:one|at least one) argument": r"\1 needs a value",
    r"^argument (\S+): expected (\d+) arguments": r"\1 needs \2 values",
    r"^the following arguments are required: (.*)": r"\1 must be given",
}
"""Patterns of argparse's messages, and the wording that replaces each."""


@dataclass(frozen=True)
class Flag:
    """One flag of a command.

    Attributes:
        name: the field's.
        hint: its annotation, without None and without ``Argument``.
        default: its value if the flag is absent; MISSING: the flag is required.
        help: its meaning, without the default.
        argument: how it is typed.
        group: title of the group that shows it; "" for flags that come first.
    """

    name: str
    hint: Any
    default: Any
    help: str
    argument: Argument
    group: str

    @property
    def spelling(self) -> str:
        """What the user types: ``--hidden-size``; the metavar of a positional value."""
        if self.argument.positional:
            return self.metavar
        name = flag(self.argument.name or self.name)
        return name.replace("--", "--no-", 1) if self.default is True else name

    @property
    def opposite(self) -> str:
        """The flag that leaves a bool at its default: ``--no-tied`` of ``--tied``."""
        positive = flag(self.argument.name or self.name)
        return positive if self.default is True else positive.replace("--", "--no-", 1)

    @property
    def metavar(self) -> str:
        """The placeholder of the value in the help."""
        if self.argument.metavar:
            return self.argument.metavar
        if get_origin(self.hint) is Literal:
            return "{" + ",".join(map(str, get_args(self.hint))) + "}"
        return _METAVARS[self.of[0]]

    @property
    def of(self) -> tuple[Any, ...]:
        """The types of the flag's values."""
        return get_args(self.hint) if get_origin(self.hint) is tuple else (self.hint,)

    @property
    def written_default(self) -> str:
        """The default as it would be typed; "" if the help text itself explains the flag's absence."""
        default = self.default
        if default is MISSING or default is None or isinstance(default, bool) or default in ((), ""):
            return ""
        return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def flags_of(
    options: type, defaults: Mapping[str, Any] | None = None, groups: Mapping[str, str] | None = None
) -> list[Flag]:
    """Returns the fields of a dataclass as flags.

    Args:
        options: the dataclass; the text under a field is its help.
        defaults: values that replace those of the class, by name.
        groups: the title of each field's group, by name; "" if absent.
    """
    hints, docs = get_type_hints(options, include_extras=True), field_docs(options)
    defaults, groups = defaults or {}, groups or {}
    flags = []
    for f in fields(options):
        is_marked = get_origin(hints[f.name]) is Annotated
        hint, argument = get_args(hints[f.name]) if is_marked else (hints[f.name], Argument())
        default = defaults.get(f.name, f.default)
        text, group = docs.get(f.name, ""), groups.get(f.name, "")
        if default is True:  # the flag is --no-…
            text = f"turn off: {text}"
        flags.append(Flag(f.name, _without_none(hint), default, text, argument, group))
    return flags


def parse(flags: Sequence[Flag], arguments: list[str], program: str, about: str, example: str) -> Any:
    """Returns the flags' values by name.

    ``--help`` prints the flags in their groups, ends with an example, and exits.

    Args:
        flags: all flags of the command; groups are shown in the order in which they first occur.
        arguments: what the user typed.
        program: the command before them.
        about: what the command does.
        example: a command that works.

    Raises:
        InputError: a flag is unknown, or its value breaks its rule; one line.
    """
    positionals = " ".join(_usage(option) for option in flags if option.argument.positional)
    parser = _Parser(
        program,
        description=about,
        epilog=f"example:\n  {example}",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{program} [OPTIONS] {positionals}",
    )
    groups = {title: parser.add_argument_group(title) for title in _titles(flags) if title}
    for option in flags:
        target = groups.get(option.group, parser)
        spelled = (option.name,) if option.argument.positional else (option.spelling,)
        target.add_argument(*spelled, **_keywords(option))
        if option.hint is bool:  # a recipe may have turned it on or off already; to repeat that is no mistake
            target.add_argument(option.opposite, **_keywords(option) | _REPEATED[option.default is True])
    values, unknown = parser.parse_known_intermixed_args(arguments)
    if unknown:
        known = [option.spelling for option in flags if not option.argument.positional]
        import difflib  # only a mistake needs it

        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        parser.error(f"Unrecognized options: {', '.join(unknown)}{meant}")
    return values


class _Parser(argparse.ArgumentParser):
    """Raises InputError instead of exiting."""

    def error(self, message: str) -> NoReturn:
        """Raises InputError; the message begins with the flag."""
        for pattern, wording in _WORDINGS.items():
            message = re.sub(pattern, wording, message)
        raise InputError(f"{message} (see {self.prog} --help)")


def _titles(flags: Sequence[Flag]) -> list[str]:
    return list(dict.fromkeys(option.group for option in flags))


def _usage(option: Flag) -> str:
    """Returns a positional value as the usage line shows it."""
    metavar = f"{option.metavar} ..." if get_origin(option.hint) is tuple else option.metavar
    return metavar if option.default is MISSING else f"[{metavar}]"


def _keywords(option: Flag) -> dict[str, Any]:
    """Returns the arguments of ``add_argument`` for a flag."""
    default = f" (default: {option.written_default})" if option.written_default else ""
    keywords: dict[str, Any] = {"help": f"{option.help}{default}".replace("%", "%%")}
    if not option.argument.positional:
        keywords["dest"] = option.name
        keywords["required"] = option.default is MISSING
    if option.default is not MISSING:
        keywords["default"] = option.default
    if option.hint is bool:
        return keywords | {"action": "store_false" if option.default is True else "store_true"}
    keywords |= {"type": _reader(option.of[0]), "metavar": option.metavar, "action": _Once}
    if get_origin(option.hint) is tuple:
        several = option.of[-1] is ...
        keywords |= {"nargs": "*" if several else len(option.of)}
    elif option.argument.positional and option.default is not MISSING:
        keywords["nargs"] = "?"
    return keywords


class _Once(argparse.Action):
    """Stores a value, or several as a tuple; a flag that stands twice is a mistake."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Sets the attribute."""
        if option_string is not None and option_string in namespace.__dict__.setdefault("_given", set()):
            several = "; give all its values behind one" if isinstance(values, list) else ""
            parser.error(f"{option_string} must be given once{several}. Got it twice")
        if option_string is not None:
            namespace._given.add(option_string)
        setattr(namespace, self.dest, tuple(values) if isinstance(values, list) else values)


def _reader(kind: Any) -> Callable[[str], Any]:
    """Returns a function from typed text to a value of a type; options check their ranges themselves."""
    choices = get_args(kind) if get_origin(kind) is Literal else None

    def read(text: str) -> Any:
        if choices is not None:
            if text not in choices:
                rule = f"one of {', '.join(map(repr, choices))}"
                raise argparse.ArgumentTypeError(f"must be {rule}. Got {shown(text)}")
            return text
        if kind is Path:
            return _path(text)
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {_NUMBERS[kind]}. Got {shown(text)}") from None

    return read


def _path(text: str) -> Path:
    """Returns a path; ``~`` is the home folder, also where a shell leaves it (``--out=~/run``)."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"must be a path. Got {shown(text)}")
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user: the file's name begins with ~
        return Path(text)


def _without_none(hint: Any) -> Any:
    """Removes None from a union: ``int`` for ``int | None``."""
    if get_origin(hint) in (Union, UnionType):
        others = [kind for kind in get_args(hint) if kind is not NoneType]
        return others[0] if len(others) == 1 else hint
    return hint
