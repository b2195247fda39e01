"""Exceptions with a one-line message for the user."""

import sys


class InputError(ValueError):
    """The user's input breaks a rule; the message is one line.

    The message names the file, row or option, the rule, and the value. The command line prints it after
    ``elman: `` and exits with status 2; in Python it is an ordinary ``ValueError``.
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


class TrainingStopped(RuntimeError):
    """Training cannot continue; the message states in one line why and what to try. Exit status 1."""


class Interrupted(KeyboardInterrupt):
    """A signal ended the work; the message states what was saved and how to continue.

    Args:
        message: one line.
        number: of the signal; the exit status is 128 more. 2 is Ctrl-C.
    """

    def __init__(self, message: str, number: int = 2) -> None:
        super().__init__(message)
        self.number = number
