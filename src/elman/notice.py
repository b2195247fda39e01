"""Lines that say what was assumed where the user said nothing, and warnings that need not be told."""

import logging
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from elman.errors import spelled

T = TypeVar("T")
_PAUSE = 10.0  # seconds between two lines about the same work
_FILTERS = threading.RLock()  # Python's filters of warnings are those of all threads

LOGGER = logging.getLogger("elman")
"""Notices are its records of level INFO: the command line prints them, a program sees them if it asks."""


def notice(line: str) -> None:
    """Reports in one line what was assumed; it names options as errors do."""
    LOGGER.info("%s", spelled(line))


def told(items: Sequence[T], noun: str) -> Iterator[T]:
    """Yields items; every ten seconds a line says how many have been read: "recordings: 1,200 of 4,000"."""
    last = time.monotonic()
    for number, item in enumerate(items):
        if time.monotonic() > last + _PAUSE:
            last = time.monotonic()
            notice(f"{noun}s: {number:,} of {len(items):,} read")
        yield item


@contextmanager
def without_warnings(message: str = "") -> Iterator[None]:
    """Ignores warnings that begin with a message (a regular expression); one thread at a time.

    ``warnings.catch_warnings`` alone is not safe: of two threads the one that leaves last sets the filters
    that the other one had changed.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message)
        yield
