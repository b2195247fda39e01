"""Sentence pairs: lines that translate each other, from files; and batches of them."""

import gzip
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from elman.data.read.npz import read_arrays
from elman.data.read.text import list_of_texts
from elman.errors import InputError

_BLOCK = 1 << 16
# what some programs take for a line's end, so that the lines would no longer fit each other
_SEPARATORS = {"Cc", "Zl", "Zp"}


@dataclass(frozen=True)
class Pairs:
    """Texts and their translations.

    Attributes:
        sources: N texts.
        targets: N texts.
        skipped: pairs that were left out for a bad line.
    """

    sources: list[str]
    targets: list[str]
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.sources)

    def rows(self, index: np.ndarray) -> "Pairs":
        """The pairs at these positions."""
        return Pairs([self.sources[k] for k in index], [self.targets[k] for k in index])


def read_pairs(paths: list[Path], skip_bad_lines: bool = False) -> Pairs:
    """Pairs from two files whose lines translate each other, or from one with a tab between the texts.

    Files that end in .gz are unpacked as they are read. Spaces around a text are taken off.

    Args:
        paths: source and target file; or one file, each line of it source, tab, target.
        skip_bad_lines: leaves out what would otherwise be refused, but for lines that do not match in
            number.

    Raises:
        InputError: a line is empty, not UTF-8, or holds a control character; the files have not as many
            lines. The message names the file and the line, counted from 1.
    """
    if len(paths) not in (1, 2):
        raise InputError(f"pairs are read from one file or two. Got {len(paths)} files.")
    columns = [_read_lines(path) for path in paths]
    if len(columns) == 2 and len(columns[0]) != len(columns[1]):
        raise InputError(
            f"{paths[0]} and {paths[1]}: must have as many lines. "
            f"Got {len(columns[0]):,} and {len(columns[1]):,}."
        )
    pairs = Pairs([], [])
    skipped = 0
    for number, lines in enumerate(zip(*columns, strict=True), 1):
        try:
            if len(paths) == 1:
                lines = _columns(lines[0], f"{paths[0]}: line {number}")
            named = zip(lines, (paths * 2)[:2], strict=True)
            source, target = (_text(line, f"{path}: line {number}") for line, path in named)
        except InputError:
            if not skip_bad_lines:
                raise
            skipped += 1
            continue
        pairs.sources.append(source)
        pairs.targets.append(target)
    if not pairs:
        raise InputError(f"{paths[0]}: holds no pair of texts" + f" ({skipped:,} were bad)" * bool(skipped))
    return Pairs(pairs.sources, pairs.targets, skipped)


def check_pairs(
    sources: Iterable[str] | None, targets: Iterable[str] | None, skip_bad_lines: bool = False
) -> Pairs:
    """Pairs from texts in memory, by the rules of those from files.

    Args:
        sources: N texts, in an order.
        targets: N texts, likewise.
        skip_bad_lines: leaves out pairs with a text that would otherwise be refused.

    Raises:
        InputError: not as many sources as targets, none, or a text that is refused.
    """
    for name, texts in (("sources", sources), ("targets", targets)):
        if isinstance(texts, Set):
            raise InputError(
                f"{name} must be a list of texts. Got {type(texts).__name__}, which has no order."
            )
    sources, targets = list_of_texts(sources, "sources"), list_of_texts(targets, "targets")
    if len(sources) != len(targets) or not sources:
        raise InputError(
            f"sources and targets must be as many, at least one. Got {len(sources)} and {len(targets)}."
        )
    pairs, skipped = Pairs([], []), 0
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        try:
            check_text(source, f"source {number}")
            check_text(target, f"target {number}")
        except InputError:
            if not skip_bad_lines:
                raise
            skipped += 1
            continue
        pairs.sources.append(source.strip())
        pairs.targets.append(target.strip())
    if not pairs:
        raise InputError(f"sources and targets hold no pair of texts ({skipped:,} were bad)")
    return Pairs(pairs.sources, pairs.targets, skipped)


def check_text(text: str, where: str, *, empty: bool = False) -> None:
    """Raises InputError where a text is empty or holds what a line may not hold.

    Args:
        text: the line.
        where: file and line, for the message.
        empty: whether it may be empty.
    """
    if not isinstance(text, str):
        raise InputError(f"{where}: must be a text. Got {type(text).__name__}.")
    for character in text:
        if character != "\t" and unicodedata.category(character) in _SEPARATORS:
            raise InputError(f"{where}: must not hold control characters. Got U+{ord(character):04X}.")
    if not empty and not text.strip():
        raise InputError(f"{where}: must not be empty")


def arriving_lines(file: BinaryIO, name: str, most: int) -> Iterator[list[str]]:
    """The lines of a file, pipe or terminal as they arrive: those that are there, at most so many at a time.

    Args:
        file: read in binary.
        name: of the file, for messages.
        most: lines given at a time.

    Raises:
        InputError: a line is not UTF-8 or holds a control character.
    """
    number, rest = 0, b""
    while True:
        block = _read(file, name)
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if not block and rest:
            lines, rest = [rest], b""
        for begin in range(0, len(lines), most):
            found = []
            for line in lines[begin : begin + most]:
                number += 1
                where = f"{name}: line {number}"
                found.append(_decoded(line, where))
                check_text(found[-1], where, empty=True)
            yield found
        if not block:
            return


def open_binary(path: Path) -> BinaryIO:
    """A file to read, unpacked as it is read where it ends in .gz; InputError where it cannot be opened."""
    try:
        return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _read_lines(path: Path) -> list[bytes]:
    with open_binary(path) as file:
        content = b"".join(iter(lambda: _read(file, str(path)), b""))
    if not content:
        raise InputError(f"{path}: the file is empty")
    return content.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n")


def _read(file: BinaryIO, name: str) -> bytes:
    """What has arrived, at most a block; nothing at the end."""
    try:
        return file.read1(_BLOCK)  # type: ignore[attr-defined]
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name}: cannot be read: {reason}") from None


def _columns(line: bytes, where: str) -> tuple[bytes, bytes]:
    columns = line.split(b"\t")
    if len(columns) != 2:
        got = "1 text; the other may be in a second file" if len(columns) == 1 else f"{len(columns)} texts"
        raise InputError(f"{where}: must be two texts with a tab between them. Got {got}.")
    return columns[0], columns[1]


def _text(line: bytes, where: str) -> str:
    text = _decoded(line, where)
    check_text(text, where)
    return text.strip()


def _decoded(line: bytes, where: str) -> str:
    try:
        return line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: must be UTF-8. Byte {error.start + 1} is 0x{line[error.start]:02X}."
        ) from None


def save_pairs(path: Path, parts: tuple[Pairs, ...]) -> None:
    """Writes the texts of several parts to an .npz file, as bytes in UTF-8 with a line's end after each."""
    arrays = {
        f"{side}{number}": np.frombuffer("".join(f"{text}\n" for text in texts).encode(), dtype=np.uint8)
        for number, part in enumerate(parts)
        for side, texts in (("sources", part.sources), ("targets", part.targets))
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]


def load_pairs(path: Path, parts: int) -> tuple[Pairs, ...]:
    """What ``save_pairs`` wrote.

    Raises:
        InputError: the file is damaged, or holds what was never written.
    """
    arrays = read_arrays(path)
    found = []
    for number in range(parts):
        sides = []
        for side in ("sources", "targets"):
            array = arrays.get(f"{side}{number}")
            if array is None or array.dtype != np.uint8:
                raise InputError(f"{path}: has no array '{side}{number}' of bytes")
            sides.append(array.tobytes().split(b"\n")[:-1])
        if len(sides[0]) != len(sides[1]):
            raise InputError(f"{path}: part {number} must have as many sources as targets")
        sources, targets = ([_text(line, str(path)) for line in lines] for lines in sides)
        found.append(Pairs(sources, targets))
    return tuple(found)
