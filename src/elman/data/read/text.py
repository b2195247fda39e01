"""Text read from files, block by block."""

import codecs
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from elman.errors import InputError

BLOCK = 1 << 20
"""Bytes read at a time."""

_LAST_WORD_END = re.compile(r".*\S(?=[ \n])", re.DOTALL)


def list_of_texts(texts: Any, name: str) -> list[Any]:
    """Whatever holds texts one after another, as a list; InputError where that is not what it holds.

    Args:
        texts: a list, array, column or generator; each text is still to be checked.
        name: of the argument, for messages.
    """
    found, hint = type(texts).__name__, ""
    if isinstance(texts, str | bytes):
        found, hint = "one text", "; give [text]"
    elif hasattr(texts, "columns") or isinstance(texts, Mapping):
        hint = "; give one column, as df['text'] is"
    elif isinstance(texts, Iterable):
        return list(texts)
    raise InputError(f"{name} must be a list of texts. Got {found}{hint}.")


def find_text_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files named, and those below the folders named, in order, each once.

    Files are taken as they are named. A folder gives its files at any depth, sorted by path, without those
    whose name, or whose folder's name, begins with a dot.

    Raises:
        InputError: a path does not exist or is neither file nor folder, a folder cannot be listed or holds
            no file, or no path is given.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        # os.path, because it answers where Path raises: a name too long, a folder closed to us.
        if os.path.isdir(path):
            files = sorted(_files_below(path))
            if not files:
                raise InputError(f"{path}: the folder holds no files (hidden ones are not read)")
            found.update(dict.fromkeys(files))
        elif os.path.isfile(path):
            found[path] = None
        elif os.path.exists(path):
            raise InputError(f"{path}: must be a file or a folder; text is read twice, so no pipe")
        else:
            raise InputError(f"{path}: no such file or folder")
    if not found:
        raise InputError("no file or folder given")
    return list(found)


def _files_below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: the folder cannot be listed: {error.strerror}") from error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(parent, name) for name in files if not name.startswith("."))
        yield from (file for file in visible if file.is_file())


def read_text(path: Path, block_bytes: int = BLOCK, *, in_lines: bool = False) -> Iterator[str]:
    """Read a file in UTF-8 block by block: no newline is changed, a byte order mark at the start is dropped.

    Args:
        path: the file.
        block_bytes: how much is read at a time; a character on the border goes to the later block.
        in_lines: whether the file is read as lines, at every level: messages then name the line.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or holds a NUL character.
    """
    offset, lines, rest = 0, 0, b""
    advice = "" if in_lines else "; --level bytes reads any file"

    def place(before: bytes) -> str:
        number = lines + before.count(b"\n") + 1
        return f"{path}: line {number}" if in_lines else str(path)

    for block in chain(read_bytes(path, block_bytes), [b""]):
        data = rest + block
        if 0 in block:
            at = data.index(0)
            raise InputError(
                f"{place(data[:at])}: byte {offset + at} is NUL, so this looks like a binary file{advice}"
            )
        try:
            text, used = codecs.utf_8_decode(data, "strict", not block)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{place(data[: error.start])}: text must be UTF-8. Byte {offset + error.start} is "
                f"0x{data[error.start]:02X} ({error.reason}){advice}"
            ) from None
        if offset == 0:
            text = text.removeprefix("\ufeff")
        lines += data[:used].count(b"\n") if in_lines else 0
        offset, rest = offset + used, data[used:]
        if text:
            yield text


def read_bytes(path: Path, block_bytes: int = BLOCK) -> Iterator[bytes]:
    """Read any file block by block; InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            while block := file.read(block_bytes):
                yield block
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read: {error.strerror}") from error


def whole_words(blocks: Iterable[str]) -> Iterator[str]:
    """Cut a text in blocks anew, so that each but the last ends between a word and the space after it."""
    waiting: list[str] = []  # joined only once, however long a word is
    for block in blocks:
        found = _LAST_WORD_END.match(block)
        if found:
            yield "".join([*waiting, found.group()])
            waiting = []
        waiting.append(block[found.end() if found else 0 :])
    if any(waiting):
        yield "".join(waiting)
