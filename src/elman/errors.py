"""Exceptions with a one-line message for the user."""


class InputError(ValueError):
    """The user's input breaks a rule; the message is one line.

    The message names the file, row or option, the rule, and the value. The command line prints it after
    ``elman: `` and exits with status 2; in Python it is an ordinary ``ValueError``.
    """


class ShapeError(ValueError, RuntimeError):
    """A tensor has the wrong shape. Torch's layers raise one or the other; this is both."""


class ArgumentTypeError(TypeError, ValueError):
    """An argument has the wrong type. Torch's layers raise one or the other; this is both."""


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
