"""Reads the bytes of files, unpacked on the way if they are compressed."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elman.data.read.pipes import kept
from elman.errors import InputError

BLOCK = 1 << 20
"""Bytes read at a time."""

_PACKED = (".gz", ".bz2", ".xz", ".zst")
_UNREAD = {
    b"%PDF-": "a PDF document: save its text as .txt, or its table as .csv",
    b"\xd0\xcf\x11\xe0": "a file of an older office program: save it as .xlsx, .csv or .txt",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
}
"""How files that are not read begin, and what they are."""
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)


def kind_of(path: Path) -> str:
    """Returns the ending of a file's name in lower case, without that of a compression: a.CSV.gz → .csv."""
    name = path.with_suffix("") if path.suffix.lower() in _PACKED else path
    return name.suffix.lower()


def read_bytes(path: Path, block_bytes: int = BLOCK, *, once: bool = False) -> Iterator[bytes]:
    """Yields the bytes of a file or pipe as they come, unpacked if they are compressed.

    Args:
        path: the file.
        block_bytes: bytes to read at a time.
        once: whether a pipe need not be kept to be read again (see ``kept_pipes``).

    Raises:
        InputError: the file cannot be read, or is a damaged archive.
    """
    try:
        file = (None if once else kept(path)) or path.open("rb", buffering=BLOCK)
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read: {error.strerror or error}") from None
    with file:
        yield from arriving_bytes(file, str(path), block_bytes)


def arriving_bytes(file: Any, name: str, block_bytes: int = BLOCK) -> Iterator[bytes]:
    """Yields the bytes of a buffered file as they come; see ``read_bytes``."""
    try:
        whole = _unpacked(file, name)
        while block := whole.read1(block_bytes):
            yield block
    except _DAMAGE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name}: the file cannot be read: {reason}") from None


def _unpacked(file: Any, name: str) -> Any:
    """Returns a buffered file, unpacked if it is compressed; raises InputError if it is a ZIP archive."""
    head = file.peek(10)[:10] if hasattr(file, "peek") else b""
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(file)
    if head.startswith(b"BZh") and head[4:] == b"1AY&SY":
        return bz2.open(file)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.open(file)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd(file, name)
    if head.startswith(b"PK\x03\x04"):
        raise InputError(f"{name}: is a ZIP archive (or a file of an office program): unpack it first")
    for mark, kind in _UNREAD.items():
        if head.startswith(mark):
            raise InputError(f"{name}: is {kind}")
    return file


def _zstd(file: Any, name: str) -> io.BytesIO:
    """Unpacks zstd by polars, which reads text in UTF-8 alone and all at once."""
    import polars as pl  # here, because the help of a verb that reads lines imports this module

    try:
        lines = pl.read_lines(file.read()).to_series()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{name}: cannot be unpacked: {reason} (zstd -d unpacks other text too)") from None
    return io.BytesIO("".join(f"{line}\n" for line in lines).encode())
