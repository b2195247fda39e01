"""Clips cut into scenes, between which nothing can be predicted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np

from elman.config import listed
from elman.data.left import Left
from elman.data.read.folders import files_below
from elman.data.read.planes import planes_of, read_packed
from elman.data.read.video import PLANES, VIDEO, View, is_clip, pictures_in, plane_of, read_video
from elman.errors import InputError

_FACTOR, _AROUND = 4.0, 12  # times the median change, of as many frames on both sides
_FACTOR_OF_NEAR, _NEAR = 2.0, 2  # times the largest of so many changes on both sides
_LEAST = 12.0  # grey levels; smaller changes are noise


@dataclass(frozen=True, eq=False)
class Scene:
    """Frames without a cut.

    Attributes:
        frames: uint8 [T, H, W] or [T, H, W, 3].
        place: where they were read, for messages.
    """

    frames: np.ndarray
    place: str

    @classmethod
    def of(cls, frames: Sequence[np.ndarray], place: str) -> Self:
        """Stacks frames."""
        return cls(np.stack(frames), place)

    def __len__(self) -> int:
        return len(self.frames)

    def part(self, begin: int, end: int) -> "Scene":
        """Returns frames [begin, end)."""
        return replace(self, frames=self.frames[begin:end])


def read_clips(paths: Iterable[Path], view: View, left: Left) -> Iterator[Scene]:
    """Yields the clips of files and folders, whole.

    Args:
        paths: videos, planes (one clip, or many packed), folders of pictures, or folders of these.
        view: rate, size and colour.
        left: refuses or counts clips that cannot be read.

    Raises:
        InputError: a path does not exist or holds no clip; or see ``Left``.
    """
    for path in paths:
        for file in _files(path):
            try:
                yield from _clips_of(file, view)
            except InputError as error:
                left.out(str(error))


def _files(path: Path) -> list[Path]:
    """Returns the clips among a file, a folder of pictures, or folders of these."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if not path.is_dir() or pictures_in(path):
        return [path]
    within = {file.parent for file in files_below(path)}
    found = [file for file in files_below(path) if is_clip(file)]
    found += [folder for folder in within if pictures_in(folder)]
    if not found:
        raise InputError(f"{path}: holds no clips ({listed([*VIDEO, *PLANES], 4)}, or folders of pictures)")
    return sorted(found)


def _clips_of(path: Path, view: View) -> Iterator[Scene]:
    packed = read_packed(path) if path.suffix.lower() == ".npz" else None
    if packed is None:
        yield Scene(read_video(path, view), str(path))
        return
    for number, clip in enumerate(packed.clips):
        place = f"{path}: clip {number}"
        planes = planes_of(clip, place)
        yield Scene.of([plane_of(frame, view) for frame in planes], place)


def cuts(frames: np.ndarray) -> list[int]:
    """Returns the numbers of the frames that begin another scene: uint8 [T, H, W(, 3)] → rising, from 1.

    A cut changes the picture by much more than the frames around it change: its mean absolute difference from
    the frame before is at least 12 grey levels, and 4 times the median of the 12 differences on each side or
    twice the largest of the nearest two on each side.
    """
    if len(frames) < 2:
        return []
    change = np.array([np.abs(after.astype(np.int16) - before).mean() for before, after in pairwise(frames)])
    found = []
    for k, own in enumerate(change):
        around, nearest = (
            np.concatenate([change[max(0, k - reach) : k], change[k + 1 : k + 1 + reach], [0.0]])
            for reach in (_AROUND, _NEAR)
        )
        usual = min(_FACTOR * float(np.median(around)), _FACTOR_OF_NEAR * float(nearest.max()))
        if own >= max(_LEAST, usual):
            found.append(k + 1)
    return found


def scenes_of(clip: Scene) -> list[Scene]:
    """Cuts a clip into its scenes."""
    edges = [0, *cuts(clip.frames), len(clip)]
    return [clip.part(begin, end) for begin, end in pairwise(edges)]
