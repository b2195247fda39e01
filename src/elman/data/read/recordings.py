"""Lists of recordings with a text or a label each: manifests, and folders of sound files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.config import counted
from elman.data.read.audio import AUDIO, Sound, audio_facts, read_audio
from elman.data.read.folders import files_below
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import check_columns, number_column, read_table, row_number, text_column
from elman.errors import InputError
from elman.notice import notice
from elman.registry import LazyModule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = LazyModule("polars")  # recordings in memory need no tables

_PATHS = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "audio", "audio_filepath"),
    *("audio_path", "audio_file", "wav", "wav_path", "wav_filename", "clip", "recording"),
)
TEXTS = (
    *("text", "transcript", "transcription", "sentence", "normalized_text", "utterance", "words"),
    *("label", "target"),
)
"""Usual names of a manifest's column of transcripts, the likeliest first."""
_BEGINS = ("start", "begin", "offset", "start_time", "begin_time", "start_seconds")
_ENDS = ("end", "stop", "end_time", "stop_time", "end_seconds")
_LENGTHS = ("duration", "length", "seconds")
_BEGIN_SAMPLES = ("start_sample", "begin_sample", "first_sample")
_END_SAMPLES = ("end_sample", "stop_sample")
_SAMPLES = ("samples", "num_samples", "n_samples")
_LOOKED_AT = 100  # cells of a column that show whether it names recordings


@dataclass(frozen=True)
class Recording:
    """A recording, or a part of one.

    Attributes:
        path: the sound file.
        text: its transcript or label; empty if unknown.
        begin: where it begins, in seconds.
        end: where it ends, in seconds; None: with the file.
        place: where it was named, for messages: "clips.csv: row 7".
    """

    path: Path
    text: str = ""
    begin: float = 0.0
    end: float | None = None
    place: str = ""

    def read(self, rate: int) -> Sound:
        """Returns its samples at a rate in Hz; see ``read_audio``. Messages begin with its place."""
        try:
            return read_audio(self.path, rate, self.begin, self.end)
        except InputError as error:
            if self.place in ("", str(self.path)):
                raise
            raise InputError(f"{self.place}: {error}") from None


def names_recordings(table: pl.DataFrame, endings: Sequence[str] = AUDIO) -> str | None:
    """Returns the column of a table that names sound files by their endings; None if no column does."""
    candidates = [name for name in table.columns if _are_audio(table[name], endings)]
    usual = [name for name in candidates if name.lower() in _PATHS]
    names = usual or candidates
    return names[0] if names else None


def _are_audio(cells: pl.Series, endings: Sequence[str]) -> bool:
    if cells.dtype != pl.String:
        return False
    first = cells.drop_nulls().head(_LOOKED_AT).to_list()
    return bool(first) and all(Path(cell.strip()).suffix.lower() in endings for cell in first)


def read_manifest(
    path: Path,
    text: str | None = None,
    reading: Reading = PLAIN,
    *,
    usual: Sequence[str] = TEXTS,
    endings: Sequence[str] = AUDIO,
) -> list[Recording]:
    """Reads a table with a row for each recording.

    The columns have usual names: ``path``, ``file`` or ``audio_filepath``, or the only column of sound files;
    optionally ``start`` and ``end`` (or ``duration``) in seconds, or ``start_sample`` and ``end_sample`` (or
    ``samples``). A relative path begins at the manifest's folder, or at a folder in it, such as ``clips``.

    Args:
        path: a table, see ``read_table``: CSV, TSV, JSON lines, Parquet.
        text: column of transcripts or labels; None: the first usual name that the table has, or none.
        reading: how a table of text is read.
        usual: names of that column, the likeliest first.
        endings: of the files that it may name.

    Raises:
        InputError: the table is damaged, names no recordings or a file that does not exist, or a part of a
            recording lies beyond it.
    """
    table = read_table(path, reading)
    files = names_recordings(table, endings)
    if files is None:
        raise InputError(f"{path}: has no column of sound files ({', '.join(endings)}), such as path")
    if text is not None:
        check_columns(table, [text], path)
    lower = {name.lower(): name for name in reversed(table.columns)}
    column = text or next((lower[name] for name in usual if name in lower), None)
    texts = [""] * len(table) if column is None else text_column(table, column)
    places = [f"{path}: row {row_number(path, k)}" for k in range(len(table))]
    found: dict[str, Path] = {}
    recordings = []
    times = _times(table, path, lower, reading)
    for name, words, (begin, end), place in zip(text_column(table, files), texts, times, places, strict=True):
        if name not in found:
            found[name] = _found(path.parent, name.strip(), place)
        file = found[name]
        recordings.append(Recording(file, words.strip(), begin, end, place))
    if not _in_samples(lower):
        return recordings
    rates = {file: audio_facts(file).rate for file in dict.fromkeys(found.values())}
    return [_in_seconds(recording, rates[recording.path]) for recording in recordings]


def _in_samples(lower: dict[str, str]) -> bool:
    """Whether a manifest's columns give parts in samples."""
    return any(name in lower for name in (*_BEGIN_SAMPLES, *_END_SAMPLES))


def _in_seconds(recording: Recording, rate: int) -> Recording:
    end = None if recording.end is None else recording.end / rate
    return Recording(recording.path, recording.text, recording.begin / rate, end, recording.place)


def _times(
    table: pl.DataFrame, path: Path, lower: dict[str, str], reading: Reading
) -> Iterator[tuple[float, float | None]]:
    """Yields begin and end of each row, in samples if the table has them, otherwise in seconds."""

    def numbers(names: Sequence[str]) -> np.ndarray | None:
        column = next((lower[name] for name in names if name in lower), None)
        return None if column is None else number_column(table, column, path, missing=True, reading=reading)

    samples = _in_samples(lower)
    begins = numbers(_BEGIN_SAMPLES if samples else _BEGINS)
    ends = numbers(_END_SAMPLES if samples else _ENDS)
    if begins is not None and ends is None:  # a length alone is that of the file
        lengths = numbers(_SAMPLES if samples else _LENGTHS)
        ends = None if lengths is None else begins + lengths
    for k in range(len(table)):
        begin = 0.0 if begins is None or np.isnan(begins[k]) else float(begins[k])
        yield begin, None if ends is None or np.isnan(ends[k]) else float(ends[k])


def _found(folder: Path, name: str, place: str) -> Path:
    """Returns the file of a manifest's path, which may be in a folder beside it."""
    path = folder / name
    if path.exists():
        return path
    inside = [below / name for below in sorted(folder.iterdir()) if (below / name).exists()]
    if len(inside) != 1:
        raise InputError(f"{place}: {path}: no such file")
    return inside[0]


def audio_below(folder: Path) -> list[Path]:
    """Returns the sound files in a folder, at any depth, sorted by path."""
    return [path for path in files_below(folder) if path.suffix.lower() in AUDIO]


def tell_clipped(places: Sequence[str]) -> None:
    """Tells in one line how many recordings are clipped, if any, and which is the first."""
    if places:
        are = "is" if len(places) == 1 else "are"
        notice(f"{counted(len(places), 'recording')} {are} clipped at full scale; the first: {places[0]}")
