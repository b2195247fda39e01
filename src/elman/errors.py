"""Exceptions with a one-line message for the user."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FLAG = re.compile(
    r"(?<![\w-])--(?P<no>no-)?(?P<name>[a-z][a-z0-9-]*)"
    # a value ends its clause; a word of the sentence does not
    r"(?:[ =](?P<value>(?!(?:or|and|needs|must|is|are|with)\b)[^\s-][^\s;,()]*?)"
    r"(?=\.?$|\s--|\s(?:or|and)\s|[;,)]|\.\s[A-Z]))?"
)
_commands = 0  # open blocks of ``spelled_as_flags``


@contextmanager
def spelled_as_flags() -> Iterator[None]:
    """Within the block, messages name options by their flags, as the command line needs them."""
    global _commands
    _commands += 1
    try:
        yield
    finally:
        _commands -= 1


def as_option(message: str) -> str:
    """Returns a message with the options as Python has them: --label-column tone → label_column='tone'."""

    def spelled(match: re.Match[str]) -> str:
        name, value = match["name"].replace("-", "_"), match["value"]
        if match["no"]:
            return f"{name}=False{f' {value}' if value else ''}"
        if value is None:
            return name
        quoted = re.fullmatch(r"-?\d+(\.\d+)?|['\"].*['\"]", value)
        return f"{name}={value if quoted else repr(value)}"

    return _FLAG.sub(spelled, message)


def spelled(message: str) -> str:
    """Returns a message with its flags as the reader has them: in Python, the names of the options."""
    return message if _commands or "--" not in message else as_option(message)


class _Spelled(Exception):
    """An error whose message names options as flags on the command line, and by their names in Python."""

    def __str__(self) -> str:
        return spelled(super().__str__())


class InputError(_Spelled, ValueError):
    """The user's input breaks a rule; the message is one line.

    The message names the file, row or option, the rule, and the value. The command line prints it after
    ``elman: `` and exits with status 2; in Python it is an ordinary ``ValueError``, which names options as
    Python has them (``label_column``, not ``--label-column``).
    """


class ShapeError(ValueError, RuntimeError):
    """A tensor has the wrong shape. Torch's layers raise one or the other; this is both."""


class ArgumentTypeError(TypeError, ValueError):
    """An argument has the wrong type. Torch's layers raise one or the other; this is both."""


def not_fitted(name: str) -> InputError:
    """Returns the error of a task, by its class's name, that is used before it is fitted.

    If scikit-learn is loaded, the error is its NotFittedError too, which its tools catch.
    """
    theirs = sys.modules.get("sklearn.exceptions")
    bases = (InputError,) if theirs is None else (InputError, theirs.NotFittedError)
    # made anew in another process, since no module holds the class
    kind = type("NotFitted", bases, {"__reduce__": lambda self: (not_fitted, (name,))})
    error: InputError = kind(f"{name} is not fitted yet")
    return error


class TrainingStopped(_Spelled, RuntimeError):
    """Training cannot continue; the message states in one line why and what to try.

    Exit status 1; 2 if a file cannot be written, as for every other command.
    """


class Disagreement(_Spelled, RuntimeError):
    """What was written does not compute what the model computes, so it was not kept. Exit status 1."""


class Interrupted(KeyboardInterrupt):
    """A signal ended the work; the message states what was saved and how to continue.

    Args:
        message: one line.
        number: of the signal; the exit status is 128 more. 2 is Ctrl-C.
    """

    def __init__(self, message: str, number: int = 2) -> None:
        super().__init__(message)
        self.number = number
