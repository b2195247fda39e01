"""Stored frames: arrays of pixels in ``.npy`` and ``.npz`` files, one clip or many clips packed into one."""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.config import shown
from elman.data.read.arrays import array
from elman.data.read.npz import read_arrays
from elman.errors import InputError

FRAMES, OFFSETS, LABEL = "frames", "offsets", "label"
"""Arrays of an archive of packed clips."""


class Packed(NamedTuple):
    """Many clips in one array.

    Attributes:
        clips: [T, H, W] or [T, H, W, 3] of each, of any numbers; see ``planes_of``.
        labels: of each clip as a text; None: the file has none.
    """

    clips: list[np.ndarray]
    labels: list[str] | None


def read_planes(path: Path) -> np.ndarray:
    """Reads the frames of one clip, which ``planes_of`` turns into pixels; ``.npy`` is mapped, not read.

    Returns:
        [T, H, W] or [T, H, W, 3].

    Raises:
        InputError: the file is damaged, or holds other arrays than one clip.
    """
    if path.suffix.lower() == ".npz":
        arrays = read_arrays(path)
        if OFFSETS in arrays:
            raise InputError(f"{path}: holds many clips ({OFFSETS}). One is needed.")
        if len(arrays) > 1 and FRAMES not in arrays:
            names = ", ".join(map(repr, arrays))
            raise InputError(f"{path}: must hold one array, or one of the name {FRAMES!r}. Got {names}.")
        frames = arrays.get(FRAMES, next(iter(arrays.values()), np.zeros(0)))
    else:
        try:
            frames = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path}: cannot be read: {shown(str(error).splitlines()[0])}") from None
    check_planes(frames, str(path))
    return frames


def axes_of(path: Path) -> int:
    """Returns the number of axes of an ``.npy`` file's array; 0 if it cannot be read."""
    try:
        return int(np.load(path, mmap_mode="r", allow_pickle=False).ndim)
    except (OSError, ValueError, EOFError):
        return 0


def names_of_arrays(path: Path) -> list[str]:
    """Returns the names of the arrays of an ``.npz`` file; none if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile):
        return []


def read_packed(path: Path) -> Packed | None:
    """Reads many clips of one ``.npz`` file; None: it holds one clip or something else.

    Its arrays are ``frames`` [N, H, W] or [N, H, W, 3] of all clips, ``offsets`` [K + 1], between which the
    frames of clip k lie, and perhaps ``label`` [K], numbers or texts.

    Raises:
        InputError: the file is damaged, offsets do not divide the frames, or there are other labels than
            clips.
    """
    arrays = read_arrays(path)
    if not {FRAMES, OFFSETS} <= set(arrays):
        return None
    frames, offsets, label = arrays[FRAMES], arrays[OFFSETS], arrays.get(LABEL)
    check_planes(frames, str(path))
    whole = offsets.ndim == 1 and offsets.dtype.kind in "iu" and len(offsets) > 1
    if not whole or offsets[0] != 0 or offsets[-1] != len(frames) or (offsets[1:] < offsets[:-1]).any():
        raise InputError(
            f"{path}: {OFFSETS} must be whole numbers that rise from 0 to the {len(frames):,} frames. "
            f"Got {shown(offsets.tolist())}."
        )
    if label is not None and (label.shape != (len(offsets) - 1,) or label.dtype.kind not in "biuUS"):
        raise InputError(
            f"{path}: {LABEL} must be a number or text for each of the {len(offsets) - 1:,} clips. "
            f"Got {label.dtype} {list(label.shape)}."
        )
    labels = None if label is None else [str(name) for name in label.tolist()]
    return Packed(np.split(frames, offsets[1:-1]), labels)


def check_planes(frames: np.ndarray, where: str) -> None:
    """Raises InputError unless this is [T, H, W] or [T, H, W, 3] (or 1) of numbers, and no axis is empty."""
    fits = frames.ndim == 3 or (frames.ndim == 4 and frames.shape[3] in (1, 3))
    if not fits or 0 in frames.shape[1:] or frames.dtype.kind not in "biuf":
        raise InputError(
            f"{where}: must hold frames, [T, H, W] or [T, H, W, 3] of numbers. "
            f"Got {frames.dtype} {list(frames.shape)}."
        )


def planes_of(frames: np.ndarray, where: str) -> np.ndarray:
    """Returns frames, or one frame, as uint8 pixels.

    Args:
        frames: [..., H, W], [..., H, W, 1] or [..., H, W, 3]: floats from 0 to 1, whole numbers from 0 to
            255, or bools.
        where: name for messages.

    Raises:
        InputError: a number lies beyond its range, or is NaN.
    """
    if frames.shape[-1] == 1 and frames.ndim > 2:
        frames = frames[..., 0]
    if frames.dtype == np.uint8:
        return np.asarray(frames)
    top = 255 if frames.dtype.kind in "iu" else 1
    low, high = (float(frames.min()), float(frames.max())) if frames.size else (0.0, 0.0)
    if not (low >= 0 and high <= top):
        kind = "floats" if top == 1 else "whole numbers"
        raise InputError(
            f"{where}: pixels that are {kind} must lie from 0 to {top}. Got {low:g} to {high:g}."
        )
    return np.rint(np.asarray(frames, np.float64) * (255 / top)).astype(np.uint8)


def clip_of_array(values: Any, where: str) -> np.ndarray:
    """Returns a clip in memory as uint8 [T, H, W] or [T, H, W, 3]; see ``planes_of``.

    Raises:
        InputError: it is no array of frames, holds none, or a pixel lies beyond its range.
    """
    frames = array(values, where)
    check_planes(frames, where)
    if not len(frames):
        raise InputError(f"{where}: holds no frames")
    return planes_of(frames, where)
