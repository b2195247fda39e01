"""Arrays of a run folder that were fitted after the training, in safetensors files."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from elman.config import check_regular
from elman.errors import InputError
from elman.train.files import write_atomically

NGRAMS = "ngrams.safetensors"
"""The file of n-grams, of either kind of task."""
ROCKET = "rocket.safetensors"
"""The file of the features of numeric sequences, of either kind of task."""


def save_arrays(
    path: Path, arrays: Mapping[str, np.ndarray], check: Callable[[], None] = lambda: None
) -> None:
    """Writes arrays by name, atomically."""
    write_atomically(path, lambda temporary: save_file(dict(arrays), temporary), check)


@contextmanager
def reading_arrays(path: Path, what: str) -> Iterator[dict[str, np.ndarray]]:
    """Yields the arrays of a file by name; what is wrong with them is told in one line.

    Args:
        path: the file, which need not be trusted.
        what: it should be: "the n-grams of this run".

    Raises:
        InputError: the file is damaged, or the body found something wrong.
    """
    check_regular(path)
    try:
        yield load_file(path)
    except (SafetensorError, OSError, LookupError, ArithmeticError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from None
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not {what}: {reason}") from None
