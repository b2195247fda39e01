"""Where a run comes from: the files that it was trained on, and when its training began."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from elman.config import counted, require
from elman.data.read.text import find_text_files
from elman.errors import InputError

_NAMED = 20  # paths that a run folder keeps
_SHOWN = 3  # paths that a line shows
_DIGITS = 12  # of the hash
_BLOCK = 1 << 20  # bytes


@dataclass(frozen=True)
class Origin:
    """The data of a run, and when its training began.

    Every field has a default, since runs of earlier versions know none of them.

    Attributes:
        paths: the files and folders as the user named them, at most 20; empty for data in memory.
        more_paths: number of further ones.
        amount: what was read from them: "1,234 characters, 2 documents".
        bytes: size of the files; 0 if they are not known, as after a pipe.
        sha256: the first digits of the SHA-256 of their bytes, file after file; "" if not known.
        began: when the training began: date and time in UTC, to the second.
        sized: options that the user left to the amount of data.
    """

    paths: tuple[str, ...] = ()
    more_paths: int = 0
    amount: str = ""
    bytes: int = 0
    sha256: str = ""
    began: str = ""
    sized: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks the numbers and the time."""
        for name in ("more_paths", "bytes"):
            require(name, getattr(self, name) >= 0, "at least 0", getattr(self, name))
        if self.began:
            datetime.fromisoformat(self.began)

    @classmethod
    def of(cls, paths: Sequence[Path], amounts: Mapping[str, int], sized: Iterable[str] = ()) -> Self:
        """Returns the origin of a training that begins now.

        Args:
            paths: the files and folders as the user named them.
            amounts: what was read from them: numbers by noun, in the singular.
            sized: options that follow from the amounts.
        """
        size, digest = _measured(paths)
        return cls(
            tuple(map(str, paths[:_NAMED])),
            max(0, len(paths) - _NAMED),
            ", ".join(counted(number, noun) for noun, number in amounts.items()),
            size,
            digest,
            datetime.now(UTC).isoformat(timespec="seconds"),
            tuple(sized),
        )

    @property
    def data(self) -> str:
        """The data in one line; "" if nothing is known of them."""
        more = self.more_paths + len(self.paths) - _SHOWN
        names = ", ".join(self.paths[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        size = f"{counted(self.bytes, 'byte')}, SHA-256 {self.sha256}…" if self.sha256 else ""
        facts = "; ".join(filter(None, (self.amount, size)))
        return f"{names} ({facts})" if names and facts else names or facts


def _measured(paths: Sequence[Path]) -> tuple[int, str]:
    """Returns size and hash of all files; 0 and "" if there are none, or one cannot be read again."""
    digest, size = hashlib.sha256(), 0
    try:
        for file in _files(paths):
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
    except (InputError, OSError):
        return 0, ""
    return size, digest.hexdigest()[:_DIGITS] if size else ""


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yields the files; raises InputError for a pipe, whose bytes have been read."""
    for path in paths:
        if not (path.is_file() or path.is_dir()):
            raise InputError(f"{path}: is neither a file nor a folder")
        yield from find_text_files([path])
