"""Flags to values: one flag for each field of some dataclasses, shown in groups; errors in one line."""

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from itertools import groupby
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from elman.config import field_docs, flag, shown
from elman.errors import InputError

# they only carry values: a dataclass makes each further method by compiling it
_PLAIN: Any = {"kw_only": True, "eq": False, "repr": False}
_NUMBERS = {int: "an int", float: "a number"}
_METAVARS = {"int": "INT", "float": "FLOAT", "str": "TEXT", "Path": "PATH"}


@dataclass(frozen=True)
class Flag:
    """One flag of a command.

    Attributes:
        name: the field's.
        hint: its annotation, without what is for the command line.
        default: its value where the flag is absent; MISSING: the flag is required.
        help: what it means.
        markers: what its annotation says to the command line (``tyro.conf``).
        group: title of the group that shows it.
    """

    name: str
    hint: Any
    default: Any
    help: str
    markers: tuple[Any, ...]
    group: str

    @property
    def is_positional(self) -> bool:
        """Whether the value is typed without the flag's name."""
        return tyro.conf.Positional in self.markers

    @property
    def spelling(self) -> str:
        """What is typed: ``--hidden-size``; of a positional value its metavar."""
        name = self.marked("name") or self.name
        return self.marked("metavar") or name.upper() if self.is_positional else flag(name)

    def marked(self, what: str) -> Any:
        """A fact that a ``tyro.conf.arg`` among the markers states; None if none does."""
        return next((value for marker in self.markers if (value := getattr(marker, what, None))), None)


def flags_of(
    options: type, defaults: Mapping[str, Any] | None = None, groups: Mapping[str, str] | None = None
) -> list[Flag]:
    """The fields of a dataclass as flags.

    Args:
        options: the dataclass; the text under a field is its help.
        defaults: values that replace those of the class, by name.
        groups: the title of each field's group, by name; "" if absent.
    """
    hints, docs = get_type_hints(options, include_extras=True), field_docs(options)
    defaults, groups = defaults or {}, groups or {}
    flags = []
    for f in fields(options):
        hint, *markers = (
            get_args(hints[f.name]) if get_origin(hints[f.name]) is Annotated else (hints[f.name],)
        )
        default = defaults.get(f.name, f.default)
        flags.append(
            Flag(f.name, hint, default, docs.get(f.name, ""), tuple(markers), groups.get(f.name, ""))
        )
    return flags


def parse(flags: Sequence[Flag], arguments: list[str], program: str, about: str, example: str) -> Any:
    """The flags' values by name, from what was typed.

    ``--help`` prints the flags in their groups, ends with an example, and exits.

    Args:
        flags: all there are; groups are shown in the order in which they first occur, "" in front.
        arguments: what was typed.
        program: the command before them.
        about: what the command does.
        example: a command that works.

    Raises:
        InputError: a flag is unknown, or its value breaks its rule; one line.
    """
    parser = _parser(flags)
    errors, output = io.StringIO(), io.StringIO()
    configured = tyro.conf.configure(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)(parser)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
            given: Any = tyro.cli(configured, args=arguments, prog=program, description=about)
    except SystemExit as stop:
        if stop.code:
            raise InputError(f"{_one_line(errors.getvalue())} (see {program} --help)") from None
        print(output.getvalue(), end="")
        print(f"\nexample:\n  {example}")
        raise SystemExit(0) from None
    values = SimpleNamespace()
    for group in vars(given).values():
        vars(values).update(vars(group))
    return values


def _parser(flags: Sequence[Flag]) -> type:
    """A dataclass of dataclasses, one a group, as tyro shows groups."""
    groups: list[Any] = []
    for number, title in enumerate(sorted({each.group for each in flags}, key=_order(flags))):
        members: list[Any] = [_member(each) for each in flags if each.group == title]
        group = make_dataclass(f"Group{number}", members, **_PLAIN)
        needs = any(each.default is MISSING for each in flags if each.group == title)
        named = Annotated[group, tyro.conf.arg(name=title, help="")]  # type: ignore[valid-type]
        groups.append((f"group{number}", named, field() if needs else field(default_factory=group)))
    return make_dataclass("Flags", groups, **_PLAIN)


def _order(flags: Sequence[Flag]) -> Any:
    titles = [each.group for each in flags]
    return lambda title: -1 if title == "" else titles.index(title)


def _member(each: Flag) -> tuple[str, Any, Any]:
    """A field of the parser."""
    others = tuple(marker for marker in each.markers if not hasattr(marker, "metavar"))
    hint, constructor = _constructed(each)
    written = tyro.conf.arg(name=each.marked("name"), help=each.help, help_behavior_hint=_default_shown(each))
    member = Annotated[(hint, *constructor, *others, written)]  # type: ignore[valid-type]
    return each.name, member, field() if each.default is MISSING else field(default=each.default)


def _constructed(each: Flag) -> tuple[Any, tuple[Any, ...]]:
    """The type that tyro sees, and how a value is read from what was typed."""
    inner = _without_none(each.hint)
    if inner is bool or get_origin(inner) is Literal:
        return (inner if each.hint is inner else Union[inner, None]), ()  # noqa: UP007 - tyro is quick with it
    is_tuple = get_origin(inner) is tuple
    of = get_args(inner) if is_tuple else (inner,)
    count: Any = "*" if of[-1] is ... else len(of)
    metavar = each.marked("metavar") or " ".join(_METAVARS[kind.__name__] for kind in of if kind is not ...)

    def read(texts: list[str]) -> Any:
        kinds = [of[0]] * len(texts) if count == "*" else of
        values = tuple(_converted(text, kind) for text, kind in zip(texts, kinds, strict=True))
        return values[0] if count == 1 and not is_tuple else values

    spec: Any = PrimitiveConstructorSpec(
        nargs=count,
        metavar=metavar,
        instance_from_str=read,
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(v) for v in (value if isinstance(value, tuple) else (value,))],
    )
    return object, (spec,)


def _without_none(hint: Any) -> Any:
    """``int`` of ``int | None``."""
    if get_origin(hint) in (Union, UnionType):
        others = [each for each in get_args(hint) if each is not NoneType]
        return others[0] if len(others) == 1 else hint
    return hint


def _converted(text: str, kind: Any) -> Any:
    """What was typed as the type that is expected; its range is checked where it is used."""
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"must be {_NUMBERS[kind]}. Got {shown(text)}") from None


def _default_shown(each: Flag) -> str:
    default = each.default
    if default is MISSING or default is None or default is False or default == () or default == "":
        return ""  # the help says what its absence means
    return f"(default: {' '.join(map(str, default)) if isinstance(default, tuple) else default})"


def _one_line(box: str) -> str:
    """The message of an error that tyro draws in a box under a title, and the flag that may be meant."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box)
    rows = [row.strip("│| ") for row in plain.splitlines()[1:]]
    blocks = [list(block) for rule, block in groupby(rows, lambda row: set(row) <= set("─-╰╯+")) if not rule]
    message = re.sub(r"^Error parsing [A-Z_]\w*: ", "", " ".join(blocks[0]))
    message = re.sub(r"^Error parsing (--[\w-]+): must", r"\1 must", message)
    meant = [row.split()[0].rstrip(",") for row in blocks[1] if row.startswith("--")]
    return message + (f"; did you mean {meant[0]}?" if meant and "Unrecognized" in message else "")
