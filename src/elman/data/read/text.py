"""Reads text from files, block by block."""

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
    """Returns a collection of texts as a list; raises InputError for anything else.

    Args:
        texts: a list, array, column or generator; its elements are not checked.
        name: name of the argument, for messages.
    """
    got, hint = type(texts).__name__, ""
    if isinstance(texts, str | bytes):
        got, hint = "one text", "; give [text]"
    elif hasattr(texts, "columns") or isinstance(texts, Mapping):
        hint = "; give one column, such as df['text']"
    elif isinstance(texts, Iterable):
        return list(texts)
    raise InputError(f"{name} must be a list of texts. Got {got}{hint}.")


def find_text_files(paths: Sequence[Path]) -> list[Path]:
    """Returns the named files, and all files in the named folders, in order and without repeats.

    The files of a folder are found at any depth and sorted by path. Hidden files and folders, whose names
    begin with a dot, are skipped.

    Raises:
        InputError: a path does not exist or is neither file nor folder, a folder cannot be listed or holds
            no file, or ``paths`` is empty.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        # os.path returns False where Path raises: for names too long and folders without permission
        if os.path.isdir(path):
            below = sorted(_files_below(path))
            if not below:
                raise InputError(f"{path}: the folder holds no files (hidden ones are not read)")
            files.update(dict.fromkeys(below))
        elif os.path.isfile(path):
            files[path] = None
        elif os.path.exists(path):
            raise InputError(f"{path}: must be a file or a folder, not a pipe, because text is read twice")
        else:
            raise InputError(f"{path}: no such file or folder")
    if not files:
        raise InputError("no file or folder given")
    return list(files)


def _files_below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: the folder cannot be listed: {error.strerror}") from error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(parent, name) for name in files if not name.startswith("."))
        yield from (file for file in visible if file.is_file())


def read_text(path: Path, block_bytes: int = BLOCK, *, in_lines: bool = False) -> Iterator[str]:
    """Reads a UTF-8 file block by block; keeps newlines as they are, drops a byte order mark at the start.

    Args:
        path: the file.
        block_bytes: bytes to read at a time; a character across two blocks goes to the later one.
        in_lines: whether the file is a list of lines, so that messages name the line.

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
    """Reads any file block by block; raises InputError if it cannot be read."""
    try:
        with path.open("rb") as file:
            while block := file.read(block_bytes):
                yield block
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read: {error.strerror}") from error


def whole_words(blocks: Iterable[str]) -> Iterator[str]:
    """Divides blocks of text anew, so that each block but the last ends between a word and its space."""
    waiting: list[str] = []  # joined only once, to be linear in the length of a word
    for block in blocks:
        match = _LAST_WORD_END.match(block)
        if match:
            yield "".join([*waiting, match.group()])
            waiting = []
        waiting.append(block[match.end() if match else 0 :])
    if any(waiting):
        yield "".join(waiting)
