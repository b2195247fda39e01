"""Labelled recordings: folders of sound files for each label, and manifests; read as log-mel frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.config import counted, shown
from elman.data.features.fbank import Fbank
from elman.data.labelled.columns import Columns, found_label
from elman.data.labelled.examples import Labelled
from elman.data.labelled.recorded import read_each
from elman.data.read.audio import AUDIO, audio_facts, audio_of_array
from elman.data.read.opening import kind_of
from elman.data.read.reading import Reading
from elman.data.read.recordings import (
    Recording,
    audio_below,
    names_recordings,
    read_manifest,
    tell_clipped,
)
from elman.data.read.tables import NAMED_TABLES, read_table
from elman.data.read.text import read_lines
from elman.errors import InputError
from elman.notice import notice

if TYPE_CHECKING:
    import polars as pl

NOISE = "_background_noise_"
"""The folder of Google's Speech Commands that is no label."""

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
"""The files of Google's Speech Commands that name a part's recordings, beside the folders of the labels."""

FASTEST = 16_000
"""Highest rate that is chosen unasked, Hz; speech has little above its half."""
_LOOKED_AT = 100  # recordings whose rates are looked at


def is_sound(path: Path) -> bool:
    """Whether a file's name ends as that of a recording."""
    return path.suffix.lower() in AUDIO


def heard_columns(path: Path, columns: Columns) -> Columns | None:
    """Returns the columns with the sample rate, and the column of labels, of recordings; None for other data.

    Args:
        path: a folder with sound files, or a manifest.
        columns: as the user named them; a rate that is given is kept.

    Raises:
        InputError: a manifest has several columns that may be the labels; or a file cannot be read.
    """
    if path.is_dir():
        files = [file for file in audio_below(path) if NOISE not in file.parts]
    elif kind_of(path) in NAMED_TABLES:
        table = read_table(path, columns.reading)
        if names_recordings(table) is None:
            return None
        columns = replace(columns, label=_label(table, path, columns))
        files = list(
            dict.fromkeys(recording.path for recording in read_manifest(path, None, columns.reading))
        )
    else:
        return None
    if not files:
        return None
    if columns.rate is None:
        some = files[:: -(-len(files) // _LOOKED_AT)]
        rates = Counter(audio_facts(file).rate for file in some)
        columns = replace(columns, rate=min(FASTEST, rates.most_common(1)[0][0]))
    notice(f"{path}: recordings, read at {columns.rate:,} Hz as {columns.mels} mel bands every 10 ms")
    return columns


def _label(table: pl.DataFrame, path: Path, columns: Columns) -> str:
    return found_label(table, path, columns, str(names_recordings(table)))


def one(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads one recording, whose label nothing says."""
    if with_labels:
        raise InputError(f"{path}: has no label; give a folder with a folder for each label, or a manifest")
    return of_recordings([Recording(path, place=str(path))], columns, with_labels=False)


def below(path: Path, columns: Columns) -> Labelled:
    """Reads the recordings in a folder, without labels, for a model that reads recordings."""
    if columns.rate is None:
        raise InputError(f"{path}: is a folder; give a file")
    recordings = [Recording(file, place=str(file)) for file in audio_below(path)]
    if not recordings:
        raise InputError(f"{path}: holds no recordings ({', '.join(AUDIO)})")
    return of_recordings(recordings, columns, with_labels=False)


def noise_below(paths: Sequence[Path], columns: Columns, option: str = "--noise") -> list[np.ndarray]:
    """Returns the frames of recordings without labels, from files and folders that an option names.

    Raises:
        InputError: the examples are no recordings, a file cannot be read, or a folder holds none.
    """
    if columns.rate is None:
        raise InputError(f"{option} is for recordings. The examples are none.")
    parts = [below(path, columns) if path.is_dir() else one(path, columns, False) for path in paths]
    return [frames for part in parts for frames in part.items]


def frames_in_memory(X: Any, lengths: Any, columns: Columns, where: str = "X") -> list[np.ndarray]:
    """Returns the frames [T, bins] of recordings in memory.

    Args:
        X: N recordings, of samples [M] or [M, channels] each, at the rate that the columns have; see
            ``audio_of_array``.
        lengths: [N] samples of each; None: all.
        columns: rate and number of bands.
        where: name for messages.

    Raises:
        InputError: X is no list of recordings, or one is silent.
    """
    fbank = fbank_of(columns)
    if isinstance(X, str | bytes) or not hasattr(X, "__len__") or not len(X):
        raise InputError(f"{where} must be a list of recordings, samples [N] each. Got {shown(X)}.")
    items = []
    for k, samples in enumerate(X):
        part = samples if lengths is None else samples[: lengths[k]]
        items.append(fbank.frames(audio_of_array(part, fbank.rate, fbank.rate, f"{where}[{k}]").samples))
    return items


def of_manifest(path: Path, columns: Columns, with_labels: bool) -> Labelled:
    """Reads the recordings of a manifest; see ``read_manifest``."""
    label = None
    if with_labels:
        label = _label(read_table(path, columns.reading), path, columns)
    recordings = read_manifest(path, label, columns.reading, usual=())
    return of_recordings(recordings, columns, with_labels=with_labels)


def of_folders(files: Sequence[tuple[Path, str]], columns: Columns) -> Labelled:
    """Reads recordings in folders of labels.

    Args:
        files: each with the name of its label's folder; what is no recording is left out and told.
        columns: rate and number of bands.
    """
    sounds = [(file, label) for file, label in files if is_sound(file) and label != NOISE]
    others = [file for file, _ in files if not is_sound(file)]
    if any(label == NOISE for _, label in files):
        notice(f"left out: {NOISE}, which is no label (--noise mixes such recordings into the others)")
    if others:
        notice(f"left out: {counted(len(others), 'file')} that are no recordings, such as {others[0]}")
    recordings = [Recording(file, label, place=str(file)) for file, label in sounds]
    return of_recordings(recordings, columns, with_labels=True)


def check_no_manifest(path: Path, folder: Path, reading: Reading) -> None:
    """Raises InputError if a folder has one folder of recordings, which is one label, and a manifest."""
    files = sorted(p for p in (*path.iterdir(), *folder.iterdir()) if kind_of(p) in NAMED_TABLES)
    for file in files:
        if names_recordings(read_table(file, reading)) is not None:
            raise InputError(
                f"{path}: has one folder of recordings, {folder.name}, and so one label; "
                f"the manifest is given by itself: {file}"
            )


def listed_parts(path: Path, given: Labelled, without: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Returns the positions of the recordings that ``LISTS`` in a folder name, by part; tells how many.

    Args:
        path: the folder, in which the names begin: "bed/0a7c2a8d_nohash_0.wav".
        given: the recordings of the folder.
        without: parts whose lists are not read.

    Raises:
        InputError: a list names none of the recordings.
    """
    number, parts = {place: k for k, place in enumerate(given.places)}, {}
    for part, name in LISTS.items():
        if part not in without and (path / name).is_file():
            places = {str(path / line.strip()) for line in read_lines(path / name)}
            rows = sorted(number[place] for place in places if place in number)
            if not rows:
                raise InputError(f"{path / name}: names none of the recordings in {path}")
            parts[part] = np.array(rows)
            notice(f"{path / name}: names the {counted(len(rows), 'recording')} of the {part} part")
    return parts


def of_recordings(recordings: Sequence[Recording], columns: Columns, *, with_labels: bool) -> Labelled:
    """Returns recordings as examples: frames [T, bins] float32 with their labels.

    Args:
        recordings: with their labels as texts.
        columns: rate, number of bands, and the largest share of recordings that may be left out because they
            cannot be read or have no label.
        with_labels: whether labels are required; if not, every recording must be readable.

    Raises:
        InputError: more cannot be used, or all.
    """
    fbank = fbank_of(columns)
    clipped: list[str] = []

    def frames(recording: Recording) -> np.ndarray:
        sound = recording.read(fbank.rate)
        if sound.is_clipped:
            clipped.append(recording.place)
        return fbank.frames(sound.samples)

    read = read_each(recordings, frames, columns, fbank.names, "recording", with_labels=with_labels)
    tell_clipped(clipped)
    return read


def fbank_of(columns: Columns) -> Fbank:
    """Returns the features that columns say."""
    return Fbank(columns.rate or FASTEST, columns.mels)
