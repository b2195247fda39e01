"""Reads arrays from NumPy's .npz files."""

import zipfile
from pathlib import Path

import numpy as np

from elman.config import shown
from elman.errors import InputError


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of an ``.npz`` file by name; raises InputError if damaged or with pickled objects."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: is not an .npz archive")
    result: dict[str, np.ndarray] = {}
    name = ""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                result[name] = arrays[name]
            return result
    except Exception as error:  # a damaged archive can raise nearly anything
        if str(error).startswith("Object arrays"):
            raise InputError(
                f"{path}: array {name!r} must hold numbers or texts. Got Python objects."
            ) from None
        raise InputError(f"{path}: cannot be read: {shown(str(error))}") from None
