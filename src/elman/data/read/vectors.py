"""Reads pretrained word vectors from text files in the formats of GloVe and word2vec."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from elman.config import shown
from elman.errors import InputError


def read_vectors(path: Path, wanted: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Reads the vectors of the requested words.

    Each line is a word and its numbers, separated by single spaces; a first line of two integers (word2vec's
    header) is skipped. A word may contain spaces, as some in GloVe do. Numbers are parsed only for the
    requested words.

    Args:
        path: the file, UTF-8.
        wanted: row in the result by requested word.

    Returns:
        (vectors, found): rows of words that are not in the file are 0; the first line of a repeated word
        counts.

    Shapes:
        vectors [V, D] float32, found [V] bool

    Raises:
        InputError: the file cannot be read, a line does not have D numbers, or a number is not finite.
    """
    rows: dict[int, np.ndarray] = {}
    size = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                cells = line.rstrip("\n").rstrip(" ").split(" ")
                if number == 1 and len(cells) == 2 and all(cell.isdigit() for cell in cells):
                    continue
                size = size or len(cells) - 1
                if size < 1 or len(cells) <= size:
                    raise InputError(
                        f"{path}: line {number}: must be a word and {max(size, 1)} numbers. "
                        f"Got {len(cells) - 1}."
                    )
                row = wanted.get(" ".join(cells[:-size]))
                if row is not None and row not in rows:
                    rows[row] = _numbers(cells[-size:], f"{path}: line {number}")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    if not size:
        raise InputError(f"{path}: holds no vectors")
    vectors = np.zeros((len(wanted), size), np.float32)
    found = np.zeros(len(wanted), dtype=bool)
    for row, values in rows.items():
        vectors[row], found[row] = values, True
    return vectors, found


def embedding_from(path: Path, words: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns an embedding of words; vectors not in the file are drawn with the deviation of the others.

    Returns:
        (vectors, found) as ``read_vectors``.

    Raises:
        InputError: see ``read_vectors``; or the file has none of the words.
    """
    vectors, found = read_vectors(path, {word: k for k, word in enumerate(words)})
    if not found.any():
        raise InputError(f"{path}: holds none of the {len(found):,} words of the training part")
    drawn = np.random.default_rng(seed).normal(size=vectors.shape) * vectors[found].std()
    return np.where(found[:, None], vectors, drawn).astype(np.float32), found


def _numbers(cells: list[str], place: str) -> np.ndarray:
    try:
        values = np.array([float(cell) for cell in cells], np.float32)
    except ValueError as error:
        raise InputError(f"{place}: must be a word and {len(cells)} numbers: {shown(str(error))}") from None
    if not np.isfinite(values).all():
        raise InputError(f"{place}: holds a number that is not finite")
    return values
