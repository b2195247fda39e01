"""A corpus: documents of tokens as one long array that need not fit in memory; texts come from files too."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from elman.data.new_file import new_file
from elman.data.read.text import BLOCK, read_bytes, read_text, whole_words
from elman.data.tokens.vocab import VOCABULARIES, ByteVocabulary, TextVocabulary, Vocabulary
from elman.errors import InputError

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


def texts(sources: Sequence[Path | str], level: str) -> Iterator[str]:
    """Read files, and documents in memory, block by block, to learn a vocabulary of that level from.

    Raises:
        InputError: a file is no text, or there is none in any of the sources.
    """
    empty = True
    for source in sources:
        for block in _blocks(source, VOCABULARIES[level].has_words):
            empty = empty and not block
            yield block
    if empty:
        raise _no_text(sources)


def content_key(source: Path | str) -> bytes:
    """What two documents have in common only if they hold the same; InputError where a file is not read."""
    blocks = [source.encode("utf-8", "surrogatepass")] if isinstance(source, str) else read_bytes(source)
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.digest()


def tokenise(
    sources: Sequence[Path | str], vocabulary: TextVocabulary, folder: Path | None = None, part: str = ""
) -> Corpus:
    """Encode files, and documents in memory, each of them a document; those without any token are left out.

    Args:
        sources: files, which are read block by block, or texts.
        vocabulary: learnt elsewhere.
        folder: where the corpus then lies memory-mapped; made if need be. None: in memory.
        part: what the files' names begin with there, so that a folder may hold several corpora.

    Raises:
        InputError: no token at all, in which case nothing is written; a file that is no text; or a character
            that is neither in the vocabulary nor has an unknown token to stand for it.
    """
    documents = (_tokens(source, f"document {k}", vocabulary) for k, source in enumerate(sources))
    return _store(documents, vocabulary, folder, part, _no_text(sources))


def corpus_of(
    documents: Iterable[Any], vocabulary: Vocabulary, folder: Path | None = None, part: str = ""
) -> Corpus:
    """Encode sequences that need be no text, each of them a document; those without any token are left out.

    Args:
        documents: what the vocabulary encodes, as lists of names; read once.
        vocabulary: of any kind.
        folder: see `tokenise`.
        part: see `tokenise`.

    Raises:
        InputError: no token at all, in which case nothing is written; or what the vocabulary refuses.
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
    """A corpus of documents that come as blocks of tokens; raises `nothing` if there is no token."""
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
    # The starts go first and come last: a folder without them is not taken for a corpus.
    (folder / (part + DOCUMENTS)).unlink(missing_ok=True)
    _write_array(folder / (part + TOKENS), blocks, vocabulary.dtype)
    _write_array(folder / (part + DOCUMENTS), [_starts(lengths)], np.dtype(np.int64))
    return load_corpus(folder, vocabulary, part)


def _starts(lengths: Sequence[int]) -> np.ndarray:
    """Where documents of these lengths begin, empty ones left out."""
    return np.cumsum([0, *(length for length in lengths if length)], dtype=np.int64)[:-1]


def load_corpus(folder: Path, vocabulary: Vocabulary, part: str = "") -> Corpus:
    """Open a corpus that `tokenise` put into a folder, as a read-only memory map.

    Raises:
        InputError: a file is missing, damaged or no plain .npy array of integers; the starts do not begin
            at 0, rise and stay within the tokens; or a token is not in the vocabulary.
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
    # Not np.diff, which could wrap around.
    if starts[0] != 0 or np.any(starts[1:] <= starts[:-1]) or starts[-1] >= len(tokens):
        raise InputError(f"{path}: document starts must rise from 0 and stay below {len(tokens)} tokens")
    return Corpus(tokens, starts, vocabulary)


def _no_text(sources: Sequence[Path | str]) -> InputError:
    name = f"{sources[0]}: " if sources and isinstance(sources[0], Path) else ""
    return InputError(f"{name}a corpus needs text. None of the {len(sources)} documents holds any.")


def _blocks(source: Path | str, has_words: bool) -> Iterator[str]:
    """A file's or a document's text, in blocks that cut no word where there are words."""
    blocks = iter([source]) if isinstance(source, str) else read_text(source)
    return whole_words(blocks) if has_words else blocks


def _tokens(source: Path | str, name: str, vocabulary: TextVocabulary) -> Iterator[np.ndarray]:
    if isinstance(source, Path):
        name = str(source)
        if isinstance(vocabulary, ByteVocabulary):  # which need be no text
            yield from map(vocabulary.encode_bytes, read_bytes(source))
            return
    position = 0
    for block in _blocks(source, vocabulary.has_words):
        yield vocabulary.encode(block, name, position)
        position += len(block)


def _write_array(path: Path, blocks: Iterable[np.ndarray], dtype: np.dtype) -> None:
    """Write a one-dimensional .npy file; it has its name only once it is complete."""
    with new_file(path) as file:
        # The length comes last, into the room that NumPy leaves in a header for one that grows.
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
