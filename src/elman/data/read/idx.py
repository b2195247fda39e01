"""Images and their labels in the idx format of the MNIST files."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from elman.errors import InputError

_BYTES = 8  # the format's number for elements of one unsigned byte
_LARGEST = 2**31  # bytes of one file, unpacked
_IMAGES, _LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
TRAINING, TEST = (f"{part}-{_IMAGES}" for part in ("train", "t10k"))
"""Names of the images of both parts in a folder, which may end in .gz."""


def read_idx(path: Path, axes: int) -> np.ndarray:
    """An array of bytes from an idx file, unpacked as it is read where its name ends in .gz.

        0 0 8 axes | the length of each axis, 4 bytes each, the highest first | the elements

    Args:
        path: the file.
        axes: how many it must have.

    Raises:
        InputError: no such file, another format, or not as many bytes as its head says.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4 * (1 + axes))
            magic = bytes((0, 0, _BYTES, axes))
            if head[:4] != magic:
                wanted, found = magic.hex(" "), head[:4].hex(" ") or "nothing"
                raise InputError(f"{path}: an idx file of {axes} axes begins with {wanted}. Got {found}.")
            if len(head) < 4 * (1 + axes):
                raise InputError(f"{path}: ends within its head")
            shape = np.frombuffer(head, ">u4")[1:].tolist()
            size = math.prod(shape)
            if not 0 < size <= _LARGEST:
                raise InputError(f"{path}: must hold between 1 and {_LARGEST:,} bytes. Got {shape}.")
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if len(content) != size:
        found = f"only {len(content):,}" if len(content) < size else "more"
        raise InputError(f"{path}: must hold {size:,} bytes, as {shape} says. Got {found}.")
    return np.frombuffer(content, np.uint8).reshape(shape)


def find_images(path: Path, part: str = TEST) -> Path:
    """The file itself, or the images of a part in a folder.

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
    """Images [N, rows, columns] and the labels [N] that lie beside them.

    Args:
        path: the images, whose name holds ``images-idx3-ubyte``; their labels' holds ``labels-idx1-ubyte``.

    Raises:
        InputError: as ``read_idx``, a name that tells no labels' file, or another number of labels.
    """
    images = read_idx(path, 3)
    if _IMAGES not in path.name:
        raise InputError(f"{path}: must have {_IMAGES} in its name, so that its labels are found")
    beside = path.with_name(path.name.replace(_IMAGES, _LABELS))
    labels = read_idx(beside, 1)
    if len(labels) != len(images):
        raise InputError(
            f"{beside}: must have a label for each of {len(images):,} images. Got {len(labels):,}."
        )
    return images, labels
