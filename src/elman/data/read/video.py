"""Clips: frames of video files, of folders of pictures and of stored planes, streamed as pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import shown
from elman.data.read.planes import planes_of, read_planes
from elman.data.read.view import EVERY as EVERY
from elman.data.read.view import View as View
from elman.errors import InputError
from elman.registry import LazyModule

av: Any = LazyModule("av")

VIDEO = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ogv", ".wmv", ".flv", ".3gp"),
    *(".mts", ".gif"),
)
"""File endings of videos; whatever PyAV opens is read under any name."""
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""File endings of the pictures of an image sequence."""
PLANES = (".npy", ".npz")
"""File endings of stored planes."""

_INEXACT = 0.9  # share of a file's length, as its header says, that must be there
_EARLY = 1e-4  # seconds by which rounded times may be too late
_USUAL = 25.0  # frames a second of a file that does not say


def pixels_of(frame: Any, view: View) -> np.ndarray:
    """Returns a decoded frame as uint8 [H, W] or [H, W, 3]."""
    height, width = view.size or (frame.height, frame.width)
    kind = "rgb24" if view.colour else "gray"
    if (frame.format.name, frame.height, frame.width) != (kind, height, width):
        frame = frame.reformat(width=width, height=height, format=kind, interpolation="AREA")
    return np.asarray(frame.to_ndarray())


def plane_of(plane: np.ndarray, view: View) -> np.ndarray:
    """Returns a frame in memory, uint8 [H, W] or [H, W, 3], as a view has it."""
    if plane.ndim == (3 if view.colour else 2) and view.size in (None, plane.shape[:2]):
        return plane
    kind = "gray" if plane.ndim == 2 else "rgb24"
    return pixels_of(av.VideoFrame.from_ndarray(np.ascontiguousarray(plane), format=kind), view)


def video_frames(
    path: Path, view: View = EVERY, begin: float = 0.0, end: float | None = None
) -> Iterator[np.ndarray]:
    """Yields the frames of a clip one by one, so that a long one needs no memory.

    Args:
        path: a video of any container that PyAV opens, a folder of pictures (read in the order of the
            numbers in their names), or planes in ``.npy`` or ``.npz`` (see ``read_planes``).
        view: rate, size and colour.
        begin: where the part begins, in seconds; of pictures and planes, the number of the frame.
        end: where it ends; None: with the clip.

    Yields:
        uint8 [H, W], or [H, W, 3] in colour; at a rate, the frame that is shown at each of its times.

    Raises:
        InputError: the clip is missing, empty, damaged or cut off, holds no frames, or the part lies beyond
            it.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not 0 <= begin < (np.inf if end is None else end):
        raise InputError(f"{path}: a part must begin before its end. Got {begin:g} to {end}.")
    frames = _decoded(path, view, begin, end) if _has_times(path) else _stills(path, view, begin, end)
    first = next(frames, None)
    if first is None:
        raise InputError(f"{path}: holds no frames" + f" from {begin:g} on" * (begin > 0))
    yield first
    yield from frames


def read_video(path: Path, view: View = EVERY, begin: float = 0.0, end: float | None = None) -> np.ndarray:
    """Reads a whole clip, or a part of it; see ``video_frames``.

    Returns:
        uint8 [T, H, W], or [T, H, W, 3] in colour.

    Raises:
        InputError: as for ``video_frames``; or frames (pictures of a folder) differ in size and none is set.
    """
    frames = [*video_frames(path, view, begin, end)]
    for k, frame in enumerate(frames):
        if frame.shape != frames[0].shape:
            raise InputError(
                f"{path}: frames must be of one size. Got {list(frames[0].shape[:2])}, and "
                f"{list(frame.shape[:2])} of frame {k}."
            )
    return np.stack(frames)


def rate_of(path: Path, view: View = EVERY) -> float | None:
    """Returns how many frames a second ``video_frames`` yields of a clip; None if it has no times.

    Raises:
        InputError: the file is empty, or no video.
    """
    if not _has_times(path):
        return None
    if view.rate is not None:
        return view.rate
    with _opened(path) as container:
        return float(container.streams.video[0].average_rate or _USUAL)


def is_clip(path: Path) -> bool:
    """Whether a path is a clip by its name: a video, planes, or a folder that holds pictures."""
    return path.suffix.lower() in (*VIDEO, *PLANES) or bool(path.is_dir() and pictures_in(path))


def pictures_in(folder: Path) -> list[Path]:
    """Returns the pictures in a folder, in the order of the numbers in their names."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.name[0] != ".")
    return sorted(found, key=lambda path: _by_numbers(path.name))


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """Returns a key that sorts frame9 before frame10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"([0-9]+)", name)]


def _has_times(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() not in (*PLANES, *PICTURES)


def _stills(path: Path, view: View, begin: float, end: float | None) -> Iterator[np.ndarray]:
    """Yields frames that have no times, from one number to before another."""
    part = slice(round(begin), None if end is None else round(end))
    if path.suffix.lower() in PLANES and path.is_file():
        for frame in read_planes(path)[part]:
            yield plane_of(planes_of(frame, str(path)), view)
        return
    pictures = pictures_in(path) if path.is_dir() else [path]
    for picture in pictures[part]:
        with _opened(picture) as container:
            frame = next(container.decode(video=0), None)
            if frame is None:
                raise InputError(f"{picture}: holds no picture")
            yield pixels_of(frame, view)


def _decoded(path: Path, view: View, begin: float, end: float | None) -> Iterator[np.ndarray]:
    """Yields the frames of a video file, each as often as the rate shows it."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        step = 1 / float(stream.average_rate or _USUAL)
        start = float((stream.start_time or 0) * stream.time_base)
        if begin:
            container.seek(int((begin + start) / stream.time_base), stream=stream)
        clock = _Clock(view.rate, begin, end)
        before, time = None, 0.0
        for k, frame in enumerate(container.decode(stream)):
            own = k * step if frame.time is None else frame.time - start
            if before is not None:
                for _ in range(clock.shows(time, own)):
                    yield pixels_of(before, view)
            before, time = frame, own
            if clock.is_over(own):
                return
        if before is None:
            return
        promised = float((stream.duration or 0) * stream.time_base)
        if time + step < _INEXACT * promised:
            raise InputError(f"{path}: is cut off: it must hold {promised:.2f} s. Got {time + step:.2f} s.")
        for _ in range(clock.shows(time, time + step)):
            yield pixels_of(before, view)


class _Clock:
    """Says how often a frame is shown.

    Args:
        rate: times a second at which frames are asked for; None: each frame once.
        begin: the first time, in seconds.
        end: before which times lie; None: no end.
    """

    def __init__(self, rate: float | None, begin: float, end: float | None) -> None:
        self._rate, self._begin, self._end = rate, begin, np.inf if end is None else end
        self._asked = 0

    def shows(self, time: float, until: float) -> int:
        """Returns how often a frame is shown that stands from one time to another."""
        if self._rate is None:
            return int(self._begin - _EARLY <= time < self._end - _EARLY)
        before, until = self._asked, min(until, self._end) - _EARLY
        while self._begin + self._asked / self._rate < until:
            self._asked += 1
        return self._asked - before

    def is_over(self, time: float) -> bool:
        """Whether no later frame is asked for."""
        return time >= self._end - _EARLY


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Opens a file with a video stream; says in one line what is wrong with it, also while it is read."""
    if not path.stat().st_size:
        raise InputError(f"{path}: is empty")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{path}: holds no video stream")
            yield container
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as video: {shown(reason)}") from None
