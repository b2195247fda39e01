"""Images and their labels in the idx format of the MNIST files."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from elman.errors import InputError

_BYTES = 8  # the format's code for unsigned bytes
_LARGEST = 2**31  # maximum size of an unpacked file, bytes
_IMAGES, _LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
TRAINING, TEST = (f"{part}-{_IMAGES}" for part in ("train", "t10k"))
"""File names of the training and test images; the files may also end in .gz."""


def read_idx(path: Path, axes: int) -> np.ndarray:
    """Reads an array of bytes from an idx file, unpacked as it is read if its name ends in .gz.

        0 0 8 axes | the length of each axis, 4 bytes each, the highest first | the elements

    Args:
        path: the file.
        axes: expected number of axes.

    Raises:
        InputError: the file is missing, has another format, or its size does not match its header.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4 * (1 + axes))
            magic = bytes((0, 0, _BYTES, axes))
            if head[:4] != magic:
                expected, got = magic.hex(" "), head[:4].hex(" ") or "nothing"
                raise InputError(f"{path}: an idx file of {axes} axes begins with {expected}. Got {got}.")
            if len(head) < 4 * (1 + axes):
                raise InputError(f"{path}: ends within its header")
            shape = np.frombuffer(head, ">u4")[1:].tolist()
            size = math.prod(shape)
            if not 0 < size <= _LARGEST:
                raise InputError(f"{path}: must hold between 1 and {_LARGEST:,} bytes. Got {shape}.")
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if len(content) != size:
        got = f"only {len(content):,}" if len(content) < size else "more"
        raise InputError(f"{path}: must hold {size:,} bytes for shape {shape}. Got {got}.")
    return np.frombuffer(content, np.uint8).reshape(shape)


def find_images(path: Path, part: str = TEST) -> Path:
    """Returns the path itself if it is a file, or the images of a part in a folder.

    Raises:
        InputError: the folder has no such file.
    """
    if not path.is_dir():
        return path
    for name in (part, f"{part}.gz"):
        if (path / name).is_file():
            return path / name
    raise InputError(f"{path}: holds neither {part} nor {part}.gz")


def read_labelled_images(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads images [N, rows, columns] and the labels [N] in the file next to them.

    Args:
        path: the images, with ``images-idx3-ubyte`` in the file name; the labels' file has
            ``labels-idx1-ubyte`` instead.

    Raises:
        InputError: see ``read_idx``; or the images' file name is wrong, or the number of labels differs.
    """
    images = read_idx(path, 3)
    if _IMAGES not in path.name:
        raise InputError(f"{path}: must have {_IMAGES} in its name, to find the file of labels")
    labels_path = path.with_name(path.name.replace(_IMAGES, _LABELS))
    labels = read_idx(labels_path, 1)
    if len(labels) != len(images):
        raise InputError(
            f"{labels_path}: must have a label for each of {len(images):,} images. Got {len(labels):,}."
        )
    return images, labels
