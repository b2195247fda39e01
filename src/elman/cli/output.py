"""Standard output and error that take every character, and may be closed or full."""

import codecs
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_ERRORS = "elman"  # name of the error handler
_NEAREST = {
    **dict(zip("▁▂▃▄▅▆▇█", "__--==##", strict=True)),
    **dict(zip("×–—−·", "x---.", strict=True)),
    "…": "...",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "“": '"',
    "”": '"',
    "„": '"',
    "’": "'",
    "‘": "'",
}
"""ASCII for the characters of tables and curves."""


@contextmanager
def for_every_character() -> Iterator[None]:
    """Replaces characters that the encoding of standard output or error lacks; one line says so."""
    streams = [each for each in (sys.stdout, sys.stderr) if hasattr(each, "reconfigure")]
    before = [each.errors for each in streams]
    codecs.register_error(_ERRORS, _Replacement())
    for each in streams:
        each.reconfigure(errors=_ERRORS)
    try:
        yield
    finally:
        for each, errors in zip(streams, before, strict=True):
            with suppress(OSError, ValueError):  # reconfigure flushes: the pipe may be closed
                each.reconfigure(errors=errors)


class _Replacement:
    """Gives the nearest ASCII for characters that an encoding lacks, and warns once."""

    def __init__(self) -> None:
        self._has_warned = False

    def __call__(self, error: UnicodeError) -> tuple[str, int]:
        """Returns the replacement of the characters, and where to continue."""
        assert isinstance(error, UnicodeEncodeError)
        lacking = error.object[error.start : error.end]
        is_text = not all("\ud800" <= each <= "\udfff" for each in lacking)  # else the bytes of a file's name
        if is_text and not self._has_warned:
            self._has_warned = True
            say(
                f"elman: the output's encoding, {error.encoding}, lacks some characters, which are replaced; "
                "PYTHONIOENCODING=utf-8 prints them"
            )
        return "".join(_NEAREST.get(each, "?") for each in lacking), error.end


def print_json(value: Any) -> None:
    """Prints one JSON object; escapes what the encoding of standard output lacks."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    print(text)


def say(line: str) -> None:
    """Prints a line to standard error, if anybody still reads it."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def flush() -> None:
    """Writes what is still to be written to standard output. Raises OSError if it cannot be written."""
    if sys.stdout is not None:  # None: it was closed by whoever started the program
        sys.stdout.flush()


def discard() -> None:
    """Sends the rest of standard output nowhere, so that the interpreter's end does not try it again."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
