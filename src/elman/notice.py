"""Lines that say what was assumed where the user said nothing."""

import logging

from elman.errors import spelled

LOGGER = logging.getLogger("elman")
"""Notices are its records of level INFO: the command line prints them, a program sees them if it asks."""


def notice(line: str) -> None:
    """Reports in one line what was assumed; it names options as errors do."""
    LOGGER.info("%s", spelled(line))
