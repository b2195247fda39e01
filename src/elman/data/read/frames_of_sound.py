"""Ready-made features of recordings: NumPy files, and the .mfc files of CMU Sphinx and HTK-like tools."""

from pathlib import Path

import numpy as np

from elman.config import shown
from elman.data.read.npz import read_arrays
from elman.errors import InputError

FEATURES = (".npy", ".mfc")
"""File endings of features of one recording."""

_COEFFICIENTS = 13  # of a Sphinx frame


def read_frames(path: Path) -> np.ndarray:
    """Reads the features of one recording: ``.npy`` [T, I], or ``.mfc``.

    A ``.mfc`` file has the number N of its values as an integer of 32 bits, then N floats of 32 bits, 13 for
    each frame; both big-endian, or both little-endian.

    Returns:
        Frames [T, I] float32, T at least 1.

    Raises:
        InputError: the file is missing, damaged, empty, of another shape, or a number is not finite.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not path.stat().st_size:
        raise InputError(f"{path}: is empty")
    return checked_frames(_sphinx(path) if path.suffix.lower() == ".mfc" else _numpy(path), str(path))


def _numpy(path: Path) -> np.ndarray:
    try:
        values: np.ndarray = np.load(path, allow_pickle=False)
        return values
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read: {shown(str(error))}") from None


def _sphinx(path: Path) -> np.ndarray:
    content = path.read_bytes()
    for order in (">", "<"):
        numbers = np.frombuffer(content[: len(content) - len(content) % 4], f"{order}i4")
        if len(numbers) and len(content) == 4 * (int(numbers[0]) + 1):
            values = np.frombuffer(content[4:], f"{order}f4").astype(np.float32)
            if not len(values) or len(values) % _COEFFICIENTS:
                raise InputError(
                    f"{path}: must hold {_COEFFICIENTS} values for each frame. Got {len(values)} values."
                )
            return values.reshape(-1, _COEFFICIENTS)
    raise InputError(f"{path}: must begin with the number of its values. Got {len(content):,} bytes.")


def read_many_frames(path: Path) -> tuple[list[np.ndarray], list[str] | None]:
    """Reads the features of several recordings from an ``.npz`` file.

    Its arrays are ``x`` [N, T, I], optionally ``lengths`` [N], the frames of each, and ``y`` [N], the
    transcripts.

    Returns:
        Frames [T, I] of each recording, and the transcripts, if any.

    Raises:
        InputError: the file is damaged, an array is missing, or their shapes do not fit.
    """
    arrays = read_arrays(path)
    if "x" not in arrays:
        raise InputError(f"{path}: must have an array x [N, T, I]. Got {', '.join(arrays) or 'none'}.")
    x = arrays["x"]
    if x.ndim != 3 or not len(x):
        raise InputError(f"{path}: x must be [N, T, I]. Got {list(x.shape)}.")
    lengths = arrays.get("lengths", np.full(len(x), x.shape[1]))
    fits = lengths.shape == (len(x),) and lengths.dtype.kind in "iu"
    if not fits or lengths.min() < 0 or lengths.max() > x.shape[1]:
        raise InputError(f"{path}: lengths must be {len(x)} whole numbers in [0, {x.shape[1]}].")
    texts = arrays.get("y")
    if texts is not None and (texts.shape != (len(x),) or texts.dtype.kind != "U"):
        raise InputError(f"{path}: y must be {len(x)} texts. Got {texts.dtype} of shape {list(texts.shape)}.")
    frames = [values[:length] for values, length in zip(x, lengths.tolist(), strict=True)]
    return frames, None if texts is None else texts.tolist()


def checked_frames(values: np.ndarray, where: str) -> np.ndarray:
    """Returns frames [T, I] as float32.

    Raises:
        InputError: there is none, they have another shape or type, or a number is not finite.
    """
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "fiu":
        raise InputError(f"{where}: must be numbers [frames, features]. Got {list(values.shape)}.")
    with np.errstate(over="ignore"):
        frames = values.astype(np.float32)
    if not np.isfinite(frames).all():
        raise InputError(f"{where}: must hold finite numbers. Got NaN or infinity.")
    return frames
