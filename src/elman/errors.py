"""The one exception a user of the command line ever reads."""


class InputError(ValueError):
    """Something the user gave is wrong, and the message says what in one line.

    The message names the file, row or option, the rule, and the value found. The command line prints it
    after ``elman: `` and exits with status 2; in Python it is an ordinary ``ValueError``.
    """


class TrainingStopped(RuntimeError):
    """Training cannot go on, and the message says in one line why and what to try; exit status 1."""


class Interrupted(KeyboardInterrupt):
    """Training was interrupted and saved; the message says how to go on; exit status 130."""
