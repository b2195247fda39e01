"""Labelled clips: folders of clips for each label, manifests and packed planes; read as planes of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from elman.config import counted, shown
from elman.data.labelled.columns import Columns, found_label
from elman.data.labelled.examples import Labelled
from elman.data.labelled.recorded import name_of, read_each
from elman.data.read.arrays import is_array
from elman.data.read.folders import files_below
from elman.data.read.opening import kind_of
from elman.data.read.planes import OFFSETS, axes_of, clip_of_array, names_of_arrays, planes_of, read_packed
from elman.data.read.recordings import Recording, names_recordings, read_manifest
from elman.data.read.tables import NAMED_TABLES, read_table
from elman.data.read.video import PICTURES, VIDEO, plane_of, rate_of, read_video, video_frames
from elman.data.read.view import View
from elman.errors import InputError
from elman.notice import notice

SIZE = (64, 64)
"""Height and width of frames, in pixels, unless others are named."""

_FEWEST = 2  # frames


def seen_columns(path: Path, columns: Columns) -> Columns | None:
    """Returns the columns with the size of frames, and the column of labels, of clips; None for other data.

    Args:
        path: a folder with clips, a manifest, or packed planes.
        columns: as the user named them; a size that is given is kept.

    Raises:
        InputError: a manifest has several columns that may be the labels; or a file cannot be read.
    """
    if path.is_dir():
        if not any(_is_sure(clip) for clip in clips_below(path)):
            return None
    elif kind_of(path) in NAMED_TABLES:
        table = read_table(path, columns.reading)
        clips = names_recordings(table, VIDEO)
        if clips is None:
            return None
        columns = replace(columns, label=found_label(table, path, columns, clips))
    elif not (is_packed(path) or path.suffix.lower() in VIDEO):
        return None
    height, width = columns.view.size or SIZE
    view = replace(columns.view, size=(height, width))
    rate = "" if view.rate is None else f", {view.rate:g} a second"
    notice(f"{path}: clips, read as {height} × {width} pixels in {'colour' if view.colour else 'grey'}{rate}")
    return replace(columns, view=view)


def is_packed(path: Path) -> bool:
    """Whether a file is an archive of many clips, see ``read_packed``."""
    return path.suffix.lower() == ".npz" and path.is_file() and OFFSETS in names_of_arrays(path)


def _is_sure(path: Path) -> bool:
    """Whether a path is a clip, and no numeric sequence."""
    return path.suffix.lower() != ".npy" or path.is_dir() or axes_of(path) > 2


def clips_below(folder: Path) -> list[Path]:
    """Returns the clips in a folder, at any depth, in order: files, and folders that hold pictures."""
    found: dict[Path, None] = {}
    for path in files_below(folder):
        kind = path.suffix.lower()
        if kind in PICTURES:
            found[path.parent] = None
        elif kind in (*VIDEO, ".npy"):
            found[path] = None
    return [*found]


def one(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads one clip, whose label nothing says; or packed planes."""
    if is_packed(path):
        return _of_packed(path, columns, with_labels)
    if with_labels:
        raise InputError(f"{path}: has no label; give a folder with a folder for each label, or a manifest")
    return of_clips([Recording(path, place=str(path))], columns, with_labels=False)


def below(path: Path, columns: Columns) -> Labelled:
    """Reads the clips in a folder, without labels."""
    clips = [Recording(clip, place=str(clip)) for clip in clips_below(path)]
    if not clips:
        raise InputError(f"{path}: holds no clips ({', '.join((*VIDEO, *PICTURES))})")
    return of_clips(clips, columns, with_labels=False)


def of_manifest(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads the clips of a manifest; see ``read_manifest``."""
    label = columns.label if with_labels else None
    clips = read_manifest(path, label, columns.reading, usual=(), endings=VIDEO)
    return of_clips(clips, columns, with_labels=with_labels)


def of_folders(path: Path, folders: Sequence[Path], columns: Columns) -> Labelled:
    """Reads the clips in the folders of labels; what is no clip is left out and told.

    Raises:
        InputError: pictures stand in the folder of a label itself; see ``of_clips``.
    """
    clips = []
    for folder in folders:
        own = clips_below(folder)
        if folder in own:
            raise InputError(
                f"{folder}: holds pictures; the pictures of a clip must be in a folder of their own"
            )
        clips += [Recording(clip, folder.name, place=str(clip)) for clip in own]
    others = [
        file
        for folder in folders
        for file in files_below(folder)
        if file.suffix.lower() not in (*VIDEO, *PICTURES, ".npy")
    ]
    if others:
        notice(f"left out: {counted(len(others), 'file')} that are no clips, such as {others[0]}")
    if not clips:
        raise InputError(f"{path}: holds no clips ({', '.join((*VIDEO, *PICTURES))})")
    return of_clips(clips, columns, with_labels=True)


def of_clips(clips: Sequence[Recording], columns: Columns, *, with_labels: bool) -> Labelled:
    """Returns clips as examples: planes [T, C, H, W] uint8 with their labels.

    Args:
        clips: with their labels as texts.
        columns: rate, size and colour of frames; see ``read_each``.
        with_labels: whether labels are required; if not, every clip must be readable.

    Raises:
        InputError: more than may be left out have no label, cannot be read, or hold a single frame.
    """
    view = view_of(columns)

    def read(clip: Recording) -> np.ndarray:
        return as_planes(read_video(clip.path, view, clip.begin, clip.end), clip.place)

    return read_each(clips, read, columns, colours(view), "clip", with_labels=with_labels)


def _of_packed(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    packed = read_packed(path)
    assert packed is not None
    if with_labels and packed.labels is None:
        raise InputError(f"{path}: has no array 'label' with a label for each clip")
    texts = packed.labels if with_labels and packed.labels else [""] * len(packed.clips)
    view = view_of(columns)
    places = [f"{path}: clip {k}" for k in range(len(packed.clips))]
    frames = dict(zip(places, packed.clips, strict=True))

    def read(clip: Recording) -> np.ndarray:
        return in_view(planes_of(frames[clip.place], clip.place), view, clip.place)

    clips = [Recording(path, text, place=place) for text, place in zip(texts, places, strict=True)]
    read_clips = read_each(clips, read, columns, colours(view), "clip", with_labels=with_labels)
    return replace(read_clips, names=() if with_labels else tuple(read_clips.places))


def playing(path: Path, columns: Columns) -> Iterator[tuple[str, Iterator[np.ndarray], float | None]]:
    """Yields the name of each clip of a file, folder or manifest, its frames [C, H, W], and its frame rate.

    Frames are read as they are asked for, so that a long clip needs no memory.

    Raises:
        InputError: there is no clip, or one cannot be read; also while its frames are read.
    """
    view = view_of(columns)
    if path.is_file() and is_packed(path):
        part = _of_packed(path, columns, with_labels=False)
        yield from ((place, iter(item), None) for place, item in zip(part.places, part.items, strict=True))
        return
    if path.is_file() and kind_of(path) in NAMED_TABLES:
        clips = read_manifest(path, None, columns.reading, usual=(), endings=VIDEO)
    else:
        found = clips_below(path) if path.is_dir() else [path]
        clips = [Recording(clip, place=str(clip)) for clip in found]
    if not clips:
        raise InputError(f"{path}: holds no clips ({', '.join((*VIDEO, *PICTURES))})")
    for clip in clips:
        frames = video_frames(clip.path, view, clip.begin, clip.end)
        planes = (frame[None] if frame.ndim == 2 else np.moveaxis(frame, 2, 0) for frame in frames)
        yield name_of(clip), planes, rate_of(clip.path, view) if clip.path.exists() else None


def in_view(frames: np.ndarray, view: View, where: str) -> np.ndarray:
    """Returns frames in memory, uint8 [T, H, W] or [T, H, W, 3], as planes [T, C, H, W] of a view."""
    frames = np.stack([plane_of(frame, view) for frame in frames]) if len(frames) else frames
    return as_planes(frames, where)


def as_planes(frames: np.ndarray, where: str) -> np.ndarray:
    """Returns frames [T, H, W] or [T, H, W, 3] as planes [T, C, H, W].

    Raises:
        InputError: there are fewer than two frames.
    """
    if len(frames) < _FEWEST:
        raise InputError(f"{where}: a clip must have at least {_FEWEST} frames. Got {len(frames)}.")
    return frames[:, None] if frames.ndim == 3 else np.ascontiguousarray(np.moveaxis(frames, 3, 1))


def view_of(columns: Columns) -> View:
    """Returns how frames are read, in the usual size if none is named."""
    return replace(columns.view, size=columns.view.size or SIZE)


def colours(view: View) -> tuple[str, ...]:
    """Returns the names of the planes of a frame."""
    return ("red", "green", "blue") if view.colour else ("grey",)


def are_clips(X: Any) -> bool:
    """Whether examples in memory are clips: arrays [T, H, W] or [T, H, W, 3] each."""
    axes = len(getattr(X, "shape", ()))
    if axes > 1:
        return axes in (4, 5)
    return hasattr(X, "__len__") and bool(len(X)) and is_array(X[0]) and len(X[0].shape) in (3, 4)


def clips_in_memory(X: Any, lengths: Any, columns: Columns, where: str = "X") -> Labelled:
    """Returns clips in memory as examples without labels.

    Args:
        X: N clips, [T, H, W] or [T, H, W, 3] each; see ``clip_of_array``.
        lengths: [N] frames of each; None: all.
        columns: size and colour; without a size, the clips must have one size.
        where: name for messages.

    Raises:
        InputError: X is no list of clips, or they differ in size and none is set.
    """
    if not hasattr(X, "__len__") or not len(X) or isinstance(X, str | bytes):
        raise InputError(f"{where} must be a list of clips, frames [T, H, W] each. Got {shown(X)}.")
    items = []
    for k, frames in enumerate(X):
        place = f"{where}[{k}]"
        clip = clip_of_array(frames if lengths is None else frames[: lengths[k]], place)
        items.append(in_view(clip, columns.view, place))
        if items[-1].shape[1:] != items[0].shape[1:]:
            raise InputError(
                f"{place}: frames must have the size of those before, {list(items[0].shape[2:])}; "
                f"frame_size sets one. Got {list(items[-1].shape[2:])}."
            )
    places = [f"{where}[{k}]" for k in range(len(items))]
    return Labelled(items, [()] * len(items), places, colours(columns.view))
