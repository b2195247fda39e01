"""A corpus: texts read from files or from memory, as one long array of tokens that need not fit in memory."""

import codecs
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np

from elman.data.vocab import CODE_POINTS, VOCABULARIES, ByteVocabulary, Vocabulary
from elman.errors import InputError

BLOCK = 1 << 20
"""Bytes read, or tokens checked, at a time."""

TOKENS, DOCUMENTS = "tokens.npy", "documents.npy"


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents laid end to end.

    Args:
        tokens: [N], of an integer dtype; usually a read-only memory map.
        starts: [D] int64, the position in `tokens` of each document's first token; the first is 0.
        vocabulary: what the tokens stand for.
    """

    tokens: np.ndarray
    starts: np.ndarray
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.tokens)

    def part(self, begin: int, end: int) -> Self:
        """Return the tokens from `begin` up to `end`, not copied; a document cut by `begin` starts there.

        Raises:
            InputError: not 0 ≤ begin ≤ end ≤ N.
        """
        if not 0 <= begin <= end <= len(self):
            raise InputError(f"a part must lie within the {len(self)} tokens. Got {begin} to {end}.")
        # Documents that start at `begin` or before it are all told by the one start at 0.
        first, last = np.searchsorted(self.starts, (begin + 1, end))
        starts = np.concatenate(([0], self.starts[first:last] - begin))
        return type(self)(self.tokens[begin:end], starts, self.vocabulary)


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


def read_text(path: Path, block_bytes: int = BLOCK) -> Iterator[str]:
    """Read a file in UTF-8 block by block: no newline is changed, a byte order mark at the start is dropped.

    Args:
        path: the file.
        block_bytes: how much is read at a time; a character on the border goes to the later block.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or holds a NUL character.
    """
    offset, rest = 0, b""
    for block in chain(_read_bytes(path, block_bytes), [b""]):
        data = rest + block
        if 0 in block:
            raise InputError(
                f"{path}: byte {offset + data.index(0)} is NUL, so this looks like a binary file; "
                "--level bytes reads any file"
            )
        try:
            text, used = codecs.utf_8_decode(data, "strict", not block)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}: text must be UTF-8. Byte {offset + error.start} is 0x{data[error.start]:02X} "
                f"({error.reason}); --level bytes reads any file"
            ) from None
        if offset == 0:
            text = text.removeprefix("\ufeff")
        offset, rest = offset + used, data[used:]
        if text:
            yield text


def _read_bytes(path: Path, block_bytes: int = BLOCK) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(block_bytes):
                yield block
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read: {error.strerror}") from error


def corpus_from_files(paths: Sequence[Path], level: str, folder: Path | None = None) -> Corpus:
    """Tokenise files, each of them a document, into `folder`, where the corpus then lies memory-mapped.

    The files are read twice, block by block: once to learn the alphabet and the lengths, once to encode.
    Nothing is written unless the first reading went through.

    Args:
        paths: files, or folders of files (see `find_text_files`); empty files are left out.
        level: "characters" or "bytes".
        folder: where tokens.npy and documents.npy are put; made if need be.

    Raises:
        InputError: nothing to read, a file that is no text, or an unknown level.
    """
    return _build(find_text_files(paths), level, folder)


def corpus_from_documents(documents: Sequence[str], level: str, folder: Path | None = None) -> Corpus:
    """Tokenise texts that are in memory, as `corpus_from_files` does files; without a folder, in memory.

    Raises:
        InputError: no document holds any text, or the level is unknown.
    """
    if isinstance(documents, str):
        raise InputError("documents must be a sequence of texts. Got a single str; put it in a list.")
    return _build(documents, level, folder)


def load_corpus(folder: Path, vocabulary: Vocabulary) -> Corpus:
    """Open a corpus that lies in a folder, as a read-only memory map.

    Raises:
        InputError: a file is missing, damaged or no plain .npy array of integers; the starts do not begin
            at 0, rise and stay within the tokens; or a token is not in the vocabulary.
    """
    path = folder / TOKENS
    tokens = _open_array(path)
    for begin in range(0, len(tokens), BLOCK):
        block = tokens[begin : begin + BLOCK]
        for token in (block.min(), block.max()):
            if not 0 <= token < len(vocabulary):
                raise InputError(f"{path}: tokens must be in [0, {len(vocabulary)}). Got {token}.")

    path = folder / DOCUMENTS
    starts = np.asarray(_open_array(path), dtype=np.int64)
    # Not np.diff, which could wrap around.
    if starts[0] != 0 or np.any(starts[1:] <= starts[:-1]) or starts[-1] >= len(tokens):
        raise InputError(f"{path}: document starts must rise from 0 and stay below {len(tokens)} tokens")
    return Corpus(tokens, starts, vocabulary)


def encode_file(path: Path, vocabulary: Vocabulary) -> np.ndarray:
    """Return the tokens [N] of one file, in a vocabulary made elsewhere.

    Raises:
        InputError: the file cannot be read, is no text, is empty, or holds a character (named with its
            position, counted from 0) that is not in the vocabulary.
    """
    blocks = list(_tokens(path, str(path), vocabulary))
    if not blocks:
        raise InputError(f"{path}: the file is empty")
    return np.concatenate(blocks)


def _build(sources: Sequence[Path | str], level: str, folder: Path | None) -> Corpus:
    if level not in VOCABULARIES:
        raise InputError(f"level must be one of {[*VOCABULARIES]}. Got {level!r}.")
    kind = VOCABULARIES[level]
    seen = np.zeros(CODE_POINTS, dtype=bool)
    lengths: dict[int, int] = {}
    for index, source in enumerate(sources):
        for codes in _codes(source, kind):
            if codes.size:
                seen[codes] = True
                lengths[index] = lengths.get(index, 0) + codes.size
    if not lengths:
        first = f"{_name(sources, 0)}: " if sources else ""
        raise InputError(f"{first}a corpus needs text. None of the {len(sources)} documents holds any.")

    vocabulary = kind.from_codes(np.flatnonzero(seen))
    ends = np.cumsum(list(lengths.values()), dtype=np.int64)
    starts = np.concatenate(([0], ends[:-1]))

    def encoded() -> Iterator[np.ndarray]:
        for index, length in lengths.items():
            name = _name(sources, index)
            for tokens in _tokens(sources[index], name, vocabulary):
                length -= tokens.size
                yield tokens
            if length:
                raise InputError(f"{name}: the file changed while it was being read")

    if folder is None:
        return Corpus(np.concatenate(list(encoded())), starts, vocabulary)
    folder.mkdir(parents=True, exist_ok=True)
    # The starts go first and come last: a folder without them is not taken for a corpus.
    (folder / DOCUMENTS).unlink(missing_ok=True)
    _write_array(folder / TOKENS, encoded(), vocabulary.dtype, int(ends[-1]))
    _write_array(folder / DOCUMENTS, [starts], starts.dtype, len(starts))
    return load_corpus(folder, vocabulary)


def _name(sources: Sequence[Path | str], index: int) -> str:
    source = sources[index]
    return str(source) if isinstance(source, Path) else f"document {index}"


def _codes(source: Path | str, kind: type[Vocabulary]) -> Iterator[np.ndarray]:
    if isinstance(source, str):
        yield kind.codes(source)
    elif kind is ByteVocabulary:
        yield from (np.frombuffer(block, dtype=np.uint8) for block in _read_bytes(source))
    else:
        yield from map(kind.codes, read_text(source))


def _tokens(source: Path | str, name: str, vocabulary: Vocabulary) -> Iterator[np.ndarray]:
    position = 0
    for codes in _codes(source, type(vocabulary)):
        yield vocabulary.tokens(codes, name, position)
        position += codes.size


def _write_array(path: Path, blocks: Iterable[np.ndarray], dtype: np.dtype, length: int) -> None:
    """Write a one-dimensional .npy file; it has its name only once it is complete."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (length,)}
    partial = path.with_name(path.name + ".partial")
    try:
        # Written, not memory-mapped: a full disk is then an OSError and not a bus error.
        with partial.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for block in blocks:
                file.write(block.astype(dtype, copy=False).data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _open_array(path: Path) -> np.ndarray:
    try:
        # Only .npy, where np.load would also open archives; arrays of pickled objects are refused.
        array = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged header can raise nearly anything
        raise InputError(f"{path}: must be a whole .npy file: {' '.join(str(error).split())}") from error
    if array.ndim != 1 or array.dtype.kind not in "iu" or not array.size:
        raise InputError(
            f"{path}: must be a one-dimensional array of integers, not empty. "
            f"Got {array.dtype} of shape {array.shape}."
        )
    return array
