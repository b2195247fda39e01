"""Pipes that are read more than once, such as /dev/stdin: what was read of them is kept meanwhile."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

_IN_MEMORY = 1 << 26  # bytes of a pipe that are kept in memory; more are kept in a file
_open: "list[_Kept]" = []  # at most one: see kept_pipes


class _Pipe:
    """A pipe and all that was read of it."""

    def __init__(self, path: Path) -> None:
        import tempfile  # here, because the help needs none of what it imports

        self._source = path.open("rb", buffering=0)
        self._spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by close
        self._size, self._ended = 0, False

    def read(self, at: int, size: int) -> bytes:
        """Returns some bytes from a place on, as they have arrived; none at the end."""
        if at < self._size:
            self._spool.seek(at)
            return self._spool.read(min(size, self._size - at))
        block = b"" if self._ended else self._source.read(size)
        self._ended = not block
        self._spool.seek(self._size)
        self._spool.write(block or b"")
        self._size += len(block or b"")
        return block or b""

    def close(self) -> None:
        self._source.close()
        self._spool.close()


class _Replay(io.RawIOBase):
    """Reads a pipe from its beginning."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe, self._at = pipe, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._pipe.read(self._at, len(buffer))
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)


class _Kept:
    """The pipes of one piece of work, by device and number."""

    def __init__(self, until_done: ExitStack) -> None:
        self._until_done = until_done
        self._pipes: dict[tuple[int, int], _Pipe] = {}

    def open(self, path: Path) -> BinaryIO:
        found = os.stat(path)
        key = (found.st_dev, found.st_ino)
        if key not in self._pipes:
            self._pipes[key] = _Pipe(path)
            self._until_done.callback(self._pipes[key].close)
        return io.BufferedReader(_Replay(self._pipes[key]), 1 << 20)


@contextmanager
def kept_pipes() -> Iterator[None]:
    """Keeps what is read of pipes until the end of the block, so that they can be read again."""
    if _open:  # within another block
        yield
        return
    with ExitStack() as until_done:
        _open.append(_Kept(until_done))
        until_done.callback(_open.clear)
        yield


def is_pipe(path: Path) -> bool:
    """Whether a path is a pipe or a terminal, which gives its bytes once."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


def can_be_read_again(path: Path) -> bool:
    """Whether a path is a file, or a pipe that is kept."""
    return os.path.isfile(path) or (bool(_open) and is_pipe(path))


def kept(path: Path) -> BinaryIO | None:
    """Opens a pipe that is kept, at its beginning; returns None for other files, or if none are kept."""
    return _open[0].open(path) if _open and is_pipe(path) else None
