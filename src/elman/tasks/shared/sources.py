"""Sources of data: paths or memory."""

import os
from collections.abc import Sequence
from pathlib import Path

from elman.config import shown
from elman.errors import InputError

_LONGEST_NAME = 255  # bytes of a file's name
Paths = str | Path | Sequence[str | Path]


def as_paths(data: Paths) -> list[Path]:
    """Returns one or more paths as a list. Raises InputError for anything else, such as a text itself."""
    try:
        paths = [Path(p) for p in ([data] if isinstance(data, str | Path) else data)]
    except TypeError:
        raise InputError(f"data must be a path or a list of paths. Got {shown(data)}.") from None
    for path in map(str, paths):
        longest = max(len(part.encode(errors="replace")) for part in path.split("/"))
        # os.path returns False where Path raises: for names too long
        if (longest > _LONGEST_NAME or "\n" in path) and not os.path.exists(path):
            raise InputError(
                "data must be a path or a list of paths; texts in memory are an argument of their own. "
                f"Got {shown(path)}."
            )
    return paths


def check_one_source(files: bool, memory: bool, names: str) -> None:
    """Raises InputError unless data come either from files or from memory.

    Args:
        files: whether there are paths.
        memory: whether there are arguments in memory.
        names: names of those arguments, for the message.
    """
    if files == memory:
        raise InputError(f"give either data (files) or {names}. Got {'both' if files else 'neither'}.")
