"""Reads text and its lines from files and pipes, block by block."""

import codecs
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from elman.data.read.encodings import SINGLE_BYTE, likely, marked, may_be_marked
from elman.data.read.folders import files_below
from elman.data.read.opening import BLOCK, arriving_bytes, read_bytes
from elman.data.read.pipes import can_be_read_again
from elman.data.read.reading import PLAIN, Reading
from elman.errors import InputError

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

    The files of a folder are found at any depth, see ``files_below``.

    Raises:
        InputError: a path does not exist or is neither file nor folder, a folder cannot be listed or holds
            no file, or ``paths`` is empty.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        # os.path returns False where Path raises: for names too long and folders without permission
        if os.path.isdir(path):
            below = files_below(path)
            if not below:
                raise InputError(f"{path}: the folder holds no files (hidden ones are not read)")
            files.update(dict.fromkeys(below))
        elif can_be_read_again(path):
            files[path] = None
        elif os.path.exists(path):
            raise InputError(f"{path}: must be a file or a folder, not a pipe, because text is read twice")
        else:
            raise InputError(f"{path}: no such file or folder")
    if not files:
        raise InputError("no file or folder given")
    return list(files)


def read_text(
    path: Path, block_bytes: int = BLOCK, *, in_lines: bool = False, reading: Reading = PLAIN
) -> Iterator[str]:
    """Reads a text file block by block; see ``decoded``. Archives are unpacked as they are read.

    Args:
        path: the file.
        block_bytes: bytes to read at a time; a character across two blocks goes to the later one.
        in_lines: whether the file is a list of lines, so that messages name the line.
        reading: its encoding.

    Raises:
        InputError: the file cannot be read, is not in the encoding, or holds a NUL character.
    """
    return decoded(read_bytes(path, block_bytes), str(path), in_lines=in_lines, reading=reading)


def decoded(
    blocks: Iterable[bytes],
    name: str,
    *,
    in_lines: bool = False,
    reading: Reading = PLAIN,
    strict: bool = True,
) -> Iterator[str]:
    """Decodes blocks of bytes as they come. Every line end (CR LF, CR) becomes a line feed.

    The text is in the encoding that its byte order mark names or, without a mark, in that of ``reading``
    or UTF-8. The mark is dropped.

    Args:
        blocks: the bytes.
        name: of their file, for messages.
        in_lines: whether the text is a list of lines, so that messages name the line.
        reading: its encoding.
        strict: whether bytes that are not UTF-8 and NUL are refused; otherwise such bytes become lone
            surrogates, which ``check_line`` refuses.

    Raises:
        InputError: the bytes are not in the encoding, or hold a NUL character.
    """
    head, decoder = b"", None
    for block in chain(blocks, [b""]):
        if decoder is None:
            head += block
            if block and may_be_marked(head):
                continue
            decoder = _Decoder(name, head, in_lines, reading, strict)
            text = decoder.decode(head, final=False)
        else:
            text = decoder.decode(block, final=False)
        if not block:
            text += decoder.decode(b"", final=True)
        if text:
            yield text


class _Decoder:
    """Decodes one text; knows where it is, for messages."""

    def __init__(self, name: str, head: bytes, in_lines: bool, reading: Reading, strict: bool) -> None:
        mark, self.skip = marked(head)
        self.name, self.in_lines, self.strict = name, in_lines, strict
        self.encoding = mark or reading.encoding or "utf-8"
        errors = "strict" if strict or self.encoding != "utf-8" else "surrogateescape"
        self.decoder = codecs.getincrementaldecoder(self.encoding)(errors)
        self.line_ends = io.IncrementalNewlineDecoder(None, translate=True)
        self.offset = self.lines = 0
        self.is_ascii = True

    def decode(self, block: bytes, *, final: bool) -> str:
        begin, self.skip = self.skip, 0
        self.offset += begin
        block = block[begin:]
        try:
            text = self.line_ends.decode(self.decoder.decode(block, final), final)
        except UnicodeDecodeError as error:
            raise self._refusal(error, len(block)) from None
        if self.strict and "\0" in text:
            raise self._binary(text, block)
        self.offset += len(block)
        self.is_ascii = self.is_ascii and text.isascii()
        self.lines += text.count("\n") if self.in_lines else 0
        return text

    def _refusal(self, error: UnicodeDecodeError, size: int) -> InputError:
        data, at = error.object, error.start
        before = re.sub("\r\n?", "\n", data[:at].decode(self.encoding, "replace"))
        guess = likely(data[max(0, at - 10_000) : at + 10_000])
        advice = f"; --encoding {guess} is likely" if guess else ""
        line = data[data.rfind(b"\n", 0, at) + 1 :].partition(b"\n")[0]
        had_letters = self.encoding == "utf-8" and not (self.is_ascii and before.isascii())
        if had_letters and likely(line) in SINGLE_BYTE:
            advice = "; what stands before is UTF-8, so the file mixes encodings: write all of it in one"
        advice += self._bytes()
        number = self.offset + at - (len(data) - size)
        return InputError(
            f"{self._place(before)}: text must be {_name(self.encoding)}. Byte {number} is "
            f"0x{data[at]:02X} ({error.reason}){advice}"
        )

    def _binary(self, text: str, block: bytes) -> InputError:
        place = self._place(text[: text.index("\0")])
        guess = likely(block[:BLOCK])
        if self.encoding == "utf-8" and guess.startswith("utf-16"):
            return InputError(f"{place}: the text is UTF-16 without its mark; --encoding {guess} reads it")
        at = f"byte {self.offset + block.index(0)}" if 0 in block else "a character"
        return InputError(f"{place}: {at} is NUL, so this looks like a binary file{self._bytes()}")

    def _bytes(self) -> str:
        return "" if self.in_lines else "; --level bytes reads any file"

    def _place(self, before: str) -> str:
        line = self.lines + before.count("\n") + 1
        return f"{self.name}: line {line}" if self.in_lines else self.name


def _name(encoding: str) -> str:
    return "UTF-8" if encoding == "utf-8" else encoding


def lines_of(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yields the whole lines of each block of text as it comes, without their ends.

    The last line needs no end; an empty last line is none.
    """
    rest = ""
    for text in texts:
        lines = (rest + text).split("\n")
        rest = lines.pop()
        yield lines
    if rest:
        yield [rest]


def check_line(line: str, where: str) -> str:
    """Returns a line of ``decoded`` text; raises InputError if it had bytes that are not UTF-8.

    Args:
        line: the line.
        where: file and line, for messages.
    """
    at = next((k for k, character in enumerate(line) if "\udc80" <= character <= "\udcff"), None)
    if at is None:
        return line
    data, begin = line.encode("utf-8", "surrogateescape"), len(line[:at].encode("utf-8", "surrogateescape"))
    guess = likely(data)
    advice = f" --encoding {guess} is likely." if guess else ""
    raise InputError(f"{where}: must be UTF-8. Byte {begin + 1} is 0x{data[begin]:02X}.{advice}")


def arriving_lines(file: Any, name: str, reading: Reading = PLAIN) -> Iterator[list[str]]:
    """Yields the lines of a file, pipe or terminal, all that have arrived at a time.

    A line is checked by ``check_line``, and those before it are yielded first.

    Args:
        file: a path, or a file opened in binary mode.
        name: its name, for messages.
        reading: its encoding.
    """
    number = 0
    blocks = read_bytes(file, once=True) if isinstance(file, Path) else arriving_bytes(file, name)
    for lines in lines_of(decoded(blocks, name, reading=reading, strict=False)):
        good = []
        for line in lines:
            number += 1
            try:
                good.append(check_line(line, f"{name}: line {number}"))
            except InputError:
                yield good
                raise
        yield good


def read_lines(path: Path, reading: Reading = PLAIN) -> list[str]:
    """Reads the lines of a text file, without their ends; see ``read_text``."""
    return [line for lines in lines_of(read_text(path, in_lines=True, reading=reading)) for line in lines]


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
