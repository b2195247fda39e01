"""How a command ends: its exit status, and one line on standard error in place of a trace."""

import logging
import signal
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

from elman.cli import output
from elman.data.read.pipes import kept_pipes
from elman.errors import Disagreement, InputError, Interrupted, TrainingStopped, spelled_as_flags
from elman.notice import LOGGER
from elman.train import files
from elman.train.signals import handling


def ended(work: Callable[[], int | None], name: str = "elman") -> int:
    """Does the work of a command; returns its exit status.

    0, or what the work returns: success; 1: training failed, or an export is not right; 2: bad input, or a
    file that cannot be written, as on a full disk; 128 + n: ended by signal n (130 is Ctrl-C). Notices,
    warnings and errors are one line each.

    Args:
        work: the command.
        name: with which an error's line begins.
    """
    warnings.showwarning = _one_line_warning
    LOGGER.addHandler(_PRINTED)
    LOGGER.setLevel(logging.INFO)
    with output.for_every_character(), handling(_stop), kept_pipes(), spelled_as_flags():
        try:
            status = work()
            output.flush()  # inside the try: a closed pipe is not an error
            return status or 0
        except InputError as error:
            output.say(f"{name}: {error}")
            return 2
        except Disagreement as error:
            output.say(f"{name}: {error}")
            return 1
        except TrainingStopped as error:
            output.say(f"{name}: {error}")
            return 2 if isinstance(error.__cause__, files.WriteError) else 1
        except Interrupted as error:
            output.say(f"{name}: {error}")
            return 128 + error.number
        except KeyboardInterrupt:
            output.say(f"{name}: interrupted")
            return 130
        except BrokenPipeError:  # for example: elman … | head
            output.discard()
            return 0
        except OSError as error:  # a full disk, a name too long, a folder that may not be written
            output.say(f"{name}: {error.filename or 'cannot continue'}: {error.strerror or error}")
            output.discard()
            return 2


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt if number == signal.SIGINT else Interrupted("interrupted", number)


class _Printed(logging.Handler):
    """Prints a notice on standard error, each once."""

    seen: ClassVar[set[str]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Prints a record."""
        line = record.getMessage()
        if line not in self.seen:
            output.say(f"elman: {line}")
        self.seen.add(line)


_PRINTED = _Printed()


def _one_line_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    output.say(f"elman: {message}")
