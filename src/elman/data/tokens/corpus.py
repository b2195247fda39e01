"""A corpus: documents of tokens in one long array that need not fit in memory."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from elman.data.new_file import new_file
from elman.data.read.opening import BLOCK, read_bytes
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.text import read_text, whole_words
from elman.data.tokens.vocab import VOCABULARIES, ByteVocabulary, TextVocabulary, Vocabulary
from elman.errors import InputError

TOKENS, DOCUMENTS = "tokens.npy", "documents.npy"


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents laid end to end.

    Args:
        tokens: [N], of an integer dtype; usually a read-only memory map.
        starts: [D] int64, position in `tokens` of each document's first token; the first is 0.
        vocabulary: the vocabulary of the tokens.
    """

    tokens: np.ndarray
    starts: np.ndarray
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.tokens)

    def part(self, begin: int, end: int) -> Self:
        """Return a view of the tokens from `begin` up to `end`; a document cut by `begin` starts there.

        Raises:
            InputError: not 0 ≤ begin ≤ end ≤ N.
        """
        if not 0 <= begin <= end <= len(self):
            raise InputError(f"a part must lie within the {len(self)} tokens. Got {begin} to {end}.")
        # all documents that start at or before `begin` become the single start at 0
        first, last = np.searchsorted(self.starts, (begin + 1, end))
        starts = np.concatenate(([0], self.starts[first:last] - begin))
        return type(self)(self.tokens[begin:end], starts, self.vocabulary)


def texts(sources: Sequence[Path | str], level: str, reading: Reading = PLAIN) -> Iterator[str]:
    """Yield the text of files and documents block by block, to learn a vocabulary of a level.

    Raises:
        InputError: a file is not text, or there is no text in any source.
    """
    empty = True
    for source in sources:
        for block in _blocks(source, VOCABULARIES[level].has_words, reading):
            empty = empty and not block
            yield block
    if empty:
        raise _no_text(sources)


def content_key(source: Path | str) -> bytes:
    """Return a digest of a document's content; raises InputError if a file cannot be read."""
    blocks = [source.encode("utf-8", "surrogatepass")] if isinstance(source, str) else read_bytes(source)
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.digest()


def tokenise(
    sources: Sequence[Path | str],
    vocabulary: TextVocabulary,
    folder: Path | None = None,
    part: str = "",
    reading: Reading = PLAIN,
) -> Corpus:
    """Encode files and texts, one document each; documents without tokens are left out.

    Args:
        sources: files, which are read block by block, or texts.
        vocabulary: the vocabulary.
        folder: folder of the memory-mapped corpus, created if absent. None: in memory.
        part: prefix of the file names, so that a folder can hold several corpora.
        reading: encoding of the files.

    Raises:
        InputError: there is no token (nothing is written then), a file is not text, or a character is not in
            the vocabulary, which has no unknown token.
    """
    documents = (_tokens(source, f"document {k}", vocabulary, reading) for k, source in enumerate(sources))
    return _store(documents, vocabulary, folder, part, _no_text(sources))


def corpus_of(
    documents: Iterable[Any], vocabulary: Vocabulary, folder: Path | None = None, part: str = ""
) -> Corpus:
    """Encode sequences of any kind, one document each; documents without tokens are left out.

    Args:
        documents: sequences that the vocabulary encodes, such as lists of names; read once.
        vocabulary: of any kind.
        folder: see `tokenise`.
        part: see `tokenise`.

    Raises:
        InputError: there is no token (nothing is written then), or the vocabulary refuses a sequence.
    """
    nothing = InputError("a corpus needs at least one token. None of its documents holds any.")
    return _store(([vocabulary.encode(d)] for d in documents), vocabulary, folder, part, nothing)


def _store(
    documents: Iterable[Iterable[np.ndarray]],
    vocabulary: Vocabulary,
    folder: Path | None,
    part: str,
    nothing: InputError,
) -> Corpus:
    """Store documents that arrive as blocks of tokens; raises `nothing` if there is no token."""
    lengths: list[int] = []

    def encoded() -> Iterator[np.ndarray]:
        for document in documents:
            length = 0
            for tokens in document:
                length += tokens.size
                yield tokens
            lengths.append(length)

    blocks = encoded()
    first = next((tokens for tokens in blocks if tokens.size), None)
    if first is None:
        raise nothing
    blocks = chain([first], blocks)
    if folder is None:
        tokens = np.concatenate(list(blocks))
        return Corpus(tokens, _starts(lengths), vocabulary)
    folder.mkdir(parents=True, exist_ok=True)
    # the starts are removed first and written last: without them a folder is not a corpus
    (folder / (part + DOCUMENTS)).unlink(missing_ok=True)
    _write_array(folder / (part + TOKENS), blocks, vocabulary.dtype)
    _write_array(folder / (part + DOCUMENTS), [_starts(lengths)], np.dtype(np.int64))
    return load_corpus(folder, vocabulary, part)


def _starts(lengths: Sequence[int]) -> np.ndarray:
    """Return the first positions of documents with these lengths, without the empty ones."""
    return np.cumsum([0, *(length for length in lengths if length)], dtype=np.int64)[:-1]


def load_corpus(folder: Path, vocabulary: Vocabulary, part: str = "") -> Corpus:
    """Open a corpus that `tokenise` wrote to a folder, as a read-only memory map.

    Raises:
        InputError: a file is missing, damaged or not a plain .npy array of integers; the starts do not rise
            from 0 or exceed the tokens; or a token is not in the vocabulary.
    """
    path = folder / (part + TOKENS)
    tokens = _open_array(path)
    for begin in range(0, len(tokens), BLOCK):
        block = tokens[begin : begin + BLOCK]
        for token in (block.min(), block.max()):
            if not 0 <= token < len(vocabulary):
                raise InputError(f"{path}: tokens must be in [0, {len(vocabulary)}). Got {token}.")

    path = folder / (part + DOCUMENTS)
    starts = np.asarray(_open_array(path), dtype=np.int64)
    # np.diff could overflow
    if starts[0] != 0 or np.any(starts[1:] <= starts[:-1]) or starts[-1] >= len(tokens):
        raise InputError(f"{path}: document starts must rise from 0 and stay below {len(tokens)} tokens")
    return Corpus(tokens, starts, vocabulary)


def _no_text(sources: Sequence[Path | str]) -> InputError:
    name = f"{sources[0]}: " if sources and isinstance(sources[0], Path) else ""
    return InputError(f"{name}a corpus needs text. None of the {len(sources)} documents holds any.")


def _blocks(source: Path | str, has_words: bool, reading: Reading) -> Iterator[str]:
    """Yield the text of a file or document in blocks, which never cut a word if `has_words`."""
    if isinstance(source, str):
        blocks = iter([re.sub("\r\n?", "\n", source)])
    else:
        blocks = read_text(source, reading=reading)
    return whole_words(blocks) if has_words else blocks


def _tokens(
    source: Path | str, name: str, vocabulary: TextVocabulary, reading: Reading
) -> Iterator[np.ndarray]:
    if isinstance(source, Path):
        name = str(source)
    if isinstance(vocabulary, ByteVocabulary):  # reads any file, also binary, and keeps every byte
        if isinstance(source, Path):
            yield from map(vocabulary.encode_bytes, read_bytes(source))
        else:
            yield vocabulary.encode(source, name)
        return
    position = 0
    for block in _blocks(source, vocabulary.has_words, reading):
        yield vocabulary.encode(block, name, position)
        position += len(block)


def _write_array(path: Path, blocks: Iterable[np.ndarray], dtype: np.dtype) -> None:
    """Write a one-dimensional .npy file, which gets its name only when it is complete."""
    with new_file(path) as file:
        # the length is written last; NumPy's header has room for it to grow
        _write_header(file, dtype, 0)
        begin = file.tell()
        for block in blocks:
            file.write(block.astype(dtype, copy=False).data)
        length = (file.tell() - begin) // dtype.itemsize
        file.seek(0)
        _write_header(file, dtype, length)
        assert file.tell() == begin


def _write_header(file: BinaryIO, dtype: np.dtype, length: int) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)


def _open_array(path: Path) -> np.ndarray:
    try:
        # unlike np.load, this opens no archives and refuses pickled objects
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
