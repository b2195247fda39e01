"""Sources of data: paths or memory."""

from collections.abc import Sequence
from pathlib import Path

from elman.config import shown
from elman.errors import InputError

Paths = str | Path | Sequence[str | Path]


def as_paths(data: Paths) -> list[Path]:
    """Returns one or more paths as a list. Raises InputError for anything else."""
    try:
        return [Path(p) for p in ([data] if isinstance(data, str | Path) else data)]
    except TypeError:
        raise InputError(f"data must be a path or a list of paths. Got {shown(data)}.") from None


def check_one_source(files: bool, memory: bool, names: str) -> None:
    """Raises InputError unless data come either from files or from memory.

    Args:
        files: whether there are paths.
        memory: whether there are arguments in memory.
        names: names of those arguments, for the message.
    """
    if files == memory:
        raise InputError(f"give either data (files) or {names}. Got {'both' if files else 'neither'}.")
