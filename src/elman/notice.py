"""Lines that say what was assumed where the user said nothing."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from elman.errors import spelled

T = TypeVar("T")
_PAUSE = 10.0  # seconds between two lines about the same work

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
